"""Filling what is missing, and saying where it was, as Spark expressions."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column as SparkColumn
from pyspark.sql import functions as F

from sparkscale.maps import Fill, IsMissing
from sparkscale.spark.transform.native.base import ColumnForm


class FillForm(ColumnForm[Fill], of=Fill):
    """The value where the column is missing."""

    def forward(self, x: SparkColumn) -> SparkColumn:
        """Say :meth:`Fill.apply`."""
        return F.when(is_missing(x, self.map.missing), self.map.value).otherwise(x)

    def inverse(self, y: SparkColumn) -> SparkColumn:
        """Say :meth:`Fill.inverse`."""
        return y


class IsMissingForm(ColumnForm[IsMissing], of=IsMissing):
    """1 or 0."""

    def forward(self, x: SparkColumn) -> SparkColumn:
        """Say :meth:`IsMissing.apply`."""
        return F.when(is_missing(x, self.map.missing), 1.0).otherwise(0.0)


def is_missing(x: SparkColumn, missing: Sequence[str]) -> SparkColumn:
    """Return whether a value counts as missing."""
    nan = F.coalesce(F.isnan(x), F.lit(False))  # noqa: FBT003 - a value
    if "nan" not in missing:
        return x.isNull()
    return x.isNull() | nan if "null" in missing else nan
