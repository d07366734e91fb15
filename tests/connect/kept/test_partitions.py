"""Partitions: values in the names of folders, read as columns and written from columns."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest

from tests.connect.kept.cases import ENGINES, GIVEN, MONTHS, NOT_SAIL, Case, case, table, to
from tests.connect.kept.marks import for_each, on
from tests.connect.kept.readers import folders, plain, same, told
from tests.connect.kept.values import SIMPLE, UTC, X

#: Values that a folder's name must escape, or that look like numbers.
FOLDERS = [
    "a/b",
    "a=b",
    "a%b",
    " b ",
    "é\U0001f600",
    "00501",
    "a'b\"c",
    "a:b?c*d",
    "..",
    "a\nb",
    "a%2Fb",
    "a\\b",
    "{x}[y]#",
    None,
]
ZIPS = {"zip=00501/a.parquet": table(y=[1]), "zip=501/a.parquet": table(y=[2]),
        "zip=__HIVE_DEFAULT_PARTITION__/a.parquet": table(y=[3])}  # fmt: skip
JSON_ZIPS = {"zip=00501/a.json": b'{"x": 1}\n', "zip=__HIVE_DEFAULT_PARTITION__/a.json": b'{"x": 3}\n'}
#: Times of a zone that is neither UTC nor the session's.
PARIS = pa.array([dt.datetime(2026, 1, 31, 12, tzinfo=UTC), dt.datetime(2026, 7, 1, 0, 0, 0, 5, UTC), None],
                 pa.timestamp("us", "Europe/Paris"))  # fmt: skip
CASES: dict[str, Case] = {
    "zip": case(ZIPS, output=to("parquet", partition_by=["zip"]), engines=ENGINES),
    "zip to a column": case(ZIPS, engines=ENGINES),
    "partition not in the schema": case(ZIPS, input={"format": "parquet", "path": "in", "schema": "x double, y bigint"}),
    "partition not in the schema, JSON": case(JSON_ZIPS, input={"format": "json", "path": "in", "schema": "x double"}),
    "null partition in the schema": case({"k=7/a.parquet": table(y=[1]), "k=__HIVE_DEFAULT_PARTITION__/a.parquet": table(y=[2])},
                                         input={"format": "parquet", "path": "in", "schema": "x double, y bigint, k int"}),
    "null partition in the schema, CSV": case({"k=7/a.csv": b"x\n1\n", "k=__HIVE_DEFAULT_PARTITION__/a.csv": b"x\n2\n"},
                                              input={"format": "csv", "path": "in", "schema": "x double, k int"}),
    "escaped partitions": case({"k=%F0%9F%98%80/a.parquet": table(y=[1]), "k=caf%C3%A9/a.parquet": table(y=[2]),
                                "k=a%2Fb/a.parquet": table(y=[3])}),
    "partitions as they are": case({"k=\U0001f600/a.parquet": table(y=[1]), "k=caf\u00e9/a.parquet": table(y=[2])}),
    "month by number": case(MONTHS, input={"format": "parquet", "path": "in", "where": {"month": {"ge": 2, "le": 11}}}),
    "month equals": case(MONTHS, input={"format": "parquet", "path": "in", "where": {"month": 2}}, engines=ENGINES),
    "month as text": case(MONTHS, input={"format": "parquet", "path": "in", "where": {"month": "02"}}),
    "month given": case(MONTHS, engines=ENGINES, input=GIVEN, steps=[{"kind": "maxabs", "columns": ["x", "month"]}]),
    "month in the schema": case(MONTHS, input={"format": "parquet", "path": "in", "schema": "x double, y bigint, month int"}),
    "month of the artifact": Case(MONTHS, {
        "fit": {"input": GIVEN, "steps": [{"kind": "maxabs", "columns": ["x", "month"]}], "artifact": {"path": "stats"}, "output": None},
        "transform": {"steps": None, "artifact": {"path": "stats"}}}),
    "partition by text": case(table(k=pa.array(FOLDERS[:6])), output=to("parquet", partition_by=["k"])),
    "partition by more text": case(table(k=pa.array(FOLDERS[6:12])), output=to("parquet", partition_by=["k"])),
    "partition by null": case(table(k=pa.array([*FOLDERS[12:], "NULL"])), output=to("parquet", partition_by=["k"])),
    "partitions of null": case({"k=__HIVE_DEFAULT_PARTITION__/a.parquet": table(y=[1])}, output=to("parquet", partition_by=["k"])),
    **{f"partition by {name}": case(table(k=SIMPLE[name]), output=to("parquet", partition_by=["k"]))
       for name in ("i8", "i64", "f32", "decimal", "flag", "day", "zoned", "local")},
    "partition by Paris": case(table(k=PARIS), output=to("parquet", partition_by=["k"])),
    "partition delta by Paris": case(table(k=PARIS), output=to("delta", partition_by=["k"]), engines=NOT_SAIL),
    "partition iceberg by Paris": case(table(k=PARIS), output=to("iceberg", partition_by=["k"]), engines=NOT_SAIL),
    "partitions given up": Case({"a.parquet": table(k=pa.array([7, None]))}, {
        "job1": {"output": to("parquet", partition_by=["k"])},
        "job2": {"output": to("parquet", mode="append"), "name": "added"},
        "job3": {"output": to("parquet"), "name": "anew"}}),
}  # fmt: skip


@on(*ENGINES)
def test_keep_partitions_as_text(done: Any) -> None:
    one = done("zip")
    assert one()["exit"] == 0, one()
    assert sorted(map(str, folders(one.folder))) == ["00501", "501", "None"]
    found = done("zip to a column").read()
    rows = sorted(zip(found["y"].to_pylist(), found["zip"].to_pylist(), strict=True))
    assert rows == [(1, "00501"), (2, "501"), (3, None)]


def test_keep_partitions_that_a_schema_does_not_name(done: Any) -> None:
    found = done("partition not in the schema").read()
    assert sorted(zip(found["y"].to_pylist(), found["zip"].to_pylist(), strict=True)) == [
        (1, "00501"),
        (2, "501"),
        (3, None),
    ]
    found = done("partition not in the schema, JSON").read()
    assert (found["x"].to_pylist(), found["zip"].to_pylist()) == ([1 / 3, 1.0], ["00501", None])


def test_keep_null_among_partitions_with_a_type(done: Any) -> None:
    found = done("null partition in the schema").read()
    assert sorted(zip(found["y"].to_pylist(), found["k"].to_pylist(), strict=True)) == [(1, 7), (2, None)]
    assert found.schema.field("k").type == pa.int32()
    found = done("null partition in the schema, CSV").read()
    assert (found["x"].to_pylist(), found["k"].to_pylist()) == ([0.5, 1.0], [7, None])


@for_each(
    CASES,
    "name, kept",
    [
        ("escaped partitions", [(1, "\U0001f600"), (2, "caf\u00e9"), (3, "a/b")]),
        ("partitions as they are", [(1, "\U0001f600"), (2, "caf\u00e9")]),
    ],
)
def test_read_names_of_folders_as_unicode(done: Any, name: str, kept: list[Any]) -> None:
    found = done(name).read()
    assert sorted(zip(found["y"].to_pylist(), found["k"].to_pylist(), strict=True)) == kept


@for_each(
    CASES,
    "name, kept",
    [
        ("month by number", [(1, "02"), (2, "10")]),
        ("month equals", [(1, "02")]),
        ("month as text", [(1, "02")]),
        ("month in the schema", [(0, 1), (1, 2), (2, 10)]),
        ("month given", [(0, 0.1), (1, 0.2), (2, 1.0)]),
    ],
)
def test_choose_partitions(done: Any, name: str, kept: list[Any]) -> None:
    found = done(name).read()
    assert sorted(zip(found["y"].to_pylist(), found["month"].to_pylist(), strict=True)) == kept


def test_take_types_of_partitions_from_the_artifact(done: Any) -> None:
    one = done("month of the artifact")
    assert one("transform")["exit"] == 0, one("transform")
    found = one.table()
    assert sorted(zip(found["y"].to_pylist(), found["month"].to_pylist(), strict=True)) == [
        (0, 0.1),
        (1, 0.2),
        (2, 1.0),
    ]


@pytest.mark.parametrize("name", ["text", "more text", "null"])
def test_keep_text_in_names_of_folders(done: Any, name: str) -> None:
    one = done(f"partition by {name}")
    assert one()["exit"] == 0, one()
    values = {"text": FOLDERS[:6], "more text": FOLDERS[6:12], "null": [*FOLDERS[12:], "NULL"]}[name]
    xs = X.to_pylist()[: len(values)]
    scaled = [x / max(xs) for x in xs]
    assert folders(one.folder) == {value: [x] for value, x in zip(values, scaled, strict=True)}


def test_keep_partitions_of_nulls_only(done: Any) -> None:
    one = done("partitions of null")
    assert one()["exit"] == 0, one()
    assert folders(one.folder) == {None: [0.0]}


@pytest.mark.parametrize("name", ["i8", "i64", "f32", "decimal", "flag", "day", "zoned", "local"])
def test_keep_values_in_names_of_folders(done: Any, name: str) -> None:
    one = done(f"partition by {name}")
    assert one()["exit"] == 0, one()
    column = SIMPLE[name]
    expected: dict[Any, list[float]] = {}
    for value, x in zip(plain(column), X.to_pylist(), strict=True):
        expected.setdefault(value, []).append(x / 8.0)
    found = {}
    for text, rows in folders(one.folder).items():
        is_time = pa.types.is_timestamp(column.type) and text is not None
        value = dt.datetime.fromisoformat(text) if is_time and text else told(text, column.type)
        if isinstance(value, dt.datetime):
            assert (value.tzinfo is not None) == (column.type.tz is not None)
            value = value.replace(tzinfo=None)
        found[value] = sorted(rows)
    assert found == expected


@for_each(
    CASES,
    "name, format_",
    [
        ("partition by Paris", "parquet"),
        ("partition delta by Paris", "delta"),
        ("partition iceberg by Paris", "iceberg"),
    ],
)
def test_keep_the_instant_of_a_partition_with_a_zone(done: Any, name: str, format_: str) -> None:
    """Its name says a zone, or another reader knows that it is UTC; the session is in another one."""
    one = done(name)
    assert one()["exit"] == 0, one()
    if format_ != "parquet":
        assert same(one.table(format_)["k"].to_pylist(), PARIS.cast(pa.timestamp("us", "UTC")).to_pylist())
        return
    found = {text and dt.datetime.fromisoformat(text): rows for text, rows in folders(one.folder).items()}
    assert found == dict(zip(PARIS.to_pylist(), [[0.0], [0.5], [1.0]], strict=True))


def test_write_without_the_partitions_that_were_there(done: Any) -> None:
    """Files with and without folders are no table; a new table without them has the column unchanged."""
    one = done("partitions given up")
    assert [one(f"job{number}")["exit"] for number in (1, 2, 3)] == [0, 65, 0], one("job2")
    assert one("job2")["code"] == "SCHEMA_TARGET"
    assert same(one.table()["k"].to_pylist(), [7, None])
