"""What the row maps' native forms share: nulls, and scores that a map refuses."""

from __future__ import annotations

import math

from pyspark.sql import Column as SparkColumn
from pyspark.sql import functions as F

from sparkscale.spark.transform.native.scores import Scores
from sparkscale.spark.transform.refusing import refuse


def unless_null(x: Scores, value: SparkColumn) -> SparkColumn:
    """Return a value of the row, null where a score is null."""
    return F.when(~x.any(lambda score: score.isNull()), value)


def unless_nonfinite(x: Scores, value: SparkColumn, top: SparkColumn) -> SparkColumn:
    """Return a value of the row; stop the query where a score is NaN or infinite. ``top`` is for the error's text."""
    bad = x.any(lambda score: ~(F.abs(score) < math.inf) & score.isNotNull())
    text = (
        "DATA_NONFINITE: expected finite scores (nonfinite: error), found NaN or an infinity in a row whose largest is "
    )
    return F.when(bad, refuse(text, top)).otherwise(value)


def not_zero(x: SparkColumn) -> SparkColumn:
    """Keep a divisor that no row divides by from being zero: some engines divide before they choose."""
    return F.when(x == 0.0, 1.0).otherwise(x)
