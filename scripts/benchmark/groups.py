"""The suite of grouped scaling: fits by 1,000 and 100,000 groups, and transforms by 1,000."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from benchmark import data, floors
from benchmark.contest import Contest, Entry, Target
from benchmark.setting import Bench

#: Columns at a time of Spark's own aggregates: an average and a deviation have five buffers, and 100 are compiled.
_AT_A_TIME = 10


def groups(bench: Bench) -> Iterator[Contest]:
    """Statistics by key against Spark's own; maps by key against maps of all rows."""
    table = data.features(bench.folder, bench.rows, 20)
    out = str(bench.folder / "out")
    for count, most in ((1_000, 1.5), (100_000, 2.5)):
        at = {"data": table, "count": min(count, bench.rows)}
        yield Contest(
            f"groups: fit, {bench.rows:,} rows, 20 columns, {count:,} groups",
            [
                Entry("avg and stddev", partial(agg, **at)),
                Entry("by group", partial(fit, **at)),
                Entry("by group on Sail", partial(fit, **at), "sail"),
            ],
            [Target("by group", "avg and stddev", most)],
        )
    at = {"data": table, "out": out, "count": min(1_000, bench.rows)}
    yield Contest(
        f"groups: transform, {bench.rows:,} rows, standard of 20 columns, 1,000 groups, to Parquet",
        [
            Entry("of all rows", partial(transform, **at, by=None), out=out),
            Entry("by group", partial(transform, **at, by="k"), out=out),
            Entry("by group, arrow", partial(transform, **at, by="k", engine="arrow"), out=out),
        ],
        [Target("by group", "of all rows", 1.3)],
        alike=False,
    )


def _keyed(spark: Any, data: str, count: int) -> tuple[Any, list[str]]:
    """Return the table with a key of so many values, and its features."""
    from pyspark.sql import functions as F

    df = spark.read.parquet(data)
    return df.withColumn("k", F.col("id") * F.lit(7919) % F.lit(count)), [c for c in df.columns if c.startswith("f")]


def fit(spark: Any, data: str, count: int) -> floors.Numbers:
    """Fit by group."""
    import sparkscale as ss

    df, columns = _keyed(spark, data, count)
    table = ss.Pipeline([ss.Standard(columns, by="k")]).fit(df).tables["k",]
    return {
        "mean": [table.features[name].mean.sum() for name in columns],
        "std": [table.features[name].std_of(0).sum() for name in columns],
    }


def agg(spark: Any, data: str, count: int) -> floors.Numbers:
    """Ask Spark for the average and the deviation of each group, some columns at a time."""
    from pyspark.sql import functions as F

    df, columns = _keyed(spark, data, count)
    found: dict[str, list[float]] = {"mean": [], "std": []}
    for start in range(0, len(columns), _AT_A_TIME):
        part = columns[start : start + _AT_A_TIME]
        wanted = [f(c).alias(f"{w}_{c}") for c in part for w, f in (("mean", F.avg), ("std", F.stddev_pop))]
        table = df.groupBy("k").agg(*wanted).toArrow()
        for way, sums in found.items():
            sums += [float(table[f"{way}_{c}"].to_numpy().sum()) for c in part]
    return found


def transform(  # noqa: PLR0913 - the shape of a work
    spark: Any, data: str, out: str, *, count: int, by: str | None, engine: str = "auto"
) -> floors.Numbers:
    """Transform by maps that were fitted by group, or of all rows; the fit is made once."""
    df, columns = _keyed(spark, data, count)
    _fitted(spark, data, count, by, tuple(columns)).transform(df, engine).write.mode("overwrite").parquet(out)
    return None


_MADE: dict[tuple[Any, ...], Any] = {}


def _fitted(spark: Any, data: str, count: int, by: str | None, columns: tuple[str, ...]) -> Any:
    import sparkscale as ss

    key = (data, count, by, columns)
    if key not in _MADE:  # the warm-up makes it
        df, _ = _keyed(spark, data, count)
        _MADE[key] = ss.Pipeline([ss.Standard(list(columns), by=by)]).fit(df)
    return _MADE[key]
