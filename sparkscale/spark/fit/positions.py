"""Many features behind maps, measured by the NumPy kernel in Python workers by one query.

They are positions of an array. Of Spark's expressions, 64 power transforms take seconds to plan and to compile,
whatever the rows. Workers import this module, ``maps``, ``scalers`` and ``stats``.
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

from sparkscale.pipeline.schema import Column
from sparkscale.scalers.learning import Ask
from sparkscale.spark.columns import scores
from sparkscale.spark.session.shipping import ship
from sparkscale.spark.transform.refusing import refuse
from sparkscale.spark.workers import forget_packages_in_archives
from sparkscale.stats.column import ColumnStats
from sparkscale.stats.columnar import COUNTS, NUMBERS, StatsArrays

#: The fields of statistics, each an array over what is asked.
_FIELDS = dict.fromkeys((*COUNTS, "exp"), "array<bigint>") | dict.fromkeys(NUMBERS, "array<double>")
#: The sums of weights, by the count that they belong to.
_WEIGHTS = {name: f"{name}_weight" for name in COUNTS}
_SKETCHES = "sketches"
#: A position, and what is asked of it.
Asked: TypeAlias = tuple[int, Ask]
_Cells: TypeAlias = tuple[NDArray[np.float64], NDArray[np.bool_]]


def of_length(array: Column, length: int, spark: SparkSession) -> SparkColumn:
    """Return an array column; the query stops where it has another length."""
    cells, size = scores(array, spark), F.size(scores(array, spark))
    refused = refuse(f"DATA_LENGTH: expected arrays of {length} elements, found ", size).cast("array<double>")
    return F.when(cells.isNotNull() & (size != length), refused).otherwise(cells)


def measure(
    df: DataFrame, array: SparkColumn, length: int, asked: Sequence[Asked], weight: SparkColumn | None = None
) -> list[ColumnStats]:
    """Return the statistics of positions of an array as maps leave them; a null array is a null at each position."""
    ship(df.sparkSession)
    types = dict(_FIELDS)
    if weight is not None:
        types |= dict.fromkeys(_WEIGHTS.values(), "array<double>")
    if any(ask.quantiles for _, ask in asked):
        types[_SKETCHES] = "array<binary>"
    schema = ", ".join(f"{name} {type_}" for name, type_ in types.items())
    columns = [array.alias("array")] if weight is None else [array.alias("array"), weight.alias("weight")]
    found = df.select(*columns).mapInArrow(_kernel(length, asked, list(types)), schema).toArrow()
    tasks = (_arrays(found, task) for task in range(found.num_rows))
    in_order = sorted(tasks, key=lambda task: task.mean.tobytes())  # that of arrival differs from run to run on Sail
    total = functools.reduce(StatsArrays.merged, in_order, StatsArrays.empty(len(asked)))
    return [total.at(place) for place in range(len(asked))]


def mapped(df: DataFrame, array: SparkColumn, length: int, asked: Sequence[Asked]) -> DataFrame:
    """Return one column: an array of what is asked for, as maps leave it."""
    ship(df.sparkSession)
    return df.select(array.alias("array")).mapInArrow(_mapper(length, asked), "mapped array<double>")


def _mapper(length: int, asked: Sequence[Asked]) -> Any:
    def made(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        forget_packages_in_archives()
        for batch in batches:
            cells = [_apply(ask, *one) for ask, one in _asked_cells(batch, length, asked)]
            y, null = (np.stack(part, axis=1).ravel() for part in zip(*cells, strict=True))
            offsets = np.arange(batch.num_rows + 1, dtype=np.int32) * len(asked)
            lists = pa.ListArray.from_arrays(pa.array(offsets), pa.array(y, mask=null))
            yield pa.RecordBatch.from_arrays([lists], names=["mapped"])

    return made


def _arrays(found: pa.Table, task: int) -> StatsArrays:
    fields: dict[str, Any] = {name: found[name][task].values.to_numpy() for name in _FIELDS}
    if _WEIGHTS["finite"] in found.column_names:
        fields["weights"] = {name: found[column][task].values.to_numpy() for name, column in _WEIGHTS.items()}
    if _SKETCHES in found.column_names:
        fields["sketches"] = np.array([*found[_SKETCHES][task].as_py(), None], dtype=object)[:-1]
    return StatsArrays(**fields)


def _kernel(length: int, asked: Sequence[Asked], fields: Sequence[str]) -> Any:
    def measured(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        forget_packages_in_archives()
        parts = (StatsArrays.of(_behind(batch, length, asked)) for batch in batches)
        total = functools.reduce(StatsArrays.merged, parts, StatsArrays.empty(len(asked)))
        known = {name: getattr(total, name) for name in _FIELDS}
        for name, column in _WEIGHTS.items():
            known[column] = np.zeros(len(asked)) if total.weights is None else total.weights[name]
        known[_SKETCHES] = [None] * len(asked) if total.sketches is None else list(total.sketches)
        yield pa.RecordBatch.from_arrays([pa.array([known[name]]) for name in fields], names=list(fields))

    return measured


def _cells(lists: Any, length: int) -> _Cells:
    """Return the values of arrays and which of them are null, a position in a row: ``(length, rows)``."""
    there, flat = lists.is_valid().to_numpy(zero_copy_only=False), lists.flatten()
    values, null = np.full((length, len(lists)), np.nan), np.ones((length, len(lists)), dtype=bool)
    values[:, there] = flat.to_numpy(zero_copy_only=False).reshape(-1, length).T
    null[:, there] = flat.is_null().to_numpy(zero_copy_only=False).reshape(-1, length).T
    return values, null


def _asked_cells(batch: pa.RecordBatch, length: int, asked: Iterable[Asked]) -> Iterator[tuple[Ask, _Cells]]:
    """Yield what is asked with the values of its position and which of them are null."""
    values, null = _cells(batch.column(0), length)
    for position, ask in asked:
        yield ask, (values[position], null[position])


def _apply(ask: Ask, values: NDArray[np.float64], null: NDArray[np.bool_]) -> _Cells:
    """Return values as a map leaves them, and which of them are null."""
    y, absent = ask.map.apply(values[:, None], null[:, None])
    return y[:, 0], absent[:, 0]


def _behind(batch: pa.RecordBatch, length: int, asked: Iterable[Asked]) -> Iterator[ColumnStats]:
    """Yield the statistics of a position behind a map, for each that is asked for."""
    weights = batch.column(1).to_numpy(zero_copy_only=False) if batch.num_columns > 1 else None
    for ask, cells in _asked_cells(batch, length, asked):
        y, null = _apply(ask, *cells)
        yield ColumnStats.of(np.ma.MaskedArray(y, mask=null), quantiles=ask.quantiles, weights=weights)
