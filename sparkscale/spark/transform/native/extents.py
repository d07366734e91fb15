"""The events of extents as Spark expressions. To Spark, NaN is larger than any number."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from pyspark.sql import Column as SparkColumn
from pyspark.sql import functions as F

from sparkscale.maps.extent import EVENTS, NONE, Extent, Interval
from sparkscale.spark.columns import balanced

_INF = math.inf

#: What is said of an element and the constant of its position.
_Said: TypeAlias = Callable[[SparkColumn, SparkColumn], SparkColumn]


def events(extent: Extent, x: SparkColumn) -> Iterator[tuple[str, SparkColumn]]:
    """Yield for each event of an extent whether it happens to a value."""
    for name, intervals in extent.intervals.items():
        found = [_within(x, first, last) for first, last in intervals]
        found += [x.isNull()] if name in extent.null else []
        found += [F.isnan(x)] if name in extent.nan else []
        yield name, F.coalesce(balanced(operator.or_, found), F.lit(False))  # noqa: FBT003 - Spark's false


def _within(x: SparkColumn, first: float, last: float) -> SparkColumn:
    below = x <= last
    return below if first == -_INF else (x >= first) & below


@dataclass(frozen=True)
class ArrayEvents:
    """The events of the elements of an array, an extent for each position or one for all elements.

    The elements are looked at one by one, which is slow, only in a row whose least or greatest element may be beyond
    the bounds of some position. There is no expression for each position: bounds that differ are an array of constants.

    Attributes:
        sail: whether this is Sail, which has no ``zip_with``. In Spark it is faster than finding a constant by place.
    """

    extents: Sequence[Extent]
    array: SparkColumn
    sail: bool

    def found(self) -> Iterator[tuple[str, SparkColumn]]:
        """Yield for each event whether it happens to some element; null where that is not known, as in a null array."""
        possible = {name for extent in self.extents for name in extent.events}
        for name in (name for name in EVENTS if name in possible):
            own = [extent.intervals.get(name, ()) for extent in self.extents]
            found = [self._within(intervals) for intervals in itertools.zip_longest(*own, fillvalue=NONE)]
            found += self._missing([name in extent.null for extent in self.extents], lambda x: x.isNull())
            found += self._missing([name in extent.nan for extent in self.extents], F.isnan)
            yield name, balanced(operator.or_, found)

    def _within(self, intervals: Sequence[Interval]) -> SparkColumn:
        """Return whether some element is in the interval of its position."""
        first, last = ([interval[end] for interval in intervals] for end in (0, 1))
        near = [F.array_min(self.array) <= max(last)] if max(last) < _INF else []
        near += [F.array_max(self.array) >= min(first)] if min(first) > -_INF else []
        return balanced(operator.and_, [*near, _some(self._each_within(first, last))])

    def _each_within(self, first: Sequence[float], last: Sequence[float]) -> SparkColumn:
        """Return whether each element is within its bounds, as an array."""
        if max(first) == -_INF:
            return self._each(self.array, last, lambda x, bound: x <= bound)
        if min(last) == _INF:
            return self._each(self.array, first, lambda x, bound: (x >= bound) & ~F.isnan(x))
        above = self._each(self.array, first, lambda x, bound: F.when(x >= bound, x))
        return self._each(above, last, lambda x, bound: x <= bound)

    def _missing(self, counts: Sequence[bool], is_missing: Callable[[SparkColumn], SparkColumn]) -> list[SparkColumn]:
        """Return whether some element is missing at a position where that counts; nothing if it counts nowhere."""
        if not any(counts):
            return []
        return [_some(self._each(self.array, counts, lambda x, counted: is_missing(x) & counted))]

    def _each(self, array: SparkColumn, constants: Sequence[float], said: _Said) -> SparkColumn:
        """Return what is said of each element and its constant, as an array."""
        if len(set(constants)) == 1:
            return F.transform(array, lambda x: said(x, F.lit(constants[0])))
        held = F.lit(list(constants))
        return F.transform(array, lambda x, i: said(x, F.get(held, i))) if self.sail else F.zip_with(array, held, said)


def _some(held: SparkColumn) -> SparkColumn:
    return F.array_contains(held, F.lit(True))  # noqa: FBT003 - a value
