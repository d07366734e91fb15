"""Scaling by quantiles, which outliers hardly move."""

from __future__ import annotations

from typing import Annotated, ClassVar

from sparkscale.errors import ConfigError
from sparkscale.maps import Affine
from sparkscale.scalers.base import Scaler
from sparkscale.scalers.fields import Rule
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
        quantile_range: the percentages of q_low and q_high.
        with_centering: whether to subtract the median.
        with_scaling: whether to divide by q_high - q_low.

    >>> Robust("x").solve(ColumnStats.of([1.0, 2.0, 3.0], quantiles=True)).formula
    '(x - 2.0) / 1.0'
    """

    formula = "(x - median) / (q_high - q_low)"
    needs_quantiles: ClassVar[bool] = True

    quantile_range: Annotated[tuple[float, float], _PERCENTS] = (25.0, 75.0)
    with_centering: bool = True
    with_scaling: bool = True

    def solve(self, stats: ColumnStats) -> Affine:
        """Return the robust map."""
        if stats.quantiles is None:
            raise ConfigError("STATS_QUANTILES", "robust: expected statistics with a quantile sketch, found none")
        q_low, q_high = (percent / 100 for percent in self.quantile_range)
        low, median, high = stats.quantiles.quantiles([q_low, 0.5, q_high])
        low, high = (low, high) if self.with_scaling else (0.0, 1.0)
        return Affine.spanning(low, high, center=median if self.with_centering else 0.0)
