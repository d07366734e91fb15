"""Columns of a DataFrame: the one place that quotes names, and the schema apart from Spark."""

from __future__ import annotations

from collections.abc import Iterator

from pyspark.errors import PySparkException
from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sparkscale.schema import Column, Schema


def ref(*path: str) -> SparkColumn:
    """Return the column of a name (or of a path into structs), whatever characters it has."""
    return F.col(".".join(f"`{part.replace('`', '``')}`" for part in path))


def feature(column: Column) -> SparkColumn:
    """Return a numeric column as double, cast in the engine and never in Python."""
    found = ref(*column.path)
    return found if column.type == "double" else found.cast("double")


def scores(column: Column) -> SparkColumn:
    """Return an array column as array<double>."""
    found = ref(*column.path)
    return found if column.type == "array<double>" else found.cast("array<double>")


def schema_of(df: DataFrame) -> Schema:
    """Return the schema of a DataFrame; starts no job."""
    try:
        case_sensitive = df.sparkSession.conf.get("spark.sql.caseSensitive", "false") == "true"
    except PySparkException:  # an engine that does not know the setting
        case_sensitive = False
    return Schema.of(df.schema.jsonValue(), case_sensitive=case_sensitive)


class Layers:
    """A DataFrame to which named helper columns are added, layer upon layer.

    A softmax over k columns in one expression would repeat its sum k times, k * k terms for the
    analyzer. In layers (maximum, weights, sum, quotient) the plan stays linear in k; the layers are
    narrow projections of one stage, and no job.
    """

    def __init__(self, df: DataFrame) -> None:
        self.df = df
        self._names = _free_names(df.columns)

    def add(self, expressions: list[SparkColumn]) -> list[SparkColumn]:
        """Add a layer; returns references to its columns, good in later layers and in the final select."""
        names = [next(self._names) for _ in expressions]
        named = [expression.alias(name) for expression, name in zip(expressions, names, strict=True)]
        self.df = self.df.select("*", *named)
        return [ref(name) for name in names]


def _free_names(taken: list[str]) -> Iterator[str]:
    lower = {name.lower() for name in taken}
    number = 0
    while True:
        name = f"__sparkscale_{number}"
        number += 1
        if name not in lower:
            yield name
