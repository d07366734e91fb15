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

from sparkscale.pipeline.fitted import Fitted

Table: TypeAlias = Mapping[str, Any]
MakeFrame: TypeAlias = Callable[[Table], DataFrame]

EPS = 2.0**-52
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


def as_arrays(columns: Table) -> dict[str, Any]:
    """Return a table as the NumPy engine takes it: object arrays with None for a null."""
    out = {}
    for name, values in columns.items():
        out[name] = values if isinstance(values, np.ndarray) else np.empty(len(values), dtype=object)
        if not isinstance(values, np.ndarray):
            out[name][:] = values
    return out


def outputs(fitted: Fitted, df: DataFrame, columns: Table, engine: str) -> dict[str, list[Any]]:
    """Return what an engine makes of a table, of which ``df`` is the DataFrame: plain values, None for a null."""
    if engine == "numpy":
        return {name: rows_of(column) for name, column in fitted.transform_arrays(as_arrays(columns)).items()}
    return fitted.transform(df, engine=engine).toArrow().to_pydict()  # type: ignore[arg-type]


def rows_of(column: Any) -> Any:
    """Return plain values of a result of the NumPy engine, None for a null; the rows of an array column as lists."""
    if not isinstance(column, np.ndarray):
        return column
    return [rows_of(row) for row in column] if column.dtype == object else column.tolist()


def assert_alike(found: list[Any], expected: list[Any], ulps: float = 0.0, floor: float = 0.0, name: str = "") -> None:
    """Hold two columns to each other: lengths, nulls, NaN and infinities exactly, numbers within ``ulps``.

    ``floor`` is the size below which an error is absolute.
    """
    ours, theirs = flat(found), flat(expected)
    assert [type(x) for x in ours] == [type(x) for x in theirs], name
    left, right = (np.array([x for x in side if isinstance(x, float)]) for side in (ours, theirs))
    np.testing.assert_allclose(
        left, right, rtol=ulps * EPS, atol=ulps * max(floor * EPS, 5e-324), equal_nan=True, err_msg=name
    )


def flat(values: list[Any]) -> list[Any]:
    """Return the elements of a column; of an array column, the lengths of its rows as well."""
    out: list[Any] = []
    for value in values:
        if isinstance(value, list):
            out += [float(len(value)), *value]
        else:
            out.append(value)
    return out
