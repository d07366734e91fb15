"""The types of the matrix: for each a name, the Arrow type that it is written from, and its edges."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

#: Rows of a table: enough for the values of each kind and a null.
ROWS = 12
_NAN, _INF = float("nan"), float("inf")
_DAY = 86_400
#: Days, and seconds, of 0001-01-01, 1582-10-04, 1582-10-15, 1969-12-31, 9999-12-31.
_DAYS = (-719_162, -141_428, -141_417, -1, 2_932_896)


@dataclass(frozen=True)
class Kind:
    """A type with values that have gone wrong somewhere."""

    name: str
    type: pa.DataType
    values: tuple[Any, ...]

    @property
    def column(self) -> str:
        """The name of its column in a table."""
        return f"c_{self.name}"

    def array(self, rows: int = ROWS) -> pa.Array:
        """Return the values and a null, again and again."""
        values = list(itertools.islice(itertools.cycle((*self.values, None)), rows))
        return array_of(values, self.type)


def array_of(values: list[Any], type_: pa.DataType) -> pa.Array:
    """Return an Arrow array; of dates, times and timestamps the values are whole numbers of their unit."""
    if pa.types.is_temporal(type_):
        return pa.array(values, pa.int64()).cast(pa.int32() if type_.bit_width == 32 else pa.int64()).view(type_)
    if pa.types.is_float16(type_):
        return pa.array([None if value is None else np.float16(value) for value in values], type_)
    if pa.types.is_dictionary(type_):
        return pa.array(values, type_.value_type).dictionary_encode().cast(type_)
    return pa.array(values, type_)


def _integers() -> list[Kind]:
    found = []
    for bits in (8, 16, 32, 64):
        top = 2 ** (bits - 1)
        found.append(Kind(f"int{bits}", getattr(pa, f"int{bits}")(), (top - 1, 0, -top, 1, 7)))
        found.append(Kind(f"uint{bits}", getattr(pa, f"uint{bits}")(), (2 * top - 1, 0, top, 1, 7)))
    return found


def _numbers() -> list[Kind]:
    nines = "9" * 38  # as text: arithmetic would round it to 28 digits
    return [
        *_integers(),
        Kind("float16", pa.float16(), (1.5, -0.0, _NAN, 65504.0, _INF, -_INF, 6e-8)),
        Kind("float32", pa.float32(), (0.10000000149011612, -0.0, _NAN, 3.4028234663852886e38, _INF, -_INF, 1e-45)),
        Kind("float64", pa.float64(), (0.1, -0.0, _NAN, 1.7976931348623157e308, _INF, -_INF, 5e-324, 1e15, 1e21)),
        Kind("decimal_9_2", pa.decimal128(9, 2), (Decimal("1.50"), Decimal("-9999999.99"), Decimal("0.00"))),
        Kind("decimal_18_6", pa.decimal128(18, 6), (Decimal("999999999999.999999"), Decimal("-0.000001"))),
        Kind(
            "decimal_38_0", pa.decimal128(38, 0), (Decimal(nines), Decimal(f"-{nines}"), Decimal(0), Decimal(2**53 + 1))
        ),
        Kind("decimal_38_18", pa.decimal128(38, 18), (Decimal(f"{nines}e-18"), Decimal("-1e-18"), Decimal(10**12))),
        Kind("decimal_38_38", pa.decimal128(38, 38), (Decimal(f"0.{nines}"), Decimal("-1e-38"))),
        Kind("decimal32_9_2", pa.decimal32(9, 2), (Decimal("1.50"), Decimal("-9999999.99"))),
        Kind("decimal_50_3", pa.decimal256(50, 3), (Decimal(f"{10**46}.001"), Decimal("-1.000"))),
        Kind("bool", pa.bool_(), (True, False, False)),
    ]


_TEXTS = {
    "empty": ("", "a"),
    "blank": (" ", "  ", "  lead", "trail  ", "\t", "a b"),
    "quotes": ('say "hi"', '"', '""', '"a"', "'", '5" pipe', '",'),
    "commas": ("a,b", ",", ";", "a|b", ",,"),
    "newlines": ("a\nb", "\n", "a\n\nb", "end\n"),
    "returns": ("a\rb", "\r", "a\r\nb", "end\r\n"),
    "backslashes": ("back\\slash", "\\", "C:\\", '\\"', "\\n", "\\N", "\\\\"),
    "emoji": ("😀", "👩‍👩‍👧", "ü", "日本", "e\u0301", "\u200b", "\ufeffbom", "\u2028"),
    "letters": ("Zürich", "日本", "日本", "é", "naïve"),
    "zeros": ("00501", "0", "007", "00", "-01", "+1"),
    "nulls": ("NA", "null", "NaN", "NULL", "None", "N/A", "nan", "-"),
    "suffixes": ("12D", "1f", "0x10", "1_000", "1e5", "5L"),
    "numbers": ("1", "2", "-3", "4"),
    "fractions": ("1.50", "2.25", "1e3", ".5"),
    "digits": ("12345678901234567890", "9007199254740993", "1"),
    "dates": ("2020-01-31", "0001-01-01", "2020-1-5"),
    "clocks": ("08:15:00", "8:15", "2020-01-31 08:15:00", "2020-01-31T08:15:00Z"),
    "booleans": ("true", "false", "TRUE", "yes", "T"),
    "slashes": ("a/b", "/", "..", ".", "a:b"),
    "equals": ("a=b", "=", "k=1"),
    "percents": ("50%", "%20", "%2F", "%", "a+b"),
    "hive": ("__HIVE_DEFAULT_PARTITION__", "a"),
    "marks": ("#comment", "=1+1", "{}", "[", "_a", "*?", "~"),
}


def _texts() -> list[Kind]:
    found = [Kind(f"string_{name}", pa.string(), values) for name, values in _TEXTS.items()]
    return [
        *found,
        Kind("large_string", pa.large_string(), ("a", "b")),
        Kind("string_view", pa.string_view(), ("a", "a string of more than twelve bytes")),
        Kind("binary", pa.binary(), (b"\x00\xff\x80", b"", b"abc", b"\n,")),
        Kind("fixed_binary", pa.binary(4), (b"\x00\xff\x80\x01", b"abcd")),
        Kind("large_binary", pa.large_binary(), (b"\x00\xff", b"a")),
    ]


def _times() -> list[Kind]:
    old = tuple(day * _DAY * 10**6 + 1 for day in _DAYS[:3])
    end = _DAYS[4] * _DAY * 10**6 + 86_399_999_999
    now = 1_769_860_800
    found = [
        Kind("date", pa.date32(), (20_000, 0, -1)),
        Kind("date_old", pa.date32(), _DAYS[:3]),
        Kind("date_9999", pa.date32(), _DAYS[4:]),
        Kind("date64", pa.date64(), (20_000 * _DAY * 1000, -_DAY * 1000)),
        Kind("timestamp_paris", pa.timestamp("us", "Europe/Paris"), (now * 10**6, 0, -1)),
    ]
    for zone, tz in (("", None), ("_utc", "UTC")):
        found += [
            Kind(f"timestamp_s{zone}", pa.timestamp("s", tz), (now, 0, -1)),
            Kind(f"timestamp_ms{zone}", pa.timestamp("ms", tz), (now * 1000 + 123, 0, -1)),
            Kind(f"timestamp_us{zone}", pa.timestamp("us", tz), (now * 10**6 + 123_456, 0, -1)),
            Kind(f"timestamp_ns{zone}", pa.timestamp("ns", tz), (now * 10**9 + 123_456_789, 0, -1)),
            Kind(f"timestamp_old{zone}", pa.timestamp("us", tz), old),
            Kind(f"timestamp_9999{zone}", pa.timestamp("us", tz), (end,)),
        ]
    clock = 29_700
    return [
        *found,
        Kind("time_s", pa.time32("s"), (clock, 0, _DAY - 1)),
        Kind("time_ms", pa.time32("ms"), (clock * 1000 + 1, 0)),
        Kind("time_us", pa.time64("us"), (clock * 10**6 + 1, 0, _DAY * 10**6 - 1)),
        Kind("time_ns", pa.time64("ns"), (clock * 10**9 + 1, 0)),
    ]


def _nested() -> list[Kind]:
    struct = pa.struct([("a", pa.int64()), ("b", pa.string()), ("at", pa.timestamp("us", "UTC"))])
    return [
        Kind("list_int", pa.list_(pa.int64()), ([1, None, 2**53 + 1], [], [-1])),
        Kind("list_float", pa.list_(pa.float64()), ([0.1, -0.0, _NAN, None], [_INF], [])),
        Kind("list_string", pa.list_(pa.string()), (["a", "", None, "00501", 'q"'], [])),
        Kind("large_list", pa.large_list(pa.int64()), ([1, 2], [])),
        Kind("fixed_list", pa.list_(pa.float32(), 2), ([0.5, 1.5], [-0.0, _NAN])),
        Kind("nested_list", pa.list_(pa.list_(pa.int32())), ([[1], [], None], [])),
        Kind("struct", struct, ({"a": 1, "b": "", "at": 10**15}, {"a": None, "b": "x", "at": None})),
        Kind("list_struct", pa.list_(struct), ([{"a": 1, "b": "00", "at": 0}, None], [])),
        Kind("map", pa.map_(pa.string(), pa.int64()), ([("b", 1), ("a", None)], [])),
        Kind("map_int", pa.map_(pa.int32(), pa.string()), ([(2, "x"), (1, "")], [])),
        Kind("dictionary", pa.dictionary(pa.int32(), pa.string()), ("low", "high", "low")),
        Kind("dictionary_int", pa.dictionary(pa.int8(), pa.int64()), (2**53 + 1, 7)),
        Kind("categorical", pa.dictionary(pa.int8(), pa.string(), ordered=True), ("low", "high")),
        Kind("null", pa.null(), ()),
        Kind("null_int", pa.int64(), ()),
        Kind("null_string", pa.string(), ()),
    ]


KINDS = {kind.name: kind for kind in (*_numbers(), *_texts(), *_times(), *_nested())}
