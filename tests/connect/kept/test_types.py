"""Types of columns: Parquet, Delta, Iceberg and ORC keep them, or a message names what becomes of them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.orc

from tests.connect.kept.cases import ENGINES, NOT_SAIL, Case, case, of_type, table, to
from tests.connect.kept.marks import for_each, on
from tests.connect.kept.readers import csv_of, same
from tests.connect.kept.values import BYTES, NANS, NESTED, SIMPLE

#: A column of every type.
ALL = table(**SIMPLE, **NESTED, bytes=BYTES, nan=NANS)
CASES: dict[str, Case] = {
    "parquet": case(ALL, engines=ENGINES),
    "delta": case(ALL, output=to("delta")),
    "iceberg": case(ALL, output=to("iceberg"), engines=NOT_SAIL),
    "orc": case(table(**{k: v for k, v in SIMPLE.items() if k not in ("day", "zoned")}, later=SIMPLE["zoned"].take([2, 3, 2, 3, 4, 3])),
                output=to("orc"), engines=NOT_SAIL),
    "orc before 1582": case(table(day=SIMPLE["day"]), output=to("orc"), engines=NOT_SAIL),
    "time": case(table(c=pa.array([dt.time(1, 2, 3, 4), None])), engines=ENGINES),
    "time to csv": case(table(c=pa.array([dt.time(1, 2, 3, 4), None])), output=to("csv"), engines=ENGINES),
    "decimal 50": case(of_type(pa.decimal256(50, 0), Decimal(10**45))),
    "categories": case(table(c=pa.array(["a", "b", None, "a"]).dictionary_encode())),
    "fixed lists": case(of_type(pa.list_(pa.float64(), 2), [1.0, 2.0])),
    "large": case(table(c=pa.array(["a", None], pa.large_string()), d=pa.array([[1], None], pa.large_list(pa.int64())))),
    "unsigned": case(table(c=pa.array([255], pa.uint8()), d=pa.array([65535], pa.uint16()),
                           e=pa.array([2**32 - 1], pa.uint32()), f=pa.array([2**64 - 1], pa.uint64()))),
    "unsigned to delta": case(table(c=pa.array([255], pa.uint8()), d=pa.array([65535], pa.uint16())), output=to("delta")),
}  # fmt: skip


@for_each(CASES, "format_", [("parquet",), ("delta",), ("iceberg",)])
def test_keep_every_type(done: Any, format_: str) -> None:
    found = done(format_).read(format_)
    for name in ALL.column_names[1:]:
        assert same(found[name].to_pylist(), ALL[name].to_pylist()), name
    assert same(found["x"].to_pylist(), [0.0, 0.125, 0.25, 0.375, 0.5, 1.0])
    kept = {name: found.schema.field(name).type for name in ("zoned", "local", "day", "decimal", "whole", "i64")}
    assert kept == {name: ALL.schema.field(name).type for name in kept}


@on("classic")
def test_keep_types_in_orc(done: Any) -> None:
    one = done("orc")
    assert one()["exit"] == 0, one()
    found = pa.concat_tables([pa.orc.read_table(file) for file in (one.folder / "out").glob("*.orc")]).sort_by("x")
    for name in (name for name in SIMPLE if name not in ("day", "zoned", "local")):
        assert same(found[name].to_pylist(), SIMPLE[name].to_pylist()), name
    assert found["local"].to_pylist() == SIMPLE["local"].cast(pa.int64()).to_pylist()
    assert [warning for warning in one()["warnings"] if "'local'" in warning and "microseconds since 1970" in warning]
    before = done("orc before 1582")()
    assert (before["exit"], before["code"]) == (65, "DATA_UNKEPT")
    assert "column 'day'" in before["problems"][0]
    assert not (done("orc before 1582").folder / "out").exists()


@on(*ENGINES)
def test_keep_times_of_day(done: Any) -> None:
    assert same(done("time").read()["c"].to_pylist(), [dt.time(1, 2, 3, 4), None])
    to_csv = done("time to csv")
    if done.engine == "sail":
        assert csv_of(to_csv.folder)["c"] == ["01:02:03.000004", None]
    else:
        assert (to_csv()["exit"], to_csv()["code"]) == (65, "SCHEMA_FORMAT")


def test_keep_wide_decimals_or_name_them(done: Any) -> None:
    one = done("decimal 50")
    if done.engine == "sail":
        assert one.read()["c"].to_pylist() == [Decimal(10**45)]
    else:
        assert (one()["exit"], one()["code"]) == (65, "SCHEMA_TYPE")
        assert "column 'c' is decimal256(50, 0): Spark cannot read this type" in one()["problems"][0]


def test_keep_categories_or_name_them(done: Any) -> None:
    one = done("categories")
    if done.engine == "sail":
        assert (one()["exit"], one()["code"]) == (65, "SCHEMA_TYPE")
        assert "column 'c' is dictionary<" in one()["problems"][0]
    else:
        assert one.read()["c"].to_pylist() == ["a", "b", None, "a"]


def test_keep_lists_and_large_types(done: Any) -> None:
    assert done("fixed lists").read()["c"].to_pylist() == [[1.0, 2.0]]
    found = done("large").read()
    assert (found["c"].to_pylist(), found["d"].to_pylist()) == (["a", None], [[1], None])


def test_widen_unsigned_numbers_and_say_so(done: Any) -> None:
    one = done("unsigned")
    found = one.read()
    assert [found[name][0].as_py() for name in "cdef"] == [255, 65535, 2**32 - 1, Decimal(2**64 - 1)]
    assert [str(found.schema.field(name).type) for name in "cdef"] == ["int16", "int32", "int64", "decimal128(20, 0)"]
    assert len([warning for warning in one()["warnings"] if "which holds all its values" in warning]) == 4
    found = done("unsigned to delta").read("delta")
    assert [found[name][0].as_py() for name in "cd"] == [255, 65535]
