"""The NumPy engine: a dict of arrays in, a dict of arrays out. It needs neither Spark nor pandas.

A column is anything array-like: NumPy, lists, pandas (nullable, Arrow-backed and categorical too), pyarrow, Polars.
A null is a masked element of a ``numpy.ma`` array, a null of those libraries, or None, ``pandas.NA`` or ``pandas.NaT``
in an object array; NaN is NaN. A result with a null is a masked array, a result without one a plain array.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparkscale.errors import DataError
from sparkscale.pipeline.schema import Column, Field, Schema

Values: TypeAlias = NDArray[np.float64]
Nulls: TypeAlias = NDArray[np.bool_]

_KINDS = {"b": "boolean", "O": "double", "M": "timestamp", "f": "double", "i": "bigint", "u": "bigint"}
_KINDS |= {"U": "string", "T": "string", "S": "binary"}
#: The smallest type that holds all of a dtype, where it is not the one of its kind.
_NARROW = {"f2": "float", "f4": "float", "i1": "tinyint", "i2": "smallint", "i4": "int", "u1": "smallint", "u2": "int"}
_NARROW |= {"M8[D]": "date"}
#: Types that are not numbers, although Python turns some of them into numbers.
_NO_NUMBERS = (str, bytes, complex, np.complexfloating, np.datetime64, np.timedelta64)

_DICT = "give arrays by column name, such as {'price': [1.0, 2.0]}"


def table(columns: Mapping[str, ArrayLike]) -> dict[str, Any]:
    """Return the columns as arrays; raises :class:`DataError` where they are not named arrays of one length."""
    if not hasattr(columns, "items"):
        raise DataError("DATA_TYPE", f"expected a dict of arrays, found a {type(columns).__name__}", _DICT)
    pairs = list(columns.items())
    names = [name for name, _ in pairs]
    if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise DataError("DATA_TYPE", f"expected a dict of arrays, found names {names!r:.80}", _DICT)
    made = {name: _column(name, data) for name, data in pairs}
    lengths = {len(array): name for name, array in reversed(made.items())}
    if len(lengths) > 1:
        found = ", ".join(f"{length} in {name!r}" for length, name in sorted(lengths.items()))
        raise DataError(
            "DATA_LENGTH", f"expected columns of one length, found {found}", "give every column the same number of rows"
        )
    return made


def _column(name: str, data: Any) -> Any:
    array = as_array(data)
    if array.ndim == 0:
        raise DataError(
            "DATA_TYPE", f"column {name!r}: expected an array, found {data!r:.80}", "give one value per row"
        )
    return array


def as_array(data: Any) -> Any:
    """Return anything array-like as a masked array; what is no array comes back with no dimension."""
    if _has_nulls_of_its_own(data):
        return _with_nulls(data)
    of_such = isinstance(data, list | tuple) and any(map(_has_nulls_of_its_own, data))
    try:
        return np.ma.MaskedArray(_objects(data)) if of_such else np.ma.asarray(data)
    except ValueError:  # rows of several lengths
        return np.ma.MaskedArray(_objects(data))


def _has_nulls_of_its_own(data: Any) -> bool:
    """Whether the data itself marks nulls: pyarrow, Polars, and the extension arrays of pandas."""
    by_pandas = hasattr(data, "isna") and not isinstance(getattr(data, "dtype", np.dtype(float)), np.dtype)
    return by_pandas or hasattr(data, "is_null")


def _with_nulls(data: Any) -> Any:
    null = np.asarray(data.isna() if hasattr(data, "isna") else data.is_null(), dtype=bool)
    values = _values(data[~null] if hasattr(data, "isna") else _call(data, "drop_null", "drop_nulls"))
    out: Any = np.ma.MaskedArray(np.zeros(null.size, dtype=values.dtype), mask=null if null.any() else np.ma.nomask)
    out.data[~null] = values
    return out


def _values(valid: Any) -> NDArray[Any]:
    """Return values without nulls as an array; lists as Python's, as NumPy would make NaN of the nulls within them."""
    values = np.asarray(valid)
    untyped = str(getattr(valid, "dtype", "")) == "Null"  # of Polars, which calls no values at all float32
    if values.dtype == object or values.ndim > 1 or untyped:
        return _objects(_call(valid, "to_pylist", "to_list", "tolist"))
    return values


def _call(data: Any, *names: str) -> Any:
    """Call the first of these methods that there is: pyarrow, Polars and pandas name them differently."""
    return getattr(data, next(name for name in names if hasattr(data, name)))()


def _objects(data: Any) -> NDArray[Any]:
    """Return the items one by one: NumPy would make a table of lists of one length."""
    out = np.empty(len(data), dtype=object)
    for index, item in enumerate(data):
        out[index] = item
    return out


def schema_of(
    arrays: Mapping[str, Any], known: Iterable[Column] = (), given: Mapping[str, str] | None = None
) -> Schema:
    """Return the schema of a table: 1-D is a column; 2-D, or an object array of arrays, an array column.

    A column of nulls, or of no rows, does not tell which it is: it has the type of the ``known`` column of its name.
    ``given`` has types that do not follow from the arrays.
    """
    types = {column.name: column.type for column in known}
    fields = (
        Field(name, types[name] if name in types and _untold(array, types[name]) else type_of(array))
        if given is None or name not in given
        else Field(name, given[name])
        for name, array in arrays.items()
    )
    return Schema(tuple(fields), case_sensitive=True)


def _untold(array: Any, known: str) -> bool:
    """Whether an array does not tell its type, and can be what is known of its column."""
    nothing = array.size == 0 and array.dtype.kind == "f"  # what NumPy makes of []
    if known.startswith("array<"):
        return nothing or (array.dtype == object and _first(array) is None)
    return array.ndim == 1 and (nothing or (array.dtype == object and all(item is None for item in items(array))))


def items(array: Any) -> list[Any]:
    """Return the elements of an array of :func:`table`, None for a null."""
    pandas = sys.modules.get("pandas")  # its nulls are known by identity, and exist only once it is imported
    absent = {id(getattr(pandas, name, None)) for name in ("NA", "NaT")}
    hidden = np.ma.getmaskarray(array).ravel().tolist()
    flat = array.data.ravel().astype(object, copy=False)
    return [None if gone or id(item) in absent else item for item, gone in zip(flat, hidden, strict=True)]


def type_of(array: Any) -> str:
    """Return the type of an array of :func:`table`; of objects that are no rows, double."""
    type_: str = _NARROW.get(array.dtype.str[1:], _KINDS.get(array.dtype.kind, array.dtype.name))
    rows = array.dtype == object and any(map(_is_row, items(array)))
    if array.dtype == object and (rows or array.ndim > 1) and isinstance(_first(array), bool | np.bool_):
        type_ = "boolean"
    if rows:
        type_ = f"array<{type_}>"
    for _ in range(array.ndim - 1):
        type_ = f"array<{type_}>"
    return type_


def _first(array: Any) -> Any:
    """Return the first element that is not null; of rows, the first within them."""
    rows = (items(as_array(row)) if _is_row(row) else [row] for row in items(array))
    return next((item for row in rows for item in row if item is not None), None)


def _is_row(item: Any) -> bool:
    return isinstance(item, list | tuple | np.ndarray) or _has_nulls_of_its_own(item)


def split(data: ArrayLike, where: str = "the data") -> tuple[Values, Nulls]:
    """Return float64 values and which of them are null; ``where`` is how an error names the data."""
    array = as_array(data)
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
        raise TypeError("not real numbers")
    if array.dtype != object:
        return np.ma.getmaskarray(array)
    return np.array([_is_null(value) for value in items(array)], dtype=bool).reshape(array.shape)


def _is_null(value: object) -> bool:
    if isinstance(value, _NO_NUMBERS):
        raise TypeError(f"{value!r:.80} is {'text' if isinstance(value, str | bytes) else 'no real number'}")
    return value is None


def join(values: Values, null: Nulls, dtype: str) -> NDArray[Any]:
    """Put values and nulls together, in the output's dtype."""
    with np.errstate(over="ignore"):
        cast = values.astype(dtype)
    return np.ma.MaskedArray(np.where(null, 0, cast).astype(dtype), mask=null) if null.any() else cast


def cells(table: Mapping[str, Any], names: Sequence[str]) -> tuple[Values, Nulls]:
    """Return columns of the table, 1-D arrays, side by side: their values, and which of them are null."""
    parts = [_cells(table[name], f"column {name!r}") for name in names]
    return np.column_stack([values for values, _ in parts]), np.column_stack([null for _, null in parts])


def _cells(data: Any, where: str) -> tuple[Values, Nulls]:
    values, null = split(data, where)
    if values.ndim != 1:
        cause = f"{where}: expected a column of numbers, found an array of {values.ndim} dimensions"
        raise DataError("DATA_TYPE", cause, "give one number for each row")
    return values, null


@dataclass(frozen=True)
class Rows:
    """The elements of an array column, one row after the other.

    Attributes:
        values: of all elements, NaN where null.
        null: which elements are null.
        lengths: of each row; 0 where it is null.
        missing: which rows are null.
    """

    values: Values
    null: Nulls
    lengths: NDArray[np.int64]
    missing: Nulls

    @classmethod
    def of(cls, table: Mapping[str, Any], name: str) -> Rows:
        """Read an array column: ``(rows, k)``, or a 1-D object array of rows of any length or None."""
        array, column = table[name], f"column {name!r}"
        if array.ndim == 2:  # noqa: PLR2004 - rows and scores
            values, null = split(array, column)
            size, width = values.shape
            return cls(values.ravel(), null.ravel(), np.full(size, width), np.zeros(size, dtype=bool))
        found = items(array)
        parts = [_scores(row, f"{column}, row {i}") for i, row in enumerate(found) if row is not None]
        missing = np.array([row is None for row in found], dtype=bool)
        lengths = np.zeros(len(found), dtype=np.int64)
        lengths[~missing] = [values.size for values, _ in parts]
        values = np.concatenate([np.empty(0), *(values for values, _ in parts)])
        return cls(values, np.concatenate([np.empty(0, bool), *(null for _, null in parts)]), lengths, missing)

    def with_null_elements(self, length: int) -> Rows:
        """Return the rows with an array of so many nulls in place of each null row."""
        lengths = np.where(self.missing, length, self.lengths)
        there = np.repeat(~self.missing, lengths)
        values, null = np.full(there.size, np.nan), np.ones(there.size, dtype=bool)
        values[there], null[there] = self.values, self.null
        return Rows(values, null, lengths, np.zeros_like(self.missing))


def _scores(row: Any, where: str) -> tuple[Values, Nulls]:
    array = as_array(row)
    if array.ndim != 1 or (array.dtype == object and any(map(_is_row, items(array)))):
        cause = f"{where}: expected an array of scores, or None for a null row, found {row!r:.80}"
        raise DataError("DATA_TYPE", cause, "give each row its scores as a list or 1-D array")
    return split(array, where)
