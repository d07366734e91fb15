"""Mean normalization."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sparkscale.maps import Affine
from sparkscale.scalers.base import Scaler
from sparkscale.scalers.standard import remainder
from sparkscale.stats.column import ColumnStats


class MeanNorm(Scaler, kind="mean_norm"):
    """``(x - mean) / (max - min)``: 0 at the mean, with a range of 1.

    Attributes:
        clip: whether values beyond the fitted min and max give what these give.
    """

    formula = "(x - mean) / (max - min)"

    clip: bool = False

    def solve(self, stats: ColumnStats) -> Affine:
        """Return the mean normalization map."""
        plain = Affine.spanning(stats.min, stats.max, center=stats.mean, center_lo=remainder(stats))
        if not self.clip:
            return plain
        low, high = plain.forward(np.array([stats.min, stats.max])).tolist()
        return replace(plain, clip=(low, high))
