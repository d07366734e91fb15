"""Maps over pandas Series: what Spark's Python workers run for ``engine: pandas``.

pandas takes NaN for null. Which values are null comes in a Series of its own. Results are Series backed by Arrow, which
keep the two apart; for lists, which Spark copies through Python, what is NaN goes back in a Series of its own.

Workers import this module, ``maps`` and ``stats``, and nothing else of ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from sparkscale.maps.base import Bools, Floats
from sparkscale.maps.batches import Cells, Lists


def map_cells(kernel: Cells, columns: Sequence[pd.Series[Any]]) -> pd.DataFrame:
    """Map ``width`` columns of numbers, followed by as many that say what is null, to a column for each result."""
    x = np.column_stack([column.to_numpy(np.float64) for column in columns[: kernel.width]])
    null = np.column_stack([column.to_numpy(np.bool_) for column in columns[kernel.width :]])
    y, absent = kernel.apply(x, null)
    return pd.DataFrame({f"y{j}": _series(y[:, j], absent[:, j]) for j in range(kernel.outputs)})


def map_lists(kernel: Lists, column: pd.Series[Any], nulls: pd.Series[Any]) -> pd.DataFrame:
    """Map a column of arrays, with another that says which elements are null, to results and which of them are NaN."""
    missing = np.array([row is None for row in column], dtype=bool)
    lengths = np.array([0 if row is None else len(row) for row in column], dtype=np.int64)
    y, absent = kernel.apply(_flat(column, np.float64), _flat(nulls, np.bool_), lengths)
    rows = {"y": np.where(absent, np.nan, y), "nan": np.isnan(y) & ~absent}
    widths = kernel.widths(lengths)
    return pd.DataFrame({name: _lists(flat, widths, missing) for name, flat in rows.items()})


def _series(y: Floats, absent: Bools) -> pd.Series[Any]:
    return pd.Series(pd.arrays.ArrowExtensionArray(pa.array(y, mask=absent)))


def _flat(rows: Iterable[Any], dtype: type[np.generic]) -> NDArray[Any]:
    present = [np.asarray(row, dtype=dtype) for row in rows if row is not None]
    return np.concatenate(present) if present else np.empty(0, dtype=dtype)


def _lists(flat: NDArray[Any], lengths: NDArray[np.int64], missing: Bools) -> pd.Series[Any]:
    parts = np.split(flat, np.cumsum(lengths))
    return pd.Series([None if gone else part for part, gone in zip(parts, missing, strict=False)], dtype=object)
