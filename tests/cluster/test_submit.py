"""scripts/submit runs a job in local mode and on a cluster, by the zip that scripts/package made."""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cluster.conftest import LOOPBACK, SPARK_HOME, Cluster
from tests.processes import ROOT, assert_done, environment, run

JOB = """version: 1
input: {format: parquet, path: FOLDER/in}
steps: [{kind: minmax, columns: x}]
artifact: {path: FOLDER/stats}
output: {format: parquet, path: FOLDER/out}
engine: pandas
"""
SUBMIT = str(ROOT / "scripts" / "submit")


@pytest.fixture
def job(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    pq.write_table(pa.table({"x": [1.0, 2.0, 3.0, None]}), tmp_path / "in" / "1.parquet")
    (tmp_path / "job.yaml").write_text(JOB.replace("FOLDER", str(tmp_path)))
    return tmp_path


def test_submit_in_local_mode(job: Path) -> None:
    env = environment(PYSPARK_PYTHON=sys.executable, SPARK_HOME=str(SPARK_HOME), PYTHONPATH=None)
    done = run([SUBMIT, "--config", "job.yaml", "--", "--master", "local[1]"], cwd=job, env=env, merged=True)
    assert_done(done)
    assert pq.read_table(job / "out")["x"].to_pylist() == [0.0, 0.5, 1.0, None]
    again = run([SUBMIT, "--config", "job.yaml", "--", "--master", "local[1]"], cwd=job, env=env, merged=True)
    assert again.returncode == 0
    assert again.stdout.splitlines()[-1].startswith("unchanged: ")
    other = [SUBMIT, "--config", "job.yaml", "--run-id", "other", "--", "--master", "local[1]"]
    refused = run(other, cwd=job, env=env, merged=True)
    assert (refused.returncode, refused.stdout.splitlines()[-1][-9:]) == (73, "(exit 73)")


def test_submit_to_a_cluster(cluster: Cluster, job: Path) -> None:
    settings = {"spark.driver.host": LOOPBACK, "spark.driver.bindAddress": LOOPBACK, "spark.executor.memory": "512m"}
    options = [text for key, value in settings.items() for text in ("--conf", f"{key}={value}")]
    command = [SUBMIT, "--config", "job.yaml", "--", "--master", cluster.master, *options]
    assert_done(run(command, cwd=job, env=cluster.environment(), merged=True))
    assert (job / "stats" / "00000001.json").is_file()
    assert pq.read_table(job / "out")["x"].to_pylist() == [0.0, 0.5, 1.0, None]
