"""The map of a column that had no numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sparkscale.maps.base import Bools, ColumnMap, Floats
from sparkscale.maps.extent import NONE, Extent
from sparkscale.stats.column import ColumnStats


@dataclass(frozen=True)
class Undefined(ColumnMap, kind="undefined"):
    """The map of a column that had no finite value when it was fitted, and ``empty: null``: all null."""

    total: ClassVar[bool] = False
    increasing: ClassVar[bool] = True

    @property
    def lossless(self) -> bool:
        """Whether the inverse gives back what went in: nothing does."""
        return False

    @property
    def extent(self) -> Extent:
        """Nothing is defined."""
        return Extent(defined=NONE)

    def after(self, stats: ColumnStats) -> ColumnStats:
        """Return statistics of nulls."""
        return stats.emptied()

    def forward(self, x: Floats) -> Floats:
        """Give NaN for everything; :meth:`apply` makes it null."""
        return np.full_like(x, np.nan)

    def inverse(self, y: Floats) -> Floats:
        """Give NaN for everything; :meth:`unapply` makes it null."""
        return self.forward(y)

    def apply(self, x: Floats, null: Bools) -> tuple[Floats, Bools]:
        """Give null for everything."""
        return np.full_like(x, np.nan), np.ones_like(null)

    def unapply(self, y: Floats, null: Bools) -> tuple[Floats, Bools]:
        """Give null for everything."""
        return self.apply(y, null)

    @property
    def formula(self) -> str:
        """The map as a formula for people."""
        return "null"
