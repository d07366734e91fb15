"""Columns of a DataFrame: the one place that quotes names, and the schema apart from Spark."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from pyspark.errors import PySparkException
from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkscale.pipeline.schema import Column, Schema, decimal_of
from sparkscale.spark.session.session import is_sail

T = TypeVar("T")

#: Whole numbers of so many digits are doubles, all of them, and so are the powers of ten that divide them.
_EXACT_DIGITS = 15


def ref(*path: str) -> SparkColumn:
    """Return the column of a name (or of a path into structs), whatever characters it has."""
    return F.col(".".join(f"`{part.replace('`', '``')}`" for part in path))


def feature(column: Column, spark: SparkSession) -> SparkColumn:
    """Return a numeric column, or a position of an array, as the nearest doubles: cast in the engine, not in Python."""
    found = ref(*column.path)
    return _as(found if column.position is None else F.get(found, F.lit(column.position)), column.type, "double", spark)


def scores(column: Column, spark: SparkSession) -> SparkColumn:
    """Return an array column as array<double>."""
    return _as(ref(*column.path), column.type, "array<double>", spark)


def _as(found: SparkColumn, type_: str, wanted: str, spark: SparkSession) -> SparkColumn:
    """Cast to doubles; on Sail, decimals that its cast would round twice go by their text, which it reads exactly.

    Sail divides the digits by the power of ten. Both are exact doubles only up to 15 digits, or without decimal places.
    """
    if type_ == wanted:
        return found
    digits, scale = decimal_of(type_.removeprefix("array<").removesuffix(">")) or (0, 0)
    if digits > _EXACT_DIGITS and scale and is_sail(spark):
        found = found.cast(wanted.replace("double", "string"))
    return found.cast(wanted)


def size_of(array: SparkColumn) -> SparkColumn:
    """Return the length of an array, null where it is null; for that, Spark's ``size`` has a setting."""
    return F.when(array.isNotNull(), F.size(array))


def lengths_in(df: DataFrame, array: SparkColumn) -> dict[int, int]:
    """Return how many rows have each length, without those that are null."""
    found = df.select(size_of(array).alias("length")).groupBy("length").agg(F.count(F.lit(1)).alias("rows")).collect()
    return {row["length"]: row["rows"] for row in found if row["length"] is not None}


def as_it_is(column: SparkColumn) -> SparkColumn:
    """Return the same column: what is done where nothing has to be."""
    return column


def balanced(join: Callable[[T, T], T], items: Sequence[T]) -> T:
    """Join one item or more by an operator in a tree, whose depth is the logarithm of their number.

    Engines walk through expressions and plans by recursion: of 48 sums one in another, Spark Connect takes none.
    """
    if len(items) == 1:
        return items[0]
    middle = len(items) // 2
    return join(balanced(join, items[:middle]), balanced(join, items[middle:]))


def schema_of(df: DataFrame) -> Schema:
    """Return the schema of a DataFrame; starts no job."""
    return Schema.of(df.schema.jsonValue(), case_sensitive=is_case_sensitive(df.sparkSession))


def is_case_sensitive(spark: SparkSession) -> bool:
    """Whether names that differ in case alone are two names in this session."""
    try:
        return (spark.conf.get("spark.sql.caseSensitive", "false") or "").lower() == "true"
    except PySparkException:  # an engine that does not know the setting
        return False


def free_names(taken: Iterable[str]) -> Iterator[str]:
    """Yield names that no column has, in any case of letters."""
    lower = {name.lower() for name in taken}
    number = 0
    while True:
        name = f"__sparkscale_{number}"
        number += 1
        if name not in lower:
            yield name
