"""What others do: each has the best setting that was found by trying; what was tried stands beside it."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmark.floors import Numbers, features
from benchmark.processes import in_a_process


def duckdb_fit(_spark: Any, data: str, columns: Sequence[str]) -> Numbers:
    """Compute the same by DuckDB."""
    import duckdb

    found = {}
    for what, function in (("min", "min"), ("max", "max"), ("mean", "avg"), ("std", "stddev_pop")):
        asked = ", ".join(f"{function}({name}::DOUBLE)" for name in columns)
        found[what] = list(duckdb.sql(f"SELECT {asked} FROM '{data}/*/*.parquet'").fetchall()[0])  # noqa: S608 - ours
    return found


def scipy_temperature(_spark: Any, data: str) -> Numbers:
    """Minimize the loss by scipy in memory."""
    import math

    import numpy as np
    import pyarrow.parquet as pq
    from scipy import optimize, special

    table = pq.read_table(data)
    names = [name for name in table.column_names if name.startswith("s")]
    x, label = np.column_stack([table[name].to_numpy() for name in names]), table["label"].to_numpy()

    def loss(log_t: float) -> float:
        scores = x * math.exp(-log_t)
        return float((special.logsumexp(scores, axis=1) - scores[np.arange(len(x)), label]).mean())

    return {"temperature": [math.exp(optimize.minimize_scalar(loss, bracket=[0.0, 1.0]).x)]}


def sklearn_power(_spark: Any, data: str) -> Numbers:
    """Fit scikit-learn's PowerTransformer in memory; its exponents have fewer digits, and are not compared."""
    import numpy as np
    import pyarrow.parquet as pq
    from sklearn.preprocessing import PowerTransformer

    table = pq.read_table(data)
    columns = [name for name in table.column_names if name.startswith("f")]
    PowerTransformer().fit(np.column_stack([table[name].to_numpy() for name in columns]))
    return None


def agg(spark: Any, data: str, columns: Sequence[str] = (), at_a_time: int = 10**6) -> Numbers:
    """Ask Spark for min, max, avg and stddev_pop, some columns at a time; all at once is what people write."""
    from pyspark.sql import functions as F

    df = spark.read.parquet(data)
    wanted = list(columns) or features(df)
    found: dict[str, list[float]] = {"min": [], "max": [], "mean": [], "std": []}
    for start in range(0, len(wanted), at_a_time):
        group = wanted[start : start + at_a_time]
        ways = {"min": F.min, "max": F.max, "mean": F.avg, "std": F.stddev_pop}
        row = df.agg(*[f(F.col(c).cast("double")).alias(f"{w}{c}") for c in group for w, f in ways.items()]).collect()[
            0
        ]
        for way in ways:
            found[way] += [float(row[f"{way}{c}"]) for c in group]
    return found


def mllib_fit(spark: Any, data: str) -> Numbers:
    """Fit MLlib's StandardScaler: mean and std alone. Summarizer, which has all four, is no faster."""
    from pyspark.ml.feature import StandardScaler, VectorAssembler

    df = spark.read.parquet(data)
    assembled = VectorAssembler(inputCols=features(df), outputCol="v").transform(df).select("v")
    model = StandardScaler(inputCol="v", outputCol="s", withMean=True).fit(assembled)
    n = df.count()  # from the footers, to compare: MLlib's std has n - 1
    return {"mean": model.mean.toArray(), "std": model.std.toArray() * ((n - 1) / n) ** 0.5}


def mllib_transform(spark: Any, data: str, out: str, fitted: str) -> Numbers:  # noqa: ARG001 - it has its own
    """Apply MLlib's scaler and come back to columns; `vector_to_array` and one select is the fastest way there is."""
    df = spark.read.parquet(data)
    columns = features(df)
    model, assembler = _mllib(spark, data)
    _unpacked(model.transform(assembler.transform(df)), df, columns, out)
    return None


@functools.cache
def _mllib(spark: Any, data: str) -> tuple[Any, Any]:
    """Fit MLlib's scaler, the first time, which is not timed."""
    from pyspark.ml.feature import StandardScaler, VectorAssembler

    df = spark.read.parquet(data)
    assembler = VectorAssembler(inputCols=features(df), outputCol="v")
    return StandardScaler(inputCol="v", outputCol="s", withMean=True).fit(assembler.transform(df)), assembler


def _unpacked(scaled: Any, df: Any, columns: Sequence[str], out: str) -> None:
    from pyspark.ml.functions import vector_to_array
    from pyspark.sql import functions as F

    index = {name: i for i, name in enumerate(columns)}
    rest = [c for c in df.columns if c not in index]
    array = scaled.select(vector_to_array("s").alias("a"), *rest)
    back = [F.col("a")[index[c]].alias(c) if c in index else F.col(c) for c in df.columns]
    array.select(*back).write.mode("overwrite").parquet(out)


def one_udf_a_column(spark: Any, data: str, out: str, fitted: str) -> Numbers:
    """Apply one pandas UDF to each column, as tutorials do."""
    import pandas as pd
    from pyspark.sql.functions import pandas_udf

    import sparkscale as ss

    def scaled(mean: float, std: float) -> Any:
        def scale(x):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 - a hint here is read as a text
            return (x - mean) / std

        scale.__annotations__ = {"x": pd.Series, "return": pd.Series}
        return pandas_udf(scale, "double")

    stats = ss.load(fitted).stats
    df = spark.read.parquet(data)
    made = [scaled(stats[c].mean, stats[c].std_of(1))(c).alias(c) if c in stats else c for c in df.columns]
    df.select(*made).write.mode("overwrite").parquet(out)
    return None


def cold_mllib_job(_spark: Any, data: str, out: str) -> Numbers:
    """Run the MLlib job in a new process, with the session that our command has."""
    return in_a_process(
        "from benchmark import lanes, peers\n"
        "with lanes.session_of('spark', {'spark.driver.memory': '4g'}) as spark:\n"
        f"    peers.mllib_job(spark, {data!r}, {out!r})"
    )


def mllib_job(spark: Any, data: str, out: str) -> Numbers:
    """Fit, transform and write by MLlib."""
    from pyspark.ml.feature import StandardScaler, VectorAssembler

    df = spark.read.parquet(data)
    columns = features(df)
    assembled = VectorAssembler(inputCols=columns, outputCol="v").transform(df)
    model = StandardScaler(inputCol="v", outputCol="s", withMean=True).fit(assembled)
    _unpacked(model.transform(assembled), df, columns, out)
    return None


def sklearn_job(_spark: Any, data: str, out: str) -> Numbers:
    """Fit, transform and write in memory: pyarrow reads and writes, in all its threads."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    from sklearn.preprocessing import StandardScaler

    table = pq.read_table(data)
    columns = features(type("T", (), {"columns": table.column_names}))
    x = np.column_stack([table[name].to_numpy() for name in columns])
    scaler = StandardScaler(copy=False).fit(x)
    scaler.scale_ *= (len(x) / (len(x) - 1)) ** 0.5  # the std of n - 1, as MLlib has it
    scaled = scaler.transform(x)
    arrays = {name: pa.array(scaled[:, i]) for i, name in enumerate(columns)}
    _emptied(out)
    made = pa.table({name: arrays.get(name, table[name]) for name in table.column_names})
    pq.write_table(made, f"{out}/part.parquet", compression="zstd", use_dictionary=False)
    return None


def polars_job(_spark: Any, data: str, out: str) -> Numbers:
    """Fit and transform lazily, and stream to one file; the eager form took longer and all the memory."""
    import polars as pl

    frame = pl.scan_parquet(f"{data}/*.parquet")
    columns = [name for name in frame.collect_schema().names() if name.startswith("f")]
    known = frame.select(
        *[pl.col(c).mean().alias(f"mean {c}") for c in columns],
        *[pl.col(c).std(ddof=1).alias(f"std {c}") for c in columns],
    ).collect()
    scaled = [((pl.col(c) - known[f"mean {c}"][0]) / known[f"std {c}"][0]).alias(c) for c in columns]
    _emptied(out)
    frame.withfeatures(scaled).sink_parquet(f"{out}/part.parquet", compression="zstd", compression_level=1)
    return None


def duckdb_job(_spark: Any, data: str, out: str) -> Numbers:
    """Two statements; one with window functions keeps the table in memory and takes longer."""
    import duckdb

    db = duckdb.connect()
    source = f"read_parquet('{data}/*.parquet')"
    columns = [row[0] for row in db.sql(f"DESCRIBE SELECT * FROM {source}").fetchall()]  # noqa: S608 - our own
    features = [name for name in columns if name.startswith("f")]
    wanted = ", ".join(f"avg({c}), stddev_samp({c})" for c in features)
    known = db.sql(f"SELECT {wanted} FROM {source}").fetchall()[0]  # noqa: S608
    of = {c: (known[2 * i], known[2 * i + 1]) for i, c in enumerate(features)}
    made = ", ".join(f"({c} - {of[c][0]!r}) / {of[c][1]!r} AS {c}" if c in of else c for c in columns)
    _emptied(out)
    db.sql("SET preserve_insertion_order = false")
    db.sql(f"COPY (SELECT {made} FROM {source}) TO '{out}/part.parquet' (FORMAT parquet, COMPRESSION zstd)")  # noqa: S608
    return None


def _emptied(out: str) -> None:
    shutil.rmtree(out, ignore_errors=True)
    Path(out).mkdir(parents=True)
