"""A small table of numbers by key, joined to many rows by keys that may be null."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Literal

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkscale.spark.arrows import array_of
from sparkscale.spark.columns import ref
from sparkscale.stats.keys import Keys

#: Up to so many bytes, a table goes to every executor.
BROADCAST = 256 * 1024 * 1024


@dataclass(frozen=True)
class Placed:
    """A table of numbers by key: its keys are the columns ``h_0``, ``h_1`` ..."""

    df: DataFrame
    keys: int
    bytes: int

    @property
    def broadcast(self) -> bool:
        """Whether it goes to every executor, instead of the rows to where their key is."""
        return self.bytes <= BROADCAST


def placed(spark: SparkSession, keys: Keys, columns: Mapping[str, pa.Array]) -> Placed:
    """Return a table in the engine with the keys, and with columns beside them."""
    arrays = {f"h_{i}": array_of(column) for i, column in enumerate(keys.columns)} | dict(columns)
    table = pa.table(arrays)
    return Placed(spark.createDataFrame(table), len(keys.columns), table.nbytes)


def null_safe(df: DataFrame, small: Placed, names: Sequence[str], how: Literal["inner", "left"] = "inner") -> DataFrame:
    """Join by keys of which a null equals a null; ``names`` are the key's columns in ``df``."""
    other = F.broadcast(small.df) if small.broadcast else small.df
    alike = [ref(name).eqNullSafe(F.col(f"h_{i}")) for i, name in enumerate(names)]
    return df.join(other, reduce(lambda one, two: one & two, alike), how)
