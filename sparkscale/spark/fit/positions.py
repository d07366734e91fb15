"""Many features behind maps, measured by the NumPy kernel in Python workers by one query.

They are positions of an array. Of Spark's expressions, 64 power transforms take seconds to plan and to compile,
whatever the rows. Workers import this module, ``maps`` and ``stats``.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkscale.maps import ColumnMap
from sparkscale.pipeline.schema import Column
from sparkscale.spark.columns import scores
from sparkscale.spark.session.shipping import ship
from sparkscale.spark.transform.refusing import refuse
from sparkscale.spark.workers import forget_packages_in_archives
from sparkscale.stats.column import ColumnStats
from sparkscale.stats.columnar import COUNTS, NUMBERS, StatsArrays

#: The fields of statistics, each an array over what is asked.
_FIELDS = dict.fromkeys((*COUNTS, "exp"), "array<bigint>") | dict.fromkeys(NUMBERS, "array<double>")
#: A position with the map behind which its statistics are asked for.
Asked: TypeAlias = tuple[int, ColumnMap]


def of_length(array: Column, length: int, spark: SparkSession) -> SparkColumn:
    """Return an array column; the query stops where it has another length."""
    cells, size = scores(array, spark), F.size(scores(array, spark))
    refused = refuse(f"DATA_LENGTH: expected arrays of {length} elements, found ", size).cast("array<double>")
    return F.when(cells.isNotNull() & (size != F.lit(length)), refused).otherwise(cells)


def measure(df: DataFrame, array: SparkColumn, length: int, asked: Sequence[Asked]) -> list[ColumnStats]:
    """Return the statistics of positions of an array as maps leave them; a null array is a null at each position."""
    ship(df.sparkSession)
    schema = ", ".join(f"{name} {type_}" for name, type_ in _FIELDS.items())
    found = df.select(array.alias("array")).mapInArrow(_kernel(length, asked), schema).toArrow()
    tasks = (_arrays(found, task) for task in range(found.num_rows))
    in_order = sorted(tasks, key=lambda task: task.mean.tobytes())  # that of arrival differs from run to run on Sail
    total = functools.reduce(StatsArrays.merged, in_order, StatsArrays.empty(len(asked)))
    return [total.at(place) for place in range(len(asked))]


def _arrays(found: pa.Table, task: int) -> StatsArrays:
    fields: dict[str, Any] = {name: found[name][task].values.to_numpy() for name in _FIELDS}
    return StatsArrays(**fields)


def _kernel(length: int, asked: Sequence[Asked]) -> Any:
    def measured(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        forget_packages_in_archives()
        parts = (StatsArrays.of(_behind(*_cells(batch.column(0), length), asked)) for batch in batches)
        total = functools.reduce(StatsArrays.merged, parts, StatsArrays.empty(len(asked)))
        yield pa.RecordBatch.from_arrays([pa.array([getattr(total, name)]) for name in _FIELDS], names=list(_FIELDS))

    return measured


def _cells(lists: Any, length: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the values of arrays and which of them are null, a position in a row: ``(length, rows)``."""
    there, flat = lists.is_valid().to_numpy(zero_copy_only=False), lists.flatten()
    values, null = np.full((length, len(lists)), np.nan), np.ones((length, len(lists)), dtype=bool)
    values[:, there] = flat.to_numpy(zero_copy_only=False).reshape(-1, length).T
    null[:, there] = flat.is_null().to_numpy(zero_copy_only=False).reshape(-1, length).T
    return values, null


def _behind(values: NDArray[np.float64], null: NDArray[np.bool_], asked: Iterable[Asked]) -> Iterator[ColumnStats]:
    """Yield the statistics of a position behind a map, for each that is asked for."""
    for position, map_ in asked:
        y, absent = map_.apply(values[position][:, None], null[position][:, None])
        yield ColumnStats.of(np.ma.MaskedArray(y[:, 0], mask=absent[:, 0]))
