"""Helper columns, in layers below the one select that gives the result.

A softmax over k columns in one expression would repeat its sum k times: k * k terms for the analyzer. In layers
(maximum, weights, sum, quotient) the plan stays linear in k. All maps share the layers, so that their number, about
five, does not grow with the steps. They are narrow projections of one stage, and no job.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame

from sparkscale.spark.columns import free_names, ref


class Layers:
    """The helper columns of a DataFrame with the columns ``taken``."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._names = free_names(taken)
        self._layers: list[list[SparkColumn]] = []

    def put(self, depth: int, columns: Sequence[SparkColumn]) -> list[SparkColumn]:
        """Put columns into a layer; return references to them, for the layers above."""
        names = [next(self._names) for _ in columns]
        self._layers += [[] for _ in range(depth + 1 - len(self._layers))]
        self._layers[depth] += [column.alias(name) for column, name in zip(columns, names, strict=True)]
        return [ref(name) for name in names]

    def over(self, df: DataFrame) -> DataFrame:
        """Return the DataFrame with the helper columns."""
        for layer in self._layers:
            df = df.select("*", *layer)
        return df


@dataclass
class Stages:
    """The stages of one computation: each call puts columns into the next layer and returns references to them.

    ``sail`` is for expressions that differ on Sail, whose functions are not all as exact as Spark's.
    """

    layers: Layers
    depth: int = 0
    sail: bool = False

    def keep(self, column: SparkColumn) -> SparkColumn:
        """Keep one column."""
        return self.keep_all([column])[0]

    def keep_all(self, columns: Sequence[SparkColumn]) -> list[SparkColumn]:
        """Keep several columns in one layer."""
        self.depth += 1
        return self.layers.put(self.depth - 1, columns)
