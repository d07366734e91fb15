"""Scalers and maps that are not part of sparkscale, as a user would write them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

import numpy as np

from sparkscale import maps
from sparkscale.errors import ConfigError
from sparkscale.maps import Affine, nonzero
from sparkscale.maps.base import Bools, Floats
from sparkscale.scalers.base import RowStep, Scaler
from sparkscale.scalers.fields import Rule
from sparkscale.stats.column import ColumnStats

_TIMES = Rule("a finite number >= 1", lambda number: number >= 1, {"minimum": 1})


def define() -> type[Scaler]:
    """Define a scaler of kind ``toy``: it is registered from here on."""

    class Toy(Scaler, kind="toy"):
        """``(x - end) / (times * (max - min))`` from one end of the range."""

        formula = "(x - end) / (times * (max - min))"

        end: Literal["min", "max"] = "min"
        times: Annotated[float, _TIMES] = 1.0
        weights: tuple[float, float] | None = None

        def validate(self) -> None:
            """Check what no field says alone."""
            if self.end == "max" and self.weights:
                raise ConfigError("CONFIG_VALUE", "weights: expected none with end: max, found some")

        def solve(self, stats: ColumnStats) -> Affine:
            """Return the map from one end."""
            center = stats.min if self.end == "min" else stats.max
            return Affine(center=center, scale=nonzero(stats.range) * self.times)

    return Toy


class Maps(NamedTuple):
    """A column map and a row map, and the steps that solve to them."""

    Doubling: type[maps.ColumnMap]
    Centering: type[maps.RowMap]
    Double: type[Scaler]
    Center: type[RowStep]


def define_maps() -> Maps:
    """Define maps of the kinds ``doubling`` and ``centering`` and their steps: they are registered from here on."""

    @dataclass(frozen=True)
    class Doubling(maps.ColumnMap, kind="doubling"):
        """``x * times``."""

        times: float = 2.0

        def forward(self, x: Floats) -> Floats:
            return x * self.times

        def inverse(self, y: Floats) -> Floats:
            return y / self.times

        @property
        def formula(self) -> str:
            return f"x * {self.times!r}"

    @dataclass(frozen=True)
    class Centering(maps.RowMap, kind="centering"):
        """``x - mean(x)`` by row; a row with a null is null."""

        def forward(self, x: Floats, null: Bools) -> tuple[Floats, Bools]:
            null = null | null.any(axis=1, keepdims=True)
            with np.errstate(invalid="ignore"):  # inf - inf
                return (x - x.sum(axis=1, keepdims=True) / x.shape[1] if x.shape[1] else x), null

        @property
        def formula(self) -> str:
            return "x - mean(x)"

    class Double(Scaler, kind="double"):
        formula = "x * 2"

        def solve(self, stats: ColumnStats) -> Doubling:  # noqa: ARG002 - of any column
            return Doubling()

    class Center(RowStep, kind="center"):
        formula = "x - mean(x)"

        def solve_row(self) -> Centering:
            return Centering(self.nonfinite)

    return Maps(Doubling, Centering, Double, Center)
