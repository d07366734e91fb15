"""Errors that a query raises on its own, at the row that is wrong."""

from __future__ import annotations

from pyspark.sql import Column as SparkColumn
from pyspark.sql import functions as F


def refuse(text: str, value: SparkColumn) -> SparkColumn:
    """Raise in the engine; the text holds a value of the row, as a constant could be raised while planning."""
    return F.raise_error(F.concat(F.lit(text), value.cast("string")))
