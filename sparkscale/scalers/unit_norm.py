"""Scaling the scores of a row to a norm of 1."""

from __future__ import annotations

from typing import Annotated, Literal

from sparkscale.maps import UnitNormMap
from sparkscale.scalers.base import RowStep
from sparkscale.scalers.word_or_number import WordOrNumber

_NAMES = ("l1", "l2", "max")


class UnitNorm(RowStep, kind="unit_norm"):
    """``x / norm(x)`` by row: scores of norm 1.

    Attributes:
        norm: ``l1``, the sum of magnitudes; ``l2``, Euclidean; ``max``, the largest magnitude; or a number p >= 1 for
            the p-norm ``sum(abs(x)**p)**(1/p)``.

    >>> UnitNorm(["x", "y"], norm=3).solve_row().formula
    'x / norm(x, 3.0)'
    """

    formula = "x / norm(x)"

    norm: Annotated[Literal["l1", "l2", "max"] | float, WordOrNumber(_NAMES, least=1)] = "l2"

    def solve_row(self) -> UnitNormMap:
        """Return the unit-norm map."""
        return UnitNormMap(nonfinite=self.nonfinite, norm=self.norm)
