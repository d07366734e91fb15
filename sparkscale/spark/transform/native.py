"""Map -> Spark expressions. The same numbers as the NumPy kernels, at no cost over reading and writing.

A row map is said once, over :class:`Scores`: the scores of a row, be they columns or the elements
of an array.
"""

from __future__ import annotations

import functools
import math
import operator
import sys
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeAlias

from pyspark.sql import Column as SparkColumn
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from sparkscale.maps import Affine, Map, RowMap, SoftmaxMap, Undefined, UnitNormMap
from sparkscale.pipeline.fitted import Application
from sparkscale.spark.columns import Layered, as_it_is, feature, scores

Unary: TypeAlias = Callable[[SparkColumn], SparkColumn]

_INF, _MAX = math.inf, sys.float_info.max


def affine(map_: Affine, x: SparkColumn) -> SparkColumn:
    """Say :meth:`Affine.forward` as an expression: the same operations, with neutral terms left out."""
    prescale, (scale, gain) = map_.prescale, map_.balanced
    y = x - F.lit(map_.center) if prescale == 1 else x * F.lit(prescale) - F.lit(map_.center * prescale)
    y = y - F.lit(map_.center_lo) if map_.center_lo != 0 else y
    y = y / F.lit(scale)
    y = y * F.lit(gain) if gain != 1 else y
    y = y + F.lit(map_.offset) if map_.offset != 0 else y
    y = y * F.lit(map_.postscale) if map_.postscale != 1 else y
    if map_.pin is not None:
        y = F.when(x == F.lit(map_.pin[0]), F.lit(map_.pin[1])).otherwise(y)
    return y if map_.clip is None else _clip(y, *map_.clip)


def _clip(y: SparkColumn, low: float, high: float) -> SparkColumn:
    """Hold ``y`` within its ends; Spark takes NaN for the largest number, which it is not."""
    return F.when(y < F.lit(low), F.lit(low)).when((y > F.lit(high)) & ~F.isnan(y), F.lit(high)).otherwise(y)


def inverse_affine(map_: Affine, y: SparkColumn) -> SparkColumn:
    """Say :meth:`Affine.inverse` as an expression."""
    prescale, (scale, gain) = map_.prescale, map_.inverse_balanced
    x = y / F.lit(map_.postscale) if map_.postscale != 1 else y
    x = x - F.lit(map_.offset) if map_.offset != 0 else x
    x = x * F.lit(scale)
    x = x / F.lit(gain) if gain != 1 else x
    x = x + F.lit(map_.center_lo) if map_.center_lo != 0 else x
    x = x + F.lit(map_.center * prescale)
    x = x / F.lit(prescale) if prescale != 1 else x
    if map_.reach is not None:
        rounded = (F.abs(x) == F.lit(_INF)) & y.between(*map(F.lit, map_.reach))
        x = F.when(rounded, F.signum(x) * F.lit(_MAX)).otherwise(x)
    return x if map_.pin is None else F.when(y == F.lit(map_.pin[1]), F.lit(map_.pin[0])).otherwise(x)


@dataclass(frozen=True)
class Scores:
    """The scores of a row, as ``cells`` (one column each) or as one ``array`` column."""

    cells: tuple[SparkColumn, ...] = ()
    array: SparkColumn | None = None

    def map(self, function: Unary) -> Scores:
        """Apply a function to every score."""
        if self.array is not None:
            return Scores(array=F.transform(self.array, function))
        return Scores(tuple(function(cell) for cell in self.cells))

    def keep(self) -> Generator[list[SparkColumn], list[SparkColumn], Scores]:
        """Make the scores a layer, so that what follows refers to them and does not repeat them."""
        references = yield self.columns
        return Scores(array=references[0]) if self.array is not None else Scores(tuple(references))

    @property
    def columns(self) -> list[SparkColumn]:
        """The scores as columns: one for each cell, or the array."""
        return list(self.cells) if self.array is None else [self.array]

    def max(self) -> SparkColumn:
        """Return the largest score; null scores are left out, NaN is the largest."""
        return F.array_max(self.array) if self.array is not None else F.greatest(*self.cells)

    def sum(self, function: Unary, *, nulls: bool) -> SparkColumn:
        """Return the sum of a function of the scores; where there may be ``nulls`` among others, they add nothing."""
        finish = _zero_if_null if nulls else as_it_is
        if self.array is not None:
            # One argument by name: an aggregate's lambdas see only what they are given.
            return F.aggregate(self.array, F.lit(0.0), lambda total, x: total + finish(function(x)))
        return functools.reduce(operator.add, (finish(function(cell)) for cell in self.cells))

    def count(self, function: Unary) -> SparkColumn:
        """Return for how many scores a predicate holds, as a double."""
        if self.array is not None:
            return F.size(F.filter(self.array, function)).cast("double")
        return functools.reduce(
            operator.add, (F.when(function(c), F.lit(1.0)).otherwise(F.lit(0.0)) for c in self.cells)
        )

    def any(self, function: Unary) -> SparkColumn:
        """Return whether a predicate, never null itself, holds for some score."""
        if self.array is not None:
            return F.exists(self.array, function)
        return functools.reduce(operator.or_, (function(cell) for cell in self.cells))


def _zero_if_null(x: SparkColumn) -> SparkColumn:
    return F.coalesce(x, F.lit(0.0))


def softmax(map_: SoftmaxMap, x: Scores) -> Layered:
    """Softmax or log-softmax in layers: maximum, its policies, logits or weights, their sum, result.

    Each score has one comparison, so that more of them fit into a method that the JVM compiles. A score equal to the
    maximum gets the logit 0, even for inf - inf. NaN rows are caught by the sum.
    """
    (top,) = yield [x.max()]
    (m,) = yield [_checked(map_, x, _defined(map_, top), top)]

    def logit(score: SparkColumn) -> SparkColumn:
        halved = (score * F.lit(0.5) - m * F.lit(0.5)) / F.lit(map_.temperature * 0.5)
        plain = score - m if map_.temperature == 1 else (score - m) / F.lit(map_.temperature)
        return F.when(score == m, F.lit(0.0)).otherwise(halved if map_.by_halves else plain)

    if map_.log:
        logits = yield from x.map(logit).keep()
        (others,) = yield [_others(logits, nulls=map_.nulls == "mask")]
        (total,) = yield [_nan_with(m, F.log1p(others))]
        result = logits.map(lambda w: w - total)
    else:
        weights = yield from x.map(lambda score: F.exp(logit(score))).keep()
        (total,) = yield [weights.sum(as_it_is, nulls=map_.nulls == "mask")]
        (total,) = yield [_nan_with(m, _not_zero(total) if map_.nulls == "mask" else total)]
        result = weights.map(lambda w: w / total)
    if map_.undefined == "zeros":
        nothing = -_INF if map_.log else 0.0
        result = result.map(lambda y: F.when((m == F.lit(-_INF)) & y.isNotNull(), F.lit(nothing)).otherwise(y))
    return result.columns


def _others(logits: Scores, *, nulls: bool) -> SparkColumn:
    """Return the sum of all weights but one of the largest, which is 1: their log1p keeps what 1 would swallow."""
    below = logits.sum(lambda w: F.when(w == F.lit(0.0), F.lit(0.0)).otherwise(F.exp(w)), nulls=nulls)
    return below + (logits.count(lambda w: w == F.lit(0.0)) - F.lit(1.0))


def _nan_with(m: SparkColumn, total: SparkColumn) -> SparkColumn:
    return F.when(F.isnan(m) & total.isNotNull(), F.lit(math.nan)).otherwise(total)


def _defined(map_: SoftmaxMap, top: SparkColumn) -> SparkColumn:
    """Return the maximum, or what the map says of rows whose scores are all -inf."""
    if map_.undefined == "null":
        return F.when(top != F.lit(-_INF), top)
    if map_.undefined == "error":
        refuse = _refuse("DATA_UNDEFINED: a row of scores that are all ", top)
        return F.when(top == F.lit(-_INF), refuse).otherwise(top)
    return top


def unit_norm(map_: UnitNormMap, x: Scores) -> Layered:
    """Divide a row by its norm, the largest magnitude first."""
    (top,) = yield [x.map(F.abs).max()]
    (m,) = yield [_checked(map_, x, top, top)]

    def unit(score: SparkColumn) -> SparkColumn:
        at_infinity = F.when(F.abs(score) == F.lit(_INF), F.signum(score)).otherwise(F.lit(0.0))
        return F.when(m == F.lit(_INF), at_infinity).when(m == F.lit(0.0), score).otherwise(score / _not_zero(m))

    if map_.norm == "max":
        return x.map(lambda score: F.when(m.isNotNull(), unit(score))).columns
    units = yield from x.map(unit).keep()
    size = units.sum(F.abs if map_.norm == "l1" else lambda y: y * y, nulls=False)
    size = size if map_.norm == "l1" else F.sqrt(size)
    (total,) = yield [_not_zero(size)]
    return units.map(lambda y: F.when(m == F.lit(0.0), y).when(m.isNotNull(), y / total)).columns


def _checked(map_: RowMap, x: Scores, value: SparkColumn, top: SparkColumn) -> SparkColumn:
    """Return a value of the row, null where a null score makes the row null, an error where the map refuses.

    The sum of a softmax is null where a score is: there nothing is to be looked for, if nothing is refused.
    """
    refuses = "error" in (map_.nonfinite, getattr(map_, "undefined", ""))
    seen = isinstance(map_, SoftmaxMap) and (map_.nulls == "mask" or not refuses)
    checked = value if seen else F.when(~x.any(lambda score: score.isNull()), value)
    if map_.nonfinite != "error":
        return checked
    bad = x.any(lambda score: ~(F.abs(score) < F.lit(_INF)) & score.isNotNull())
    refused = _refuse("DATA_NONFINITE: a score that is NaN or infinite; the row's largest is ", top)
    return F.when(bad, refused).otherwise(checked)


def _refuse(text: str, value: SparkColumn) -> SparkColumn:
    """Raise in the engine; the text holds a value of the row, as a constant could be raised while planning."""
    return F.raise_error(F.concat(F.lit(text), value.cast("string")))


def _not_zero(x: SparkColumn) -> SparkColumn:
    """Keep a divisor that no row divides by from being zero: some engines divide before they choose."""
    return F.when(x == F.lit(0.0), F.lit(1.0)).otherwise(x)


_COLUMN: dict[type[Map], Callable[[Any, SparkColumn], SparkColumn]] = {
    Affine: affine,
    Undefined: lambda _map, _x: F.lit(None).cast("double"),
}
_INVERSE: dict[type[Map], Callable[[Any, SparkColumn], SparkColumn]] = {
    Affine: inverse_affine,
    Undefined: lambda _map, _y: F.lit(None).cast("double"),
}
_ROW: dict[type[Map], Callable[[Any, Scores], Layered]] = {SoftmaxMap: softmax, UnitNormMap: unit_norm}


def supports(map_: Map) -> bool:
    """Whether a map has a native form."""
    return type(map_) in _COLUMN or type(map_) in _ROW


def inverse(map_: Map, y: SparkColumn) -> SparkColumn:
    """Return the inverse of a column map."""
    return _INVERSE[type(map_)](map_, y)


def outputs(item: Application, spark: SparkSession) -> Layered:
    """Return the output columns of an application, in double precision."""
    if not item.map.by_row:
        return [_COLUMN[type(item.map)](item.map, feature(item.inputs[0], spark))]
    x = yield from scores_of(item, spark)
    return (yield from _ROW[type(item.map)](item.map, x))


def scores_of(item: Application, spark: SparkSession) -> Generator[list[SparkColumn], list[SparkColumn], Scores]:
    """Return the scores that a row map reads, as doubles."""
    if item.over_array:
        return Scores(array=scores(item.inputs[0], spark))
    return (yield from Scores(tuple(feature(column, spark) for column in item.inputs)).keep())
