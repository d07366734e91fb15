"""Scaling by the largest magnitude."""

from __future__ import annotations

from sparkscale.maps import Affine, nonzero
from sparkscale.scalers.base import Scaler
from sparkscale.stats.column import ColumnStats


class MaxAbs(Scaler, kind="maxabs"):
    """``x / max(|x|)``: into [-1, 1]; 0 stays 0.

    Attributes:
        clip: whether values beyond the largest magnitude give -1 or 1.
    """

    formula = "x / max(|x|)"

    clip: bool = False

    def solve(self, stats: ColumnStats) -> Affine:
        """Return the max-abs map."""
        scale = nonzero(max(abs(stats.min), abs(stats.max)))
        return Affine(scale=scale, clip=(-1.0, 1.0) if self.clip else None)
