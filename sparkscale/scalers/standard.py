"""Z-scores."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from sparkscale.errors import DataError
from sparkscale.maps import Affine, unit_of
from sparkscale.maps.affines import Affines, units_of
from sparkscale.scalers.base import Scaler
from sparkscale.stats.column import EPS, ColumnStats
from sparkscale.stats.columnar import StatsArrays
from sparkscale.stats.moment_arrays import ldexp


class Standard(Scaler, kind="standard"):
    """``(x - mean) / std``: z-scores. The mean is subtracted as two doubles, so a large offset costs no digits.

    std is ``sqrt(M2 / (n - ddof))``; ddof 0 as in NumPy and scikit-learn, 1 as in Spark MLlib. With a ``weight``, n is
    the sum of weights.
    A column counts as constant where min == max, or where std is no larger than the rounding of
    the stored doubles, ``eps * |mean|``; then the scale is 1.

    Attributes:
        with_mean: whether to subtract the mean.
        with_std: whether to divide by the standard deviation.
        ddof: 0 divides M2 by n, as NumPy and scikit-learn do; 1 by n - 1, as Spark MLlib does.

    >>> Standard("x").solve(ColumnStats.of([1.0, 2.0, 3.0])).formula
    '(x - 2.0) / 0.816496580927726'
    """

    formula = "(x - mean) / std"

    with_mean: bool = True
    with_std: bool = True
    ddof: Literal[0, 1] = 0

    def solve(self, stats: ColumnStats) -> Affine:
        """Return the z-score map; raises :class:`DataError` if ``ddof: 1`` finds weights that sum to 1 or less."""
        if self.with_std and self.ddof >= stats.weight and not stats.constant:
            cause = f"ddof 1: expected weights whose sum is above 1, found {stats.weight!r}"
            raise DataError("DATA_WEIGHT", cause, "scale the weights to counts, or set ddof: 0")
        unit = unit_of(stats.mean, stats.std_of(self.ddof))
        std = stats.std_of(self.ddof, unit)  # of a subnormal spread too, in a unit that holds all its digits
        varies = not stats.constant and std > EPS * math.ldexp(abs(stats.mean), -unit)
        unit = unit if self.with_std and varies else max(unit, 0)
        part, exp = remainder(stats) if self.with_mean else (0.0, 0)
        return Affine(
            center=stats.mean if self.with_mean else 0.0,
            center_lo=math.ldexp(part, exp - unit),
            scale=std if self.with_std and varies else 2.0**-unit,
            prescale=2.0**-unit,
        )

    def solve_groups(self, stats: StatsArrays) -> Affines | None:
        """Do what :meth:`solve` does, for all groups."""
        constant = stats.min == stats.max
        if self.with_std and (~constant & (self.ddof >= stats.weight)).any():
            return None  # there is an error to raise
        with np.errstate(all="ignore"):
            unit = units_of(stats.mean, stats.std_of(self.ddof))
            std = stats.std_of(self.ddof, unit)
            varies = ~constant & (std > EPS * ldexp(np.abs(stats.mean), -unit)) & self.with_std
            unit = np.where(varies, unit, np.maximum(unit, 0))
            kept = ~constant & (np.abs(stats.mean_lo) > EPS * stats.std_of(0, stats.exp)) & self.with_mean
            prescale = np.ldexp(1.0, -unit)
            return Affines.plain(
                center=stats.mean if self.with_mean else np.zeros(len(stats)),
                center_lo=np.where(kept, ldexp(stats.mean_lo, stats.exp - unit), 0.0),
                scale=np.where(varies, std, prescale),
                prescale=prescale,
            )


def remainder(stats: ColumnStats) -> tuple[float, int]:
    """Return what the double mean lacks as ``(m, e)``, ``m * 2**e``.

    It is 0 where it is no larger than eps * std: then it moves a z-score by no more than the last place of 1.
    """
    kept = not stats.constant and abs(stats.mean_lo) > EPS * stats.std_of(0, stats.exp)
    return (stats.mean_lo, stats.exp) if kept else (0.0, 0)
