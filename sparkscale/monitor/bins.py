"""Counts in the baseline's deciles, and between which counts those of the raw data lie.

A bin holds the values above its lower edge, up to its upper edge: ``(q1, q2]``. Where deciles tie, their bins are one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sparkscale.monitor.distribution import Distribution, Floats

_RANKS = np.arange(1, 10) / 10


@dataclass(frozen=True, eq=False)
class Bins:
    """Counts of two samples in the bins of the second, the baseline.

    Attributes:
        new, base: the counts, one for each bin.
        new_range, base_range: for each of ten bins, tied or not, the least and most values that the raw data can have
            in it, by the rank errors. None while both sketches hold every value: then the counts are the data's.
    """

    new: Floats
    base: Floats
    new_range: tuple[Floats, Floats] | None
    base_range: tuple[Floats, Floats] | None

    def error(self, total: float, term: Callable[[Floats, Floats], Floats], extra: float) -> tuple[float, float]:
        """Return the least and most that ``sum(term(new, base))`` over the raw data's shares can be, around ``total``.

        ``term`` is convex, 0 where both shares are equal, and grows as they part. ``extra`` is added to each count.
        """
        if self.new_range is None or self.base_range is None:
            return total, total
        (p_least, p_most), (q_least, q_most) = (
            _shares(counts, float(known.sum()), extra)
            for counts, known in ((self.new_range, self.new), (self.base_range, self.base))
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            corners = [term(p, q) for p in (p_least, p_most) for q in (q_least, q_most)]
            high = float(np.max(corners, axis=0).sum())
            apart = np.where(p_most < q_least, term(p_most, q_least), 0.0)
            apart += np.where(q_most < p_least, term(p_least, q_most), 0.0)
            apart[(self.new_range[0] == 0) & (self.base_range[0] == 0)] = 0.0  # the raw deciles may tie there: no bin
        return min(float(apart.sum()), total), max(high, total)


def _shares(counts: tuple[Floats, Floats], n: float, extra: float) -> tuple[Floats, Floats]:
    """Return the least and largest share of each bin; how many bins there are, and so the sum, is not known."""
    least, most = counts
    return (least + extra) / (n + extra * (least.size)), (most + extra) / (n + extra)


def binned(new: Distribution, base: Distribution) -> Bins:
    """Count both samples in the baseline's deciles."""
    deciles = base.deciles
    edges = np.unique(deciles)
    ours, theirs = (np.diff([0.0, *one.at_most(edges), one.n]) for one in (new, base))
    if not new.error and not base.error:
        return Bins(ours, theirs, None, None)
    lows, highs = base.bracket(_RANKS) if base.error else (deciles, deciles)
    lows, highs = np.minimum(lows, deciles), np.maximum(highs, deciles)
    return Bins(ours, theirs, _range(new, lows, highs), _range(base, lows, highs))


def _range(one: Distribution, lows: Floats, highs: Floats) -> tuple[Floats, Floats]:
    """Return the least and most values in each bin whose edges lie between ``lows`` and ``highs``."""
    slack = one.error * one.n
    least = np.array([0.0, *np.maximum(one.at_most(lows) - slack, 0.0), one.n])
    most = np.array([0.0, *np.minimum(one.at_most(highs) + slack, one.n), one.n])
    return np.maximum(least[1:] - most[:-1], 0.0), most[1:] - least[:-1]
