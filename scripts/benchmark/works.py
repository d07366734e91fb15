"""What is timed: each function is given a lane's session, and gives numbers to be compared, or None.

Peers have the best setting that was found by trying; what was tried stands beside it.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Numbers = dict[str, Any] | None


def _columns(df: Any, prefix: str = "f") -> list[str]:
    return [name for name in df.columns if name.startswith(prefix)]


def noop(spark: Any, data: str, columns: Sequence[str] = ()) -> Numbers:
    """Read the columns, and do nothing: Spark's floor."""
    df = spark.read.parquet(data)
    df.select(*(columns or _columns(df))).write.format("noop").mode("overwrite").save()
    return None


def copy(spark: Any, data: str, out: str) -> Numbers:
    """Read and write: the floor of a transform."""
    spark.read.parquet(data).write.mode("overwrite").parquet(out)
    return None


# --- fit ---------------------------------------------------------------------------------------------------------


def fit(spark: Any, data: str, columns: Sequence[str] = (), scaler: str = "Standard") -> Numbers:
    """Fit by sparkscale."""
    import sparkscale as ss

    df = spark.read.parquet(data)
    wanted = list(columns) or _columns(df)
    fitted = ss.Pipeline([getattr(ss, scaler)(wanted)]).fit(df)
    return _of(fitted, wanted)


def update(spark: Any, data: str, states: str, columns: Sequence[str] = (), *, again: bool = False) -> Numbers:
    """Update the states of partitions and merge them: from nothing, or from what that has left but one partition."""
    import sparkscale as ss
    from sparkscale.artifact.states.commits import Commit

    place = f"{states}-of-others" if again else states
    shutil.rmtree(place, ignore_errors=True)
    kept = ss.States(place)
    if again:
        shutil.copytree(states, place)
        lost = kept.partitions()[-1].key
        kept.log.commit(lambda state: Commit(state.keys, removed=(lost,)))
    df = spark.read.parquet(data)
    wanted = list(columns) or _columns(df)
    by = next(Path(data).glob("*=*")).name.partition("=")[0]
    done = kept.update(df, ss.Pipeline([ss.Standard(wanted)]), by=[by])
    assert not again or len(done.read) == 1  # noqa: S101 - else something else is timed
    return _of(kept.merged(), wanted)


def duckdb_fit(_spark: Any, data: str, columns: Sequence[str]) -> Numbers:
    """Compute the same by DuckDB."""
    import duckdb

    found = {}
    for what, function in (("min", "min"), ("max", "max"), ("mean", "avg"), ("std", "stddev_pop")):
        asked = ", ".join(f"{function}({name}::DOUBLE)" for name in columns)
        found[what] = list(duckdb.sql(f"SELECT {asked} FROM '{data}/*/*.parquet'").fetchall()[0])  # noqa: S608 - ours
    return found


def merge(_spark: Any, states: str) -> Numbers:
    """Merge stored states, without an engine."""
    import sparkscale as ss

    return _of(ss.States(states).merged(), [])


def _of(fitted: Any, wanted: Sequence[str]) -> Numbers:
    of = [fitted.stats[name] for name in wanted]
    return {what: [getattr(stats, what) for stats in of] for what in ("min", "max", "mean", "std")}


def power(spark: Any, data: str) -> Numbers:
    """Fit power transforms by sparkscale."""
    import sparkscale as ss

    df = spark.read.parquet(data)
    fitted = ss.Pipeline([ss.Power(_columns(df))]).fit(df)
    return {"exponent": [map_.maps[0].exponent for map_ in fitted.maps[0]]}


def temperature(spark: Any, data: str) -> Numbers:
    """Fit a temperature to labels by sparkscale."""
    import sparkscale as ss

    df = spark.read.parquet(data)
    fitted = ss.Pipeline([ss.Softmax(_columns(df, "s"), temperature={"fit": "label"})]).fit(df)
    return {"temperature": [found.temperature for found in fitted.calibrations.values()]}


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
    wanted = list(columns) or _columns(df)
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
    assembled = VectorAssembler(inputCols=_columns(df), outputCol="v").transform(df).select("v")
    model = StandardScaler(inputCol="v", outputCol="s", withMean=True).fit(assembled)
    n = df.count()  # from the footers, to compare: MLlib's std has n - 1
    return {"mean": model.mean.toArray(), "std": model.std.toArray() * ((n - 1) / n) ** 0.5}


# --- transform ---------------------------------------------------------------------------------------------------


def transform(spark: Any, data: str, out: str, fitted: str, engine: str = "auto") -> Numbers:
    """Apply a saved artifact by sparkscale, and write."""
    import sparkscale as ss

    ss.load(fitted).transform(spark.read.parquet(data), engine=engine).write.mode("overwrite").parquet(out)
    return None


def mllib_transform(spark: Any, data: str, out: str, fitted: str) -> Numbers:  # noqa: ARG001 - it has its own
    """Apply MLlib's scaler and come back to columns; `vector_to_array` and one select is the fastest way there is."""
    df = spark.read.parquet(data)
    columns = _columns(df)
    model, assembler = _mllib(spark, data)
    _unpacked(model.transform(assembler.transform(df)), df, columns, out)
    return None


@functools.cache
def _mllib(spark: Any, data: str) -> tuple[Any, Any]:
    """Fit MLlib's scaler, the first time, which is not timed."""
    from pyspark.ml.feature import StandardScaler, VectorAssembler

    df = spark.read.parquet(data)
    assembler = VectorAssembler(inputCols=_columns(df), outputCol="v")
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


def sums(out: str) -> dict[str, Any]:
    """Return of each column the sum of magnitudes and of squares, read by pyarrow: the same rows, in any order."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table = pq.read_table(out)
    columns = sorted(name for name in table.column_names if name.startswith("f"))
    values = {
        name: pc.list_flatten(table[name]) if str(table[name].type).startswith("list") else table[name]
        for name in columns
    }
    return {
        "rows": table.num_rows,
        "columns": len(columns),
        "magnitudes": [pc.sum(pc.abs(column)).as_py() for column in values.values()],
        "squares": [pc.sum(pc.multiply(column, column)).as_py() for column in values.values()],
    }


# --- whole jobs --------------------------------------------------------------------------------------------------


def job(_spark: Any, file: str) -> Numbers:
    """Run a job file as the command does, in this process; the session of the lane serves it."""
    from sparkscale.config import jobfile
    from sparkscale.run.job import run

    run(jobfile.load(file, run_id=f"{time.time_ns()}"))
    return None


def cold_job(_spark: Any, file: str, engine: str) -> Numbers:
    """Run the command in a new process."""
    arguments = ["run", "--config", file, "--run-id", f"{time.time_ns()}", "--set", f"spark.engine={engine}"]
    return _process(f"from sparkscale.cli.entry import main; main({arguments!r})")


def cold_mllib_job(_spark: Any, data: str, out: str) -> Numbers:
    """Run the MLlib job in a new process, with the session that our command has."""
    return _process(
        "from benchmark import lanes, works\n"
        "with lanes.session_of('spark', {'spark.driver.memory': '4g'}) as spark:\n"
        f"    works.mllib_job(spark, {data!r}, {out!r})"
    )


def command(_spark: Any, arguments: Sequence[str]) -> Numbers:
    """Run a command that starts no engine."""
    return _process(f"from sparkscale.cli.entry import main; main({list(arguments)!r})")


def _process(code: str) -> Numbers:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise RuntimeError(f"{code}\n{done.stderr}")
    return None


def mllib_job(spark: Any, data: str, out: str) -> Numbers:
    """Fit, transform and write by MLlib."""
    from pyspark.ml.feature import StandardScaler, VectorAssembler

    df = spark.read.parquet(data)
    columns = _columns(df)
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
    columns = _columns(type("T", (), {"columns": table.column_names}))
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
    frame.with_columns(scaled).sink_parquet(f"{out}/part.parquet", compression="zstd", compression_level=1)
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
