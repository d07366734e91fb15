"""The NumPy engine: a dict of arrays in, a dict of arrays out. Neither Spark nor pandas is needed.

A null is a masked element of a ``numpy.ma`` array, or None in an object array; NaN is NaN. A result
is a masked array where it holds a null, a plain array where it holds none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparkscale.errors import DataError
from sparkscale.maps import ColumnMap, RowMap
from sparkscale.schema import Field, Schema

Values: TypeAlias = NDArray[np.float64]
Nulls: TypeAlias = NDArray[np.bool_]


def schema_of(columns: Mapping[str, ArrayLike]) -> Schema:
    """Return the schema of a dict of arrays: 1-D is a column, 2-D (or an object array of arrays) an array column."""
    fields = (Field(name, _type_of(np.ma.asarray(data))) for name, data in columns.items())
    return Schema(tuple(fields), case_sensitive=True)


def _type_of(data: Any) -> str:
    ragged = data.dtype == object and any(isinstance(item, list | tuple | np.ndarray) for item in data.tolist())
    if data.ndim == 2 or ragged:  # noqa: PLR2004 - rows and scores
        return "array<double>"
    kinds = {"f": "double", "i": "bigint", "u": "bigint", "b": "boolean", "O": "double", "M": "timestamp"}
    return kinds.get(data.dtype.kind, "string")


def split(data: ArrayLike) -> tuple[Values, Nulls]:
    """Return float64 values and which of them are null."""
    array: Any = np.ma.asarray(data)
    null = np.ma.getmaskarray(array)
    if array.dtype == object:
        null = null | np.array([value is None for value in array.data.ravel()], dtype=bool).reshape(array.shape)
    try:
        values = np.where(null, np.nan, array.data).astype(np.float64)
    except (TypeError, ValueError) as error:
        raise DataError("DATA_TYPE", f"expected numbers, found {array.dtype}: {error}") from error
    return values, null


def join(values: Values, null: Nulls, dtype: str) -> NDArray[Any]:
    """Put values and nulls together, in the output's dtype."""
    with np.errstate(over="ignore"):
        cast = values.astype(dtype)
    return np.ma.MaskedArray(np.where(null, 0, cast).astype(dtype), mask=null) if null.any() else cast


def map_column(map_: ColumnMap, data: ArrayLike, dtype: str, *, inverse: bool = False) -> NDArray[Any]:
    """Apply a column map to a 1-D array."""
    values, null = split(data)
    result = map_.inverse(values) if inverse else map_.forward(values)
    if map_.kind == "undefined":
        null = np.ones_like(null)
    return join(result, null, dtype)


def map_columns(map_: RowMap, data: list[ArrayLike], dtype: str) -> list[NDArray[Any]]:
    """Apply a row map to the score columns, 1-D arrays of one length."""
    parts = [split(column) for column in data]
    values, null = map_.forward(np.column_stack([v for v, _ in parts]), np.column_stack([n for _, n in parts]))
    return [join(values[:, j], null[:, j], dtype) for j in range(values.shape[1])]


def map_arrays(map_: RowMap, data: ArrayLike, dtype: str) -> NDArray[Any]:
    """Apply a row map to an array column: ``(rows, k)``, or an object array of rows of any length or None."""
    array: Any = np.ma.asarray(data)
    if array.ndim == 2 and array.dtype != object:  # noqa: PLR2004 - rows and scores
        return join(*map_.forward(*split(array)), dtype)
    rows = [None if absent else row for row, absent in zip(array.data, np.ma.getmaskarray(array), strict=True)]
    out = np.empty(len(rows), dtype=object)
    for length in {len(row) for row in rows if row is not None}:
        where = [i for i, row in enumerate(rows) if row is not None and len(row) == length]
        block = np.array([_with_none(rows[i]) for i in where], dtype=object).reshape(len(where), length)
        values, null = map_.forward(*split(block))
        for i, row_values, row_null in zip(where, values, null, strict=True):
            out[i] = join(row_values, row_null, dtype)
    return out


def _with_none(row: Any) -> list[Any]:
    array: Any = np.ma.asarray(row)
    return list(array.filled(None)) if array.dtype == object else list(array.astype(object).filled(None))
