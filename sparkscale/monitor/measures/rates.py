"""Shares of rows without a finite value. Their errors are those of a division: none."""

from __future__ import annotations

from sparkscale.monitor.measures.base import Measure, Measured
from sparkscale.monitor.pair import Pair


class NullRate(Measure, name="null_rate", needs="rows", warn=0.01, error=0.05):
    """Absolute change of the share of nulls."""

    def measure(self, pair: Pair) -> Measured:
        """See :class:`Measure`."""
        return _change(pair, "nulls")


class NanRate(Measure, name="nan_rate", needs="rows", warn=0.01, error=0.05):
    """Absolute change of the share of NaN."""

    def measure(self, pair: Pair) -> Measured:
        """See :class:`Measure`."""
        return _change(pair, "nans")


class InfiniteRate(Measure, name="infinite_rate", needs="rows", warn=0.01, error=0.05):
    """Absolute change of the share of infinities, of both signs together."""

    def measure(self, pair: Pair) -> Measured:
        """See :class:`Measure`."""
        return _change(pair, "posinf", "neginf")


def _change(pair: Pair, *counts: str) -> Measured:
    new, base = pair.shares(*counts)
    return Measured(abs(new - base), abs(new - base))
