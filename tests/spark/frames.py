"""DataFrames that tell NaN from null, and results as arrays that do."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession

from sparkscale.arrays import split
from sparkscale.spark.verify import to_array

Table: TypeAlias = Mapping[str, Any]
MakeFrame: TypeAlias = Callable[[Table], DataFrame]

_NUMBER = itertools.count()


def write_parquet(path: Path, columns: Table) -> Path:
    """Write lists (None is a null, NaN is NaN) or arrays (a masked element is a null) as one Parquet file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({name: arrow(values) for name, values in columns.items()}), path)
    return path


def arrow(values: Any) -> Any:
    """Return an Arrow array in which NaN and null are two things."""
    if isinstance(values, np.ma.MaskedArray):
        return pa.array(values.data, mask=np.ma.getmaskarray(values))
    return pa.array(values)


def maker(spark: SparkSession, folder: Path) -> MakeFrame:
    """Return a function that makes a DataFrame out of a table, by way of Parquet."""

    def make(columns: Table) -> DataFrame:
        return spark.read.parquet(str(write_parquet(folder / f"{next(_NUMBER)}.parquet", columns)))

    return make


def collected(df: DataFrame) -> dict[str, Any]:
    """Return a result as arrays: numbers as masked arrays, array columns as object arrays of rows."""
    table = df.toArrow()
    return {name: to_array(table.column(n)) for n, name in enumerate(table.column_names)}


def rows_of(column: Any) -> list[Any]:
    """Return plain values, None for a null; the rows of an array column as lists."""
    if getattr(column, "dtype", None) == object and not np.ma.isMaskedArray(column):
        return [None if row is None else rows_of(row) for row in column] if _ragged(column) else list(column)
    if isinstance(column, list):
        return column
    values, null = split(column)
    return [None if gone else value for value, gone in zip(values.tolist(), null.tolist(), strict=True)]


def _ragged(column: Any) -> bool:
    return any(isinstance(row, list | np.ndarray) for row in column)


def assert_alike(found: Any, expected: Any, *, ulps: float = 0.0, name: str = "") -> None:
    """Hold two flat columns to each other: nulls, NaN and infinities exactly, numbers within ``ulps`` of eps."""
    ours, our_null = split(found)
    theirs, their_null = split(expected)
    np.testing.assert_array_equal(our_null, their_null, err_msg=f"nulls of {name}")
    present = ~our_null
    np.testing.assert_allclose(
        ours[present], theirs[present], rtol=ulps * 2.0**-52, atol=ulps * 5e-324, equal_nan=True, err_msg=name
    )
