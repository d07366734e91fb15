"""Maps -> a crossing into Spark's Python workers, which run the NumPy kernels themselves.

All cells of a row that any map reads go over packed into one array, and all results come back in one:
against a column each, that spares Spark most of what a crossing costs it. An array column goes over as
it is. Spark runs all of them in one visit to the worker. Nulls and NaN are told apart by Arrow.

From Spark 4.1 on that is an Arrow UDF. Before, it is a pandas UDF, which takes NaN for null: what is null is told
apart on the way there, what is NaN on the way back. It is slower, because pandas makes an object of each row.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from typing import Any, TypeAlias, cast

import pandas as pd
import pyarrow as pa
from pyspark.sql import Column as SparkColumn
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import pandas_udf

from sparkscale.maps import RowMap
from sparkscale.pipeline.fitted import Application
from sparkscale.spark.columns import Layered, feature, scores
from sparkscale.spark.transform.arrow import Cells, Lists, lists_of

#: The type hints of a function say that it is a scalar one; the stubs know only the older way to say so.
_pandas_udf: Any = pandas_udf
_arrow_udf: Any = getattr(F, "arrow_udf", None)
_Kernel: TypeAlias = Callable[[pa.ListArray], pa.ListArray]


def lists(item: Application, spark: SparkSession) -> Layered:
    """Return the output column of an application to an array, in double precision."""
    return [(yield from _crossing(Lists(cast("RowMap", item.map)), scores(item.inputs[0], spark), spark))]


def cells(items: Sequence[Application], spark: SparkSession) -> Layered:
    """Return the output columns of all other applications, one after the other, in double precision."""
    columns = list(dict.fromkeys(column for item in items for column in item.inputs))
    numbers = {column: number for number, column in enumerate(columns)}
    kernel = Cells(len(columns), tuple((item.map, tuple(numbers[c] for c in item.inputs)) for item in items))
    packed = yield from _crossing(kernel, F.array(*[feature(column, spark) for column in columns]), spark)
    return [F.get(packed, F.lit(i)) for i in range(kernel.outputs)]


def _crossing(
    kernel: _Kernel, array: SparkColumn, spark: SparkSession
) -> Generator[list[SparkColumn], list[SparkColumn], SparkColumn]:
    if _arrow_udf is not None and spark.version >= "4.1":
        (mapped,) = yield [_arrow_udf(_by_arrow(kernel), "array<double>")(array)]
        return mapped
    by_pandas = _pandas_udf(_by_pandas(kernel), "y array<double>, nan array<boolean>")
    (mapped,) = yield [by_pandas(array, F.transform(array, lambda x: x.isNull()))]
    with_nan = F.zip_with(mapped["y"], mapped["nan"], lambda y, nan: F.when(nan, F.lit(math.nan)).otherwise(y))
    (mapped,) = yield [with_nan]
    return mapped


def _by_arrow(kernel: _Kernel) -> Any:
    def apply(column: pa.Array) -> pa.Array:
        return kernel(column)

    return apply


def _by_pandas(kernel: _Kernel) -> Any:
    def apply(column: pd.Series, nulls: pd.Series) -> pd.DataFrame:
        rows = kernel(lists_of(column, nulls)).to_pylist()
        nan = [None if row is None else [y is not None and math.isnan(y) for y in row] for row in rows]
        return pd.DataFrame({"y": pd.Series(rows, dtype=object), "nan": pd.Series(nan, dtype=object)})

    return apply
