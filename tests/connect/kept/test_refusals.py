"""What no engine, or one of them, could keep: each job is refused, and writes nothing."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.orc

from tests.connect.kept.cases import (
    ENGINES,
    FROM_DELTA,
    GIVEN,
    MONTHS,
    NOT_SAIL,
    TWO,
    Case,
    case,
    lake,
    of_type,
    table,
    to,
)
from tests.connect.kept.marks import for_each
from tests.connect.kept.values import BYTES, NANS, NEGATIVE, NESTED, TIMES, zoned


def orc(content: pa.Table) -> bytes:
    """Return the bytes of an ORC file by pyarrow."""
    out = pa.BufferOutputStream()
    pa.orc.write_table(content, out)
    return bytes(out.getvalue())


def apart(one: pa.Array, other: pa.Array) -> dict[str, pa.Table]:
    """Return two files whose columns ``c`` differ."""
    return {"a.parquet": table(c=one), "b.parquet": table(c=other)}


CASES: dict[str, Case] = {
    "a file of no bytes": case({"a.parquet": table(y=[1]), "b.parquet": b""}),
    "an ORC file of no bytes": case({"a.orc": orc(table(y=[1])), "b.orc": b""}, input={"format": "orc", "path": "in"},
                                    engines=NOT_SAIL),
    "partitions of two spellings": case({"k=%F0%9F%98%80/a.parquet": table(y=[1]), "k=caf\u00e9/a.parquet": table(y=[2])},
                                        engines=NOT_SAIL),
    "partition without a value": case({"k=/a.parquet": table(y=[1])}, engines=NOT_SAIL),
    "ORC before 1970": case({"a.orc": orc(table(t=pa.array([dt.datetime(1969, 12, 31, 23, 59, 59, 999695)], pa.timestamp("us"))))},  # noqa: DTZ001 - the type has no zone
                            input={"format": "orc", "path": "in"}, engines=NOT_SAIL),
    "csv bytes": case(table(bytes=BYTES), output=to("csv")),
    "csv nested": case(table(**NESTED), output=to("csv")),
    "json nan": case(table(nan=NANS), output=to("json"), engines=("sail",)),
    "json map by int": case(table(map=pa.array([[(1, 2)]], pa.map_(pa.int32(), pa.int32()))), output=to("json")),
    "time to delta": case(table(c=pa.array([dt.time(1, 2, 3, 4), None])), output=to("delta")),
    "decimal 50 to delta": case(of_type(pa.decimal256(50, 0), Decimal(1)), output=to("delta")),
    "nanoseconds": case(of_type(pa.timestamp("ns"), 1577836800000000123)),
    "nanoseconds given": case(of_type(pa.timestamp("ns"), 1577836800000000123),
                              input={"format": "parquet", "path": "in", "schema": "x double, c timestamp_ntz"}),
    "float16": case(table(c=pa.array(np.array([1.5], dtype=np.float16)))),
    "int and double": case(apart(pa.array([7], pa.int32()), pa.array([7.5]))),
    "int and long": case(apart(pa.array([7], pa.int32()), pa.array([7], pa.int64()))),
    "text and number": case(apart(pa.array(["7"]), pa.array([7]))),
    "decimals": case(apart(pa.array([Decimal("1.5")], pa.decimal128(5, 1)), pa.array([Decimal("1.55")], pa.decimal128(7, 2)))),
    "with zone and without": case(apart(pa.array([TIMES[3]], pa.timestamp("us")), zoned([TIMES[3]]))),
    "month in a step": case(MONTHS, steps=[{"kind": "maxabs", "columns": ["x", "month"]}]),
    "partition that is none": case(MONTHS, input={**GIVEN, "partitions": "year int"}),
    "month of no number": case({**MONTHS, "month=may/a.parquet": table(y=[9])}, input=GIVEN),
    "partition by empty": case(table(k=pa.array(["a", ""])), output=to("parquet", partition_by=["k"]), engines=ENGINES),
    "partition by the name of null": case(table(k=pa.array(["a", "__HIVE_DEFAULT_PARTITION__"])),
                                          output=to("csv", partition_by=["k"])),
    "partition delta by empty": case(table(k=pa.array(["a", ""])), output=to("delta", partition_by=["k"])),
    "partition by bytes": case(table(k=BYTES), output=to("parquet", partition_by=["k"])),
    "partition by a long name": case(table(k=pa.array(["a" * 300])), output=to("parquet", partition_by=["k"])),
    "bytes in names of folders": case(lake("k", k=pa.array([b"\0\xff", b"a"])), input=FROM_DELTA),
    **{f"partition {name} by a time of day": case(table(k=pa.array([dt.time(1), None])), output=to(name, partition_by=["k"]),
                                                  engines=TWO if name == "delta" else NOT_SAIL) for name in ("delta", "iceberg")},
    "partition delta by floats": case(table(k=pa.array([5e-324, None])), output=to("delta", partition_by=["k"]), engines=("sail",)),
    "partition delta by nothing": case(table(k=pa.nulls(2)), output=to("delta", partition_by=["k"]), engines=("sail",)),
    "partition delta by negative numbers": case(table(k=NEGATIVE), output=to("delta", partition_by=["k"]), engines=("sail",)),
    "partition delta by 50 digits": case(table(k=pa.array([Decimal(1)], pa.decimal256(50, 0))),
                                         output=to("delta", partition_by=["k"]), engines=("sail",)),
}  # fmt: skip
#: By case, parts of what the problems say, and the code; None accepts any code.
REFUSED = [
    ("a file of no bytes", ["b.parquet"], "INPUT_DAMAGED"),
    ("an ORC file of no bytes", ["found one of 0 bytes: ", "b.orc"], "INPUT_DAMAGED"),
    ("partitions of two spellings", ["folders' names in one spelling", "k=caf\u00e9"], "INPUT_PARTITION"),
    ("partition without a value", ["key=__HIVE_DEFAULT_PARTITION__"], "INPUT_PARTITION"),
    ("ORC before 1970", ["fractions of a second before 1970"], "INPUT_DAMAGED"),
    ("csv bytes", ["'bytes', binary"], "SCHEMA_FORMAT"),
    ("csv nested", ["'list', array<int>", "'struct', struct", "'map', map"], "SCHEMA_FORMAT"),
    ("json nan", ["column 'nan'"], "DATA_UNKEPT"),
    ("json map by int", ["'map', map"], "SCHEMA_FORMAT"),
    ("time to delta", ["'c', time(6)"], "SCHEMA_FORMAT"),
    ("decimal 50 to delta", ["'c'"], None),
    ("nanoseconds", ["'c' is timestamp[ns]"], "SCHEMA_TYPE"),
    ("nanoseconds given", ["'c' is timestamp[ns]"], "SCHEMA_TYPE"),
    ("float16", ["'c' is halffloat"], "SCHEMA_TYPE"),
    ("int and double", ["column 'c' is int32 in ", "a.parquet, and double in ", "b.parquet"], "SCHEMA_FILES"),
    ("int and long", ["column 'c' is int32 in ", "b.parquet"], "SCHEMA_FILES"),
    ("text and number", ["column 'c' is string in ", "b.parquet"], "SCHEMA_FILES"),
    ("decimals", ["column 'c' is decimal128(5, 1) in ", "b.parquet"], "SCHEMA_FILES"),
    ("with zone and without", ["column 'c' is timestamp[us] in ", "b.parquet"], "SCHEMA_FILES"),
    ("month in a step", ["'month' is string", "input.partitions: 'month int'"], "SCHEMA_TYPE"),
    ("partition that is none", ["no partition column 'year'", "'month'"], "SCHEMA_MISSING"),
    ("month of no number", ["may"], None),
    ("partition by empty", ["column 'k'"], "DATA_UNKEPT"),
    ("partition by the name of null", ["column 'k'", "__HIVE_DEFAULT_PARTITION__"], "DATA_UNKEPT"),
    ("partition delta by empty", ["column 'k'"], "DATA_UNKEPT"),
    ("partition by bytes", ["'k' is binary"], "SCHEMA_TYPE"),
    ("partition by a long name", ["folder's name"], "DATA_UNKEPT"),
    ("bytes in names of folders", ["column 'k' is binary: engines read"], "SCHEMA_TYPE"),
    ("partition delta by a time of day", ["column 'k' is time(6): the format has no such type"], "SCHEMA_TYPE"),
    ("partition iceberg by a time of day", ["column 'k' is time(6): the format has no such type"], "SCHEMA_TYPE"),
    ("partition delta by floats", ["column 'k' is double: Sail writes it without an exponent"], "SCHEMA_TYPE"),
    ("partition delta by nothing", ["column 'k' is void: the format has no such type"], "SCHEMA_TYPE"),
    ("partition delta by negative numbers", ["column 'k' is decimal(9,2): Sail writes a text"], "SCHEMA_TYPE"),
    ("partition delta by 50 digits", ["column 'k' is decimal(50,0): the format has no such type"], "SCHEMA_TYPE"),
]


@for_each(CASES, "name, said, code", REFUSED)
def test_refuse_what_cannot_be_kept(done: Any, name: str, said: list[str], code: str | None) -> None:
    one = done(name)
    assert one()["exit"] == 65, one()
    assert code in (None, one()["code"]), one()
    for part in said:
        assert part in "\n".join(one()["problems"]), one()
    assert not [file for file in (one.folder / "out").rglob("*") if file.is_file()]
