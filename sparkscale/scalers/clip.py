"""Holding values within limits that are given, or between two quantiles (winsorizing)."""

from __future__ import annotations

from typing import Annotated

from sparkscale.errors import ConfigError
from sparkscale.maps import Limit
from sparkscale.scalers.base import Scaler
from sparkscale.scalers.fields import Rule
from sparkscale.scalers.learning import sketch_of
from sparkscale.stats.column import ColumnStats

_LIMITS = Rule(
    "two limits [low, high], low <= high, at most one of them null",
    lambda ends: any(end is not None for end in ends) and (None in ends or ends[0] <= ends[1]),
)
_PERCENTS = Rule(
    "two percentages [low, high], 0 <= low < high <= 100",
    lambda ends: 0 <= ends[0] < ends[1] <= 100,  # noqa: PLR2004 - percent
)


class Clip(Scaler, kind="clip"):
    """``min(max(x, low), high)``: NaN stays NaN, infinities go to the end.

    Attributes:
        limits: low and high in the column's unit; null for no limit at that end.
        quantiles: instead of limits, two percentages whose quantiles are the limits (winsorizing), such as [1, 99].
            They come from a quantile sketch, exact up to 1,024 values and within 0.27 % of rank beyond.

    >>> Clip("x", limits=(0, None)).solve(ColumnStats.of([1.0])).formula
    'max(x, 0.0)'
    """

    formula = "min(max(x, low), high)"

    limits: Annotated[tuple[float | None, float | None], _LIMITS] | None = None
    quantiles: Annotated[tuple[float, float], _PERCENTS] | None = None

    def validate(self) -> None:
        """Check that one of limits and quantiles is given."""
        if (self.limits is None) == (self.quantiles is None):
            found = "none" if self.limits is None else "both"
            raise ConfigError("CONFIG_VALUE", f"clip: expected limits or quantiles, found {found}", "set one of them")

    @property
    def needs_quantiles(self) -> bool:  # type: ignore[override]  # of other scalers a constant
        """Whether the limits are quantiles."""
        return self.quantiles is not None

    @property
    def needs_stats(self) -> bool:
        """Whether the limits are quantiles."""
        return self.quantiles is not None

    def solve(self, stats: ColumnStats) -> Limit:
        """Return the limiting map."""
        if self.quantiles is None:
            assert self.limits is not None  # noqa: S101 - one of them is
            return Limit(*self.limits)
        low, high = sketch_of(stats, self.kind).quantiles([percent / 100 for percent in self.quantiles])
        return Limit(low, high)
