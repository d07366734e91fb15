"""The area between two distribution functions."""

from __future__ import annotations

import math

import numpy as np

from sparkscale.monitor.distribution import Distribution, in_units
from sparkscale.monitor.measures.base import UNDEFINED, Measure, Measured
from sparkscale.monitor.pair import Pair

_LOW, _HIGH = 0.01, 0.99


class Wasserstein(Measure, name="wasserstein", needs="sketch"):
    """Area between the two distribution functions over the middle 98 %, in units of std0; approximate.

    The integral of ``abs(F(x) - F0(x)) dx`` with both functions clipped to 0.01 to 0.99. A sketch bounds
    ranks and not values: where a distribution has gaps, the bound is wide. Undefined where the baseline is constant.
    """

    def measure(self, pair: Pair) -> Measured:
        """See :class:`Measure`."""
        if pair.constant:
            return UNDEFINED
        std, unit = pair.unit
        with np.errstate(over="ignore", invalid="ignore"):
            values, ours, theirs = pair.steps
            heights = np.abs(np.clip(ours, _LOW, _HIGH) - np.clip(theirs, _LOW, _HIGH))
            value = float(heights[:-1] @ np.diff(in_units(values, unit)) / std)
            bound = sum(_error(one, unit) for one in pair.distributions) / std
        return Measured(value, value, bound) if math.isfinite(value + bound) else UNDEFINED


def _error(one: Distribution, unit: int) -> float:
    """Return how far the area may be off: the integral of ``Q(u + e) - Q(u - e)``, between which the data's Q lies."""
    e = one.error
    if not e:
        return 0.0
    ends = one.area([_HIGH + e, _HIGH - e, _LOW + e, _LOW - e], unit).tolist()
    return float((ends[0] - ends[1]) - (ends[2] - ends[3]))
