"""A table of statistics: for each key, the statistics of each feature.

With a group as key it is grouped scaling; with a data partition as key, what an incremental fit keeps.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparkscale.errors import DataError
from sparkscale.stats import grouping
from sparkscale.stats.column import ColumnStats
from sparkscale.stats.columnar import StatsArrays
from sparkscale.stats.keys import KeyColumn, Keys


@dataclass(frozen=True)
class StatsTable:
    """Statistics by key and feature: arrays, and no Python object for an entry. Immutable and mergeable.

    Keys are different and in ascending order, so that the same statistics make equal tables.

    Attributes:
        keys: the keys.
        features: by name, the statistics of a feature, one entry for each key.

    >>> stores = KeyColumn.of("store", "string", ["a", "b", "a", None])
    >>> table = StatsTable.measured([stores], {"price": (np.array([1.0, 5.0, 3.0, 9.0]), np.zeros(4, bool))})
    >>> table.keys.rows()
    [(None,), ('a',), ('b',)]
    >>> table.of("a")["price"]
    ColumnStats(rows=2, nulls=0, nan=0, inf=0, min=1, max=3, mean=2, std=1)
    >>> table.total("price").rows
    4
    >>> table + table.select([False, False, False]) == table
    True
    """

    keys: Keys
    features: Mapping[str, StatsArrays]

    @classmethod
    def measured(
        cls,
        columns: Sequence[KeyColumn],
        values: Mapping[str, tuple[NDArray[np.float64], NDArray[np.bool_]]],
        quantiles: Iterable[str] = (),
    ) -> StatsTable:
        """Return the statistics of rows by key, those of each group to the bit of ``ColumnStats.of`` its rows.

        Args:
            columns: the key of each row.
            values: by feature, the value of each row, and whether it is null.
            quantiles: the features whose quantiles are sketched.
        """
        keys, which = Keys.distinct(columns)
        sketched = frozenset(quantiles)
        features = {
            name: grouping.grouped(data, null, which, len(keys), quantiles=name in sketched)
            for name, (data, null) in values.items()
        }
        return cls(keys, features)

    @classmethod
    def of_rows(cls, columns: Sequence[KeyColumn], features: Mapping[str, StatsArrays]) -> StatsTable:
        """Return the table of entries in any order; raises :class:`DataError` where two have the same key."""
        keys, which = Keys.distinct(columns)
        if len(keys) != which.size:
            raise DataError(
                "ARTIFACT_INVALID", "statistics by key: expected different keys, found one that comes twice"
            )
        order = np.argsort(which)
        return cls(keys, {name: stats.take(order) for name, stats in features.items()})

    def __len__(self) -> int:
        """Return how many keys there are."""
        return len(self.keys)

    def of(self, key: Any) -> Mapping[str, ColumnStats]:
        """Return the statistics of a key, by feature; raises KeyError for one that is not there.

        ``key`` is a value, or a tuple of one for each key column; None is the null key.
        """
        place = self.keys.number(key)
        if place < 0:
            raise KeyError(key)
        return {name: stats.at(place) for name, stats in self.features.items()}

    def total(self, feature: str) -> ColumnStats:
        """Return the statistics of a feature over all keys: no second scan is needed."""
        return self.features[feature].total()

    def select(self, places: Any) -> StatsTable:
        """Return the keys where a mask is true, or those at ascending places."""
        chosen = np.asarray(places)
        return self._changed(self.keys.take(chosen), lambda stats: stats.take(chosen))

    def only(self, features: Iterable[str]) -> StatsTable:
        """Return the table of some features."""
        return StatsTable(self.keys, {name: self.features[name] for name in features})

    def unsketched(self) -> StatsTable:
        """Return the table without quantile sketches."""
        return self._changed(self.keys, lambda stats: replace(stats, sketches=None))

    def renamed(self, names: Mapping[str, str]) -> StatsTable:
        """Return the table with its features under other names."""
        return StatsTable(self.keys, {names[name]: stats for name, stats in self.features.items()})

    def beside(self, other: StatsTable) -> StatsTable:
        """Return the features of two tables of the same keys in one; a feature of both is the other's."""
        if self.keys != other.keys:
            raise DataError("DATA_CHANGED", "expected the same keys once more, found others", _UNSTABLE)
        return StatsTable(self.keys, {**self.features, **other.features})

    def replaced(self, other: StatsTable) -> StatsTable:
        """Return the table in which the other's entries stand in place of its own; its keys are among these."""
        places = self.keys.find(other.keys.columns)
        if (places < 0).any():
            raise DataError("DATA_CHANGED", "expected known keys, found others", _UNSTABLE)
        rest = np.ones(len(self), dtype=bool)
        rest[places] = False
        kept = np.flatnonzero(rest)
        changed = {
            name: self.features[name].take(kept).spread(kept, len(self)).merged(stats.spread(places, len(self)))
            for name, stats in other.features.items()
        }
        return StatsTable(self.keys, {**self.features, **changed})

    def __add__(self, other: StatsTable) -> StatsTable:
        """Return the statistics of both parts together: entries of the same key and feature are merged.

        Counts, min and max are exact. Commutative to the last bit; associative to the last bits of mean and M2.
        Raises :class:`DataError` where key columns or features differ.
        """
        if self.keys.names != other.keys.names or set(self.features) != set(other.features):
            found = [f"{list(part.features)} by {list(part.keys.names)}" for part in (self, other)]
            cause = f"expected statistics of the same features by the same keys, found {' and '.join(found)}"
            raise DataError("MERGE_KEYS", cause, "fit every part with the same steps")
        pairs = zip(self.keys.columns, other.keys.columns, strict=True)
        keys, which = Keys.distinct([ours.followed_by(theirs) for ours, theirs in pairs])
        here, there = which[: len(self)], which[len(self) :]
        features = {
            name: stats.spread(here, len(keys)).merged(other.features[name].spread(there, len(keys)))
            for name, stats in self.features.items()
        }
        return StatsTable(keys, features)

    @classmethod
    def concat(cls, parts: Iterable[StatsTable]) -> StatsTable:
        """Return all parts together, merged in their order."""
        return functools.reduce(cls.__add__, parts)

    def _changed(self, keys: Keys, change: Callable[[StatsArrays], StatsArrays]) -> StatsTable:
        return StatsTable(keys, {name: change(stats) for name, stats in self.features.items()})

    def __repr__(self) -> str:
        """Return the sizes; :meth:`of` has an entry."""
        return f"StatsTable({len(self):,} keys by {list(self.keys.names)}, features {list(self.features)})"


_UNSTABLE = "cache or write the table first: it differs from reading to reading"
