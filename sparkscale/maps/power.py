"""Power maps: Box-Cox and Yeo-Johnson.

Both are ``expm1(exponent * u) / exponent`` of a logarithm ``u``, and ``u`` itself where the exponent is 0. A map has a
*center*: ``u`` is ``log(x / center)`` for Box-Cox, and ``log((1 + x) / (1 + center))`` for Yeo-Johnson. The result is
the usual map times a positive factor plus a constant, and a z-score behind it takes both away. A center near the values
keeps their digits: the usual map of ``1e6 + 1`` with the exponent -20 is ``(1e-120 - 1) / -20``, and 1e-120 is lost.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from sparkscale.errors import DataError, counted
from sparkscale.maps.base import TINY, Bools, ColumnMap, Floats, is_number
from sparkscale.maps.extent import Extent
from sparkscale.stats.column import EPS

#: expm1(t) and log1p(t) of a smaller t are t, to the last place.
FLAT = 2.0**-54
#: Units in the last place by which two implementations of log1p, or of expm1, may differ.
_ULPS = 4.0
#: The logarithm of the largest factor by which a center may stretch a map.
_STRETCH = 700.0


@dataclass(frozen=True)
class Ratio:
    """``log((shift + x) / (shift + center))`` of ``x >= 0``, to all digits also near the center."""

    center: float
    shift: float

    @property
    def base(self) -> float:
        """The denominator."""
        return self.shift + self.center

    @property
    def log(self) -> float:
        """The logarithm of the denominator."""
        return math.log1p(self.center) if self.shift else math.log(self.center)

    @property
    def plain(self) -> bool:
        """Whether the denominator is 1."""
        return self.log == 0

    def of(self, x: Floats) -> Floats:
        """Return the logarithm."""
        whole = np.log1p(x) if self.shift else np.log(x)
        if self.plain:
            return whole
        apart = x - self.center
        return np.where(self._near(x), np.log1p(apart / self.base), whole - self.log)

    def back(self, u: Floats) -> Floats:
        """Return the value that has this logarithm."""
        near = self.center + self.base * np.expm1(u)
        return np.where(u >= -0.5, near, self.base * np.exp(u) - self.shift)  # noqa: PLR2004 - as in `_near`

    def error(self, x: Floats, u: Floats) -> Floats:
        """Return by how much two implementations of the logarithm may differ."""
        size = np.abs(u) if self.plain else np.where(self._near(x), np.abs(u), np.abs(u) + 2 * abs(self.log))
        return _ULPS * EPS * size

    def _near(self, x: Floats) -> Bools:
        near: Bools = np.abs(x - self.center) <= self.base / 2
        return near


def power(u: Floats, exponent: float) -> Floats:
    """Return ``expm1(exponent * u) / exponent``; ``u`` for the exponent 0."""
    t = exponent * u
    return np.where(np.abs(t) < FLAT, u, np.expm1(t) / exponent) if exponent else u


def root(y: Floats, exponent: float) -> Floats:
    """Return the inverse of :func:`power`, ``log1p(exponent * y) / exponent``; NaN where power gives no such number."""
    t = exponent * y
    return np.where(np.abs(t) < FLAT, y, np.log1p(t) / exponent) if exponent else y


@dataclass(frozen=True)
class BoxCoxMap(ColumnMap, kind="box_cox"):
    """``((x / center)**exponent - 1) / exponent`` of ``x > 0``; ``log(x / center)`` where the exponent is 0.

    Attributes:
        exponent: usually called lambda.
        center: positive; 1 gives the map of Box and Cox.
        undefined: what a value of 0 or less gives: an error, or null.

    An infinity gives itself. The inverse of a number that no ``x`` gives is NaN, as in scikit-learn.
    """

    total: ClassVar[bool] = False
    ulps: ClassVar[float] = 8.0
    increasing: ClassVar[bool] = True

    exponent: float
    center: float = 1.0
    undefined: Literal["error", "null"] = "error"

    def __post_init__(self) -> None:
        """Refuse values that make no such map."""
        if not is_number(self.exponent) or not is_number(self.center) or self.center <= 0:
            raise ValueError(f"expected a finite exponent and a center above 0, found {self}")
        if self.undefined not in ("error", "null"):
            raise ValueError(f"expected undefined: error|null, found {self.undefined!r}")

    @property
    def lossless(self) -> bool:
        """Whether the inverse gives back what went in: not what is undefined, and gave null."""
        return self.undefined == "error"

    @property
    def extent(self) -> Extent:
        """It is defined above 0."""
        return Extent(defined=(TINY, math.inf))

    @property
    def ratio(self) -> Ratio:
        """The logarithm that is raised to a power."""
        return Ratio(self.center, 0.0)

    def forward(self, x: Floats) -> Floats:
        """Map values; NaN where the map is undefined."""
        with np.errstate(all="ignore"):
            y = x - 1.0 if self.exponent == self.center == 1 else power(self.ratio.of(x), self.exponent)
            return np.where(x > 0, np.where(np.isinf(x), x, y), np.nan)

    def inverse(self, y: Floats) -> Floats:
        """Map values back."""
        with np.errstate(all="ignore"):
            return np.where(np.isposinf(y), y, self.ratio.back(root(y, self.exponent)))

    def apply(self, x: Floats, null: Bools) -> tuple[Floats, Bools]:
        """Map the one cell of each row; raise :class:`DataError` where that is asked for."""
        undefined = (x <= 0) & ~null
        if self.undefined == "error" and undefined.any():
            others = counted(int(np.count_nonzero(undefined)), "value")
            cause = f"box_cox: expected values above 0 (undefined: error), found {others} of 0 or less"
            raise DataError("DATA_UNDEFINED", cause, "fix the data, use yeo_johnson, or set undefined: null")
        return self.forward(x), null | undefined

    def slack(self, x: Floats, null: Bools) -> Floats:  # noqa: ARG002 - null cells are not compared
        """Return what a difference of the logarithm becomes: as many times as large as the power is steep."""
        with np.errstate(all="ignore"):
            u = self.ratio.of(x)
            return np.nan_to_num(np.exp(self.exponent * u) * self.ratio.error(x, u), posinf=0.0)

    @property
    def formula(self) -> str:
        """The map as a formula for people."""
        return f"box_cox(x{'' if self.center == 1 else f' / {self.center!r}'}, {self.exponent!r})"


@dataclass(frozen=True)
class YeoJohnsonMap(ColumnMap, kind="yeo_johnson"):
    """``((1 + x)**exponent - 1) / exponent`` of ``x >= 0``; its mirror image below, with the exponent ``2 - exponent``.

    Attributes:
        exponent: usually called lambda. 1 gives the value itself.
        center: 0 gives the map of Yeo and Johnson. Another one divides ``1 + x`` by ``1 + center`` (below 0: ``1 - x``
            by ``1 - center``), and shifts and stretches the other side so that the map stays smooth.

    An infinity gives itself. The inverse of a number that no ``x`` gives is NaN, as in scikit-learn.
    """

    ulps: ClassVar[float] = 8.0
    increasing: ClassVar[bool] = True

    exponent: float
    center: float = 0.0

    def __post_init__(self) -> None:
        """Refuse values that make no such map."""
        if not is_number(self.exponent) or not is_number(self.center):
            raise ValueError(f"expected a finite exponent and center, found {self}")
        exponent = self.exponent if self.center >= 0 else 2.0 - self.exponent
        if not abs(exponent * math.log1p(abs(self.center))) <= _STRETCH:
            raise ValueError(f"expected a center whose power is a number, found {self}")

    @property
    def ratio(self) -> Ratio:
        """The logarithm that is raised to a power, of ``x >= 0``."""
        return Ratio(self.center, 1.0)

    @property
    def identity(self) -> bool:
        """Whether each value gives itself."""
        return self.exponent == 1 and self.center == 0

    @property
    def mirrored(self) -> YeoJohnsonMap:
        """The map ``-f(-x)``."""
        return YeoJohnsonMap(2.0 - self.exponent, -self.center)

    @property
    def zero(self) -> float:
        """What 0 gives."""
        return float(power(np.float64(-self.ratio.log), self.exponent))  # type: ignore[arg-type]

    @property
    def factor(self) -> float:
        """What the center multiplies the map by."""
        return math.exp(-self.exponent * self.ratio.log)

    def forward(self, x: Floats) -> Floats:
        """Map values."""
        if self.identity:
            return x
        if self.center < 0:
            return -self.mirrored.forward(-x)
        with np.errstate(all="ignore"):
            above = power(self.ratio.of(np.maximum(x, 0.0)), self.exponent)
            below = self.zero - self.factor * power(np.log1p(-np.minimum(x, 0.0)), 2.0 - self.exponent)
            return np.where(np.isinf(x), x, np.where(x >= 0, above, below))

    def inverse(self, y: Floats) -> Floats:
        """Map values back."""
        if self.identity:
            return y
        if self.center < 0:
            return -self.mirrored.inverse(-y)
        with np.errstate(all="ignore"):
            above = self.ratio.back(root(y, self.exponent))
            below = -np.expm1(root((self.zero - y) / self.factor, 2.0 - self.exponent))
            return np.where(np.isinf(y), y, np.where(y >= self.zero, above, below))

    def slack(self, x: Floats, null: Bools) -> Floats:
        """Return what a difference of the logarithm becomes: as many times as large as the power is steep."""
        if self.identity:
            return np.zeros_like(x)
        if self.center < 0:
            return self.mirrored.slack(-x, null)
        with np.errstate(all="ignore"):
            u, v = self.ratio.of(np.maximum(x, 0.0)), np.log1p(-np.minimum(x, 0.0))
            above = np.exp(self.exponent * u) * self.ratio.error(x, u)
            steep = np.exp((2.0 - self.exponent) * v) * v + np.abs(power(v, 2.0 - self.exponent))
            below = 2 * _ULPS * EPS * (abs(self.zero) + self.factor * steep)
            return np.nan_to_num(np.where(x >= 0, above, below), posinf=0.0)

    @property
    def formula(self) -> str:
        """The map as a formula for people."""
        return f"yeo_johnson(x, {self.exponent!r}{f', center {self.center!r}' if self.center else ''})"
