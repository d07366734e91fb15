"""Scaling onto a range."""

from __future__ import annotations

from typing import Annotated

from sparkscale.maps import Affine
from sparkscale.scalers.base import Scaler
from sparkscale.scalers.fields import Rule
from sparkscale.stats.column import ColumnStats

_RANGE = Rule("two finite numbers [low, high], low < high", lambda ends: ends[0] < ends[1])


class MinMax(Scaler, kind="minmax"):
    """``(x - min) / (max - min) * (b - a) + a`` for the range ``[a, b]``; min and max map onto a and b exactly.

    Attributes:
        range: the ends [a, b].
        clip: whether values beyond the fitted min and max give the ends.

    >>> import numpy as np
    >>> MinMax("x").solve(ColumnStats.of([10, 20, 30, 40])).forward(np.array([10.0, 20.0, 30.0, 40.0]))
    array([0.        , 0.33333333, 0.66666667, 1.        ])
    """

    formula = "(x - min) / (max - min) * (b - a) + a"

    range: Annotated[tuple[float, float], _RANGE] = (0.0, 1.0)
    clip: bool = False

    def solve(self, stats: ColumnStats) -> Affine:
        """Return the min-max map."""
        clip = self.range if self.clip else None
        return Affine.spanning(stats.min, stats.max, center=stats.min, onto=self.range, clip=clip)
