"""Holding values within limits, as a Spark expression."""

from __future__ import annotations

from pyspark.sql import Column as SparkColumn
from pyspark.sql import functions as F

from sparkscale.maps import Limit
from sparkscale.spark.transform.native.base import ColumnForm


class LimitForm(ColumnForm[Limit], of=Limit):
    """Comparisons; Spark takes NaN for the largest number, which it is not."""

    def forward(self, x: SparkColumn) -> SparkColumn:
        """Say :meth:`Limit.forward`."""
        low, high = self.map.low, self.map.high
        y = x if high is None else F.when((x > high) & ~F.isnan(x), high).otherwise(x)
        return y if low is None else F.when(x < low, low).otherwise(y)

    def inverse(self, y: SparkColumn) -> SparkColumn:
        """Say :meth:`Limit.inverse`."""
        return y
