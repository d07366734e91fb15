"""A scaler that is no part of sparkscale: one class, as a user would write it."""

from __future__ import annotations

from typing import Annotated, Literal

from sparkscale.errors import ConfigError
from sparkscale.maps import Affine, nonzero
from sparkscale.scalers.base import Scaler
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
