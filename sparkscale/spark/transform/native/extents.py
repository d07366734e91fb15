"""The events of an extent as Spark expressions. To Spark, NaN is larger than any number."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Iterator

from pyspark.sql import Column as SparkColumn
from pyspark.sql import functions as F

from sparkscale.maps.extent import Extent

_INF = math.inf


def events(extent: Extent, x: SparkColumn) -> Iterator[tuple[str, SparkColumn]]:
    """Yield for each event of an extent whether it happens to a value."""
    for name, intervals in extent.intervals.items():
        found = [_within(x, first, last) for first, last in intervals]
        found += [x.isNull()] if name in extent.null else []
        found += [F.isnan(x)] if name in extent.nan else []
        yield name, F.coalesce(functools.reduce(operator.or_, found), F.lit(False))  # noqa: FBT003 - Spark's false


def _within(x: SparkColumn, first: float, last: float) -> SparkColumn:
    below = x <= F.lit(last)
    return below if first == -_INF else (x >= F.lit(first)) & below
