"""The events of an extent as Spark expressions."""

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
    """Yield for each event of an extent whether it happens to a value. To Spark, NaN is larger than any number."""
    (first, last), nan = extent.defined, F.isnan(x)
    bounds = [*([x >= F.lit(first)] if first > -_INF else []), *([x <= F.lit(last)] if last < _INF else [])]
    inside = functools.reduce(operator.and_, bounds, ~nan)
    where = {
        "undefined": ~inside & ~nan,
        "clipped_low": inside if extent.low == _INF else inside & (x < F.lit(extent.low)),
        "clipped_high": inside if extent.high == -_INF else inside & (x > F.lit(extent.high)),
    }
    for name in extent.events:
        found = where[name] & x.isNotNull()
        found = found | x.isNull() if name in extent.null else found
        yield name, found | nan if name in extent.nan else found
