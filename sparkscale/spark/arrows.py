"""Keys of groups in Spark, Arrow and NumPy: what the engine groups and joins by, and what a table of statistics holds.

Workers import this module and ``stats``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from pyspark.sql import Column as SparkColumn

from sparkscale.pipeline.schema import Column
from sparkscale.spark.columns import ref
from sparkscale.stats.keys import DTYPES, KeyColumn

_TYPES = {
    "string": pa.string(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "tinyint": pa.int8(),
    "smallint": pa.int16(),
    "int": pa.int32(),
    "bigint": pa.int64(),
}


def key_columns(keys: Sequence[Column]) -> list[SparkColumn]:
    """Return the columns of a key under the names ``k_0``, ``k_1`` ..."""
    return [ref(*column.path).alias(f"k_{i}") for i, column in enumerate(keys)]


def keys_in(table: Any, keys: Sequence[Column]) -> list[KeyColumn]:
    """Return the keys of a table or batch of Arrow that has :func:`key_columns`."""
    return [_key(table.column(f"k_{i}"), column) for i, column in enumerate(keys)]


def _key(array: Any, column: Column) -> KeyColumn:
    type_ = _TYPES[column.type]
    whole = (array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array).cast(type_)
    null = whole.is_null().to_numpy(zero_copy_only=False)
    filler = "" if column.type == "string" else pa.scalar(0, pa.int32()).cast(type_)
    values = whole.fill_null(filler).to_numpy(zero_copy_only=False)
    return KeyColumn(column.name, column.type, values.astype(DTYPES[column.type], copy=False), null)


def array_of(column: KeyColumn) -> pa.Array:
    """Return an Arrow array of a column of keys, in the type of the table's column."""
    return pa.array(column.values, mask=column.null if column.null.any() else None).cast(_TYPES[column.type])
