"""Map -> pandas UDF: the NumPy kernel itself, run in Spark's Python workers.

pandas has one NaN for "not a number" and for "null", and Spark turns a NaN that comes out of a
pandas UDF into null. So NaN is kept out of the crossing: a row with a NaN is answered by an
expression around the UDF, and inside it NaN always means null.

The kernel is bound as an argument of the factory, never as a loop variable; workers import
``sparkscale.maps`` and nothing else of ours.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pandas as pd
from pyspark.sql import Column as SparkColumn
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import pandas_udf

from sparkscale.artifact import Application
from sparkscale.maps import ColumnMap, RowMap, Softmax
from sparkscale.spark.columns import Layered, feature
from sparkscale.spark.native import Scores, refuse_nonfinite, scores_of

_NAN = math.nan
#: The type hints of the function say that it is a scalar one; the stubs know only the older way to say so.
_scalar_udf: Any = pandas_udf


def outputs(item: Application) -> Layered:
    """Return the output columns of an application, in double precision."""
    if isinstance(item.map, ColumnMap):
        return [_column(item.map, feature(item.inputs[0]))]
    x = yield from scores_of(item)
    return (yield from (_array if item.over_array else _cells)(cast("RowMap", item.map), x))


def inverse(map_: ColumnMap, y: SparkColumn) -> SparkColumn:
    """Return the inverse of a column map that has no native form."""
    return F.when(F.isnan(y), F.lit(_NAN)).otherwise(column_udf(map_, "inverse")(y))


def column_udf(map_: ColumnMap, direction: str = "forward") -> Callable[[SparkColumn], SparkColumn]:
    """Return the pandas UDF of a column map."""
    kernel = getattr(map_, direction)

    def apply(x: pd.Series) -> pd.Series:
        return pd.Series(kernel(x.to_numpy(dtype="float64", na_value=np.nan)))

    return cast("Callable[[SparkColumn], SparkColumn]", _scalar_udf(apply, "double"))


def _column(map_: ColumnMap, x: SparkColumn) -> SparkColumn:
    mapped = column_udf(map_)(x)
    return mapped if map_.kind == "undefined" else F.when(F.isnan(x), F.lit(_NAN)).otherwise(mapped)


def _cells(map_: RowMap, x: Scores) -> Layered:
    kernel = map_.forward
    names = [f"_{j}" for j in range(len(x.cells))]

    def apply(*columns: pd.Series) -> pd.DataFrame:
        block = np.column_stack([column.to_numpy(dtype="float64", na_value=np.nan) for column in columns])
        y, null = kernel(block, np.isnan(block))
        return pd.DataFrame(np.where(null, np.nan, y), columns=names)

    row = ", ".join(f"{name} double" for name in names)
    mapped, state = yield [_scalar_udf(apply, row)(*x.cells), _state(map_, x)]
    return [
        F.when(cell.isNull() | (state == F.lit("null")), F.lit(None).cast("double"))
        .when(state == F.lit("nan"), F.lit(_NAN))
        .otherwise(mapped[name])
        for cell, name in zip(x.cells, names, strict=True)
    ]


def _array(map_: RowMap, x: Scores) -> Layered:
    kernel = map_.forward
    array = x.columns[0]

    def apply(column: pd.Series) -> pd.Series:
        rows = [None if row is None else np.asarray(row, dtype="float64") for row in column]
        out: list[list[float | None] | None] = [None] * len(rows)
        for length in {len(row) for row in rows if row is not None}:
            where = [i for i, row in enumerate(rows) if row is not None and len(row) == length]
            block = np.array([rows[i] for i in where], dtype="float64").reshape(len(where), length)
            y, null = kernel(block, np.isnan(block))
            for i, values, absent in zip(where, y.tolist(), null.tolist(), strict=True):
                out[i] = [None if hidden else value for value, hidden in zip(values, absent, strict=True)]
        return pd.Series(out, dtype=object)

    mapped, state = yield [_scalar_udf(apply, "array<double>")(array), _state(map_, x)]
    return [
        F.when(array.isNull(), F.lit(None).cast("array<double>"))
        .when(state == F.lit("null"), F.transform(array, lambda _: F.lit(None).cast("double")))
        .when(state == F.lit("nan"), F.transform(array, lambda x: F.when(x.isNotNull(), F.lit(_NAN))))
        .otherwise(mapped)
    ]


def _state(map_: RowMap, x: Scores) -> SparkColumn:
    """Say of each row what a pandas UDF cannot: that a null or a NaN decides it, or that its numbers do."""
    masked = isinstance(map_, Softmax) and map_.nulls == "mask"
    nan = x.any(lambda score: F.isnan(score) & score.isNotNull())
    state = F.when(nan, "nan").otherwise("number")
    if not masked:
        state = F.when(x.any(lambda score: score.isNull()), "null").otherwise(state)
    if map_.nonfinite == "error":
        state = refuse_nonfinite(x, x.max()).otherwise(state)
    return state
