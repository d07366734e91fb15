# ruff: noqa: DTZ001 - times without a zone are among the values
"""The columns to keep: edge values of every type, most of them six to a column."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pyarrow as pa

UTC = dt.UTC
TIMES = [
    dt.datetime(1, 1, 1, 0, 0, 0, 1),
    dt.datetime(1582, 10, 10, 1, 2, 3, 456789),
    dt.datetime(1899, 12, 31, 23, 59, 59, 999999),
    dt.datetime(2024, 2, 29, 12),
    None,
    dt.datetime(9999, 12, 31, 23, 59, 59, 999999),
]
DATES = [time and time.date() for time in TIMES]
TEXTS = ["", "  lead trail ", 'say "hi", "you"\nand\r\nyou\\', "00123", None, "NULL"]
MORE_TEXTS = ["NaN", "\\", '"', "#x\tz", "é\U0001f600", 'a;b|c\\"']
DECIMALS = [Decimal("12345678901234567890.123456789012345678"), Decimal(0), Decimal(-1), Decimal("1E-18"), None,
            Decimal("1E+10")]  # fmt: skip
DOUBLES = [0.1, math.nan, -math.inf, -0.0, None, 1.7976931348623157e308]
FINITE = [0.1, 5e-324, -1.0, -0.0, None, 1.7976931348623157e308]


def zoned(times: list[Any]) -> pa.Array:
    """Return times with the zone UTC."""
    return pa.array([time and time.replace(tzinfo=UTC) for time in times], pa.timestamp("us", "UTC"))


#: Columns of every simple type.
SIMPLE: Mapping[str, pa.Array] = {
    "i8": pa.array([-128, 127, 0, 1, None, 5], pa.int8()),
    "i16": pa.array([-32768, 32767, 0, 1, None, 5], pa.int16()),
    "i32": pa.array([-(2**31), 2**31 - 1, 0, 1, None, 5], pa.int32()),
    "i64": pa.array([-(2**63), 2**63 - 1, 2**53 + 1, 1, None, 5], pa.int64()),
    "f32": pa.array([1.5, 1e-45, -1.0, -0.0, None, 3.4028235e38], pa.float32()),
    "f64": pa.array(FINITE),
    "whole": pa.array([Decimal(10**37), Decimal(1), Decimal(-1), Decimal(0), None, Decimal(7)], pa.decimal128(38, 0)),
    "decimal": pa.array(DECIMALS, pa.decimal128(38, 18)),
    "flag": pa.array([True, False, None, True, False, True]),
    "text": pa.array(TEXTS),
    "more": pa.array(MORE_TEXTS),
    "day": pa.array(DATES, pa.date32()),
    "zoned": zoned(TIMES),
    "local": pa.array(TIMES, pa.timestamp("us")),
    "none": pa.array([None] * 6, pa.string()),
}
NESTED: Mapping[str, pa.Array] = {
    "list": pa.array([[1, None], [], None, [3], [4], [5]], pa.list_(pa.int32())),
    "struct": pa.array([{"a": 1, "t": TIMES[0]}, None, *[{"a": None, "t": TIMES[5]}] * 4]),
    "map": pa.array([[("k", 1)], [], None, [("a", None)], [("z", 2)], [("q", 5)]], pa.map_(pa.string(), pa.int32())),
}
BYTES = pa.array([b"", b"\x00\xff", b"abc", None, b'"', b"\n"])
NANS = pa.array(DOUBLES)
#: The column that the jobs scale.
X = pa.array([0.0, 1.0, 2.0, 3.0, 4.0, 8.0])

#: Sail and the writer of deltalake spoil negative decimals as partitions; a table to add to has positive ones.
NEGATIVE = pa.array([Decimal("-9999999.99"), None], pa.decimal128(9, 2))
POSITIVE = pa.array([Decimal("1.25"), None], pa.decimal128(9, 2))
