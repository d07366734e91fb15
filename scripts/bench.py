"""Time the fit against Spark's own floor, in one session, alternating, medians of repeats.

    scripts/bench [--rows N] [--cols N] [--files N] [--repeats N] [--written-by pyarrow|spark] [--json]

The floor is a scan of the same columns into the `noop` sink. It depends on who wrote the files: pyarrow
keeps a dictionary of random numbers, which takes Spark twice as long to read as its own plain pages do.
Before anything is timed, the statistics are checked against NumPy on the same data.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyspark
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

import sparkscale as ss
from sparkscale.config import Spark
from sparkscale.spark.session import session

SEED = 20261123


def make(folder: Path, rows: int, cols: int, files: int) -> dict[str, np.ndarray]:
    """Write seeded Parquet files of normal features, each with its own mean and std; return them whole."""
    random = np.random.default_rng(SEED)
    whole = {f"f{j}": random.normal(j % 20, 1 + j % 20, rows) for j in range(cols)}
    for part in range(files):
        cut = slice(part * rows // files, (part + 1) * rows // files)
        pq.write_table(pa.table({name: data[cut] for name, data in whole.items()}), folder / f"{part:03d}.parquet")
    return whole


def check(fitted: ss.Fitted, whole: dict[str, np.ndarray]) -> None:
    """Hold the statistics against NumPy before any time is taken."""
    for name, data in whole.items():
        stats = fitted.stats[name]
        np.testing.assert_equal((stats.rows, stats.min, stats.max), (len(data), data.min(), data.max()), name)
        np.testing.assert_allclose([stats.mean, stats.std], [data.mean(), data.std()], rtol=1e-11)


def contestants(df: DataFrame) -> dict[str, Callable[[], Any]]:
    """Return what is timed."""
    columns = df.columns
    aggregates = [f(F.col(c)) for c in columns for f in (F.min, F.max, F.avg, F.stddev_pop)]
    groups = [aggregates[start : start + 40] for start in range(0, len(aggregates), 40)]
    return {
        "noop scan": lambda: df.write.format("noop").mode("overwrite").save(),
        "sparkscale fit": lambda: ss.Pipeline([ss.Standard(columns)]).fit(df),
        "agg of min, max, avg, stddev_pop, 10 columns at a time": lambda: [df.agg(*g).collect() for g in groups],
    }


def measure(work: dict[str, Callable[[], Any]], repeats: int) -> dict[str, list[float]]:
    """Run the contestants in turn, one warm-up and then the repeats."""
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for turn in range(repeats + 1):
        for name, run in work.items():
            start = time.perf_counter()
            run()
            if turn:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def main() -> None:
    """Make the data, check, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("rows", 1_000_000), ("cols", 200), ("files", 8), ("repeats", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--written-by", choices=["pyarrow", "spark"], default="pyarrow")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    config = Spark.model_validate({"engine": "spark", "master": "local[2]", "conf": {"spark.driver.memory": "4g"}})
    with tempfile.TemporaryDirectory() as folder, session(config, "bench") as spark:
        whole = make(Path(folder), options.rows, options.cols, options.files)
        df = spark.read.parquet(folder)
        if options.written_by == "spark":
            df.write.parquet(f"{folder}/spark")
            df = spark.read.parquet(f"{folder}/spark")
        check(ss.Pipeline([ss.Standard(df.columns)]).fit(df), whole)
        seconds = measure(contestants(df), options.repeats)
    floor = statistics.median(seconds["noop scan"])
    result = {
        name: {"median": round(statistics.median(s), 3), "spread": [round(min(s), 3), round(max(s), 3)],
               "ratio": round(statistics.median(s) / floor, 2)}
        for name, s in seconds.items()
    }  # fmt: skip
    machine = {"cores": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version(),
               "pyspark": pyspark.__version__, **vars(options)}  # fmt: skip
    if options.json:
        print(json.dumps({"machine": machine, "fit": result}))
        return
    print(f"fit, {options.rows:,} rows, {options.cols} columns: seconds, and the ratio to the noop scan ({machine})")
    for name, row in result.items():
        print(f"  {name:56} {row['median']:8.2f}  {row['spread'][0]:6.2f} to {row['spread'][1]:6.2f}  x {row['ratio']}")


if __name__ == "__main__":
    main()
