"""Scaling by quantiles, which outliers hardly move."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar

import numpy as np

from sparkscale.errors import ConfigError
from sparkscale.maps import Affine
from sparkscale.maps.normal import normal_quantile
from sparkscale.scalers.base import Scaler
from sparkscale.scalers.fields import Rule
from sparkscale.scalers.learning import sketch_of
from sparkscale.stats.column import ColumnStats

_PERCENTS = Rule(
    "two percentages [low, high], 0 <= low < high <= 100",
    lambda ends: 0 <= ends[0] < ends[1] <= 100,  # noqa: PLR2004 - percent
)


class Robust(Scaler, kind="robust"):
    """``(x - median) / (q_high - q_low)``, with quantiles interpolated linearly as NumPy and scikit-learn do.

    The quantiles come from a KLL sketch. Up to 1,024 values the sketch holds all of them and the quantiles are
    exact; beyond, their ranks are within 0.27 % (see :meth:`sparkscale.stats.quantiles.QuantileSketch.quantiles`).

    Attributes:
        quantile_range: two percentages, whose quantiles are the ends of the scale.
        with_centering: whether the median is subtracted.
        with_scaling: whether it is divided by the scale.
        unit_variance: multiplies by the scale of a standard normal distribution, 1.349 for (25, 75), so that normal
            data gets a variance of 1, as in scikit-learn.

    >>> Robust("x").solve(ColumnStats.of([1.0, 2.0, 3.0], quantiles=True)).formula
    '(x - 2.0) / 1.0'
    """

    formula = "(x - median) / (q_high - q_low)"
    needs_quantiles: ClassVar[bool] = True

    quantile_range: Annotated[tuple[float, float], _PERCENTS] = (25.0, 75.0)
    with_centering: bool = True
    with_scaling: bool = True
    unit_variance: bool = False

    def validate(self) -> None:
        """Check that a normal distribution has the scale that ``unit_variance`` asks for."""
        if self.unit_variance and not 0 < self._normal_scale < math.inf:
            low, high = self.quantile_range
            cause = f"unit_variance: expected a quantile_range above 0 and below 100, found [{low:g}, {high:g}]"
            raise ConfigError("CONFIG_VALUE", cause, "a normal distribution has no quantiles at 0 and 100 percent")

    def solve(self, stats: ColumnStats) -> Affine:
        """Return the robust map."""
        q_low, q_high = self._ranks
        low, median, high = sketch_of(stats, self.kind).quantiles([q_low, 0.5, q_high])
        low, high = (low, high) if self.with_scaling else (0.0, 1.0)
        gain = self._normal_scale if self.with_scaling and self.unit_variance else 1.0
        return Affine.spanning(low, high, center=median if self.with_centering else 0.0, onto=(0.0, gain))

    @property
    def _ranks(self) -> tuple[float, float]:
        low, high = self.quantile_range
        return low / 100, high / 100

    @property
    def _normal_scale(self) -> float:
        """What a standard normal distribution has between the two quantiles."""
        low, high = self._ranks
        return float(np.diff(normal_quantile(np.array([low, high])))[0]) if low > 0 and high < 1 else math.inf
