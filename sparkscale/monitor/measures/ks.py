"""The Kolmogorov-Smirnov distance."""

from __future__ import annotations

import math

import numpy as np

from sparkscale.monitor.measures.base import Measure, Measured
from sparkscale.monitor.pair import Pair

#: Of sqrt((n + m) / (n m)): two samples of one distribution are further apart once in 300 times
#: (Kolmogorov's distribution: 2 exp(-2 * 1.8**2) = 0.003).
_NOISE = 1.8


class KS(Measure, name="ks", needs="sketch", warn=0.1, error=0.2):
    """``D``, the largest difference of the two distribution functions.

    Compared as max(0, D - e1 - e2 - 1.8 sqrt((n + m) / (n m))): e1 and e2 are the sketches' rank errors, n and m the
    numbers of values.
    """

    def measure(self, pair: Pair) -> Measured:
        """See :class:`Measure`."""
        new, base = pair.distributions
        values, ours, theirs = pair.steps
        last = np.ones(values.size, dtype=bool)  # of those that tie
        np.not_equal(values[1:], values[:-1], out=last[:-1])
        distance = float(np.abs(ours - theirs)[last].max())
        bound, noise = new.error + base.error, _NOISE * math.sqrt(1 / new.n + 1 / base.n)
        return Measured(distance, max(0.0, distance - bound - noise), bound)
