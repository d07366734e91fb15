"""spark-submit on a standalone cluster: the numbers of local mode, the same bytes each time, and its exit codes."""

from __future__ import annotations

import json
import math
from fractions import Fraction
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


#: What merging in another order may change: the last bits of mean and M2, and of nothing else.
LAST = ("mean", "mean_lo", "m2")


def _assert_numbers_of(local: Path, folder: Path) -> None:
    """Hold what the cluster made to local mode: statistics but for last bits, schema and rows, NaN and null kept apart."""
    ours, theirs = (artifact(place / "stats")["stats"] for place in (folder, local))
    for name, known in theirs.items():
        found = ours[name]
        assert {k: v for k, v in found.items() if k not in LAST} == {k: v for k, v in known.items() if k not in LAST}
        mean, other = (Fraction(s["mean"]) + Fraction(s["mean_lo"]) * Fraction(2) ** s["exp"] for s in (found, known))
        std = math.sqrt(known["m2"] / known["finite"]) * 2.0 ** known["exp"]
        assert abs(mean - other) <= 1e-14 * std, name
        assert found["m2"] == pytest.approx(known["m2"], rel=1e-14), name
    _assert_rows_of(local, folder, {"rtol": 1e-14, "atol": 1e-13})


def _assert_same_bytes(folder: Path, other: Path) -> None:
    """Hold a run to another on the cluster: bytes of statistics, and every row."""
    assert statistics_bytes(folder / "stats") == statistics_bytes(other / "stats")
    _assert_rows_of(other, folder, {"rtol": 0, "atol": 0})


def _assert_rows_of(other: Path, folder: Path, tolerance: dict[str, float]) -> None:
    ours, theirs = _rows(folder), _rows(other)
    assert ours.schema == theirs.schema
    assert ours.num_rows == sum(ROWS + number for number in range(FILES - 1))
    for name in ours.column_names:
        left, right = ours[name], theirs[name]
        assert left.is_null().equals(right.is_null()), name
        np.testing.assert_allclose(left.to_numpy(), right.to_numpy(), **tolerance, err_msg=name)


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
    assert all(".zip/sparkscale/maps/" in place for place in found["after"]), found


@pytest.fixture(scope="module")
def ran(cluster: Cluster, lake: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Run the job on the cluster; give its folder and what it said."""
    folder = tmp_path_factory.mktemp("ran")
    done = cluster.submit(ROOT / "jobs" / "run.py", "--config", _job(folder, lake, folder), "--json", cwd=folder)
    assert_done(done)
    return folder, done.stdout.splitlines()


def test_run_equals_local_mode(ran: tuple[Path, list[str]], local: Path) -> None:
    folder, (*_, said, summary) = ran
    assert said.startswith("done on Spark")
    assert json.loads(summary)["rows"] == _rows(folder).num_rows
    _assert_numbers_of(local, folder)
    assert artifact(folder / "stats")["stats"]["skewed"]["nans"] > 0
    assert {path.name for path in folder.iterdir()} - {"warehouse"} == {"job.yaml", "stats", "rows"}


def test_fit_then_transform_gives_the_bytes_of_run(
    cluster: Cluster, lake: Path, ran: tuple[Path, list[str]], tmp_path: Path
) -> None:
    config = _job(tmp_path, lake, tmp_path)
    assert_done(cluster.submit(ROOT / "jobs" / "fit.py", "--config", config, cwd=tmp_path))
    assert not (tmp_path / "rows").exists()
    assert_done(cluster.submit(ROOT / "jobs" / "transform.py", "--config", config, cwd=tmp_path))
    _assert_same_bytes(tmp_path, ran[0])


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
