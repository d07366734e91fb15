"""Merging the states of many files: which rows of them count, and the statistics of all of these together."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparkscale.artifact.states.commits import State
from sparkscale.artifact.states.keys import Key
from sparkscale.artifact.states.parquet import Block
from sparkscale.errors import DataError
from sparkscale.pipeline.schema import EVERY
from sparkscale.stats.column import ColumnStats
from sparkscale.stats.columnar import StatsArrays
from sparkscale.stats.quantiles import QuantileSketch

#: By partition and feature, the file that has the state, and whether with a sketch.
Places = Mapping[Key, Mapping[str, tuple[str, bool]]]


class Parts:
    """States of partitions by feature, collected file by file."""

    def __init__(self, state: State, places: Places, features: Collection[str]) -> None:
        self.state, self.places, self.features = state, places, list(features)
        self._blocks: dict[str, Block] = {}
        columns = state.pipeline.features if state.pipeline else {}
        every = {name for name, column in columns.items() if column.position == EVERY}
        #: Those whose statistics count rows, and not elements.
        self._by_row = {name for name in columns if name in self.features} - every

    @property
    def files(self) -> list[str]:
        """The names of the files that are needed."""
        return sorted({by[name][0] for by in self.places.values() for name in self.features if name in by})

    def add(self, name: str, block: Block) -> None:
        """Add the content of a data file; raises :class:`DataError` where it is not what the log says."""
        self._blocks[name] = block
        rows = np.array([self._rows(key, name) for key in block.keys])
        by_row = np.array([feature in self._by_row for feature in block.features])[block.feature]
        if odd := np.flatnonzero(by_row & (rows[block.key] >= 0) & (rows[block.key] != block.stats.rows)).tolist():
            raise _damaged(name, f"{rows[block.key[odd[0]]]:,} rows", f"{block.stats.rows[odd[0]]:,}")

    def of(self, key: Key, feature: str) -> ColumnStats:
        """Return the state of one feature of a partition, with its sketch if the log says that it has one."""
        block, row = self._place(key, feature)
        name, sketched = self.places[key][feature]
        return _sketched(block.stats.at(row), name) if sketched else block.stats.at(row).with_quantiles(None)

    def merged(self, keys: Sequence[Key], *, sketched: Collection[str]) -> dict[str, ColumnStats]:
        """Return the statistics of the features over some keys, of those ``sketched`` with a quantile sketch."""
        blocks = list(self._blocks.values())
        if len({block.stats.weights is None for block in blocks}) > 1:
            raise _damaged("the states", "partitions that are all weighted or all not", "both")
        places = self._places(keys)
        own = _concatenated([block.stats for block in blocks]).take(places.ravel())
        totals = _totals(replace(own, sketches=None), len(keys))
        out = {}
        for number, feature in enumerate(self.features):
            stats = totals.at(number)
            if feature in sketched:
                at = slice(number, None, len(self.features))
                assert own.sketches is not None  # noqa: S101 - a block has them
                sketch = _union(own.sketches[at], own.finite[at])
                stats = _sketched(stats.with_quantiles(sketch), f"the states of {feature!r}")
            out[feature] = stats
        return out

    def _places(self, keys: Sequence[Key]) -> NDArray[np.int64]:
        """Return for each key and feature the row of its state among those of all files, one after another."""
        found = np.full((len(keys), len(self.features)), -1, dtype=np.int64)
        number = {key: i for i, key in enumerate(keys)}
        column = {name: j for j, name in enumerate(self.features)}
        files = {name: i for i, name in enumerate(self._blocks)}
        wanted = np.array([[files[self.places[key][name][0]] for name in self.features] for key in keys])
        start = 0
        for name, block in self._blocks.items():
            i = np.array([number.get(key, -1) for key in block.keys])[block.key]
            j = np.array([column.get(feature, -1) for feature in block.features])[block.feature]
            ours = (i >= 0) & (j >= 0)
            ours[ours] = wanted[i[ours], j[ours]] == files[name]
            found[i[ours], j[ours]] = start + np.flatnonzero(ours)
            start += len(block.key)
        if (found < 0).any():
            i, j = np.argwhere(found < 0)[0]
            key, feature = keys[i], self.features[j]
            raise _damaged(self.places[key][feature][0], f"a state of {feature!r} for {key!r}", "none")
        return found

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


def _totals(stats: StatsArrays, many: int) -> StatsArrays:
    """Merge the entries of ``many`` keys, those of one key side by side, in pairs: errors grow with the logarithm."""
    width = len(stats) // many
    while many > 1:
        places = np.arange(many * width).reshape(many, width)
        rest = stats.take(places[1::2].ravel())
        stats, many = stats.take(places[::2].ravel()), (many + 1) // 2
        stats = stats.merged(rest.spread(np.arange(len(rest)), many * width))
    return stats


def _union(sketches: NDArray[Any], finite: NDArray[np.int64]) -> QuantileSketch | None:
    """Merge the sketches of parts that have finite values; None if one of them has no sketch."""
    found = sketches[finite > 0]
    if any(data is None for data in found):
        return None
    known = found if len(found) else [data for data in sketches if data is not None][:1]
    return QuantileSketch.merged(map(QuantileSketch, known)).canonical() if len(known) else None


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
