"""Divergences over the baseline's deciles."""

from __future__ import annotations

import math

import numpy as np

from sparkscale.monitor import chi2
from sparkscale.monitor.distribution import Floats
from sparkscale.monitor.measures.base import Measure, Measured
from sparkscale.monitor.pair import Pair

#: Added to each count, so that an empty bin gives no infinity.
_HALF = 0.5
_TINY = np.finfo(np.float64).tiny


class PSI(Measure, name="psi", needs="sketch", warn=0.1, error=0.25):
    """Population stability index: ``sum((p - q) ln(p / q))`` over the baseline's deciles, bins merged where they tie.

    p and q are the shares now and in the baseline, with 0.5 added to each count. Compared less its noise floor, the
    99 % point of chi2(bins - 1) times (1/n + 1/m).
    """

    def measure(self, pair: Pair) -> Measured:
        """See :class:`Measure`."""
        bins = pair.bins
        count, n, m = bins.base.size, float(bins.new.sum()), float(bins.base.sum())
        p, q = (bins.new + _HALF) / (n + _HALF * count), (bins.base + _HALF) / (m + _HALF * count)
        value = float(_divergence(p, q).sum())
        low, high = bins.error(value, _divergence, _HALF)
        noise = chi2.quantile(0.99, count - 1) * (1 / n + 1 / m)
        return Measured(value, max(0.0, value - noise), max(high - value, value - low))


class JS(Measure, name="js", needs="sketch"):
    """Jensen-Shannon distance, base 2, over the bins of ``psi``: 0 for equal shares, 1 for disjoint ones."""

    def measure(self, pair: Pair) -> Measured:
        """See :class:`Measure`."""
        bins = pair.bins
        total = float(_shannon(bins.new / bins.new.sum(), bins.base / bins.base.sum()).sum())
        low, high = (math.sqrt(max(0.0, part)) for part in bins.error(total, _shannon, 0.0))
        value = math.sqrt(max(0.0, total))
        return Measured(value, value, max(high - value, value - low))


def _divergence(p: Floats, q: Floats) -> Floats:
    found: Floats = (p - q) * np.log(p / q)
    return found


def _shannon(p: Floats, q: Floats) -> Floats:
    """Return each bin's part of the divergence, half of ``p log2(p / m) + q log2(q / m)`` with m the middle."""
    middle = (p + q) / 2
    return (_part(p, middle) + _part(q, middle)) / 2


def _part(p: Floats, middle: Floats) -> Floats:
    found: Floats = p * np.log2(np.maximum(p, _TINY) / np.maximum(middle, _TINY))  # 0 where p is 0
    return found
