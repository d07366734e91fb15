"""Logarithms that are at home near zero: log1p for what is above -1; asinh and the signed log1p for every number."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from sparkscale.errors import DataError, counted
from sparkscale.maps.base import Bools, ColumnMap, Floats
from sparkscale.maps.extent import Extent


@dataclass(frozen=True)
class Log1pMap(ColumnMap, kind="log1p"):
    """``log(1 + x)`` of ``x > -1``; below, ``undefined`` says what it gives.

    Attributes:
        undefined: ``error`` or ``null``.
    """

    total: ClassVar[bool] = False
    ulps: ClassVar[float] = 8.0
    increasing: ClassVar[bool] = True

    undefined: Literal["error", "null"] = "error"

    def __post_init__(self) -> None:
        """Refuse an unknown policy."""
        if self.undefined not in ("error", "null"):
            raise ValueError(f"expected undefined: error|null, found {self.undefined!r}")

    @property
    def lossless(self) -> bool:
        """Whether the inverse gives back what went in: not what has no logarithm, and gave null."""
        return self.undefined == "error"

    @property
    def extent(self) -> Extent:
        """It is defined above -1."""
        return Extent(defined=(math.nextafter(-1.0, 0.0), math.inf))

    def forward(self, x: Floats) -> Floats:
        """Map values; NaN where there is no logarithm."""
        with np.errstate(all="ignore"):
            return np.where(x > -1, np.log1p(x), np.nan)

    def inverse(self, y: Floats) -> Floats:
        """Return ``exp(y) - 1``."""
        with np.errstate(over="ignore"):
            return np.expm1(y)

    def apply(self, x: Floats, null: Bools) -> tuple[Floats, Bools]:
        """Map the one cell of each row; raise :class:`DataError` where that is asked for."""
        undefined = (x <= -1) & ~null
        if self.undefined == "error" and undefined.any():
            others = counted(int(np.count_nonzero(undefined)), "value")
            cause = f"log1p: expected values above -1 (undefined: error), found {others} of -1 or less"
            raise DataError("DATA_UNDEFINED", cause, "fix the data, or set undefined: null")
        return self.forward(x), null | undefined

    @property
    def formula(self) -> str:
        """The map as a formula for people."""
        return "log1p(x)"


@dataclass(frozen=True)
class AsinhMap(ColumnMap, kind="asinh"):
    """``log(x + sqrt(x**2 + 1))``: near zero the value itself, far from it a logarithm with the value's sign."""

    ulps: ClassVar[float] = 16.0
    increasing: ClassVar[bool] = True

    def forward(self, x: Floats) -> Floats:
        """Map values."""
        return np.arcsinh(x)

    def inverse(self, y: Floats) -> Floats:
        """Return ``sinh(y)``."""
        with np.errstate(over="ignore"):
            return np.sinh(y)

    @property
    def formula(self) -> str:
        """The map as a formula for people."""
        return "asinh(x)"


@dataclass(frozen=True)
class SignedLogMap(ColumnMap, kind="signed_log"):
    """``sign(x) * log(1 + |x|)``."""

    increasing: ClassVar[bool] = True

    def forward(self, x: Floats) -> Floats:
        """Map values."""
        return np.copysign(np.log1p(np.abs(x)), x)

    def inverse(self, y: Floats) -> Floats:
        """Return ``sign(y) * (exp(|y|) - 1)``."""
        with np.errstate(over="ignore"):
            return np.copysign(np.expm1(np.abs(y)), y)

    @property
    def formula(self) -> str:
        """The map as a formula for people."""
        return "sign(x) * log1p(|x|)"
