"""Holding values within limits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sparkscale.maps.base import ColumnMap, Floats, is_number
from sparkscale.maps.extent import Extent
from sparkscale.stats.column import ColumnStats


@dataclass(frozen=True)
class Limit(ColumnMap, kind="limit"):
    """``min(max(x, low), high)``; without a limit at an end that is null. NaN stays, an infinity goes to the end.

    Attributes:
        low, high: the limits; null for none. At least one is a number.
    """

    ulps: ClassVar[float] = 0.0
    increasing: ClassVar[bool] = True

    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        """Refuse limits that are none, or no numbers."""
        ends = [end for end in (self.low, self.high) if end is not None]
        if not ends or not all(map(is_number, ends)) or ends != sorted(ends):
            raise ValueError(f"expected limits low <= high, at least one of them, found {self}")

    @property
    def lossless(self) -> bool:
        """Whether the inverse gives back what went in: not what was beyond the limits."""
        return False

    @property
    def extent(self) -> Extent:
        """What is beyond the limits is clipped."""
        return Extent(whole=(-math.inf if self.low is None else self.low, math.inf if self.high is None else self.high))

    def forward(self, x: Floats) -> Floats:
        """Hold values within the limits."""
        return np.clip(x, self.low, self.high)

    def inverse(self, y: Floats) -> Floats:
        """Give back the same: what was beyond the limits is not known any more."""
        return y

    def after(self, stats: ColumnStats) -> ColumnStats | None:
        """Return the same statistics where nothing is beyond the limits."""
        low, high = -np.inf if self.low is None else self.low, np.inf if self.high is None else self.high
        inside = not stats.finite or low <= stats.min <= stats.max <= high
        cut = (stats.neginf and self.low is not None) or (stats.posinf and self.high is not None)
        return stats if inside and not cut else None

    @property
    def formula(self) -> str:
        """The map as a formula for people."""
        if self.low is None:
            return f"min(x, {self.high!r})"
        return f"max(x, {self.low!r})" if self.high is None else f"clip(x, {self.low!r}, {self.high!r})"
