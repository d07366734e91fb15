"""The rank of a value among knots, or the normal score of that rank: a monotone, piecewise-linear map and its inverse.

It has no native form. A search in a thousand knots was tried as Spark expressions: see
``docs/design/007-quantiles-without-native.md``.
"""

from __future__ import annotations

import base64
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np

from sparkscale.maps.base import ColumnMap, Floats
from sparkscale.maps.extent import Extent
from sparkscale.maps.normal import normal_quantile, share_below
from sparkscale.stats.quantiles import between

#: The ranks of the least and greatest normal score, those of scikit-learn's QuantileTransformer.
_LEAST = 1e-7 - sys.float_info.epsilon
_ENDS = np.array([_LEAST, 1 - _LEAST])
_SCORES = normal_quantile(_ENDS)

_DOUBLE = "<f8"


@dataclass(frozen=True)
class Piecewise(ColumnMap, kind="piecewise"):
    """``interp(x, knots, ranks)``: the knots are quantiles of evenly spaced ranks, from 0 to 1.

    Between two knots it is linear. A value that several knots share has the middle of their ranks, but the first knot
    has 0 and the last 1; a constant has 0. Below and above the knots, infinities included, it gives 0 and 1. NaN
    gives NaN.

    Attributes:
        knots: in the unit of ``x``, two or more, ascending; some may be equal. As base64 of little-endian doubles: a
            thousand numbers a column would make a JSON document large and slow to read.
        output: ``uniform`` gives the rank; ``normal`` the standard normal quantile of it, from -5.19934 to 5.19934.
    """

    ulps: ClassVar[float] = 8.0
    increasing: ClassVar[bool] = True

    knots: str
    output: Literal["uniform", "normal"] = "uniform"

    @classmethod
    def through(cls, knots: Sequence[float], output: Literal["uniform", "normal"] = "uniform") -> Piecewise:
        """Return the map of these knots."""
        return cls(base64.b64encode(np.asarray(knots, _DOUBLE).tobytes()).decode("ascii"), output)

    def __post_init__(self) -> None:
        """Refuse knots that are too few, not finite or not ascending, and an unknown output."""
        knots = self.values
        if knots.size < 2 or not np.isfinite(knots).all() or (knots[1:] < knots[:-1]).any():  # noqa: PLR2004 - two
            raise ValueError(f"expected two or more finite knots, ascending, found {knots}")
        if self.output not in ("uniform", "normal"):
            raise ValueError(f"expected output: uniform|normal, found {self.output!r}")

    @cached_property
    def values(self) -> Floats:
        """The knots as numbers."""
        return np.frombuffer(base64.b64decode(self.knots, validate=True), _DOUBLE)

    @property
    def lossless(self) -> bool:
        """Whether the inverse gives back what went in: not what was beyond the knots."""
        return False

    @property
    def extent(self) -> Extent:
        """What is beyond the knots is clipped."""
        return Extent(whole=(float(self.values[0]), float(self.values[-1])))

    def forward(self, x: Floats) -> Floats:
        """Return the rank of values, or its normal score."""
        rank = self._rank(x)
        return rank if self.output == "uniform" else normal_quantile(np.clip(rank, *_ENDS))

    def inverse(self, y: Floats) -> Floats:
        """Return the values of these ranks or scores; beyond the ends, the first and the last knot."""
        rank = np.clip(y if self.output == "uniform" else _rank_of_score(y), 0.0, 1.0)
        knots, ranks = self.values, self._ranks
        below = np.clip(np.searchsorted(ranks, rank, side="right") - 1, 0, knots.size - 2)
        share = (rank - ranks[below]) / (ranks[below + 1] - ranks[below])
        return between(knots[below], knots[below + 1], share)

    @property
    def formula(self) -> str:
        """The map as a formula for people."""
        low, high = self.values[[0, -1]].tolist()
        rank = f"rank(x) among {self.values.size} knots from {low!r} to {high!r}"
        return rank if self.output == "uniform" else f"normal score of {rank}"

    def _rank(self, x: Floats) -> Floats:
        knots, first, last = self._steps
        below = np.clip(np.searchsorted(knots, x, side="right") - 1, 0, knots.size - 1)
        above = np.minimum(below + 1, knots.size - 1)
        with np.errstate(all="ignore"):  # at the ends there is no other knot, and what this gives is not used
            rank = last[below] + _share(knots[below], x, knots[above]) * (first[above] - last[below])
        rank = np.where(x == knots[below], (first[below] + last[below]) / 2, rank)
        rank = np.where(x >= knots[-1], 1.0, rank)
        return np.where(x <= knots[0], 0.0, rank)

    @cached_property
    def _ranks(self) -> Floats:
        return np.arange(self.values.size) / (self.values.size - 1)

    @cached_property
    def _steps(self) -> tuple[Floats, Floats, Floats]:
        """Different knots, ascending, and the rank of the first and of the last of each."""
        knots, first, count = np.unique(self.values, return_index=True, return_counts=True)
        return knots, self._ranks[first], self._ranks[first + count - 1]


def _share(low: Floats, x: Floats, high: Floats) -> Floats:
    """Return how far ``x`` is from ``low`` to ``high``; by halves where their difference overflows."""
    whole = (x - low) / (high - low)
    return np.where(np.isinf(high - low), (x / 2 - low / 2) / (high / 2 - low / 2), whole)


def _rank_of_score(y: Floats) -> Floats:
    rank = share_below(y)
    rank = np.where(y <= _SCORES[0], 0.0, rank)
    return np.where(y >= _SCORES[1], 1.0, rank)
