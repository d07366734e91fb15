"""Scaling the scores of a row to a norm of 1."""

from __future__ import annotations

from typing import Literal

from sparkscale.maps import UnitNormMap
from sparkscale.scalers.base import RowStep


class UnitNorm(RowStep, kind="unit_norm"):
    """``x / norm(x)`` by row: scores of norm 1.

    Attributes:
        norm: l1 (the sum of magnitudes), l2 (Euclidean) or max (the largest magnitude).
    """

    formula = "x / norm(x)"

    norm: Literal["l1", "l2", "max"] = "l2"

    def solve_row(self) -> UnitNormMap:
        """Return the unit-norm map."""
        return UnitNormMap(nonfinite=self.nonfinite, norm=self.norm)
