"""What every drift measure is, and their registry.

A new measure is one class in a file of this folder::

    class RangeRatio(Measure, name="range_ratio", needs="values", warn=1.5, error=3.0):
        \"\"\"``range / range0``, compared as max(r, 1/r).\"\"\"

        def measure(self, pair: Pair) -> Measured:
            ...
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

from sparkscale.monitor.pair import Pair

REGISTRY: dict[str, Measure] = {}
#: What a measure is of: shares of all rows, moments of the finite values, or their distribution.
Needs = Literal["rows", "values", "sketch"]


@dataclass(frozen=True)
class Measured:
    """What a measure found.

    Attributes:
        value: the measure; None where it is undefined.
        compared: the number that thresholds are compared with: the magnitude of the value, less what sketches and
            chance can make of it. Infinite where any threshold is exceeded.
        bound: how far the value may be from that of the raw data, by the errors of the sketches.
        most: the gravest verdict that this can be.
    """

    value: float | None
    compared: float
    bound: float = 0.0
    most: Literal["warn", "error"] = "error"


class Measure(ABC):
    """A drift measure: its name, what it needs, and its default thresholds (None: off)."""

    name: ClassVar[str]
    needs: ClassVar[Needs]
    warn: ClassVar[float | None]
    error: ClassVar[float | None]

    def __init_subclass__(
        cls, *, name: str, needs: Needs, warn: float | None = None, error: float | None = None
    ) -> None:
        """Register the measure under its name."""
        super().__init_subclass__()
        if name in REGISTRY:
            found = f"{type(REGISTRY[name]).__qualname__} and {cls.__qualname__}"
            raise TypeError(f"drift measure {name!r} is defined twice, by {found}")
        cls.name, cls.needs, cls.warn, cls.error = name, needs, warn, error
        REGISTRY[name] = cls()

    @abstractmethod
    def measure(self, pair: Pair) -> Measured:
        """Return the measure of a feature and its baseline. Both sides have what the measure needs."""


UNDEFINED = Measured(None, math.nan)


def ratio(value: float) -> float:
    """Return what a ratio is compared by: ``max(r, 1/r)``."""
    return max(value, 1 / value) if value else math.inf
