"""Scaling the scores of a row to a norm of 1."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from sparkscale.maps import UnitNormMap
from sparkscale.scalers.base import RowStep
from sparkscale.scalers.fields import Choice, Kind, Number, plain_of
from sparkscale.scalers.mismatch import At, Mismatch

_NAMES = ("l1", "l2", "max")


class _Norm(Kind):
    """A norm's name, or the p of a p-norm."""

    def read(self, value: Any, at: At, wrong: list[Mismatch]) -> Any:
        """See :class:`Kind`."""
        plain = plain_of(value)
        if isinstance(plain, str):
            return Choice(_NAMES).read(plain, at, wrong)
        inner: list[Mismatch] = []
        power = Number().read(plain, at, inner)
        if inner or power < 1:
            wrong.append(Mismatch(at, "expected l1, l2, max or a finite number >= 1", plain))
        return power

    def schema(self) -> dict[str, Any]:
        """See :class:`Kind`."""
        return {"anyOf": [{"enum": list(_NAMES)}, {"type": "number", "minimum": 1}]}


class UnitNorm(RowStep, kind="unit_norm"):
    """``x / norm(x)`` by row: scores of norm 1.

    Attributes:
        norm: l1 (the sum of magnitudes), l2 (Euclidean), max (the largest magnitude), or a number p >= 1 for the p-norm
            ``sum(|x|**p)**(1/p)``.

    >>> UnitNorm(["x", "y"], norm=3).solve_row().formula
    'x / norm(x, 3.0)'
    """

    formula = "x / norm(x)"

    norm: Annotated[Literal["l1", "l2", "max"] | float, _Norm()] = "l2"

    def solve_row(self) -> UnitNormMap:
        """Return the unit-norm map."""
        return UnitNormMap(nonfinite=self.nonfinite, norm=self.norm)
