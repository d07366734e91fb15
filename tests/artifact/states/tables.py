"""A partitioned table of arrays, and the reader that measures its partitions with NumPy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

import sparkscale as ss
from sparkscale.artifact.states.keys import By, Key
from sparkscale.artifact.states.lengths import Lengths
from sparkscale.artifact.states.source import Source
from sparkscale.artifact.states.states import States
from sparkscale.artifact.states.updating import Updated
from sparkscale.artifact.states.work import Rules
from sparkscale.pipeline import arrays, elements
from sparkscale.pipeline.elements import Cells
from sparkscale.pipeline.fitted import Fitted
from sparkscale.pipeline.labelled import Labelled
from sparkscale.pipeline.looking import Answer, RowAnswer
from sparkscale.pipeline.pipeline import behind
from sparkscale.pipeline.plan import Plan, plan
from sparkscale.scalers.base import Step
from sparkscale.stats.column import ColumnStats
from sparkscale.stats.quantiles import K

MONTHS = By.of(["month"], {"month": "string"})
Columns = Mapping[str, Any]
STEPS = [ss.Standard(["x", "odd"]), ss.Robust("far")]


@dataclass
class Table:
    """Partitions by key, each a dict of arrays; a partition's fingerprint counts how often it was written."""

    steps: Sequence[Step]
    by: By = MONTHS
    weight: str | None = None
    partitions: dict[Key, Columns] = field(default_factory=dict)
    written: dict[Key, int] = field(default_factory=dict)
    reads: list[tuple[tuple[Key, ...] | None, tuple[str, ...]]] = field(default_factory=list)
    reading: str = "as it is"
    #: Whether partitions have fingerprints; without them, the source says only that something changed.
    told: bool = True
    #: The accuracy of the sketches.
    k: int = K
    #: The lengths of arrays, where they are known.
    known: Mapping[str, int] = field(default_factory=dict)

    def put(self, key: Any, columns: Columns) -> None:
        key = key if isinstance(key, tuple) else (key,)
        self.partitions[key] = columns
        self.written[key] = self.written.get(key, 0) + 1

    def remove(self, key: Any) -> None:
        self.partitions.pop(key if isinstance(key, tuple) else (key,))

    @property
    def source(self) -> Source:
        prints = {key: f"{self.written[key]}" for key in self.partitions}
        if not self.told:
            return Source(self.by, None, f"{self.reading} {sorted(map(str, prints.items()))}")
        return Source(self.by, prints, self.reading)

    @property
    def whole(self) -> dict[str, Any]:
        return self.rows(self.partitions)

    def rows(self, keys: Iterable[Key]) -> dict[str, Any]:
        parts = [self.partitions[key] for key in keys]
        return {name: _concatenated([part[name] for part in parts]) for name in parts[0]}

    @property
    def plan(self) -> Plan:
        names = {name: np.zeros(1, cells.dtype) for part in self.partitions.values() for name, cells in part.items()}
        given = {name: "array<double>" for name, cells in names.items() if cells.dtype == object}
        planned = plan(self.steps, arrays.schema_of(names, given=given), "the table", self.weight)
        return planned.measured(self.known) if self.known else planned

    def lengths(self, keys: Collection[Key] | None) -> dict[Key, Lengths]:
        found = {key: self.partitions[key] for key in (self.partitions if keys is None else keys)}
        return {key: made for key, rows in found.items() if (made := self._lengths(rows)).rows}

    def _lengths(self, rows: Columns) -> Lengths:
        used = [True] * len(next(iter(rows.values()))) if self.weight is None else rows[self.weight] > 0
        pairs = {name: zip(rows[name], used, strict=True) for name in self.plan.by_position}
        counts = {name: Counter(len(a) for a, use in own if use and a is not None) for name, own in pairs.items()}
        return Lengths(int(sum(used)), counts)

    def measured(self, lengths: Mapping[str, int]) -> Table:
        return replace(self, known=lengths)

    def measure(self, keys: Collection[Key] | None, features: Collection[str]) -> dict[Key, dict[str, ColumnStats]]:
        self.reads.append((None if keys is None else tuple(sorted(keys, key=str)), tuple(sorted(features))))
        quantiles, out = self.plan.quantile_features, {}
        columns = {name: column for name, column in self.plan.features.items() if name in features}
        for key in self.partitions if keys is None else keys:
            rows = self.partitions[key]
            weights = None if self.weight is None else rows[self.weight]
            if len(rows[next(iter(rows))]):
                own = elements.cells(arrays.table(rows), columns, weights)
                found = {name: self._of(one, quantiles=name in quantiles) for name, one in own.items()}
                out[key] = {name: stats for name, stats in found.items() if stats.rows}  # no element, no statistics
        return out

    def _of(self, cells: Cells, *, quantiles: bool) -> ColumnStats:
        column = np.ma.MaskedArray(cells.values, mask=cells.null)
        stats = ColumnStats.of(column, quantiles=quantiles, weights=cells.weights)
        return stats.with_quantiles(stats.quantiles and stats.quantiles.coarsened(self.k))

    def answer(self, keys: Sequence[Key]) -> Answer:
        rows = self.rows(keys)

        def look(asked: Any) -> list[ColumnStats]:
            cells = elements.cells(arrays.table(rows), {name: self.plan.features[name] for name, _ in asked})
            seen = (behind(ask.map, *cells[name].pair) for name, ask in asked)
            return [ColumnStats.of(np.ma.MaskedArray(values, mask=null)) for values, null in seen]

        return look

    def losses(self, keys: Sequence[Key]) -> RowAnswer:
        return Labelled.of(arrays.table(self.rows(keys)), self.plan, None).losses

    def update(self, states: States, keep: int | None = None, missing: Any = "drop") -> Updated:
        return states.brought_up(self.source, self, Rules(keep, missing))[1]

    def fit(self, keys: Iterable[Key]) -> Fitted:
        """Fit the rows of some partitions at once."""
        return ss.Pipeline(self.steps, weight=self.weight).fit_arrays(self.rows(keys))


def _concatenated(parts: Sequence[Any]) -> Any:
    return np.concatenate(parts) if parts[0].dtype == object else np.ma.concatenate(parts)


def vectors(rows: Sequence[Any]) -> Any:
    """Return a column of arrays, in which a row may be null."""
    column = np.empty(len(rows), dtype=object)
    column[:] = [None if row is None else list(row) for row in rows]
    return column


def month(rng: np.random.Generator, rows: int = 40, **changes: Any) -> dict[str, Any]:
    """Return the columns of a partition: ordinary, far from zero, and with nulls, NaN and infinities."""
    odd = np.ma.MaskedArray(rng.normal(0, 1, rows), mask=rng.random(rows) < 0.2)
    odd[rng.random(rows) < 0.1] = np.nan
    odd[rng.random(rows) < 0.1] = np.inf
    return {"x": rng.normal(5, 2, rows), "far": 1e9 + rng.normal(0, 1, rows), "odd": odd} | changes


def assert_same(found: Mapping[str, ColumnStats], expected: Mapping[str, ColumnStats]) -> None:
    """Compare counts, min and max exactly, mean and std to 1e-13, quantiles within the errors of both sketches."""
    assert found.keys() == expected.keys()
    for name, ours in found.items():
        theirs = expected[name]
        exact = ("rows", "nulls", "nans", "posinf", "neginf", "finite")
        assert {key: getattr(ours, key) for key in exact} == {key: getattr(theirs, key) for key in exact}, name
        np.testing.assert_array_equal([ours.min, ours.max], [theirs.min, theirs.max], err_msg=name)
        if not theirs.finite:
            continue
        apart = (ours.mean - theirs.mean) + (ours.mean_lo * 2.0**ours.exp - theirs.mean_lo * 2.0**theirs.exp)
        assert abs(apart) <= 1e-13 * max(theirs.std, abs(theirs.mean) * 2**-52 if theirs.constant else 0), name
        np.testing.assert_allclose(ours.std, theirs.std, rtol=1e-13, err_msg=name)
        if theirs.quantiles is not None:
            assert ours.quantiles is not None
            assert ours.quantiles.count == theirs.quantiles.count
            error = ours.quantiles.rank_error + theirs.quantiles.rank_error
            ranks = np.linspace(0.05, 0.95, 19)
            low, high = (theirs.quantiles.quantiles(list(ranks + shift)) for shift in (-error, error))
            middle = ours.quantiles.quantiles(list(ranks))
            assert all(a <= x <= b for a, x, b in zip(low, middle, high, strict=True)), name


def table(many: int = 3, steps: Any = STEPS) -> Table:
    """Return a table of the first months of 2013."""
    made, rng = Table(steps), np.random.default_rng(many)
    for number in range(many):
        made.put(f"2013-{number + 1:02d}", month(rng))
    return made


def names(states: States) -> list[str]:
    """Return the files below the states."""
    return sorted(str(path.relative_to(states.uri)) for path in Path(states.uri).rglob("*") if path.is_file())
