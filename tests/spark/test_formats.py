"""Text formats and paths: what is written comes back as it was, and what is read is what the file says it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from sparkscale import jobfile
from sparkscale.errors import DataError
from sparkscale.spark import job
from tests.spark.frames import write_parquet


def run(**sections: Any) -> None:
    """Run a job in the working folder that scales ``x``."""
    parts = {
        "version": 1,
        "input": {"format": "csv", "path": "in"},
        "steps": [{"kind": "minmax", "columns": "x"}],
        "output": {"format": "parquet", "path": "out", "mode": "overwrite"},
        "verify": 0,
    } | sections
    Path("job.yaml").write_text("\n".join(f"{key}: {json.dumps(value)}" for key, value in parts.items()))
    job.run(jobfile.load("job.yaml"))


def back(spark: SparkSession, path: str = "out") -> dict[str, list[Any]]:
    """Return what was written."""
    found: dict[str, list[Any]] = spark.read.parquet(str(Path(path).absolute())).toArrow().to_pydict()
    return found


HEADERS = [
    ({"a.csv": "x,y\n1,2\n"}, "y double, x double"),
    ({"a.csv": "x,y\n1,2\n", "b.csv": "y,x\n5,6\n"}, "x double, y double"),
    ({"a.csv": "x,y\n1,2\n"}, "x double, z double"),
]


@pytest.mark.parametrize(("files", "schema"), HEADERS)
def test_refuse_header_that_is_not_the_schema(
    spark: SparkSession, here: Path, files: dict[str, str], schema: str
) -> None:
    (here / "in").mkdir()
    for name, text in files.items():
        (here / "in" / name).write_text(text)
    source = {"format": "csv", "path": "in", "schema": schema}
    with pytest.raises(DataError, match=r"CSV header does not conform to the schema.*Header: .*Schema: ") as caught:
        run(input=source)
    assert (caught.value.code, caught.value.exit_code) == ("SCHEMA_HEADER", 65)
    run(input=source | {"options": {"enforceSchema": True}})


def test_bring_white_space_through_csv(spark: SparkSession, here: Path) -> None:
    text = ["  lead", "trail  ", " both\t", "end\n", "  ", 'q"uo, te ']
    write_parquet(here / "in" / "a.parquet", {"x": [0.0, 1.0, 2.0, 3.0, 4.0, 8.0], "text": text})
    written = {"format": "csv", "path": "text", "options": {"header": True}}
    run(input={"format": "parquet", "path": "in"}, output=written)
    source = {"format": "csv", "path": "text", "options": {"multiLine": True}}
    run(input=source, steps=[{"kind": "maxabs", "columns": "x"}])
    assert back(spark) == {"x": [0.0, 0.125, 0.25, 0.375, 0.5, 1.0], "text": text}


UNREADABLE = [
    ("csv", "x,y\n1.5,2\nhello,3\n", ["/in/a: ", "record parsing: [null]: ", 'input string: "hello"']),
    ("json", '{"x": 1.5}\n{"x": "hello"}\n', ["/in/a: ", 'record parsing: {"x": "hello"}']),
]


@pytest.mark.parametrize(("format_", "text", "said"), UNREADABLE, ids=["csv", "json"])
def test_say_what_cannot_be_read(spark: SparkSession, here: Path, format_: str, text: str, said: list[str]) -> None:
    (here / "in").mkdir()
    (here / "in" / "a").write_text(text)
    schema = "x double, y int" if format_ == "csv" else "x double"
    with pytest.raises(DataError) as caught:
        run(input={"format": format_, "path": "in", "schema": schema})
    assert caught.value.code == "INPUT_DAMAGED"
    for part in said:
        assert part in caught.value.cause
