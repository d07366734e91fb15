"""Reads results without Spark, and compares values exactly."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def same(found: Any, expected: Any) -> bool:
    """Whether values and their types are the same to the last bit: NaN equals NaN, -0.0 differs from 0.0."""
    return repr(found) == repr(expected)


def plain(values: pa.Array) -> list[Any]:
    """Return the values of a column, times without their zone."""
    found = values.to_pylist()
    return [value.replace(tzinfo=None) if isinstance(value, dt.datetime) else value for value in found]


#: How Python reads a value of a type from a text.
READERS: list[tuple[Any, Any]] = [
    (pa.types.is_string, str),
    (pa.types.is_float32, lambda text: float(np.float32(text))),
    (pa.types.is_float64, float),
    (pa.types.is_decimal, Decimal),
    (pa.types.is_boolean, {"true": True, "false": False}.__getitem__),
    (pa.types.is_date, dt.date.fromisoformat),
    (pa.types.is_timestamp, lambda text: dt.datetime.fromisoformat(text.removesuffix("Z"))),
    (pa.types.is_integer, int),
]


def told(text: str | None, type_: pa.DataType) -> Any:
    """Return the value that a text stands for."""
    if text is None:
        return None
    if pa.types.is_timestamp(type_):
        assert text.endswith("Z") == bool(type_.tz)
    return next(make for is_of, make in READERS if is_of(type_))(text)


FIELD = re.compile(r'(?:"((?:[^"]|"")*)"|([^,\n]*))(,|\n)')


def records(text: str) -> list[list[str | None]]:
    """Read CSV by RFC 4180; a field that is empty and not quoted is null."""
    rows: list[list[str | None]] = [[]]
    for match in FIELD.finditer(text):
        quoted, bare, end = match.groups()
        rows[-1].append(quoted.replace('""', '"') if quoted is not None else bare or None)
        if end == "\n":
            rows.append([])
    return rows[:-1]


def csv_of(folder: Path) -> dict[str, list[str | None]]:
    """Return the columns of a CSV output of one file."""
    (file,) = [file for file in (folder / "out").glob("*.csv") if file.stat().st_size]
    head, *rows = records(file.read_bytes().decode())
    return {str(name): list(column) for name, column in zip(head, zip(*rows, strict=True), strict=True)}


def folders(folder: Path) -> dict[str | None, list[float]]:
    """Return the ``x`` of each partition's rows, by the value in the folder's name; Hive's name of null is None."""
    found: dict[str | None, list[float]] = {}
    for file in (folder / "out").rglob("*.parquet"):
        value = unquote(file.parent.name.partition("=")[2])
        rows = pq.read_table(file, partitioning=None)["x"].to_pylist()
        found.setdefault(None if value == "__HIVE_DEFAULT_PARTITION__" else value, []).extend(rows)
    return found
