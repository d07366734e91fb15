"""Text formats and paths: what is written comes back as it was, and what is read is what the file says it is."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.dataset
import pytest
from pyspark.sql import SparkSession

from sparkscale.config import jobfile
from sparkscale.errors import DataError, SparkscaleError
from sparkscale.run import job
from tests.spark.frames import write_parquet


def run(command: str = "run", **sections: Any) -> None:
    """Run a job in the working folder that scales ``x``."""
    parts = {
        "version": 1,
        "input": {"format": "csv", "path": "in"},
        "steps": [{"kind": "minmax", "columns": "x"}],
        "output": {"format": "parquet", "path": "out", "mode": "overwrite"},
        "self_check": 0,
    } | sections
    Path("job.yaml").write_text("\n".join(f"{key}: {json.dumps(value)}" for key, value in parts.items()))
    job.run(jobfile.load("job.yaml"), command)


def back(spark: SparkSession, path: str = "out") -> dict[str, list[Any]]:
    """Return what was written."""
    found: dict[str, list[Any]] = spark.read.parquet(str(Path(path).absolute())).toArrow().to_pydict()
    return found


def test_bring_white_space_through_csv(spark: SparkSession, here: Path) -> None:
    text = ["  lead", "trail  ", " both\t", "end\n", "  ", 'q"uo, te ']
    write_parquet(here / "in" / "a.parquet", {"x": [0.0, 1.0, 2.0, 3.0, 4.0, 8.0], "text": text})
    written = {"format": "csv", "path": "text", "options": {"header": True}}
    run(input={"format": "parquet", "path": "in"}, output=written)
    source = {"format": "csv", "path": "text", "options": {"multiLine": True}}
    run(input=source, steps=[{"kind": "maxabs", "columns": "x"}])
    assert back(spark) == {"x": [0.0, 0.125, 0.25, 0.375, 0.5, 1.0], "text": text}


UNREADABLE = [
    ("csv", "x,y\n1.5,2\nhello,3\n", ["column 'x': expected double, found 'hello' on line 3 of ", "/in/a"]),
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


NAMES = ["br[1]", "cu{1}", "a?b", "st*r", "back\\slash", "open[", "c,d", "per%20cent"]


@pytest.mark.parametrize("name", NAMES)
def test_read_folder_of_any_name(spark: SparkSession, here: Path, name: str) -> None:
    write_parquet(here / "in" / name / "a.parquet", {"x": [1.0, 2.0]})
    write_parquet(here / "in" / "a#b" / "a.parquet", {"x": [3.0, 4.0]})
    for path in (f"in/{name}", f"in/{name}/*.parquet"):
        run(input={"format": "parquet", "path": path}, steps=[{"kind": "maxabs", "columns": "x"}])
        assert back(spark) == {"x": [0.5, 1.0]}


def test_read_pattern(spark: SparkSession, here: Path) -> None:
    for number in (1, 2, 3):
        write_parquet(here / "in" / f"part{number}" / "a.parquet", {"x": [float(number)]})
    run(input={"format": "parquet", "path": "in/part[1-2]"}, steps=[{"kind": "maxabs", "columns": "x"}])
    assert sorted(back(spark)["x"]) == [0.5, 1.0]


REFUSED: list[tuple[dict[str, Any], str, int]] = [
    ({"input": {"path": "s3://bucket/x"}}, "ENV_FILESYSTEM", 69),
    ({"input": {"path": "s3a://bucket/x"}}, "ENV_FILESYSTEM", 69),
    ({"input": {"path": "hdfs://host.invalid/x"}}, "ENV_NETWORK", 69),
    ({"input": {"path": "foo:bar"}}, "INPUT_MISSING", 66),
    ({"input": {"path": "tree/*"}}, "INPUT_LAYOUT", 65),
    ({"input": {"path": "case"}}, "SCHEMA_DUPLICATE", 65),
    ({"input": {"path": "half"}}, "SCHEMA_TYPE", 65),
    ({"input": {"path": "twice.json", "format": "json"}}, "SCHEMA_DUPLICATE", 65),
    ({"input": {"schema": "x double, x double"}}, "SCHEMA_DUPLICATE", 65),
    ({"input": {"options": {"mergeSchema": "abc"}}}, "CONFIG_OPTION", 78),
    ({"input": {"options": {"modifiedBefore": "xx"}}}, "CONFIG_OPTION", 78),
    ({"input": {"options": {"path": "other"}}}, "CONFIG_OPTION", 78),
    ({"input": {"path": "a.csv", "format": "csv", "options": {"header": "maybe"}}}, "CONFIG_OPTION", 78),
    ({"input": {"path": "a.csv", "format": "csv", "options": {"encoding": "nope"}}}, "CONFIG_OPTION", 78),
    ({"output": {"options": {"compression": "nonsense"}}}, "CONFIG_OPTION", 78),
    ({"output": {"options": {"maxRecordsPerFile": "abc"}}}, "CONFIG_OPTION", 78),
    ({"output": {"options": {"path": "other"}}}, "CONFIG_OPTION", 78),
]


@pytest.fixture
def inputs(spark: SparkSession, here: Path) -> Path:
    """Work in a folder of inputs."""
    write_parquet(here / "in" / "a.parquet", {"x": [1.0, 2.0]})
    write_parquet(here / "case" / "a.parquet", {"x": [1.0], "X": [2.0]})
    write_parquet(here / "half" / "a.parquet", {"x": np.array([1.0, 2.0], dtype=np.float16)})
    for place in ("y=1/m=1", "y=1/m=2", "y=2/m=1"):
        write_parquet(here / "tree" / place / "a.parquet", {"x": [1.0]})
    (here / "twice.json").write_text('{"x": 1.5, "x": 2.5}\n')
    (here / "a.csv").write_text("x\n1.5\n2.5\n")
    return here


@pytest.mark.parametrize(("changes", "code", "exit_code"), REFUSED, ids=[str(row[0]) for row in REFUSED])
def test_refuse_schemas_paths_and_options(inputs: Path, changes: dict[str, Any], code: str, exit_code: int) -> None:
    source = {"format": "parquet", "path": "in"} | changes.get("input", {})
    sink = {"format": "parquet", "path": "out"} | changes.get("output", {})
    with pytest.raises(SparkscaleError) as caught:
        run(input=source, output=sink)
    assert (caught.value.code, caught.value.exit_code) == (code, exit_code), caught.value
    assert not (inputs / "out").exists()


def test_keep_rows_by_date_and_time(spark: SparkSession, here: Path) -> None:
    days = np.array(["2026-01-30", "2026-01-31", "2026-02-01"], dtype="datetime64[D]")
    times = np.array(["2026-01-31T11:00", "2026-01-31T12:00", "2026-01-31T13:00"], dtype="datetime64[us]")
    write_parquet(here / "in" / "a.parquet", {"x": [1.0, 2.0, 4.0], "day": days, "at": times})
    for where, kept in (({"day": {"ge": "2026-01-31"}}, [0.5, 1.0]), ({"at": "2026-01-31 12:00:00"}, [1.0])):
        run(input={"format": "parquet", "path": "in", "where": where}, steps=[{"kind": "maxabs", "columns": "x"}])
        assert back(spark)["x"] == kept


@pytest.mark.parametrize("value", ["true", "TRUE", "True"])
def test_tell_names_apart_by_case_as_the_session_does(spark: SparkSession, inputs: Path, value: str) -> None:
    spark.conf.set("spark.sql.caseSensitive", value)
    try:
        run(input={"format": "parquet", "path": "in"}, steps=[{"kind": "maxabs", "columns": "x", "into": "X"}])
        assert back(spark) == {"x": [1.0, 2.0], "X": [0.5, 1.0]}
    finally:
        spark.conf.unset("spark.sql.caseSensitive")


def test_come_back_from_orc(spark: SparkSession, here: Path) -> None:
    table = {"x": [1.0, 3.0, None], "v": [[1.0, None], [], None], "text": [" a ", None, ""]}
    write_parquet(here / "in" / "part.parquet", table)
    run(input={"format": "parquet", "path": "in"}, output={"format": "orc", "path": "orc"})
    made = pyarrow.dataset.dataset("orc", format="orc").to_table().to_pydict()
    assert made == table | {"x": [0.0, 1.0, None]}
    run(input={"format": "orc", "path": "orc"})
    assert back(spark) == made


@pytest.mark.parametrize("format_", ["parquet", "csv", "json", "orc"])
def test_partition_by_columns(spark: SparkSession, here: Path, format_: str) -> None:
    write_parquet(here / "in" / "part.parquet", {"x": [1.0, 2.0, 3.0], "a.b": ["u", None, "w=/x"], "k": [1, 1, 2]})
    run(input={"format": "parquet", "path": "in"},
        output={"format": format_, "path": "out", "partition_by": ["k", "a.b"]})  # fmt: skip
    found = {path.parent.relative_to(here / "out").as_posix() for path in (here / "out").rglob("part-*")}
    assert found == {"k=1/a.b=u", "k=1/a.b=__HIVE_DEFAULT_PARTITION__", "k=2/a.b=w%3D%2Fx"}
    reader = spark.read.format(format_).options(header=True, inferSchema=True)
    rows = reader.load(str(here / "out")).select("k", "`a.b`", "x").orderBy("x").collect()
    assert [tuple(row) for row in rows] == [(1, "u", 0.0), (1, None, 0.5), (2, "w=/x", 1.0)]


@pytest.mark.parametrize(("names", "cause"), [
    (["kk"], "column 'kk' of output.partition_by is neither in in nor made by a step; did you mean 'k'?"),
    (["v"], "output.partition_by: column 'v' is array<double>: a folder's name cannot hold it; choose another column"),
    (["k", "v", "x"], "2 problems, the first: output.partition_by: column 'v' is array<double>"),
])  # fmt: skip
def test_refuse_columns_that_make_no_folders(here: Path, names: list[str], cause: str) -> None:
    write_parquet(here / "in" / "part.parquet", {"x": [1.0], "k": [1], "v": [[1.0]]})
    with pytest.raises(DataError) as caught:
        run(input={"format": "parquet", "path": "in"}, output={"format": "orc", "path": "o", "partition_by": names})
    assert caught.value.line.startswith(f"sparkscale: error[{caught.value.code}] {cause}")
    assert not (here / "o").exists()


#: A folder's name, the type that the job gives to its value, and the value; None where the type cannot hold it exactly.
TYPED_FOLDERS: list[tuple[str, str, Any]] = [
    ("1.55", "decimal(10,2)", Decimal("1.55")),
    ("1.555", "decimal(10,2)", None),  # of which Spark makes 15.55
    ("02", "int", 2),
    ("2026-01-31", "date", dt.date(2026, 1, 31)),
    ("2026-01-31 12%3A00%3A00", "date", None),
    ("2026-01-31 12%3A00%3A00.123456", "timestamp_ntz", dt.datetime(2026, 1, 31, 12, 0, 0, 123456)),  # noqa: DTZ001
    ("2026-01-31 12%3A00%3A00.123456789", "timestamp_ntz", None),
    ("007", "string", "007"),
]


@pytest.mark.parametrize(
    ("format_", "key"), [("parquet", "schema"), ("parquet", "partitions"), ("csv", "schema"), ("json", "schema")]
)
@pytest.mark.parametrize(("folder", "type_", "value"), TYPED_FOLDERS, ids=[f"{f} {t}" for f, t, _ in TYPED_FOLDERS])
def test_give_partitions_a_type_that_holds_them(
    spark: SparkSession, here: Path, format_: str, key: str, folder: str, type_: str, value: Any
) -> None:
    place = here / "in" / f"k={folder}"
    place.mkdir(parents=True)
    if format_ == "parquet":
        write_parquet(place / "a.parquet", {"x": [1.0, 2.0]})
    else:
        (place / "a").write_text("x\n1.0\n2.0\n" if format_ == "csv" else '{"x": 1.0}\n{"x": 2.0}\n')
    types = {"schema": f"x double, k {type_}"} if key == "schema" else {"partitions": f"k {type_}"}
    source = {"format": format_, "path": "in", **types}
    if value is not None:
        run(input=source)
        assert back(spark) == {"x": [0.0, 1.0], "k": [value, value]}
        return
    with pytest.raises(DataError, match=r"column 'k': expected a value that .* holds exactly, found ") as caught:
        run(input=source)
    assert caught.value.exit_code == 65
    assert not (here / "out").exists()


@pytest.mark.parametrize("format_", ["parquet", "csv"])
def test_give_partitions_the_types_of_the_artifact_exactly(spark: SparkSession, here: Path, format_: str) -> None:
    """What steps read has the fit's type, and stops the job where that cannot hold it; what they don't is text."""

    def written(folder: str) -> None:
        place = here / folder
        place.mkdir(parents=True)
        if format_ == "parquet":
            write_parquet(place / "a.parquet", {"x": [1.0, 2.0]})
        else:
            (place / "a.csv").write_text("x\n1.0\n2.0\n")

    steps = {"steps": [{"kind": "maxabs", "columns": ["x", "k"]}], "artifact": {"path": "stats"}}
    written("in/k=1.50/day=2026-01-02")
    run(input={"format": format_, "path": "in", "partitions": "k decimal(10,2), day date"}, **steps)
    later = {"input": {"format": format_, "path": "later"}, "artifact": {"path": "stats"}, "steps": []}
    written("later/k=3.0/day=2026-01-02 03:04:05")
    run("transform", **later)
    assert back(spark) == {"x": [0.5, 1.0], "k": [2.0, 2.0], "day": ["2026-01-02 03:04:05"] * 2}
    written("later/k=1.555/day=2026-01-02")
    with pytest.raises(DataError, match=r"column 'k': expected a value that decimal\(10,2\) holds"):
        run("transform", **later)
