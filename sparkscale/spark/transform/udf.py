"""Maps as UDFs: a crossing into Spark's Python workers, which run the NumPy kernels themselves.

Spark runs all UDFs of an engine in one visit to the worker. All cells that any map reads cross together; an array
column crosses unchanged.

- ``arrow``: one Arrow UDF over one packed array, from Spark 4.1 on. Against a column each, packing spares Spark most of
  what a crossing costs it. Arrow keeps nulls and NaN apart.
- ``pandas``: one pandas UDF, Series in and a DataFrame out, on every Spark.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import pandas as pd
import pyarrow as pa
from pyspark.sql import Column as SparkColumn
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import pandas_udf

from sparkscale.maps.batches import Cells, Lists
from sparkscale.pipeline.application import Application
from sparkscale.spark.columns import feature
from sparkscale.spark.transform import arrow, series
from sparkscale.spark.transform.layers import Layers, Stages
from sparkscale.spark.transform.masks import staged_scores
from sparkscale.spark.workers import forget_packages_in_archives

#: The type hints of a function say that it is a scalar one; the stubs know only the older way to say so.
_pandas_udf: Any = pandas_udf
#: None before PySpark 4.1.
arrow_udf: Any = getattr(F, "arrow_udf", None)


class Crossing(Protocol):
    """A way into the workers."""

    def cells(self, kernel: Cells, columns: Sequence[SparkColumn], stages: Stages) -> list[SparkColumn]:
        """Return a column for each result of the kernel."""

    def lists(self, kernel: Lists, array: SparkColumn, stages: Stages) -> SparkColumn:
        """Return the array of results."""


class ByArrow:
    """One Arrow UDF, ``array<double>`` in and out."""

    def cells(self, kernel: Cells, columns: Sequence[SparkColumn], stages: Stages) -> list[SparkColumn]:
        """Pack the columns of a row into one array, and take the results out of one."""
        packed = stages.keep(arrow_udf(_cells_by_arrow(kernel), "array<double>")(F.array(*columns)))
        return [F.get(packed, F.lit(j)) for j in range(kernel.outputs)]

    def lists(self, kernel: Lists, array: SparkColumn, stages: Stages) -> SparkColumn:
        """Send the array."""
        return stages.keep(arrow_udf(_lists_by_arrow(kernel), "array<double>")(array))


class ByPandas:
    """One pandas UDF: a Series for each column, and one that says what of it is null."""

    def cells(self, kernel: Cells, columns: Sequence[SparkColumn], stages: Stages) -> list[SparkColumn]:
        """Send the columns, and take the results out of a struct."""
        results = ", ".join(f"y{j} double" for j in range(kernel.outputs))
        mapped = stages.keep(
            _pandas_udf(_cells_by_pandas(kernel), results)(*columns, *(column.isNull() for column in columns))
        )
        return [mapped[f"y{j}"] for j in range(kernel.outputs)]

    def lists(self, kernel: Lists, array: SparkColumn, stages: Stages) -> SparkColumn:
        """Send the array, and put the NaN back that Spark made null."""
        udf = _pandas_udf(_lists_by_pandas(kernel), "y array<double>, nan array<boolean>")
        mapped = stages.keep(udf(array, F.transform(array, lambda x: x.isNull())))
        # Sail has no zip_with.
        with_nan = F.transform(mapped["y"], lambda y, i: F.when(F.get(mapped["nan"], i), math.nan).otherwise(y))
        return stages.keep(with_nan)


CROSSINGS: dict[str, Crossing] = {"arrow": ByArrow(), "pandas": ByPandas()}


def columns_of(
    items: Sequence[Application], spark: SparkSession, layers: Layers, crossing: Crossing
) -> Iterator[tuple[Application, list[SparkColumn]]]:
    """Return the output columns of each application, in double precision."""
    for item in items:
        if item.over_array:
            stages = Stages(layers)
            mapped = crossing.lists(Lists(item.map), staged_scores(item, spark, stages), stages)
            yield item, [F.get(mapped, F.lit(j)) for j in range(len(item.facts))] or [mapped]
    cells = [item for item in items if not item.over_array]
    if not cells:
        return
    columns = list(dict.fromkeys(column for item in cells for column in item.inputs))
    numbers = {column: number for number, column in enumerate(columns)}
    kernel = Cells(len(columns), tuple((item.map, tuple(numbers[c] for c in item.inputs)) for item in cells))
    results = crossing.cells(kernel, [feature(column, spark) for column in columns], Stages(layers))
    for item, places in zip(cells, kernel.places, strict=True):
        yield item, [results[place] for place in places]


def _cells_by_arrow(kernel: Cells) -> Any:
    def apply(packed: pa.Array) -> pa.Array:
        forget_packages_in_archives()
        return arrow.map_cells(kernel, packed)

    return apply


def _lists_by_arrow(kernel: Lists) -> Any:
    def apply(column: pa.Array) -> pa.Array:
        forget_packages_in_archives()
        return arrow.map_lists(kernel, column)

    return apply


def _cells_by_pandas(kernel: Cells) -> Any:
    def apply(*columns: pd.Series) -> pd.DataFrame:
        forget_packages_in_archives()
        return series.map_cells(kernel, columns)

    return apply


def _lists_by_pandas(kernel: Lists) -> Any:
    def apply(column: pd.Series, nulls: pd.Series) -> pd.DataFrame:
        forget_packages_in_archives()
        return series.map_lists(kernel, column, nulls)

    return apply
