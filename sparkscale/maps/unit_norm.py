"""Unit norms of the scores of a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from sparkscale.maps.base import Bools, Floats, RowMap


@dataclass(frozen=True)
class UnitNormMap(RowMap, kind="unit_norm"):
    """``x / norm(x)`` by row: l1 (sum of magnitudes), l2 (Euclidean), max (largest magnitude), or a number p.

    The p-norm is ``sum(abs(x)**p)**(1/p)``, p >= 1. The largest magnitude is divided out first, so that no power over-
    or underflows to its harm. A row of
    zeros stays zeros, as in scikit-learn. A NaN makes the row NaN, a null makes it null. At
    infinity the limit applies: infinities share the norm with their signs, the rest is 0.

    Attributes:
        norm: which norm of the row becomes 1.
    """

    norm: Literal["l1", "l2", "max"] | float = "l2"

    def __post_init__(self) -> None:
        """Refuse an unknown norm."""
        super().__post_init__()
        power = isinstance(self.norm, float) and 1 <= self.norm < np.inf
        if self.norm not in ("l1", "l2", "max") and not power:
            raise ValueError(f"expected norm: l1|l2|max or a number >= 1, found {self.norm!r}")

    def forward(self, x: Floats, null: Bools) -> tuple[Floats, Bools]:
        """Map scores ``(rows, k)``; see :class:`RowMap`."""
        self._refuse_nonfinite(x, null)
        null = null | null.any(axis=1, keepdims=True)
        if x.shape[1] == 0:
            return x, null
        x = np.where(null, 0.0, x)  # a row with a null is not divided, and its squares could overflow
        top = np.abs(x).max(axis=1, keepdims=True)
        with np.errstate(all="ignore"):
            unit = np.where(top == np.inf, np.where(np.isinf(x), np.sign(x), 0.0), x / top)
            return np.where(top == 0, x, unit / self._size(unit)), null

    def _size(self, unit: Floats) -> Floats | float:
        if self.norm == "max":
            return 1.0
        if self.norm == "l1":
            return np.asarray(np.abs(unit).sum(axis=1, keepdims=True))
        if self.norm == "l2":
            return np.asarray(np.sqrt(np.square(unit).sum(axis=1, keepdims=True)))
        power = float(self.norm)
        return np.asarray((np.abs(unit) ** power).sum(axis=1, keepdims=True) ** (1 / power))

    @property
    def formula(self) -> str:
        """The map as a formula for people."""
        return f"x / {self.norm}(x)" if isinstance(self.norm, str) else f"x / norm(x, {self.norm!r})"
