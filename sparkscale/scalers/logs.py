"""Logarithms for columns that span several powers of ten: counts, amounts, durations."""

from __future__ import annotations

from typing import Literal

from sparkscale.errors import DataError, counted
from sparkscale.maps import AsinhMap, Log1pMap
from sparkscale.scalers.base import Scaler
from sparkscale.scalers.learning import Ask, Learning
from sparkscale.stats.column import ColumnStats


class Log1p(Scaler, kind="log1p"):
    """``log(1 + x)``, for x > -1: counts and amounts, zero included.

    Attributes:
        undefined: what a value of -1 or less gives: ``error`` stops the fit with a count of such values, and a
            transform that meets one; ``null`` gives null.

    >>> Log1p("x").solve(ColumnStats.of([0.0, 9.0])).formula
    'log1p(x)'
    """

    formula = "log(1 + x)"

    undefined: Literal["error", "null"] = "error"

    @property
    def needs_stats(self) -> bool:
        """Whether the values have to be checked."""
        return self.undefined == "error"

    def solve(self, stats: ColumnStats) -> Log1pMap:  # noqa: ARG002 - of any column
        """Return the logarithm."""
        return Log1pMap(self.undefined)

    def learn(self, stats: ColumnStats) -> Learning:
        """Return the logarithm, once no value is outside its domain; else count them and raise DataError."""
        if self.undefined == "error" and (stats.min <= -1 or stats.neginf):
            (behind,) = yield [Ask(Log1pMap("null"))]
            others = counted(behind.nulls - stats.nulls, "value")
            cause = f"expected values above -1 (undefined: error), found {others} of -1 or less"
            raise DataError("DATA_UNDEFINED", cause, "fix the data, use asinh, or set undefined: null")
        return self.solve(stats)


class Asinh(Scaler, kind="asinh"):
    """``log(x + sqrt(x * x + 1))``: a logarithm with the sign of x, defined everywhere; near zero it is x itself.

    >>> Asinh("x").solve(ColumnStats.of([-5.0, 9.0])).formula
    'asinh(x)'
    """

    formula = "log(x + sqrt(x * x + 1))"

    @property
    def needs_stats(self) -> bool:
        """Whether the map depends on the column's statistics: it does not."""
        return False

    def solve(self, stats: ColumnStats) -> AsinhMap:  # noqa: ARG002 - of any column
        """Return the map."""
        return AsinhMap()
