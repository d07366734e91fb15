"""What a column is, apart from how a file lays it out: a shape, and values that can be compared exactly.

A shape is a name such as ``int16``, ``decimal(9,2)`` or ``timestamptz``, or a tuple: ``("list", shape)``,
``("struct", ((name, shape), ...))``, ``("map", key, value)``. Encodings have no shape of their own: a dictionary is
its values, a fixed-size list is a list, a timestamp in seconds is a timestamp.
Values are Python's; a float is its shortest text (which keeps -0.0 apart from 0.0 and equals itself when NaN), a
timestamp and a time are nanoseconds, a date is days.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import pyarrow as pa

Shape: TypeAlias = Any
_NANOS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_INTEGER = re.compile(r"(u?)int(\d+)")
_DECIMAL = re.compile(r"decimal\((\d+),(-?\d+)\)")


@dataclass(frozen=True)
class Column:
    """A column: its shape and its values, None for a null."""

    shape: Shape
    values: tuple[Any, ...]


def column_of(array: pa.ChunkedArray | pa.Array) -> Column:
    """Return what an Arrow column holds."""
    chunks = array.chunks if isinstance(array, pa.ChunkedArray) else [array]
    return Column(shape_of(array.type), tuple(value_of(scalar) for chunk in chunks for scalar in chunk))


def shape_of(type_: pa.DataType) -> Shape:
    """Return the shape of an Arrow type."""
    types = pa.types
    if types.is_dictionary(type_):
        return shape_of(type_.value_type)
    if types.is_map(type_):
        return ("map", shape_of(type_.key_type), shape_of(type_.item_type))
    if types.is_struct(type_):
        return ("struct", tuple((field.name, shape_of(field.type)) for field in type_))
    if hasattr(type_, "value_type"):
        return ("list", shape_of(type_.value_type))
    if types.is_timestamp(type_):
        return "timestamptz" if type_.tz else "timestamp"
    return _plain(type_)


def _plain(type_: pa.DataType) -> str:
    types = pa.types
    if types.is_decimal(type_):
        return f"decimal({type_.precision},{type_.scale})"
    named = {
        "string": types.is_string(type_) or types.is_large_string(type_) or types.is_string_view(type_),
        "binary": types.is_binary(type_)
        or types.is_large_binary(type_)
        or types.is_binary_view(type_)
        or types.is_fixed_size_binary(type_),
        "date": types.is_date(type_),
        "time": types.is_time(type_),
        "float16": types.is_float16(type_),
        "float32": types.is_float32(type_),
        "float64": types.is_float64(type_),
    }
    return next((name for name, yes in named.items() if yes), str(type_))


def value_of(scalar: pa.Scalar) -> Any:  # noqa: PLR0911 - one line a kind of value
    """Return the value of an Arrow scalar; never by way of ``datetime``, which has no nanoseconds."""
    if not scalar.is_valid:
        return None
    type_ = scalar.type
    if isinstance(scalar, pa.DictionaryScalar):
        return value_of(scalar.value)
    if isinstance(scalar, pa.MapScalar):
        return unordered((value_of(pair["key"]), value_of(pair["value"])) for pair in scalar.values)
    if isinstance(scalar, pa.StructScalar):
        return tuple((field.name, value_of(scalar[number])) for number, field in enumerate(type_))
    if hasattr(type_, "value_type"):
        return tuple(value_of(each) for each in scalar.values)
    if pa.types.is_timestamp(type_) or pa.types.is_time(type_):
        return scalar.value * _NANOS[type_.unit]
    if pa.types.is_date(type_):
        return scalar.value // (86_400_000 if type_ == pa.date64() else 1)
    if pa.types.is_floating(type_):
        return repr(float(scalar.as_py()))
    return scalar.as_py()


def unordered(pairs: Iterable[tuple[Any, Any]]) -> tuple[tuple[Any, Any], ...]:
    """Return a map's entries by key: a map has no order, and ORC keeps none."""
    return tuple(sorted(pairs, key=lambda pair: repr(pair[0])))


def holds(wide: Shape, narrow: Shape) -> bool:
    """Whether a shape has every value of another one, and they are the same kind of thing."""
    if narrow in (wide, "null"):
        return True
    if isinstance(wide, tuple) and isinstance(narrow, tuple) and wide[0] == narrow[0]:
        if wide[0] == "struct":
            ours, theirs = wide[1], narrow[1]
            same = len(ours) == len(theirs)
            return same and all(a[0] == b[0] and holds(a[1], b[1]) for a, b in zip(ours, theirs, strict=True))
        return all(holds(a, b) for a, b in zip(wide[1:], narrow[1:], strict=True))
    if isinstance(wide, tuple) or isinstance(narrow, tuple):
        return False
    if wide.startswith("float") and narrow.startswith("float"):
        return int(wide[5:]) > int(narrow[5:])
    ours, theirs = _reach(wide), _reach(narrow)
    return bool(ours and theirs and ours[0] <= theirs[0] and ours[1] >= theirs[1] and ours[2] >= theirs[2])


def _reach(shape: str) -> tuple[int, int, int] | None:
    """Return the least and the largest whole number of a type of exact numbers, and its decimal places."""
    if found := _INTEGER.fullmatch(shape):
        bits = int(found[2])
        return (0, 2**bits - 1, 0) if found[1] else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1, 0)
    if found := _DECIMAL.fullmatch(shape):
        top = 10 ** (int(found[1]) - int(found[2])) - 1
        return -top, top, int(found[2])
    return None


def is_decimal(shape: Shape) -> bool:
    """Whether a shape is a decimal's."""
    return isinstance(shape, str) and shape.startswith("decimal")
