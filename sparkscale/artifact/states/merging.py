"""Merging the states of many files: which rows of them count, and the statistics of all of these together."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from sparkscale.artifact.states import parquet
from sparkscale.artifact.states.commits import State
from sparkscale.artifact.states.keys import Key
from sparkscale.artifact.states.parquet import Block
from sparkscale.errors import DataError
from sparkscale.stats.column import ColumnStats
from sparkscale.stats.columnar import StatsArrays

#: By partition and feature, the file that has the state, and whether with a sketch.
Places = Mapping[Key, Mapping[str, tuple[str, bool]]]


class Parts:
    """States of partitions by feature, collected file by file."""

    def __init__(self, state: State, places: Places, features: Collection[str]) -> None:
        self.state, self.places, self.features = state, places, features
        self._blocks: dict[str, Block] = {}

    @property
    def files(self) -> list[str]:
        """The names of the files that are needed."""
        return sorted({by[name][0] for by in self.places.values() for name in self.features if name in by})

    def add(self, name: str, data: bytes) -> None:
        """Add a data file; raises :class:`DataError` where it is not what the log says."""
        assert self.state.keys is not None  # noqa: S101 - a state with files
        block = self._blocks[name] = parquet.decode(data, self.state.keys, name)
        rows = np.array([self._rows(key, name) for key in block.keys])
        if odd := np.flatnonzero((rows[block.key] >= 0) & (rows[block.key] != block.stats.rows)).tolist():
            raise _damaged(name, f"{rows[block.key[odd[0]]]:,} rows", f"{block.stats.rows[odd[0]]:,}")

    def of(self, key: Key, feature: str) -> ColumnStats:
        """Return the state of one feature of a partition, with its sketch if the log says that it has one."""
        block, row = self._place(key, feature)
        name, sketched = self.places[key][feature]
        return _sketched(block.stats.at(row), name) if sketched else block.stats.at(row).with_quantiles(None)

    def merged(self, keys: Sequence[Key], *, sketched: Collection[str]) -> dict[str, ColumnStats]:
        """Return the statistics of the features over some keys, of those ``sketched`` with a quantile sketch."""
        starts, whole = 0, []
        offsets: dict[int, int] = {}
        for block in self._blocks.values():
            offsets[id(block)] = starts
            whole.append(block.stats)
            starts += len(block.key)
        if len({stats.weights is None for stats in whole}) > 1:
            raise _damaged("the states", "partitions that are all weighted or all not", "both")
        together = _concatenated(whole)
        out = {}
        for feature in self.features:
            places = (self._place(key, feature) for key in keys)
            own = together.take(np.array([offsets[id(block)] + row for block, row in places], dtype=np.int64))
            found = own.total() if feature in sketched else replace(own, sketches=None).total()
            found = _sketched(found, f"the states of {feature!r}") if feature in sketched else found
            out[feature] = found.with_quantiles(found.quantiles and found.quantiles.canonical())
        return out

    def _rows(self, key: Key, name: str) -> int:
        """Return how many rows the log says a partition has in a file; -1 where its states there don't count."""
        known = self.state.partitions[key] if key in self.places else None
        return known.rows if known and name in known.files else -1

    def _place(self, key: Key, feature: str) -> tuple[Block, int]:
        name = self.places[key][feature][0]
        block = self._blocks[name]
        row = block.rows.get((key, feature))
        if row is None:
            raise _damaged(name, f"a state of {feature!r} for {key!r}", "none")
        return block, row


def _sketched(stats: ColumnStats, what: str) -> ColumnStats:
    """Return statistics whose sketch is of their finite values."""
    count = stats.quantiles.count if stats.quantiles else 0
    if count != stats.finite:
        raise _damaged(what, f"sketches of {stats.finite:,} values", f"those of {count:,}")
    return stats


def _concatenated(parts: Sequence[StatsArrays]) -> StatsArrays:
    """Return the entries of all parts, one after another."""
    names = ("nulls", "nans", "posinf", "neginf", "finite", "min", "max", "mean", "mean_lo", "m2", "exp", "sketches")
    whole = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    first = parts[0].weights
    weights = (
        None if first is None else {name: np.concatenate([(p.weights or {})[name] for p in parts]) for name in first}
    )
    return StatsArrays(**whole, weights=weights)


def _damaged(what: str, expected: str, found: str) -> DataError:
    hint = "restore the file, or choose another place for the states and read all partitions again"
    return DataError("STATES_DAMAGED", f"{what}: expected {expected}, found {found}", hint)
