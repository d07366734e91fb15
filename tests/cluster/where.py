"""Submitted to the cluster: says where executors find sparkscale, before it is shipped and after. Prints JSON."""

from __future__ import annotations

import json
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from sparkscale.spark.session.shipping import ship


def executors(spark: SparkSession) -> list[str]:
    """Return, for four tasks, the place of the package, or the name of the error of importing it."""

    def find(_: Any) -> str:
        try:
            import sparkscale.maps
        except ImportError as error:
            return type(error).__name__
        return str(sparkscale.maps.__file__)

    found = spark.range(0, 4, 1, 4).select(F.udf(find, "string")("id").alias("found"))
    return [row["found"] for row in found.collect()]


if __name__ == "__main__":
    session = SparkSession.builder.getOrCreate()
    before = executors(session)
    ship(session)
    print(json.dumps({"before": before, "after": executors(session)}))  # noqa: T201 - its result
    session.stop()
