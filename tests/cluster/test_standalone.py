"""spark-submit on a standalone cluster: the bytes and the rows of local mode, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cluster.conftest import WORKERS, Cluster
from tests.processes import ROOT, artifact, assert_done, sparkscale, statistics_bytes

ROWS, FILES = 3000, 7
JOB = """
version: 1
name: cluster
input: {{format: parquet, path: {input}}}
steps:
  - {{kind: standard, columns: [offset, id], into: "{{column}}_std"}}
  - {{kind: minmax, columns: skewed, range: [-1, 1], clip: true}}
  - {{kind: robust, columns: rare}}
  - {{kind: softmax, columns: "score_*", into: "p_{{column}}"}}
artifact: {{path: {output}/stats}}
output: {{format: parquet, path: {output}/rows}}
engine: pandas
spark: {{master: "local[2]"}}
"""


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a table of several files, with nulls, NaN and infinities, one file without a row."""
    folder = tmp_path_factory.mktemp("lake")
    rng = np.random.default_rng(11)
    for number in range(FILES):
        size = 0 if number == FILES - 1 else ROWS + number
        at = np.arange(size)
        skewed = rng.exponential(3.0, size)
        skewed[3::17], skewed[5:6], skewed[6:7] = np.nan, np.inf, -np.inf
        columns = {
            "id": pa.array(at + number * 10_000, mask=at % 101 == 7),
            "key": pa.array(at + number * 10_000),
            "offset": pa.array(rng.normal(1e9, 1.0, size)),
            "skewed": pa.array(skewed, mask=at % 11 == 0),
            # Few enough numbers that a sketch holds them all: a larger one is randomised.
            "rare": pa.array(rng.normal(size=size), mask=at % 40 != 1),
            "score_a": pa.array(rng.normal(size=size), mask=at % 13 == 5),
            "score_b": pa.array(rng.normal(size=size) * 100),
        }
        pq.write_table(pa.table(columns), folder / f"{number}.parquet")
    return folder


def _job(folder: Path, lake: Path, output: Path) -> str:
    path = folder / "job.yaml"
    path.write_text(JOB.format(input=lake, output=output), encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def local(lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the job in local mode."""
    folder = tmp_path_factory.mktemp("local")
    assert_done(sparkscale("run", "--config", _job(folder, lake, folder), cwd=folder))
    return folder


def _rows(folder: Path) -> pa.Table:
    return pq.read_table(folder / "rows").sort_by("key")


def _assert_same(folder: Path, local: Path) -> None:
    """Hold what the cluster made to local mode: bytes of statistics, schema and rows, NaN and null told apart."""
    assert statistics_bytes(folder / "stats") == statistics_bytes(local / "stats")
    ours, theirs = _rows(folder), _rows(local)
    assert ours.schema == theirs.schema
    assert ours.num_rows == sum(ROWS + number for number in range(FILES - 1))
    for name in ours.column_names:
        left, right = ours[name], theirs[name]
        assert left.is_null().equals(right.is_null()), name
        np.testing.assert_array_equal(left.to_numpy(), right.to_numpy(), err_msg=name)


def test_start_two_workers(cluster: Cluster) -> None:
    workers = cluster.state()["workers"]
    assert [worker["state"] for worker in workers] == ["ALIVE"] * WORKERS
    assert [worker["cores"] for worker in workers] == [1] * WORKERS
    assert {worker["host"] for worker in workers} == {"127.0.0.1"}


def test_ship_the_package_to_executors(cluster: Cluster, tmp_path: Path) -> None:
    done = cluster.submit(ROOT / "tests" / "cluster" / "where.py", cwd=tmp_path)
    assert_done(done)
    (said,) = (line for line in done.stdout.splitlines() if line.startswith('{"before"'))
    found = json.loads(said)
    assert set(found["before"]) == {"ModuleNotFoundError"}
    assert all(".zip/sparkscale/maps.py" in place for place in found["after"]), found


def test_run_equals_local_mode(cluster: Cluster, lake: Path, local: Path, tmp_path: Path) -> None:
    done = cluster.submit(ROOT / "jobs" / "run.py", "--config", _job(tmp_path, lake, tmp_path), "--json", cwd=tmp_path)
    assert_done(done)
    said, summary = done.stdout.splitlines()[-2:]
    assert said.startswith("done on Spark")
    assert json.loads(summary)["rows"] == _rows(tmp_path).num_rows
    _assert_same(tmp_path, local)
    assert artifact(tmp_path / "stats")["stats"]["skewed"]["nans"] > 0
    assert {path.name for path in tmp_path.iterdir()} - {"warehouse"} == {"job.yaml", "stats", "rows"}


def test_fit_then_transform_equals_local_mode(cluster: Cluster, lake: Path, local: Path, tmp_path: Path) -> None:
    config = _job(tmp_path, lake, tmp_path)
    assert_done(cluster.submit(ROOT / "jobs" / "fit.py", "--config", config, cwd=tmp_path))
    assert not (tmp_path / "rows").exists()
    assert_done(cluster.submit(ROOT / "jobs" / "transform.py", "--config", config, cwd=tmp_path))
    _assert_same(tmp_path, local)


@pytest.mark.parametrize(
    ("override", "expected"),
    [("colour=red", "CONFIG_KEY 78"), ("steps.1.columns=skewd", "SCHEMA_MISSING 65")],
)
def test_fail_with_its_exit_code(cluster: Cluster, lake: Path, tmp_path: Path, override: str, expected: str) -> None:
    name, code = expected.split()
    config = _job(tmp_path, lake, tmp_path)
    done = cluster.submit(ROOT / "jobs" / "run.py", "--config", config, "--set", override, cwd=tmp_path)
    assert done.returncode == int(code), done.stdout[-3000:]
    cause = done.stdout.splitlines()[-1]
    assert cause.startswith(f"sparkscale: error[{name}]")
    assert cause.endswith(f"(exit {code})")
    assert "Traceback" not in done.stdout
    assert not (tmp_path / "rows").exists()
    assert not (tmp_path / "stats").exists()
