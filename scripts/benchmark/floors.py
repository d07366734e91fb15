"""What nothing can be faster than: reading, writing, and one look of those that some fits need several of.

Each work, here and in :mod:`works` and :mod:`peers`, is given a lane's session, and gives numbers to be compared,
or None.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

Numbers = dict[str, Any] | None

#: An exponent and a temperature of the looks.
_EXPONENT = 0.3
_TEMPERATURE = 1.5


def features(df: Any, prefix: str = "f") -> list[str]:
    """Return the columns of a table that are scaled, or its scores."""
    return [name for name in df.columns if name.startswith(prefix)]


def noop(spark: Any, data: str, columns: Sequence[str] = ()) -> Numbers:
    """Read the columns, and do nothing: Spark's floor."""
    df = spark.read.parquet(data)
    df.select(*(columns or features(df))).write.format("noop").mode("overwrite").save()
    return None


def copy(spark: Any, data: str, out: str) -> Numbers:
    """Read and write: the floor of a transform."""
    spark.read.parquet(data).write.mode("overwrite").parquet(out)
    return None


def power_look(spark: Any, data: str) -> Numbers:
    """Ask Spark alone for the variance behind one exponent of each column; 10 at a time were no faster."""
    from pyspark.sql import functions as F

    df = spark.read.parquet(data)
    powers = [F.expm1(F.log1p(F.abs(F.col(name))) * _EXPONENT) / _EXPONENT for name in features(df)]
    df.agg(*map(F.var_pop, powers)).collect()
    return None


def softmax_look(spark: Any, data: str) -> Numbers:
    """Ask Spark alone for the mean of the logarithms of the rows' softmax sums, at one temperature."""
    from pyspark.sql import functions as F

    df = spark.read.parquet(data)
    names = features(df, "s")
    top = df.select(*names, F.greatest(*names).alias("top"))
    weights = [F.exp((F.col(name) - F.col("top")) / _TEMPERATURE) for name in names]
    total = weights[0]
    for weight in weights[1:]:
        total = total + weight
    top.agg(F.avg(F.log(total))).collect()
    return None


def crossing(spark: Any, data: str, columns: Sequence[str]) -> Numbers:
    """Bring columns to Python workers, which count the rows."""
    import pyarrow as pa

    def count(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        yield pa.RecordBatch.from_arrays([pa.array([sum(batch.num_rows for batch in batches)])], names=["rows"])

    spark.read.parquet(data).select(*columns).mapInArrow(count, "rows bigint").collect()
    return None
