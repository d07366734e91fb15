"""A feature's statistics and those of its baseline, and what several measures need of both."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from sparkscale.monitor.bins import Bins, binned
from sparkscale.monitor.distribution import Distribution, Floats, merged
from sparkscale.monitor.facts import share
from sparkscale.stats.column import EPS, ColumnStats
from sparkscale.stats.exact import ldexp

#: log2 of values whose differences could overflow.
_LARGE = 900


@dataclass(frozen=True, eq=False)
class Pair:
    """What a drift measure measures.

    Attributes:
        new: statistics of the feature now.
        base: statistics of the feature in the baseline.
    """

    new: ColumnStats
    base: ColumnStats

    def shares(self, *counts: str) -> tuple[float, float]:
        """Return the share of rows that the ``counts`` of ColumnStats count, now and in the baseline."""
        return share(self.new, *counts) or 0.0, share(self.base, *counts) or 0.0

    @property
    def constant(self) -> bool:
        """Whether the baseline has no spread but the rounding of its doubles."""
        std, unit = self.unit  # not rounded to a subnormal
        return self.base.constant or std <= EPS * math.ldexp(abs(self.base.mean), -unit)

    @property
    def shift(self) -> float:
        """``(mean - mean0) / std0``, of the two doubles of each mean."""
        std, unit = self.unit
        new, base = self.new, self.base
        if new.exp or base.exp or unit:  # where doubles could overflow on the way
            return _float((_mean(new) - _mean(base)) / (Fraction(std) * Fraction(2) ** unit))
        return ((new.mean - base.mean) + (new.mean_lo - base.mean_lo)) / std

    @property
    def spread(self) -> float:
        """``std / std0``."""
        (new, ours), (base, theirs) = _std(self.new), self.unit
        return ldexp(new / base, ours - theirs)

    @cached_property
    def distributions(self) -> tuple[Distribution, Distribution]:
        """The distributions now and in the baseline, of features with sketches on both sides."""
        return _distribution(self.new), _distribution(self.base)

    @cached_property
    def steps(self) -> tuple[Floats, Floats, Floats]:
        """Both distribution functions, after every value where one of them rises; see :func:`merged`."""
        return merged(*self.distributions)

    @cached_property
    def bins(self) -> Bins:
        """The counts of both in the baseline's deciles."""
        return binned(*self.distributions)

    @property
    def unit(self) -> tuple[float, int]:
        """std0 in units of a power of 2, and that power: 0, unless differences of such values could overflow."""
        std, unit = _std(self.base)
        return (math.ldexp(std, unit), 0) if abs(unit) < _LARGE else (std, unit)


def _distribution(stats: ColumnStats) -> Distribution:
    assert stats.quantiles is not None  # noqa: S101 - the measure needs sketches
    return Distribution.of(stats.quantiles, stats.min, stats.max)


def _mean(stats: ColumnStats) -> Fraction:
    return Fraction(stats.mean) + Fraction(stats.mean_lo) * Fraction(2) ** stats.exp


def _std(stats: ColumnStats) -> tuple[float, int]:
    """Return the standard deviation in units of ``2**unit``, and the unit: that of a subnormal one has all digits."""
    unit = math.frexp(max(abs(stats.min), abs(stats.max)))[1]
    return stats.std_of(0, unit), unit


def _float(number: Fraction) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.copysign(math.inf, number)
