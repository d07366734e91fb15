"""The scores of a row, be they columns or the elements of an array."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from pyspark.sql import Column as SparkColumn
from pyspark.sql import functions as F

from sparkscale.spark.columns import as_it_is, balanced
from sparkscale.spark.transform.layers import Stages

Unary: TypeAlias = Callable[[SparkColumn], SparkColumn]


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

    def keep(self, stages: Stages) -> Scores:
        """Put the scores into a layer, so that what follows refers to them and does not repeat them."""
        kept = stages.keep_all(self.columns)
        return Scores(array=kept[0]) if self.array is not None else Scores(tuple(kept))

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
        return balanced(operator.add, [finish(function(cell)) for cell in self.cells])

    def count(self, function: Unary) -> SparkColumn:
        """Return for how many scores a predicate holds, as a double."""
        if self.array is not None:
            return F.size(F.filter(self.array, function)).cast("double")
        return balanced(operator.add, [F.when(function(c), 1.0).otherwise(0.0) for c in self.cells])

    def any(self, function: Unary) -> SparkColumn:
        """Return whether a predicate, never null itself, holds for some score."""
        if self.array is not None:
            return F.exists(self.array, function)
        return balanced(operator.or_, [function(cell) for cell in self.cells])


def _zero_if_null(x: SparkColumn) -> SparkColumn:
    return F.coalesce(x, F.lit(0.0))
