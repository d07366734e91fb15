"""Filling what is missing, and saying where it was."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

import numpy as np

from sparkscale.maps.base import Bools, ColumnMap, Floats
from sparkscale.stats.column import ColumnStats

#: What counts as missing: nulls, NaN, or both.
Missing: TypeAlias = tuple[Literal["null", "nan"], ...]


@dataclass(frozen=True)
class Fill(ColumnMap, kind="fill"):
    """``value`` in place of what is missing; other values stay.

    Attributes:
        value: a finite number.
        missing: what counts as missing: ``null``, ``nan``, or both.
    """

    increasing: ClassVar[bool] = True

    value: float
    missing: Missing = ("null",)

    def __post_init__(self) -> None:
        """Refuse a value that is no number, and what cannot be missing."""
        if isinstance(self.value, bool) or not math.isfinite(self.value):
            raise ValueError(f"expected a finite value, found {self.value!r}")
        _check(self.missing)

    @property
    def lossless(self) -> bool:
        """Whether the inverse gives back what went in: not what was missing."""
        return False

    def forward(self, x: Floats) -> Floats:
        """Fill NaN if it counts as missing."""
        return np.where(np.isnan(x), self.value, x) if "nan" in self.missing else x

    def inverse(self, y: Floats) -> Floats:
        """Give back the same: what was missing is not known any more."""
        return y

    def apply(self, x: Floats, null: Bools) -> tuple[Floats, Bools]:
        """Fill the one cell of each row."""
        y = self.forward(np.where(null, np.nan, x)) if "nan" in self.missing else x
        if "null" not in self.missing:
            return np.where(null, x, y), null
        return np.where(null, self.value, y), np.zeros_like(null)

    def after(self, stats: ColumnStats) -> ColumnStats:
        """Return the statistics with so many values more, and nothing missing."""
        return stats.filled(self.value, [f"{one}s" for one in self.missing])

    @property
    def formula(self) -> str:
        """The map as a formula for people."""
        return f"{self.value!r} where x is {_said(self.missing)}, else x"


@dataclass(frozen=True)
class IsMissing(ColumnMap, kind="is_missing"):
    """1 where a value is missing, 0 elsewhere.

    Attributes:
        missing: what counts as missing: ``null``, ``nan``, or both.
    """

    invertible: ClassVar[bool] = False
    ulps: ClassVar[float] = 0.0

    missing: Missing = ("null",)

    def __post_init__(self) -> None:
        """Refuse what cannot be missing."""
        _check(self.missing)

    def forward(self, x: Floats) -> Floats:
        """Return 1 for NaN if it counts as missing, else 0."""
        return np.isnan(x).astype(np.float64) if "nan" in self.missing else np.zeros_like(x)

    def apply(self, x: Floats, null: Bools) -> tuple[Floats, Bools]:
        """Look at the one cell of each row."""
        of_null = 1.0 if "null" in self.missing else 0.0
        return np.where(null, of_null, self.forward(x)), np.zeros_like(null)

    @property
    def formula(self) -> str:
        """The map as a formula for people."""
        return f"1 where x is {_said(self.missing)}, else 0"


def _check(missing: Sequence[str]) -> None:
    if not missing or not set(missing) <= {"null", "nan"}:
        raise ValueError(f"expected what is missing, null or nan, found {missing!r}")


def _said(missing: Sequence[str]) -> str:
    return " or ".join({"null": "null", "nan": "NaN"}[one] for one in missing)
