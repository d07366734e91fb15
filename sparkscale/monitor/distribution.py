"""What a quantile sketch knows of a distribution: shares of values, quantiles, and how far off they may be."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparkscale.stats.quantiles import QuantileSketch, standing_at

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Distribution:
    """The distribution function of a sketched column.

    Attributes:
        values: the retained values, ascending.
        weights: how many values of the data each of them stands for; they add up to ``n``.
        error: the rank error: no share is further than this from the data's (99 % confidence). 0 while the sketch holds
            every value.
        low, high: the least and the largest value of the data.
    """

    values: Floats
    weights: Floats
    error: float
    low: float
    high: float

    @classmethod
    def of(cls, sketch: QuantileSketch, low: float, high: float) -> Distribution:
        """Return the distribution of a sketch that has seen at least one value."""
        return cls(*sketch.retained(), low, high)

    @cached_property
    def _upto(self) -> Floats:
        return np.concatenate([[0.0], np.cumsum(self.weights)])

    @property
    def n(self) -> float:
        """How many values were sketched."""
        return float(self._upto[-1])

    def at_most(self, x: ArrayLike) -> Floats:
        """Return how many values are ``<= x``."""
        found: Floats = self._upto[np.searchsorted(self.values, x, side="right")]
        return found

    def below(self, x: ArrayLike) -> Floats:
        """Return how many values are ``< x``."""
        found: Floats = self._upto[np.searchsorted(self.values, x, side="left")]
        return found

    @cached_property
    def deciles(self) -> Floats:
        """The nine deciles, as NumPy's default method interpolates them."""
        values, places = self.values, self._upto[1:] - (self.weights + 1) / 2
        if self.error:
            values = np.concatenate([[self.low], values, [self.high]])
            places = np.concatenate([[0.0], places, [self.n - 1]])
        return np.asarray(standing_at(np.arange(1, 10) / 10 * (self.n - 1), values, places))

    def bracket(self, ranks: Floats) -> tuple[Floats, Floats]:
        """Return values between which the data's own quantiles of these ranks lie, ends included.

        A quantile is interpolated between two neighbours of the sorted data; the rank error says how far the retained
        values that are certainly below the one and certainly not below the other may be.
        """
        first = np.floor(ranks * (self.n - 1)) + 1  # the count of the lower neighbour, from 1
        slack = self.error * self.n
        before = np.searchsorted(self._upto[1:], first - slack, side="left") - 1
        after = np.searchsorted(self._upto[1:], np.minimum(first + 1, self.n) + slack, side="left")
        lows = np.where(before >= 0, self.values[np.maximum(before, 0)], np.nextafter(self.low, -np.inf))
        highs = np.where(after < self.values.size, self.values[np.minimum(after, self.values.size - 1)], self.high)
        return lows, highs

    def area(self, rank: ArrayLike, unit: int) -> Floats:
        """Return the integral of the quantile function less ``low``, from 0 to ``rank``, in units of ``2**unit``.

        The quantile function is the step function whose steps are the retained values; beyond rank 1 it is ``high``,
        below rank 0 it is ``low``.
        """
        wanted = np.asarray(rank, dtype=np.float64) * self.n
        inside = np.clip(wanted, 0.0, self.n)
        low = math.ldexp(self.low, -unit)
        values = in_units(self.values, unit) - low
        at = np.minimum(np.searchsorted(self._upto[1:], inside, side="left"), self.values.size - 1)
        areas = np.concatenate([[0.0], np.cumsum(values * self.weights)])
        beyond = (math.ldexp(self.high, -unit) - low) * np.maximum(wanted - self.n, 0.0)
        found: Floats = (areas[at] + values[at] * (inside - self._upto[at]) + beyond) / self.n
        return found


def in_units(values: Floats, unit: int) -> Floats:
    """Return values in units of ``2**unit``."""
    return np.ldexp(values, -unit) if unit else values


def merged(new: Distribution, base: Distribution) -> tuple[Floats, Floats, Floats]:
    """Return the values of both, ascending, and after each the two distribution functions.

    Where values tie, the last of them has the functions' own values there.
    """
    values = np.concatenate([new.values, base.values])
    order = np.argsort(values, kind="stable")  # which merges two runs
    first = new.values.size
    ours, theirs = np.zeros(values.size), np.zeros(values.size)
    ours[:first], theirs[first:] = new.weights, base.weights
    return values[order], np.cumsum(ours[order]) / new.n, np.cumsum(theirs[order]) / base.n
