"""Statistics of groups of rows, in NumPy: the bits that ``ColumnStats.of`` gives for the rows of each group."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparkscale.stats.columnar import StatsArrays
from sparkscale.stats.moment_arrays import Floats, Ints
from sparkscale.stats.quantiles import QuantileSketch


def grouped(values: Floats, null: NDArray[np.bool_], which: Ints, size: int, *, quantiles: bool = False) -> StatsArrays:
    """Return the statistics of ``size`` groups.

    Args:
        values: 1-D doubles.
        null: which of them are null.
        which: of each row, the number of its group.
        size: how many groups there are.
        quantiles: also sketch the quantiles of each group.
    """
    finite = np.isfinite(values) & ~null
    kinds = {
        "nulls": null,
        "nans": np.isnan(values) & ~null,
        "posinf": (values == np.inf) & ~null,
        "neginf": (values == -np.inf) & ~null,
    }
    counts = {name: np.bincount(which[rows], minlength=size) for name, rows in kinds.items()}
    order = np.argsort(which[finite], kind="stable")  # rows keep their order within a group
    sizes = np.bincount(which[finite], minlength=size)
    sorted_ = values[finite][order]
    stats = _spread(_moments(sorted_, sizes[sizes > 0]), sizes, counts)
    if not quantiles:
        return stats
    parts = np.split(sorted_, np.cumsum(sizes)[:-1]) if size else []
    sketches = np.empty(size, dtype=object)
    sketches[:] = [QuantileSketch.of(part).data for part in parts]
    return StatsArrays(**{**vars(stats), "sketches": sketches})


def _spread(moments: dict[str, Any], sizes: Ints, counts: dict[str, Any]) -> StatsArrays:
    """Return the statistics of all groups, of the moments of those that have finite values."""
    some = sizes > 0
    found: dict[str, Any] = {}
    for name, values in moments.items():
        found[name] = np.zeros(len(sizes), dtype=values.dtype)
        found[name][some] = values
    return StatsArrays.shifted(finite=sizes, **found, **counts)


def _moments(values: Floats, sizes: Ints) -> dict[str, Any]:
    """Do what ``moments.of_values`` does, for consecutive runs of values, none of them empty."""
    if not sizes.size:
        return {name: np.zeros(0) for name in ("min", "max", "mean", "m2", "shift")} | {"exp": np.zeros(0, np.int64)}
    starts = np.cumsum(sizes) - sizes
    low, high = np.minimum.reduceat(values, starts) + 0.0, np.maximum.reduceat(values, starts) + 0.0
    exp = np.frexp(np.maximum(np.abs(low), np.abs(high)))[1]
    deviation = np.ldexp(values, np.repeat(-exp, sizes))
    sums = _Sums(sizes)
    shift = sums.of(deviation) / sizes
    deviation -= np.repeat(shift, sizes)
    correction = sums.of(deviation) / sizes
    deviation -= np.repeat(correction, sizes)
    residue = sums.of(deviation)
    square = sums.of(np.square(deviation)) - residue * (residue / sizes)
    return {
        "min": low,
        "max": high,
        "mean": correction + residue / sizes,
        "m2": np.maximum(square, 0.0),
        "shift": shift,
        "exp": exp.astype(np.int64),
    }


class _Sums:
    """Sums of consecutive runs, each with the bits of ``run.sum()``.

    NumPy's ``reduceat`` begins a run with its first value, and ``sum`` with 0; both add the rest pairwise. So each run
    gets a 0 before it.
    """

    def __init__(self, sizes: Ints) -> None:
        self._starts = np.cumsum(sizes + 1) - (sizes + 1)
        self._rest = np.ones(int((sizes + 1).sum()), dtype=bool)
        self._rest[self._starts] = False

    def of(self, values: Floats) -> Floats:
        """Return the sum of each run."""
        spaced = np.zeros(self._rest.size)
        spaced[self._rest] = values
        return np.add.reduceat(spaced, self._starts)
