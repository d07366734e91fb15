"""The NumPy engine: a dict of arrays in, a dict of arrays out. Neither Spark nor pandas is needed.

A null is a masked element of a ``numpy.ma`` array, or None in an object array; NaN is NaN. A result
is a masked array where it holds a null, a plain array where it holds none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparkscale.errors import DataError
from sparkscale.maps import ColumnMap, RowMap
from sparkscale.schema import Column, Field, Schema

Values: TypeAlias = NDArray[np.float64]
Nulls: TypeAlias = NDArray[np.bool_]

_KINDS = {"b": "boolean", "O": "double", "M": "timestamp", "f": "double", "i": "bigint", "u": "bigint"}
#: The smallest type that holds all of a dtype, where it is not the one of its kind.
_NARROW = {"f2": "float", "f4": "float", "i1": "tinyint", "i2": "smallint", "i4": "int", "u1": "smallint", "u2": "int"}


def table(columns: Mapping[str, ArrayLike]) -> dict[str, Any]:
    """Return the columns as arrays; raises :class:`DataError` where they are not named arrays of one length."""
    if not hasattr(columns, "items") or not all(isinstance(name, str) for name in columns):
        found = type(columns).__name__ if not hasattr(columns, "items") else f"names {list(columns)!r:.80}"
        raise DataError("DATA_TYPE", f"expected a dict of arrays by column name, found {found}")
    made = {name: _as_array(name, data) for name, data in columns.items()}
    lengths = {len(array): name for name, array in reversed(made.items())}
    if len(lengths) > 1:
        found = ", ".join(f"{length} in {name!r}" for length, name in sorted(lengths.items()))
        raise DataError("DATA_LENGTH", f"expected columns of one length, found {found}", "give each row in all of them")
    return made


def _as_array(name: str, data: Any) -> Any:
    try:
        array: Any = np.ma.asarray(data)
    except ValueError:  # rows of several lengths
        array = np.ma.MaskedArray(np.empty(len(data), dtype=object))
        for index, row in enumerate(data):
            array.data[index] = row
    if array.ndim == 0:
        raise DataError(
            "DATA_TYPE", f"column {name!r}: expected an array, found {data!r:.80}", "give one value for each row"
        )
    return array


def schema_of(arrays: Mapping[str, Any], known: Iterable[Column] = ()) -> Schema:
    """Return the schema of a table: 1-D is a column; 2-D, or an object array of arrays, an array column.

    A column of nulls, or of no rows, does not tell which it is: it has the type of the ``known`` column of its name.
    """
    types = {column.name: column.type for column in known}
    fields = (
        Field(name, types[name] if name in types and _untold(array) else _type_of(array))
        for name, array in arrays.items()
    )
    return Schema(tuple(fields), case_sensitive=True)


def _untold(array: Any) -> bool:
    nothing = array.size == 0 and array.dtype.kind == "f"  # what NumPy makes of []
    return array.ndim == 1 and (nothing or (array.dtype == object and all(item is None for item in _items(array))))


def _items(array: Any) -> list[Any]:
    """Return the elements, None for one that is masked."""
    items: Any = np.where(np.ma.getmaskarray(array), None, array.data)
    return list(items.ravel())


def _type_of(array: Any) -> str:
    type_ = _NARROW.get(array.dtype.str[1:], _KINDS.get(array.dtype.kind, "string"))
    if array.dtype == object and any(isinstance(item, list | tuple | np.ndarray) for item in _items(array)):
        type_ = "array<double>"
    for _ in range(array.ndim - 1):
        type_ = f"array<{type_}>"
    return type_


def split(data: ArrayLike, where: str = "the data") -> tuple[Values, Nulls]:
    """Return float64 values and which of them are null; ``where`` is how an error names the data."""
    array: Any = np.ma.asarray(data)
    try:
        null = _nulls(array)
        values = np.where(null, np.nan, array.data).astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(
            "DATA_TYPE", f"{where}: expected numbers, found {array.dtype}: {error}", "give numbers, and None for a null"
        ) from error
    return values, null


def _nulls(array: Any) -> Nulls:
    if array.dtype.kind not in "fiubO":
        raise TypeError("not numbers")
    if array.dtype != object:
        return np.ma.getmaskarray(array)
    return np.array([_is_null(value) for value in _items(array)], dtype=bool).reshape(array.shape)


def _is_null(value: object) -> bool:
    if isinstance(value, str | bytes):
        raise TypeError(f"{value!r:.80} is text")
    return value is None


def join(values: Values, null: Nulls, dtype: str) -> NDArray[Any]:
    """Put values and nulls together, in the output's dtype."""
    with np.errstate(over="ignore"):
        cast = values.astype(dtype)
    return np.ma.MaskedArray(np.where(null, 0, cast).astype(dtype), mask=null) if null.any() else cast


def map_column(map_: ColumnMap, table: Mapping[str, Any], name: str, dtype: str, *, inverse: bool = False) -> Any:
    """Apply a column map to a 1-D array of the table."""
    values, null = split(table[name], f"column {name!r}")
    if values.ndim != 1:
        cause = f"column {name!r}: expected a column of numbers, found an array of {values.ndim} dimensions"
        raise DataError("DATA_TYPE", cause, "give one number for each row")
    result = map_.inverse(values) if inverse else map_.forward(values)
    if map_.kind == "undefined":
        null = np.ones_like(null)
    return join(result, null, dtype)


def map_columns(map_: RowMap, table: Mapping[str, Any], names: list[str], dtype: str) -> list[NDArray[Any]]:
    """Apply a row map to the score columns of the table, 1-D arrays."""
    parts = [split(table[name], f"column {name!r}") for name in names]
    values, null = map_.forward(np.column_stack([v for v, _ in parts]), np.column_stack([n for _, n in parts]))
    return [join(values[:, j], null[:, j], dtype) for j in range(values.shape[1])]


def map_arrays(map_: RowMap, table: Mapping[str, Any], name: str, dtype: str) -> NDArray[Any]:
    """Apply a row map to an array column: ``(rows, k)``, or a 1-D object array of rows of any length or None."""
    array, column = table[name], f"column {name!r}"
    if array.ndim == 2:  # noqa: PLR2004 - rows and scores
        return join(*map_.forward(*split(array, column)), dtype)
    rows = {i: _scores(row, f"{column}, row {i}") for i, row in enumerate(_items(array)) if row is not None}
    out = np.empty(len(array), dtype=object)
    for length in {values.size for values, _ in rows.values()}:
        alike = [i for i, (values, _) in rows.items() if values.size == length]
        values, null = map_.forward(np.stack([rows[i][0] for i in alike]), np.stack([rows[i][1] for i in alike]))
        for i, row_values, row_null in zip(alike, values, null, strict=True):
            out[i] = join(row_values, row_null, dtype)
    return out


def _scores(row: Any, where: str) -> tuple[Values, Nulls]:
    try:
        array: Any = np.ma.asarray(row)
    except ValueError:  # lists within lists
        array = None
    if array is None or array.ndim != 1:
        cause = f"{where}: expected an array of scores, or None for a null row, found {row!r:.80}"
        raise DataError("DATA_TYPE", cause, "give each row its scores as a list or 1-D array")
    return split(array, where)
