"""Ranks, or normal scores, in place of values: a column of any shape becomes uniform or normal."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from sparkscale.maps import Piecewise
from sparkscale.scalers.base import Scaler
from sparkscale.scalers.fields import Rule
from sparkscale.scalers.learning import sketch_of
from sparkscale.stats.column import ColumnStats
from sparkscale.stats.quantiles import K

_KNOTS = Rule(f"a whole number from 2 to {K:,}", lambda count: count in range(2, K + 1), {"minimum": 2, "maximum": K})


class Quantile(Scaler, kind="quantile"):
    """``rank(x)``, from 0 to 1, or its normal score: scikit-learn's QuantileTransformer, on a quantile sketch.

    The map is linear between ``knots`` quantiles of evenly spaced ranks (as many as there are values, if they are
    fewer). Ties have the middle of their ranks. Below and above the fitted values, it gives the ends: 0 and 1, or
    -5.19934 and 5.19934 for ``normal``. The inverse gives the fitted minimum and maximum there.

    Up to 1,024 values the sketch holds all of them and the knots are exact. Beyond, a rank is within 0.27 % (the
    sketch's error, with 99 % confidence) plus ``1 / (knots - 1)`` of the exact one.

    Attributes:
        output: ``uniform``, or ``normal`` for the standard normal quantile of the rank.
        knots: 2 to 1,024. More would only store noise: 1,024 hold all values of a sketch that is exact, and are
            closer together than the ranks of a larger one are known.

    >>> import numpy as np
    >>> map_ = Quantile("x").solve(ColumnStats.of([1.0, 10.0, 1000.0], quantiles=True))
    >>> map_.forward(np.array([-5.0, 1.0, 5.5, 10.0, 1e9])).tolist()
    [0.0, 0.0, 0.25, 0.5, 1.0]
    """

    formula = "rank(x)"
    needs_quantiles: ClassVar[bool] = True

    output: Literal["uniform", "normal"] = "uniform"
    knots: Annotated[int, _KNOTS] = 1000

    def solve(self, stats: ColumnStats) -> Piecewise:
        """Return the map onto ranks."""
        count = max(2, min(self.knots, stats.finite))
        return Piecewise.through(sketch_of(stats, self.kind).evenly(count), self.output)
