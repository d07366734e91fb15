"""Changes of mean and standard deviation."""

from __future__ import annotations

import math

from sparkscale.monitor.measures.base import UNDEFINED, Measure, Measured, ratio
from sparkscale.monitor.pair import Pair


class MeanShift(Measure, name="mean_shift", needs="values", warn=0.1, error=0.5):
    """``(mean - mean0) / std0``: signed, compared by magnitude.

    Undefined where the baseline is constant. Then any change is a warning, and an error if no value is in the
    baseline's range.
    """

    def measure(self, pair: Pair) -> Measured:
        """See :class:`Measure`."""
        new, base = pair.new, pair.base
        if not pair.constant:
            shift = pair.shift
            return Measured(shift, abs(shift))
        if (new.min, new.max) == (base.min, base.max):
            return Measured(0.0, 0.0)
        apart = new.min > base.max or new.max < base.min
        return Measured(None, math.inf, most="error" if apart else "warn")


class StdRatio(Measure, name="std_ratio", needs="values", warn=1.25, error=2.0):
    """``std / std0``, population standard deviations; compared as max(r, 1/r).

    Undefined where the baseline is constant; ``mean_shift`` reports changes of such a column.
    """

    def measure(self, pair: Pair) -> Measured:
        """See :class:`Measure`."""
        if pair.constant:
            return UNDEFINED
        spread = pair.spread
        return Measured(spread, ratio(spread))
