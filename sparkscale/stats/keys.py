"""Keys of groups: one or more columns of strings, integers, dates or booleans, in order, and how rows find theirs.

A null is a key of its own, as in SQL's GROUP BY, and stands before all others. Strings are ordered by code point.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import repeat
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sparkscale.errors import DataError

Numbers: TypeAlias = NDArray[np.int64]

#: How the values of a type are held: by SQL's name of the type. What stands where a key is null is 0, or "".
DTYPES: dict[str, Any] = {
    "string": np.dtype(object),
    "boolean": np.dtype(bool),
    "date": np.dtype("datetime64[D]"),
    **dict.fromkeys(("tinyint", "smallint", "int", "bigint"), np.dtype(np.int64)),
}
_BITS = {"tinyint": 7, "smallint": 15, "int": 31, "bigint": 63}
#: Codes up to so many times their number are ranked by a table, and not by sorting.
_DENSE = 4
#: Spark's and Python's dates are those of the years 1 to 9999.
_FIRST_DAY, _LAST_DAY = np.datetime64("0001-01-01"), np.datetime64("9999-12-31")


@dataclass(frozen=True, eq=False)
class KeyColumn:
    """One column of keys.

    Attributes:
        name: the column's name in the table.
        type: SQL's name of its type, one of :data:`DTYPES`.
        values: 1-D, of the type's dtype.
        null: which are null.
    """

    name: str
    type: str
    values: NDArray[Any]
    null: NDArray[np.bool_]

    @classmethod
    def of(cls, name: str, type_: str, items: Iterable[Any]) -> KeyColumn:
        """Return a column of Python's values, None for a null; raises :class:`DataError` for one of another type."""
        held = list(items)
        if type_ not in DTYPES:
            raise _invalid(f"a type of keys, one of {', '.join(DTYPES)}", type_)
        for item in held:
            if item is not None and not _is_of(type_, item):
                raise _invalid(f"keys of type {type_} in {name!r:.80}", item)
        null = np.array([item is None for item in held], dtype=bool)
        values = np.zeros(len(held), dtype=DTYPES[type_]) if type_ != "string" else np.full(len(held), "", dtype=object)
        values[~null] = [item for item in held if item is not None]
        return cls(name, type_, values, null)

    def __len__(self) -> int:
        """Return how many keys these are."""
        return len(self.values)

    def take(self, places: Any) -> KeyColumn:
        """Return the keys at these places, or where a mask is true."""
        return replace(self, values=self.values[places], null=self.null[places])

    def items(self) -> list[Any]:
        """Return Python's values, None for a null."""
        return [None if null else value for value, null in zip(self.values.tolist(), self.null.tolist(), strict=True)]

    def followed_by(self, other: KeyColumn) -> KeyColumn:
        """Return the keys of both columns, one after the other; of two integer types it has the wider."""
        if self.type != other.type and not {self.type, other.type} <= _BITS.keys():
            found = f"{self.name!r} is {self.type} in one and {other.type} in the other"
            raise DataError(
                "MERGE_KEYS", f"expected keys of one type, found that {found}", "cast the key, and fit again"
            )
        type_ = self.type if self.type == other.type else max(self.type, other.type, key=_BITS.__getitem__)
        values = np.concatenate([self.values, other.values])
        return KeyColumn(self.name, type_, values, np.concatenate([self.null, other.null]))

    @cached_property
    def _factors(self) -> tuple[Any, Numbers]:
        """The different values in order (an array, or of strings a dict of their codes), and the code of each key."""
        values = self.values[~self.null]
        own = np.zeros(len(self), dtype=np.int64)
        known: Any
        if self.type == "string":
            items = values.tolist()
            known = {value: code for code, value in enumerate(sorted(set(items)), 1)}
            own[~self.null] = list(map(known.__getitem__, items))
        else:
            known, places = np.unique(values, return_inverse=True)
            own[~self.null] = places + 1
        return known, own

    @property
    def own_codes(self) -> Numbers:
        """The place of each key among the different values, from 1; 0 for null."""
        return self._factors[1]

    @property
    def size(self) -> int:
        """How many codes there are: one for null, and one for each value."""
        return len(self._factors[0]) + 1

    def codes(self, other: KeyColumn) -> Numbers:
        """Return for each key of another column its place among the values of this one; 0 for null, -1 for unknown."""
        known = self._factors[0]
        if self.type == "string":
            found = map(known.get, other.values.tolist(), repeat(-1))
            codes = np.fromiter(found, dtype=np.int64, count=len(other))
        elif not len(known):
            codes = np.full(len(other), -1, dtype=np.int64)
        else:
            places = np.minimum(np.searchsorted(known, other.values), len(known) - 1)
            codes = np.where(known[places] == other.values, places + 1, -1)
        return np.where(other.null, 0, codes)


@dataclass(frozen=True, eq=False)
class Keys:
    """Different keys in ascending order, each of one value a column.

    >>> keys, which = Keys.distinct([KeyColumn.of("store", "string", ["b", None, "a", "b"])])
    >>> keys.rows()
    [(None,), ('a',), ('b',)]
    >>> which
    array([2, 0, 1, 2])
    >>> keys.find([KeyColumn.of("store", "string", ["a", "c"])])
    array([ 1, -1])
    """

    columns: tuple[KeyColumn, ...]

    @classmethod
    def distinct(cls, columns: Sequence[KeyColumn]) -> tuple[Keys, Numbers]:
        """Return the different keys of rows, and for each row the number of its key."""
        which = np.zeros(len(columns[0]), dtype=np.int64)
        first = np.zeros(min(1, which.size), dtype=np.int64)
        for column in columns:
            which, first = _ranked(which * column.size + column.own_codes)
        return cls(tuple(column.take(first) for column in columns)), which

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(column.name for column in self.columns)

    @property
    def types(self) -> tuple[str, ...]:
        """SQL's names of the columns' types."""
        return tuple(column.type for column in self.columns)

    def __len__(self) -> int:
        """Return how many keys these are."""
        return len(self.columns[0])

    def take(self, places: Any) -> Keys:
        """Return the keys at ascending places, or where a mask is true."""
        return Keys(tuple(column.take(places) for column in self.columns))

    def rows(self) -> list[tuple[Any, ...]]:
        """Return Python's values, a tuple for each key."""
        return list(zip(*(column.items() for column in self.columns), strict=True))

    def find(self, columns: Sequence[KeyColumn]) -> Numbers:
        """Return for each row the number of its key; -1 for a key that is not here."""
        which = np.zeros(len(columns[0]), dtype=np.int64)
        for own, found, (size, known) in zip(self.columns, columns, self._levels, strict=True):
            codes = own.codes(found)
            wanted = np.where((which < 0) | (codes < 0), -1, which * size + codes)
            places = np.minimum(np.searchsorted(known, wanted), max(len(known) - 1, 0))
            which = np.where(known[places] == wanted, places, -1) if len(known) else np.full_like(wanted, -1)
        return which

    def number(self, key: Any) -> int:
        """Return the number of a key, a value or a tuple of one for each column; -1 where it is not here."""
        parts = key if isinstance(key, tuple) else (key,)
        if len(parts) != len(self.columns):
            raise _invalid(f"a key of {len(self.columns)} values", parts)
        pairs = zip(self.columns, parts, strict=True)
        return int(self.find([KeyColumn.of(column.name, column.type, [part]) for column, part in pairs])[0])

    @cached_property
    def _levels(self) -> list[tuple[int, Numbers]]:
        """For each column, how many codes it has, and the different beginnings of keys up to it, as numbers."""
        which = np.zeros(len(self), dtype=np.int64)
        levels = []
        for column in self.columns:
            known, which = np.unique(which * column.size + column.own_codes, return_inverse=True)
            levels.append((column.size, known))
        return levels

    def check(self) -> Keys:
        """Return the keys; raises :class:`DataError` where they are not different keys in ascending order."""
        if len({len(column) for column in self.columns}) != 1 or len(set(self.names)) != len(self.columns):
            raise _invalid("columns of one length and of different names", self.names)
        again, which = Keys.distinct(self.columns)
        if len(again) != len(self) or not np.array_equal(which, np.arange(len(self))):
            raise _invalid("different keys in ascending order", self.names)
        return self

    def __eq__(self, other: object) -> bool:
        """Compare names, types and keys."""
        if not isinstance(other, Keys) or (self.names, self.types) != (other.names, other.types):
            return False
        pairs = list(zip(self.columns, other.columns, strict=True))
        alike = all(np.array_equal(a.null, b.null) for a, b in pairs)
        return alike and all(np.array_equal(a.values[~a.null], b.values[~b.null]) for a, b in pairs)

    __hash__ = None  # type: ignore[assignment]


def _ranked(codes: Numbers) -> tuple[Numbers, Numbers]:
    """Return the rank of each code among the different ones, and where each of these comes first."""
    top = int(codes.max(initial=-1)) + 1
    if top > _DENSE * codes.size:
        _, first, ranks = np.unique(codes, return_index=True, return_inverse=True)
        return ranks, first
    places = np.full(top, -1, dtype=np.int64)
    places[codes[::-1]] = np.arange(codes.size)[::-1]
    there = places >= 0
    return (np.cumsum(there) - 1)[codes], places[there]


def _is_of(type_: str, item: Any) -> bool:
    if type_ == "string":
        return isinstance(item, str)
    if type_ == "boolean":
        return isinstance(item, bool | np.bool_)
    if type_ == "date":
        if isinstance(item, np.datetime64):
            return bool(_FIRST_DAY <= item <= _LAST_DAY)
        return isinstance(item, datetime.date) and not isinstance(item, datetime.datetime)
    whole = isinstance(item, int | np.integer) and not isinstance(item, bool)
    return whole and -(2 ** _BITS[type_]) <= item < 2 ** _BITS[type_]


def _invalid(expected: str, found: object) -> DataError:
    return DataError("ARTIFACT_INVALID", f"keys: expected {expected}, found {found!r:.80}")
