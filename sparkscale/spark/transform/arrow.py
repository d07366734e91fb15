"""The kernels over Arrow arrays: what Spark's Python workers run. Without nulls no buffer is copied.

Workers import this module and ``maps``, and nothing else of ours.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sparkscale.maps import ColumnMap, Map, RowMap

Values: TypeAlias = NDArray[np.float64]
Nulls: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True)
class Cells:
    """Maps of the cells of a row: each reads some by their numbers; what they give stands in the order of the maps.

    Attributes:
        width: how many cells a row has.
        maps: each with the numbers of its cells: one of a column map, ``k`` of a row map.
    """

    width: int
    maps: tuple[tuple[Map, tuple[int, ...]], ...]

    def __call__(self, packed: pa.ListArray) -> pa.ListArray:
        """Map ``array<double>`` with ``width`` elements a row, none of them null itself, to the same of results."""
        rows = len(packed)
        x, null = _split(packed.flatten())
        x, null = x.reshape(rows, self.width), null.reshape(rows, self.width)
        y, absent = np.empty((rows, self.outputs)), np.empty((rows, self.outputs), dtype=bool)
        start = 0
        for map_, cells in self.maps:
            read, made = _run(cells), slice(start, start + len(cells))
            y[:, made], absent[:, made] = _map(map_, x[:, read], null[:, read])
            start = made.stop
        return _join(np.full(rows, self.outputs), y.ravel(), absent.ravel())

    @property
    def outputs(self) -> int:
        """How many numbers a row has afterwards."""
        return sum(len(cells) for _, cells in self.maps)


@dataclass(frozen=True)
class Lists:
    """A row map of the elements of an array, whose length may differ from row to row."""

    map: RowMap

    def __call__(self, column: pa.ListArray) -> pa.ListArray:
        """Map ``array<double>``; a row that is null stays null."""
        missing = _numpy(column.is_null())
        lengths = _numpy(column.value_lengths().fill_null(0)).astype(np.int64)
        starts = np.cumsum(lengths) - lengths
        x, null = _split(column.flatten())
        y, absent = np.empty_like(x), np.empty_like(null)
        for length in np.unique(lengths[~missing]):  # as a rule one
            alike = starts[(lengths == length) & ~missing]
            where = alike[:, None] + np.arange(length)
            y[where], absent[where] = self.map.forward(x[where], null[where])
        return _join(lengths, y, absent, missing)


def _run(cells: tuple[int, ...]) -> slice | tuple[int, ...]:
    """Return cells that stand side by side as a slice, which NumPy need not copy."""
    run = slice(cells[0], cells[-1] + 1)
    return run if cells == tuple(range(run.start, run.stop)) else cells


def _map(map_: Map, x: Values, null: Nulls) -> tuple[Values, Nulls | bool]:
    if isinstance(map_, RowMap):
        return map_.forward(x, null)
    assert isinstance(map_, ColumnMap)  # noqa: S101 - there are these two
    return map_.forward(x[:, 0])[:, None], True if map_.kind == "undefined" else null


def _split(flat: pa.Array) -> tuple[Values, Nulls]:
    """Return values, NaN where they are null, and where they are null."""
    if not flat.null_count:
        return flat.to_numpy(), np.zeros(len(flat), dtype=bool)
    return flat.to_numpy(zero_copy_only=False), _numpy(flat.is_null())


def _join(lengths: NDArray[Any], y: Values, absent: Nulls, missing: Nulls | None = None) -> pa.ListArray:
    offsets = np.zeros(len(lengths) + 1, dtype=np.int32)
    np.cumsum(lengths, out=offsets[1:])
    values = pa.array(y, mask=absent if absent.any() else None)
    lists = missing is not None and missing.any()
    return pa.ListArray.from_arrays(pa.array(offsets), values, mask=pa.array(missing) if lists else None)


def _numpy(array: pa.Array) -> NDArray[Any]:
    values: NDArray[Any] = array.to_numpy(zero_copy_only=False)
    return values


def lists_of(column: Iterable[Any], nulls: Iterable[Any]) -> pa.ListArray:
    """Return rows that pandas holds as one NumPy array each as Arrow's; it takes NaN for null, so nulls stand apart."""
    column = list(column)
    missing = np.array([row is None for row in column], dtype=bool)
    rows = [row for row in column if row is not None]
    lengths = np.zeros(len(column), dtype=np.int64)
    lengths[~missing] = [len(row) for row in rows]
    flat = np.concatenate([np.asarray(row, dtype=np.float64) for row in rows]) if rows else np.empty(0)
    absent = [np.asarray(row, dtype=bool) for row in nulls if row is not None]
    return _join(lengths, flat, np.concatenate(absent) if absent else np.empty(0, dtype=bool), missing)
