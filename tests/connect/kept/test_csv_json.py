"""CSV and JSON keep types and nulls, or a message names what they lose."""

from __future__ import annotations

import json
import re
from typing import Any

import pyarrow as pa

from tests.connect.kept.cases import NOT_SAIL, SPARK, Case, case, table, to
from tests.connect.kept.marks import on
from tests.connect.kept.readers import csv_of, plain, same, told
from tests.connect.kept.values import NANS, NESTED, SIMPLE, TEXTS

CASES: dict[str, Case] = {
    "csv": case(table(**SIMPLE, nan=NANS), output=to("csv"), engines=SPARK),
    "csv null value": case(table(**SIMPLE, nan=NANS), output=to("csv", options={"nullValue": "\\N"})),
    "csv of one column": case(pa.table({"x": pa.array([1.0, None, 2.0])}), output=to("csv")),
    "csv empty": case(table(text=pa.array(TEXTS)), output=to("csv"), engines=("sail",)),
    "quoted empty text": case({"a.csv": b'x,d\n1.0,""\n'}, input={"format": "csv", "path": "in", "schema": "x double, d string"}),
    "json": case(table(**SIMPLE, nan=NANS, list=NESTED["list"], map=NESTED["map"]), output=to("json"), engines=NOT_SAIL),
    "json of sail": case(table(**SIMPLE, list=NESTED["list"]), output=to("json"), engines=("sail",)),
    "json of nulls": case(table(c=pa.nulls(2), d=pa.array([None, None], pa.int32()), e=pa.array([None, "e"]), k=pa.array(["k", "k"])),
                          output=to("json", partition_by=["k"])),
}  # fmt: skip


@on(*SPARK)
def test_keep_types_in_csv(done: Any) -> None:
    one = done("csv")
    assert (one()["exit"], one()["warnings"]) == (0, []), one()
    found = csv_of(one.folder)
    for name, column in {**SIMPLE, "nan": NANS}.items():
        assert same([told(text, column.type) for text in found[name]], plain(column)), name
    assert not [text for text in found["decimal"] if text and "E" in text]


def test_keep_types_in_csv_by_null_value(done: Any) -> None:
    one = done("csv null value")
    assert one()["exit"] == 0, one()
    for name, column in {**SIMPLE, "nan": NANS}.items():
        texts = [None if text == "\\N" else text or "" for text in csv_of(one.folder)[name]]
        assert same([told(text, column.type) for text in texts], plain(column)), name


def test_keep_rows_of_one_column_in_csv(done: Any) -> None:
    one = done("csv of one column")
    if done.engine == "classic":  # Spark would leave the row out
        assert (one()["exit"], one()["code"]) == (65, "DATA_UNKEPT")
        assert "column 'x'" in one()["problems"][0]
        return
    assert one()["exit"] == 0
    (file,) = [file for file in (one.folder / "out").glob("*.csv") if file.stat().st_size]
    assert sorted(file.read_text().split()) == ['""', "0.5", "1.0", "x"]


@on("sail")
def test_refuse_empty_text_that_csv_would_take_for_null(done: Any) -> None:
    one = done("csv empty")
    assert (one()["exit"], one()["code"]) == (65, "DATA_UNKEPT")
    assert "column 'text'" in one()["problems"][0]
    assert not (one.folder / "out").exists()


def test_tell_empty_text_from_null_or_warn(done: Any) -> None:
    one = done("quoted empty text")
    found = one.read()["d"].to_pylist()
    assert found == ([None] if done.engine == "sail" else [""])
    told = [warning for warning in one()["warnings"] if "column 'd': Sail reads a quoted empty text as null" in warning]
    assert len(told) == (done.engine == "sail")


def test_keep_types_in_json(done: Any) -> None:
    one = done("json of sail" if done.engine == "sail" else "json")
    assert one()["exit"] == 0, one()
    (file,) = [file for file in (one.folder / "out").glob("*.json") if file.stat().st_size]
    rows = [json.loads(line, parse_float=str, parse_int=str) for line in file.read_text().splitlines()]
    assert len(rows) == 6
    for name, column in {**SIMPLE, **({} if done.engine == "sail" else {"nan": NANS})}.items():
        texts = [row.get(name) if not isinstance(row.get(name), bool) else str(row[name]).lower() for row in rows]
        assert same([told(text, column.type) for text in texts], plain(column)), name
    lists = [row.get("list") and [one and int(one) for one in row["list"]] for row in rows]
    assert lists == NESTED["list"].to_pylist()
    if done.engine != "sail":
        maps = [row["map"] and {key: one and int(one) for key, one in row["map"].items()} for row in rows]
        assert maps == [None if one is None else dict(one) for one in NESTED["map"].to_pylist()]
    else:
        assert [warning for warning in one()["warnings"] if "column 'none': Sail leaves nulls out" in warning]


def test_name_columns_of_nulls_that_sail_leaves_out(done: Any) -> None:
    """Exactly those: a partition's folder keeps its value, and a column with one value keeps its key."""
    one = done("json of nulls")
    assert one()["exit"] == 0, one()
    told = [warning for warning in one()["warnings"] if "Sail leaves nulls out" in warning]
    rows = [
        json.loads(line) for file in (one.folder / "out").glob("k=*/*.json") for line in file.read_text().splitlines()
    ]
    keys = {key for row in rows for key in row}
    if done.engine == "sail":
        assert [re.findall(r"'(\w)'", warning) for warning in told] == [["c"], ["d"]]
        assert keys == {"x", "e"}
    else:
        assert (told, keys) == ([], {"x", "c", "d", "e"})
