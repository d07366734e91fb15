"""CSV on Spark: what comes in is what the files say."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from sparkscale.artifact import store
from sparkscale.config import jobfile
from sparkscale.errors import DataError
from sparkscale.formats import reach
from sparkscale.run import job
from sparkscale.run.check_schema import check_schema
from sparkscale.run.explain import explain
from sparkscale.spark.sources import text
from tests import texts


@pytest.mark.parametrize("case", texts.CASES, ids=lambda case: case.name)
def test_read_csv(spark: SparkSession, tmp_path: Path, case: texts.Case) -> None:
    texts.assert_as_expected(case, texts.found(spark, case, tmp_path), case.expected)


def loaded(source: dict[str, Any], steps: Any, output: dict[str, Any] | None = None) -> jobfile.Job:
    """Return a job in the working folder."""
    sections = {"version": 1, "input": {"format": "csv", "path": "in.csv"} | source, "steps": steps,
                "artifact": {"path": "stats"}, "output": {"format": "parquet", "path": "out"} | (output or {})}  # fmt: skip
    Path("job.yaml").write_text("\n".join(f"{key}: {json.dumps(value)}" for key, value in sections.items()))
    return jobfile.load("job.yaml")


STANDARD = [{"kind": "standard", "columns": "x"}]


def test_fit_all_records_of_what_spark_would_cut(spark: SparkSession, here: Path) -> None:
    (here / "in.csv").write_text('s,x,t\na,1,b\n"C:\\",1000,"c"\nd,3,e\n')
    job.run(loaded({"schema": "s string, x double, t string"}, STANDARD), "fit")
    found = store.load("stats").stats["x"]
    values = np.array([1.0, 1000.0, 3.0])
    assert (found.rows, found.nulls, found.max) == (3, 0, 1000.0)
    assert found.mean == pytest.approx(values.mean(), rel=1e-14)


@pytest.mark.parametrize("record", ["b,2", "b,2,c,d", "b"])
def test_stop_the_fit_at_a_damaged_record(spark: SparkSession, here: Path, record: str) -> None:
    (here / "in.csv").write_text(f"s,x,t\na,1,b\n{record}\nd,3,e\n")
    with pytest.raises(DataError) as caught:
        job.run(loaded({"schema": "s string, x double, t string"}, STANDARD), "fit")
    assert (caught.value.code, caught.value.exit_code) == ("INPUT_DAMAGED", 65)


def test_compare_the_headers_that_were_not_read_before(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many files on an object store, a few headers are read before the fit, and Spark compares the others."""
    monkeypatch.setattr(text, "is_local", lambda _: False)
    monkeypatch.setattr(text, "REMOTE", 1)
    case = texts.Case(
        "", {"a.csv": "x,y\n1,a\n", "b.csv": "y,x\nb,2\n"}, ("SCHEMA_HEADER", "b.csv"), "x string, y string"
    )
    texts.assert_as_expected(case, texts.found(spark, case, tmp_path), case.expected)


def test_keep_the_types_of_the_fit_at_transform(spark: SparkSession, here: Path) -> None:
    (here / "in.csv").write_text("x,n,zip\n1.5,2.5,00501\n2.5,3.5,10001\n")
    job.run(loaded({}, STANDARD))
    (here / "in.csv").write_text("x,n,zip\n,,501\n,,10001\n")
    parts = loaded({}, [], {"path": "later"})
    job.run(parts, "transform")
    table = pq.read_table("later")
    assert [str(field.type) for field in table.schema] == ["double", "double", "string"]
    assert table.to_pydict() == {"x": [None, None], "n": [None, None], "zip": ["501", "10001"]}


def test_refuse_text_in_a_column_of_the_fit(spark: SparkSession, here: Path) -> None:
    (here / "in.csv").write_text("x,y\n1.5,a\n2.5,b\n")
    job.run(loaded({}, STANDARD))
    (here / "in.csv").write_text("x,y\n1.5,a\noops,b\n")
    with pytest.raises(DataError, match="column 'x' is string"):
        job.run(loaded({}, [], {"path": "later"}), "transform")
    assert not (here / "later").exists()


def test_accept_an_empty_column_where_the_step_does(spark: SparkSession, here: Path) -> None:
    (here / "in.csv").write_text("x,y\n,1\n,2\n")
    job.run(loaded({}, [{"kind": "standard", "columns": "x", "empty": "null"}]))
    assert pq.read_table("out").to_pydict() == {"x": [None, None], "y": [1, 2]}


def test_say_which_types_were_decided(spark: SparkSession, here: Path) -> None:
    (here / "in.csv").write_text("x,n,zip,note\n1.5,1,00501,a\n2.5,2,1,b\n")
    parts = loaded({}, STANDARD)
    line = "types, from reading all values once: bigint: n; double: x; string: zip, note"
    assert line in explain(parts).lines()
    assert next(check_schema(parts)[1].notes()) == line


def rows_of(folder: Path) -> list[list[str]]:
    """Return the records that Python's own reader finds below a folder."""
    return [row for file in sorted(folder.glob("*.csv")) for row in list(csv.reader(file.open(newline="")))[1:]]


@pytest.mark.parametrize("written", ["1.50", "1e3", "1", "-0", "0.000100", "2.50E+05", "12345678.5"])
def test_keep_the_text_of_numbers_that_pass_through(spark: SparkSession, here: Path, written: str) -> None:
    (here / "in.csv").write_text(f"x,price\n1.5,{written}\n2.5,0.25\n")
    report = job.run(loaded({}, STANDARD, {"format": "csv"}))
    assert [row[1] for row in rows_of(here / "out")] == [written, "0.25"]
    assert not [warning for warning in report.warnings if "price" in warning]
    assert {field.name: field.type for field in store.load("stats").columns}["price"] == "double"


def test_scale_a_number_that_a_pattern_chooses(spark: SparkSession, here: Path) -> None:
    (here / "in.csv").write_text("x,price\n1.5,1.50\n2.5,2.50\n")
    job.run(loaded({}, [{"kind": "standard", "columns": "*"}], {"format": "csv"}))
    assert [row[1] for row in rows_of(here / "out")] == ["-1.0", "1.0"]


@pytest.mark.parametrize(
    ("rule", "kept"),
    [({"gt": 1}, ["1.50", "2.5e0"]), (1.5, ["1.50"]), ([2.5, 0.1], ["2.5e0", "0.10"]), ({"ne": 1.5}, ["2.5e0", "0.10"]),
     ({"null": False}, ["1.50", "2.5e0", "0.10"]), ({"null": True}, ["", ""]),
     ([2.5, 9007199254740993], ["2.5e0"])],
)  # fmt: skip
def test_keep_the_text_of_numbers_that_a_condition_compares(
    spark: SparkSession, here: Path, rule: Any, kept: list[str]
) -> None:
    (here / "in.csv").write_text('x,price\n1.5,1.50\n2.5,2.5e0\n4.5,0.10\n5.5,\n6.5,""\n')
    report = job.run(loaded({"where": {"price": rule, "x": {"gt": 0}}}, STANDARD, {"format": "csv"}))
    assert [row[1] for row in rows_of(here / "out")] == kept
    assert not [warning for warning in report.warnings if "price" in warning]


@pytest.mark.parametrize("use", ["folder", "nan"])
def test_warn_of_numbers_that_are_written_as_numbers(spark: SparkSession, here: Path, use: str) -> None:
    (here / "in.csv").write_text('x,price,day\n1.5,1.50,1\n2.5,2.50,1\n4.5,"",2\n')
    source, output = (
        ({}, {"partition_by": ["price"]}) if use == "folder" else ({"where": {"price": {"nan": False}}}, {})
    )
    report = job.run(loaded(source, STANDARD, {"format": "csv", **output}))
    assert [warning for warning in report.warnings if warning.startswith("column 'price': a number such as 1.50 ")]
    assert use == "nan" or {place.name for place in (here / "out").glob("price=*")} == {
        "price=1.5",
        "price=2.5",
        "price=__HIVE_DEFAULT_PARTITION__",
    }


def test_keep_the_text_of_numbers_that_name_folders(spark: SparkSession, here: Path) -> None:
    (here / "in.csv").write_text("x,price\n1.5,1.50\n2.5,1e3\n4.5,\n")
    report = job.run(loaded({}, STANDARD, {"format": "csv", "partition_by": ["price"]}))
    found = {place.name for place in (here / "out").glob("price=*")}
    assert found == {"price=1.50", "price=1e3", "price=__HIVE_DEFAULT_PARTITION__"}
    assert not [warning for warning in report.warnings if "price" in warning]


@pytest.mark.parametrize("multi", [True, False])
def test_warn_of_files_that_are_not_checked(
    spark: SparkSession, here: Path, monkeypatch: pytest.MonkeyPatch, multi: bool
) -> None:
    monkeypatch.setattr(reach, "LIMIT", 10)
    (here / "in.csv").write_text("x\n1.5\n2.5\n4.5\n")
    report = job.run(loaded({"options": {"multiLine": multi}}, STANDARD), "fit")
    told = [warning for warning in report.warnings if "not checked for a quote that is never closed" in warning]
    assert len(told) == multi
    assert all(str(here / "in.csv") in warning for warning in told)


def test_keep_prices_as_text_at_transform_too(spark: SparkSession, here: Path) -> None:
    (here / "in.csv").write_text("x,price\n1.5,1.50\n2.5,2.50\n")
    job.run(loaded({}, STANDARD, {"format": "csv"}))
    job.run(loaded({}, [], {"format": "csv", "path": "later"}), "transform")
    assert [row[1] for row in rows_of(here / "later")] == ["1.50", "2.50"]


@pytest.mark.parametrize("schema", [None, "x double, y double"])
@pytest.mark.parametrize("sign", [";", "\t"])
def test_name_the_separator(spark: SparkSession, here: Path, schema: str | None, sign: str) -> None:
    (here / "in.csv").write_text(f"x{sign}y\n1{sign}2\n")
    shown = '"\\t"' if sign == "\t" else "';'"
    with pytest.raises(DataError) as caught:
        job.run(loaded({"schema": schema} if schema else {}, STANDARD))
    assert f"reads as one column, {f'x{sign}y'!r}; set input.options: {{sep: {shown}}}" in str(caught.value)


def test_name_the_value_that_is_no_number(spark: SparkSession, here: Path) -> None:
    (here / "in.csv").write_text("x,y\n" + "1,2\n" * 200 + "?,2\n")
    place = f"line 202 of {here / 'in.csv'}"
    with pytest.raises(DataError, match=rf"column 'x' is string: {place} holds '\?'; if it stands for null, set"):
        job.run(loaded({}, STANDARD))
    with pytest.raises(DataError) as caught:
        job.run(loaded({"schema": "x double, y double"}, STANDARD))
    assert f"column 'x': expected double, found '?' on {place}; if it stands for null, set" in str(caught.value)
    assert "in input.schema" in str(caught.value)
    for schema in ({}, {"schema": "x double, y double"}):
        job.run(loaded({**schema, "options": {"nullValue": "?"}}, STANDARD, {"mode": "overwrite"}))
