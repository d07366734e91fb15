"""Updates on one engine: ``python -m tests.connect.updates sail|connect`` works in the current folder, writes ``found.json``."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame

import sparkscale as ss
from sparkscale.config import jobfile
from sparkscale.config.models import Spark
from sparkscale.run import job
from sparkscale.spark.session.session import session

#: A job file's section `spark` by engine.
SESSIONS: dict[str, dict[str, Any]] = {
    "sail": {"engine": "sail"},
    "connect": {"engine": "spark", "remote": "local[2]", "conf": {"spark.sql.shuffle.partitions": "2"}},
}
JOB = """
version: 1
input: {format: parquet, path: in, partitions: month int}
artifact: {path: out/stats}
states: {path: out/states, by: [month], quantile_error: 0.013}
spark: SPARK
steps:
  - {kind: standard, columns: y}
  - {kind: robust, columns: [x, v]}
  - {kind: standard, columns: v, over: all, into: a}
"""


def columns(month: int) -> dict[str, Any]:
    """Return the columns of a month, of more values than a coarse sketch holds; ``v`` are arrays with a null."""
    rng = np.random.default_rng(month)
    arrays = np.empty(300, dtype=object)
    arrays[:] = rng.normal([0, 1e9, -5, 2, 3], 1, (300, 5)).tolist()
    arrays[7], arrays[8][2], arrays[9][4] = None, None, np.inf
    return {"x": rng.normal(5, 2, 300), "y": rng.normal(5, 2, 300), "v": arrays}


def put(month: int) -> None:
    """Write a month."""
    path = Path(f"in/month={month:02d}/part.parquet")
    path.parent.mkdir(parents=True)
    pq.write_table(pa.table(columns(month)), path)
    text = Path(f"text/month={month}/part.csv")
    text.parent.mkdir(parents=True)
    text.write_text(f"x\n{month}\n", encoding="utf-8")


def update() -> Any:
    """Run the job."""
    return job.run(jobfile.load("job.yaml", "update"), "update")


def of_frames(config: Spark) -> list[int]:
    """Update by DataFrames of three queries, the first of them twice, and twice by one of text.

    Return how many partitions each reads.
    """
    with session(config, "updates") as spark:
        table = spark.read.parquet(str(Path("in").resolve()))
        text = spark.read.option("header", "true").schema("x double, month int").csv(str(Path("text").resolve()))
        frames = [table.where("x > 5"), table.where("x > 5"), table.where("y > 5")]
        pipeline, arrays = ss.Pipeline([ss.Standard("x")]), ss.Pipeline([ss.Standard("v", over="all")])
        return [
            *_read("states", frames, pipeline),
            *_read("of-text", [text, text], pipeline),
            *_read("of-arrays", [table, table], arrays),
        ]


def _read(place: str, frames: Sequence[DataFrame], pipeline: ss.Pipeline) -> list[int]:
    states = ss.States(place)
    return [len(states.update(frame, pipeline, ["month"]).read) for frame in frames]


def main(engine: str) -> None:
    """Update by a job and by DataFrames."""
    Path("job.yaml").write_text(JOB.replace("SPARK", json.dumps(SESSIONS[engine])), encoding="utf-8")
    put(1)
    first = update()
    put(2)
    second = update()
    read = [one.partitions["read"] for one in (first, second)]
    found = {"engine": first.engine, "read": read, "frames": of_frames(Spark.model_validate(SESSIONS[engine]))}
    Path("found.json").write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
