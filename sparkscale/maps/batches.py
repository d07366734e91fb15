"""Several maps over one batch of rows: what the UDF engines run, whatever carries the rows there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sparkscale.maps.base import Bools, Floats, Map


@dataclass(frozen=True)
class Cells:
    """Maps of the cells of a row.

    Attributes:
        width: how many cells a row has.
        maps: each with the numbers of the cells that it reads: one of a column map, ``k`` of a row map.
    """

    width: int
    maps: tuple[tuple[Map, tuple[int, ...]], ...]

    def apply(self, x: Floats, null: Bools) -> tuple[Floats, Bools]:
        """Map ``(rows, width)``; the results of the maps stand side by side, in their order."""
        parts = [map_.apply(x[:, _run(cells)], null[:, _run(cells)]) for map_, cells in self.maps]
        return np.concatenate([y for y, _ in parts], axis=1), np.concatenate([absent for _, absent in parts], axis=1)

    @property
    def places(self) -> Iterator[range]:
        """For each map, the numbers of its results."""
        start = 0
        for map_, cells in self.maps:
            yield range(start, start := start + map_.width(len(cells)))

    @property
    def outputs(self) -> int:
        """How many results a row has."""
        return sum(map_.width(len(cells)) for map_, cells in self.maps)


@dataclass(frozen=True)
class Lists:
    """A row map of the elements of an array, whose length may differ from row to row."""

    map: Map

    def apply(self, x: Floats, null: Bools, lengths: NDArray[np.int64]) -> tuple[Floats, Bools]:
        """Map the elements of all rows, one row after the other; a row without elements has null results, or none."""
        widths = self.widths(lengths)
        starts, places = np.cumsum(lengths) - lengths, np.cumsum(widths) - widths
        y, absent = np.full(widths.sum(), np.nan), np.ones(widths.sum(), dtype=bool)
        for length in np.unique(lengths[lengths > 0]):  # as a rule one
            alike = lengths == length
            taken = starts[alike][:, None] + np.arange(length)
            put = places[alike][:, None] + np.arange(self.map.width(int(length)))
            y[put], absent[put] = self.map.apply(x[taken], null[taken])
        return y, absent

    def widths(self, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many results each row has."""
        kinds, which = np.unique(lengths, return_inverse=True)
        return np.array([self.map.width(int(kind)) for kind in kinds], dtype=np.int64)[which]


def _run(cells: tuple[int, ...]) -> slice | tuple[int, ...]:
    """Return cells that stand side by side as a slice, which NumPy need not copy."""
    run = slice(cells[0], cells[-1] + 1)
    return run if cells == tuple(range(run.start, run.stop)) else cells
