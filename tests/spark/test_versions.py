"""Jobs and the versions of their artifact: which one they apply, which one they save, and what they say of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

import sparkscale as ss
from sparkscale.artifact import store
from sparkscale.config import jobfile
from sparkscale.errors import DataError, InputMissingError
from sparkscale.report.tables import Report
from sparkscale.run import job
from sparkscale.run.explain import explain
from tests.spark.frames import write_parquet


def load(command: str, *overrides: str) -> jobfile.Job:
    """Write a job file that fits, or that applies, and load it."""
    parts = {"version": 1, "input": {"format": "parquet", "path": "in"}, "artifact": {"path": "stats"},
             "steps": [{"kind": "minmax", "columns": "x"}], "self_check": 0,
             "output": {"format": "parquet", "path": "out", "mode": "overwrite"}}  # fmt: skip
    if command == "transform":
        del parts["steps"]
    Path("job.yaml").write_text(json.dumps(parts))
    return jobfile.load("job.yaml", command, overrides=overrides)


def run(command: str, *overrides: str) -> Report:
    return job.run(load(command, *overrides), command)


def scaled(spark: SparkSession) -> list[Any]:
    return sorted(row.x for row in spark.read.parquet(str(Path("out").absolute())).collect())


@pytest.fixture
def two_versions(spark: SparkSession, here: Path) -> Path:
    """Give a store with a version of the values 0 to 1, and one of 0 to 4."""
    for top in (1.0, 4.0):
        write_parquet(here / "in" / "part.parquet", {"x": [0.0, top]})
        run("fit")
    return here


def test_apply_the_promoted_version(spark: SparkSession, two_versions: Path) -> None:
    assert (run("transform").artifact["version"], scaled(spark)) == (2, [0.0, 1.0])
    with pytest.raises(InputMissingError, match="expected a promoted version in stats, found none"):
        run("transform", "artifact.version=promoted")
    ss.promote("stats", 1)
    done = run("transform")
    assert (done.status, done.artifact, scaled(spark)) == ("done", {"path": "stats", "version": 1}, [0.0, 4.0])
    manifest = json.loads(Path("out/_sparkscale/manifest.json").read_text())
    assert manifest["runs"][-1]["artifact"] == {"path": "stats", "version": 1}
    assert "artifact: stats version 1" in done.lines()
    assert (run("transform", "artifact.version=newest").artifact["version"], scaled(spark)) == (2, [0.0, 1.0])
    explained = explain(load("check", "steps=[]", "artifact.version=promoted"))
    assert explained.to_dict()["artifact"] == {"path": "stats", "version": 1}
    assert "artifact: stats version 1" in explained.lines()


def test_run_with_its_own_fit_beside_a_promoted_version(spark: SparkSession, two_versions: Path) -> None:
    ss.promote("stats", 1)
    write_parquet(two_versions / "in" / "part.parquet", {"x": [0.0, 8.0]})
    done = run("run")
    assert (scaled(spark), done.artifact, done.promoted) == ([0.0, 1.0], {"path": "stats", "version": 3}, 1)
    assert (
        "artifact: stats version 3; version 1 stays promoted (to change that, `sparkscale promote stats 3`)"
        in done.lines()
    )
    assert store.resolve("stats") == 1
    assert [row.run_id for row in ss.versions("stats")][-1] == done.run_id
    Path("stats/promotions/00000001.json").write_bytes(b"{}")
    again = run("run", "output.path=other")
    assert (again.status, again.artifact["version"], again.promoted) == ("done", 3, None)
    assert "stats/promotions/00000001.json: expected the record of a promotion" in again.warnings[0]
    with pytest.raises(DataError, match="expected the record of a promotion"):
        run("transform", "output.path=third")
