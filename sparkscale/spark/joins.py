"""A small table of numbers by key, joined to many rows by keys that may be null."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa
from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sparkscale.spark.arrows import array_of
from sparkscale.spark.columns import balanced, ref
from sparkscale.spark.session.session import is_sail
from sparkscale.stats.keys import Keys

#: Up to so many bytes, a table goes to every executor.
BROADCAST = 256 * 1024 * 1024


@dataclass(frozen=True)
class Small:
    """A table of numbers by key, with the names of the columns that hold its keys."""

    table: pa.Table
    keys: Sequence[str]

    @property
    def broadcast(self) -> bool:
        """Whether it goes to every executor, instead of the rows to where their key is."""
        return bool(self.table.nbytes <= BROADCAST)


def small(keys: Keys, names: Sequence[str], columns: Mapping[str, pa.Array]) -> Small:
    """Return a table of keys under these names and of columns beside them."""
    arrays = {name: array_of(column) for name, column in zip(names, keys.columns, strict=True)}
    return Small(pa.table({**arrays, **columns}), names)


def joined(
    df: DataFrame, other: Small, keys: Sequence[SparkColumn], how: Literal["inner", "left"] = "inner"
) -> DataFrame:
    """Join rows with what stands beside their key; a null equals a null."""
    beside = df.sparkSession.createDataFrame(other.table)
    if other.broadcast and not is_sail(df.sparkSession):  # which has no hints, and warns of them
        beside = F.broadcast(beside)
    alike = [key.eqNullSafe(ref(name)) for key, name in zip(keys, other.keys, strict=True)]
    return df.join(beside, balanced(operator.and_, alike), how)
