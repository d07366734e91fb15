"""Values beyond the baseline's minimum and maximum."""

from __future__ import annotations

from sparkscale.monitor.measures.base import Measure, Measured
from sparkscale.monitor.pair import Pair


class OutOfRange(Measure, name="out_of_range", needs="sketch", warn=0.01, error=0.05):
    """Share of the new values outside of ``[min0, max0]``, by the sketch; compared less the sketch's error."""

    def measure(self, pair: Pair) -> Measured:
        """See :class:`Measure`.

        On a side where the new minimum or maximum is in the range, nothing is outside and nothing is uncertain.
        """
        new, base = pair.distributions
        outside = []
        if new.low < base.low:
            outside.append(float(new.below(base.low)))
        if new.high > base.high:
            outside.append(new.n - float(new.at_most(base.high)))
        share = sum(max(count, 1.0) for count in outside) / new.n
        bound = len(outside) * new.error
        return Measured(share, max(0.0, share - bound), bound)
