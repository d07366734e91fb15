"""Which values of a column a map keeps whole, as numbers to compare with: what an audit counts on every engine."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]
#: The least and the greatest of some values, both of them included; where the first is larger, there are none.
Interval: TypeAlias = tuple[float, float]

ALL: Interval = (-math.inf, math.inf)
NONE: Interval = (math.inf, -math.inf)
#: What an extent counts, in this order.
EVENTS = ("undefined", "clipped_low", "clipped_high")
#: How many candidates a round of :func:`least` looks at.
_CANDIDATES = 1 << 10
_SIGN = np.uint64(1 << 63)


@dataclass(frozen=True)
class Extent:
    """What a column map does to values, by where they are: it has none for them, or a clip holds them.

    A value is ``undefined`` if the map makes it null, or refuses it. Else it is ``clipped_low`` if a clip gives it its
    low end in place of a smaller number, and ``clipped_high`` likewise. An infinity is a value like others. A null and
    NaN count as nothing, unless a chain fills them with a number that does.

    Attributes:
        defined: where the map has a value.
        whole: where no clip changes the value. From inf on: nowhere, all are too low; up to -inf: all are too high.
        null: what a null counts as.
        nan: what NaN counts as.
    """

    defined: Interval = ALL
    whole: Interval = ALL
    null: frozenset[str] = frozenset()
    nan: frozenset[str] = frozenset()

    @property
    def events(self) -> tuple[str, ...]:
        """What can happen to a value at all."""
        ours = {
            "undefined": self.defined != ALL,
            "clipped_low": self.low > -math.inf,
            "clipped_high": self.high < math.inf,
        }
        return tuple(name for name in EVENTS if ours[name] or name in self.null | self.nan)

    @property
    def low(self) -> float:
        """Values below are too low; at inf, all are."""
        return self.whole[0]

    @property
    def high(self) -> float:
        """Values above are too high; at -inf, all are."""
        return self.whole[1]

    def then(self, other: Extent, forward: Callable[[Floats], Floats]) -> Extent:
        """Return the extent of the maps so far, followed by another map.

        Args:
            other: of that map, for what it is given.
            forward: the maps so far, from the values of the column to what the other map is given; increasing.
        """
        low, high = _before(other.defined, forward, self.defined)
        defined = max(self.defined[0], low), min(self.defined[1], high)
        low, high = _before(other.whole, forward, defined)
        return Extent(defined, (max(self.low, low), min(self.high, high)))

    @property
    def intervals(self) -> dict[str, tuple[Interval, ...]]:
        """For each of :attr:`events` the numbers that it happens to. No interval holds NaN."""
        (first, last), (low, high) = self.defined, self.whole
        below = math.inf if low == math.inf else math.nextafter(low, -math.inf)
        above = -math.inf if high == -math.inf else math.nextafter(high, math.inf)
        where = {
            "undefined": _outside(self.defined),
            "clipped_low": ((first, min(last, below)),) if low > -math.inf else (),
            "clipped_high": ((max(first, above), last),) if high < math.inf else (),
        }
        return {name: where[name] for name in self.events}

    def found(self, x: Floats, null: Bools) -> dict[str, Bools]:
        """Return for each of :attr:`events` which values it happens to."""
        nan, found = np.isnan(x) & ~null, {}
        for name, intervals in self.intervals.items():
            where = (null & (name in self.null)) | (nan & (name in self.nan))
            for first, last in intervals:
                where |= ~null & (x >= first) & (x <= last)
            found[name] = where
        return found


def _outside(defined: Interval) -> tuple[Interval, ...]:
    """Return the numbers that are not in an interval."""
    first, last = defined
    if first > last:
        return (ALL,)
    below, above = (-math.inf, math.nextafter(first, -math.inf)), (math.nextafter(last, math.inf), math.inf)
    return (*([below] if first > -math.inf else []), *([above] if last < math.inf else []))


def _before(wanted: Interval, forward: Callable[[Floats], Floats], within: Interval) -> Interval:
    """Return which values within an interval an increasing function takes to wanted ones."""
    low = least(lambda x: forward(x) >= wanted[0], within) if wanted[0] > -math.inf else -math.inf
    high = greatest(lambda x: forward(x) <= wanted[1], within) if wanted[1] < math.inf else math.inf
    return low, high


def least(holds: Callable[[Floats], Bools], within: Interval = ALL, near: float = math.nan) -> float:
    """Return the least double for which a predicate holds that, once it holds, holds for all larger ones.

    It searches the doubles in their order, a thousand at a time: first those ``near`` a number, if there is one, then
    in seven rounds. Returns inf where the predicate holds for none ``within`` an interval.
    """
    first, last = _ranks(np.array(within)).tolist()
    if first > last or not holds(np.array([within[1]]))[0]:
        return math.inf
    if holds(np.array([within[0]]))[0]:
        return within[0]
    if not math.isnan(near):
        middle = int(_ranks(np.array([near]))[0])
        start, end = max(first, middle - _CANDIDATES // 2), min(last, middle + _CANDIDATES // 2)
        if start < end and holds(_doubles(np.array([start, end], dtype=np.uint64))).tolist() == [False, True]:
            first, last = start, end
    while last - first > 1:
        step = max((last - first) // _CANDIDATES, 1)
        ranks = np.append(np.arange(first + step, last, step, dtype=np.uint64), np.uint64(last))
        number = int(np.argmax(holds(_doubles(ranks))))
        first, last = int(ranks[number - 1]) if number else first, int(ranks[number])
    return float(_doubles(np.array([last], dtype=np.uint64))[0])


def greatest(holds: Callable[[Floats], Bools], within: Interval = ALL, near: float = math.nan) -> float:
    """Return the greatest double for which a predicate holds that holds for all smaller ones; -inf where none does."""
    return -least(lambda x: holds(-x), (-within[1], -within[0]), -near)


def _ranks(x: Floats) -> NDArray[np.uint64]:
    """Return the places of doubles in their order."""
    bits = x.view(np.uint64)
    return np.where(bits & _SIGN, ~bits, bits | _SIGN)


def _doubles(ranks: NDArray[np.uint64]) -> Floats:
    return np.where(ranks & _SIGN, ranks ^ _SIGN, ~ranks).view(np.float64)
