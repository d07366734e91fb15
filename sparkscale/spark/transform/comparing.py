"""Comparing the results of an engine with those of the NumPy kernels: how far apart they may be, and are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparkscale.errors import InternalError
from sparkscale.pipeline.application import Application
from sparkscale.pipeline.applying import cells_of, scores_of
from sparkscale.pipeline.arrays import as_array, split


@dataclass(frozen=True)
class Bounds:
    """By how much two correct results of a map may differ for a sample of inputs.

    Attributes:
        item: the map with its columns.
        width: how many scores a row has, or the longest of the rows of an array column.
        slack: what the results of a column may differ by for these inputs, beyond what holds for all; of an array
            column an object array of rows.
    """

    item: Application
    width: int
    slack: NDArray[np.float64]

    @classmethod
    def of(cls, item: Application, given: dict[str, NDArray[Any]]) -> Bounds:
        """Return the bounds for the inputs of a sample."""
        first = given[item.inputs[0].name]
        if item.over_array:
            slack = slack_of(item, given) if item.gives_arrays else np.zeros(1)
            return cls(item, max((len(row) for row in first if row is not None), default=0), slack)
        if item.map.by_row:
            return cls(item, len(item.inputs), np.zeros(1))
        return cls(item, 1, item.map.slack(*cells_of(item, given))[:, 0])

    def differing(self, width: int, found: Any, expected: Any, slack: Any) -> int | None:
        """Return the index of the first number that differs; null, NaN and infinity are three different things."""
        (ours, our_null), (theirs, their_null) = split(found), split(expected)
        with np.errstate(invalid="ignore"):
            apart = np.abs(ours - theirs) > self._tolerance(width, ours, theirs) + slack
        apart |= np.isnan(ours) != np.isnan(theirs)
        apart |= np.isinf(ours) & (ours != theirs)
        bad = np.flatnonzero((our_null != their_null) | (apart & ~our_null & ~their_null))
        return int(bad[0]) if bad.size else None

    def _tolerance(self, width: int, ours: NDArray[Any], theirs: NDArray[Any]) -> NDArray[Any]:
        """Return units in the last place of the largest number added up."""
        finfo = np.finfo(np.float32 if self.item.dtype == "float32" else np.float64)
        size = np.maximum(np.abs(ours), np.abs(theirs))
        ulps, addend = self.item.map.ulps_of(width), self.item.map.addend_of(width)
        return np.asarray(ulps * (finfo.eps * np.maximum(size, addend) + float(finfo.smallest_subnormal)))


def slack_of(item: Application, given: dict[str, NDArray[Any]]) -> NDArray[Any]:
    """Return :meth:`Map.slack` of the rows of an array column, an array for each row."""
    rows = scores_of(item, {column.name: as_array(given[column.name]) for column in item.read})
    starts = np.cumsum(rows.lengths) - rows.lengths
    out = np.full(len(rows.lengths), None, dtype=object)
    for length in np.unique(rows.lengths):
        alike = np.flatnonzero(rows.lengths == length)
        taken = starts[alike][:, None] + np.arange(length)
        found = item.map.slack(rows.values[taken], rows.null[taken]) if length else np.zeros((alike.size, 0))
        for row, own in zip(alike, found, strict=True):
            out[row] = own
    return out


def compare_labels(name: str, found: Sequence[Any], expected: Any) -> None:
    """Raise :class:`InternalError` at the first label that differs."""
    for row, (ours, theirs) in enumerate(zip(found, expected.tolist(), strict=True)):
        if ours != theirs:
            raise _difference(name, row, ours, theirs)


def compare(name: str, bounds: Bounds, found: Any, expected: Any) -> None:
    """Raise :class:`InternalError` at the first number, or row of an array column, that differs."""
    if not bounds.item.gives_arrays:
        bad = bounds.differing(bounds.width, found, expected, bounds.slack)
        if bad is not None:
            raise _difference(name, bad, _at(found, bad), _at(expected, bad))
        return
    for row, (ours, theirs) in enumerate(zip(found, expected, strict=True)):
        if ours is None and theirs is None:
            continue
        apart = ours is None or theirs is None or len(ours) != len(theirs)
        if apart or bounds.differing(len(ours), np.array(ours, dtype=object), theirs, bounds.slack[row]) is not None:
            raise _difference(name, row, ours, None if theirs is None else np.ma.asarray(theirs).tolist())


def _at(data: Any, index: int) -> float | None:
    values, null = split(data)
    return None if null[index] else float(values[index])


def _difference(name: str, row: int, found: Any, expected: Any) -> InternalError:
    return InternalError(
        "SELF_CHECK",
        f"column {name!r}, row {row} of the sample: the engine gave {found!r}, the NumPy kernels {expected!r}",
        "nothing was published; try engine: pandas, and report the Spark version to us",
    )
