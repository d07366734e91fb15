"""conf/nightly.yaml as a scheduler runs it: month after month, one of them twice, one of them killed half-way."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from sparkscale.config import jobfile
from sparkscale.publish import files, manifest
from sparkscale.run import job
from tests.processes import python
from tests.samples import ROOT, script
from tests.tables import independent

NIGHTLY = str(ROOT / "conf" / "nightly.yaml")
#: The command, killed when its files are written and not yet published.
KILLED = """
import os, signal
from sparkscale.cli import entry
from sparkscale.publish import files
def reached(step):
    if step == "complete":
        os.kill(os.getpid(), signal.SIGKILL)
files.reached = reached
entry.main()
"""


def run(month: int) -> str:
    """Run the nightly job for a month in this process; returns the report's status."""
    overrides = [f"input.where.month={month}"]
    loaded = jobfile.load(NIGHTLY, "transform", overrides=overrides, run_id=f"flights-2013-{month:02d}")
    return job.run(loaded, "transform").status


def test_process_a_partition_a_night(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    script("sample_data").make(tmp_path / "data", limit=2000)
    assert job.run(jobfile.load(str(ROOT / "conf" / "fit_only.yaml"), "fit"), "fit").status == "done"
    months = sorted(set(independent("data/flights", "parquet")["month"].to_pylist()))[:4]
    assert [run(month) for month in months[:2]] == ["done", "done"]
    assert [run(month) for month in months[:2]] == ["unchanged", "unchanged"]
    before = independent("out/flights_nightly", "parquet")

    options = [
        "--set",
        f"input.where.month={months[2]}",
        "--set",
        "spark.master=local[2]",
        "--run-id",
        "flights-killed",
    ]
    killed = python("-c", KILLED, "transform", "-c", NIGHTLY, *options, cwd=tmp_path)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert independent("out/flights_nightly", "parquet").equals(before)
    assert list((tmp_path / "out").glob("_sparkscale-*"))

    assert [run(month) for month in months[2:]] == ["done", "done"]
    assert not list((tmp_path / "out").glob("_sparkscale-*"))
    assert manifest.problems(tmp_path / "out" / "flights_nightly", files.verify("out/flights_nightly")) == []

    overrides = ["output.path=out/clean", f"input.where.month={months}"]
    assert job.run(jobfile.load(NIGHTLY, "transform", overrides=overrides), "transform").status == "done"
    key = [("month", "ascending"), ("day", "ascending"), ("sched_dep_time", "ascending"), ("flight", "ascending"),
           ("carrier", "ascending")]  # fmt: skip
    nightly, clean = (independent(f"out/{name}", "parquet").sort_by(key) for name in ("flights_nightly", "clean"))
    assert nightly.select(clean.column_names).equals(clean)
    assert nightly.num_rows > 500
