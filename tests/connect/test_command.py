"""Whole jobs by the command on every engine: one result, one line that says why not, and nothing left behind."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.processes import artifact, assert_done, environment, last_line, python, sparkscale
from tests.spark.frames import assert_alike

JOB = """
version: 1
name: command
input: {{format: parquet, path: {input}}}
steps:
  - {{kind: standard, columns: offset}}
  - {{kind: minmax, columns: gaps, clip: true, into: "{{column}}_01"}}
  - {{kind: robust, columns: gaps}}
  - {{kind: softmax, columns: "score_*"}}
  - {{kind: log_softmax, columns: scores}}
artifact: {{path: out/stats}}
output: {{format: parquet, path: out/rows}}
"""
ENGINES = {"classic": "spark.master=local[2]", "connect": "spark.remote=local[2]", "sail": "spark.engine=sail"}
#: Seconds that a run may take to end when it is asked to (reliability.md).
ENDED = 15.0


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a table of three files, with nulls, NaN, infinities and arrays of many lengths."""
    folder = tmp_path_factory.mktemp("lake")
    rng = np.random.default_rng(3)
    for number in range(3):
        gaps = rng.exponential(2.0, 300)
        gaps[1::20], gaps[2], gaps[4] = np.nan, np.inf, -np.inf
        columns = {
            "key": np.arange(300) + 300 * number,
            "offset": rng.normal(1e9, 1.0, 300),
            "gaps": pa.array(gaps, mask=np.arange(300) % 7 == 0),
            "score_a": pa.array(rng.normal(size=300), mask=np.arange(300) % 13 == 5),
            "score_b": rng.normal(size=300) * 100,
            "scores": [None if n % 17 == 3 else rng.normal(size=n % 5).tolist() for n in range(300)],
        }
        pq.write_table(pa.table(columns), folder / f"{number}.parquet")
    return folder


@pytest.fixture(scope="module")
def job(lake: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Write the job file, outside of the folder that a job runs in."""
    path = tmp_path_factory.mktemp("job") / "job.yaml"
    path.write_text(JOB.format(input=lake), encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def runs(job: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, dict[str, Any], str]]:
    """Run the job on every engine, each in an empty folder; give folder, summary, and last line."""
    made = {}
    for engine, setting in ENGINES.items():
        folder, scratch = tmp_path_factory.mktemp(engine), tmp_path_factory.mktemp(f"{engine}-scratch")
        env = environment(TMPDIR=str(scratch))
        done = sparkscale("run", "--config", job, "--set", setting, "--json", cwd=folder, env=env)
        assert_done(done)
        assert not list(scratch.glob("sparkscale-*"))
        made[engine] = folder, json.loads(done.stdout), last_line(done)
    return made


@pytest.mark.parametrize("engine", ENGINES)
def test_run_leaves_its_outputs_alone(runs: dict[str, Any], engine: str) -> None:
    folder = runs[engine][0]
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if "rows/" not in path.as_posix()}
    assert found == {"out", "out/rows", "out/stats", "out/stats/00000001.json"}
    assert [path.name for path in (folder / "out" / "rows").iterdir() if path.is_dir()] == ["_sparkscale"]


def test_sail_takes_no_column_for_a_constant(tmp_path: Path) -> None:
    """A column whose Parquet statistics say min == max may hold a NaN all the same."""
    pq.write_table(pa.table({"x": [math.nan, 1.0, 1.0], "id": [1, 2, 3]}), tmp_path / "part.parquet")
    job = f"""
version: 1
input: {{format: parquet, path: {tmp_path}/part.parquet}}
steps: [{{kind: minmax, columns: x, into: y}}]
artifact: {{path: stats}}
output: {{format: parquet, path: rows}}
spark: {{engine: sail}}
"""
    (tmp_path / "job.yaml").write_text(job, encoding="utf-8")
    assert_done(sparkscale("run", "--config", "job.yaml", cwd=tmp_path))
    known = artifact(tmp_path / "stats")["stats"]["x"]
    assert {key: known[key] for key in ("rows", "nans", "finite", "min", "max")} == {
        "rows": 3, "nans": 1, "finite": 2, "min": 1.0, "max": 1.0}  # fmt: skip
    rows = pq.read_table(tmp_path / "rows").sort_by("id").to_pydict()
    assert_alike(rows["x"], [math.nan, 1.0, 1.0], name="x")
    assert_alike(rows["y"], [math.nan, 0.0, 0.0], name="y")


@pytest.mark.parametrize("section", ["input", "output"])
def test_sail_refuses_orc_before_it_writes(job: str, tmp_path: Path, section: str) -> None:
    done = sparkscale(
        "run", "--config", job, "--set", "spark.engine=sail", "--set", f"{section}.format=orc", cwd=tmp_path
    )
    line = f"sparkscale: error[CONFIG_FORMAT] {section}.format: expected a format that Sail has, found orc; use parquet"
    assert (done.returncode, last_line(done)) == (78, f"{line} (exit 78)")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("format_", ["parquet", "json"])
def test_sail_writes_a_table_without_rows(runs: dict[str, Any], lake: Path, tmp_path: Path, format_: str) -> None:
    job = f"""
version: 1
input: {{format: parquet, path: {lake}, where: {{key: {{lt: 0}}}}}}
artifact: {{path: {runs["sail"][0]}/out/stats}}
output: {{format: parquet, path: rows}}
spark: {{engine: sail}}
"""
    job = job.replace("format: parquet, path: rows", f"format: {format_}, path: rows")
    (tmp_path / "job.yaml").write_text(job, encoding="utf-8")
    done = sparkscale("transform", "--config", "job.yaml", cwd=tmp_path)
    assert_done(done)
    assert "warning: the input has no rows; the output is empty" in done.stderr
    if format_ == "parquet":
        made, known = pq.read_table(tmp_path / "rows"), pq.read_table(runs["sail"][0] / "out" / "rows")
        assert (made.num_rows, made.schema.names) == (0, known.schema.names)
        assert made.schema.field("gaps_01").type == pa.float64()
    else:
        assert [path.stat().st_size for path in (tmp_path / "rows").glob("part*")] == [0]


@pytest.mark.parametrize("engine", ENGINES)
def test_run_says_what_it_did(runs: dict[str, Any], engine: str) -> None:
    _, summary, line = runs[engine]
    assert (summary["status"], summary["rows"], summary["verified_rows"]) == ("done", 900, 900)
    assert line.startswith("done on Sail" if engine == "sail" else "done on Spark 4")
    assert summary["artifact"]["version"] == 1


@pytest.mark.parametrize("engine", ["connect", "sail"])
def test_run_gives_every_engine_the_same_result(runs: dict[str, Any], engine: str) -> None:
    ours, theirs = (pq.read_table(runs[name][0] / "out" / "rows").sort_by("key") for name in (engine, "classic"))
    assert ours.schema.names == theirs.schema.names
    assert ours.num_rows == 900
    for name in ours.column_names:
        assert_alike(ours[name].to_pylist(), theirs[name].to_pylist(), ulps=2.0**12, floor=1.0, name=name)
    left, right = (artifact(runs[name][0] / "out" / "stats")["stats"] for name in (engine, "classic"))
    for name, known in left.items():
        exact = ("rows", "nulls", "nans", "posinf", "neginf", "finite", "min", "max")
        assert {key: known[key] for key in exact} == {key: right[name][key] for key in exact}


def _without_java(tmp_path: Path) -> dict[str, str]:
    empty = tmp_path / "no-java-here"
    empty.mkdir()
    return environment(PATH=str(empty), JAVA_HOME=None)


def test_run_falls_to_sail_without_java(job: str, tmp_path: Path) -> None:
    done = sparkscale("run", "--config", job, cwd=tmp_path, env=_without_java(tmp_path))
    assert_done(done)
    assert done.stdout.splitlines()[-1].startswith("done on Sail")


def _assert_refused(done: subprocess.CompletedProcess[str], code: str, tmp_path: Path) -> None:
    assert done.returncode == 69, done.stderr
    assert last_line(done).startswith(f"sparkscale: error[{code}] ")
    assert last_line(done).endswith("(exit 69)")
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("setting", ["spark.engine=spark", "spark.master=local[2]", "spark.remote=local[2]"])
def test_refuse_spark_without_java(job: str, tmp_path: Path, setting: str) -> None:
    done = sparkscale("run", "--config", job, "--set", setting, cwd=tmp_path, env=_without_java(tmp_path))
    _assert_refused(done, "ENV_JAVA", tmp_path)
    assert len(done.stderr.splitlines()) == 1


def test_refuse_a_java_that_does_not_start(job: str, tmp_path: Path) -> None:
    java = tmp_path / "jdk" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text("#!/bin/sh\necho 'no java today' >&2\nexit 1\n", encoding="utf-8")
    java.chmod(0o755)
    env = environment(JAVA_HOME=str(java.parents[1]))
    done = sparkscale("run", "--config", job, "--set", "spark.engine=spark", cwd=tmp_path, env=env)
    _assert_refused(done, "ENV_JAVA", tmp_path)


def test_refuse_a_connect_server_that_is_not_there(job: str, tmp_path: Path) -> None:
    start = time.monotonic()
    remote = "spark.remote=sc://127.0.0.1:1/;user_id=me;token=s3cret"
    done = sparkscale("run", "--config", job, "--set", remote, cwd=tmp_path)
    _assert_refused(done, "ENV_CONNECT", tmp_path)
    assert time.monotonic() - start < 60
    assert "127.0.0.1:1" in done.stderr
    assert "s3cret" not in done.stderr


@pytest.mark.parametrize("spark", ["engine='sail'", "remote='local[1]'", "master='local[1]'"])
def test_trace_no_column_that_is_built(tmp_path: Path, spark: str) -> None:
    """PySpark looks for two modules that are not there, for each: half the time of planning a wide table."""
    code = (
        "from pyspark.errors import utils; from sparkscale.config.models import Spark\n"
        "from sparkscale.spark.session.session import session\n"
        f"with session(Spark({spark}), 'traces'): print(utils.is_debugging_enabled())"
    )
    assert_done(done := python("-c", code, cwd=tmp_path))
    assert done.stdout.splitlines()[-1] == "False"


def test_doctor_finds_nothing_wrong_here(tmp_path: Path) -> None:
    done = sparkscale("doctor", "--json", cwd=tmp_path)
    assert_done(done)
    findings = {finding["what"]: finding for finding in json.loads(done.stdout)}
    assert {finding["state"] for finding in findings.values()} <= {"ok", "warn"}
    assert {"Python", "pyspark", "pandas", "pyarrow", "Delta", "Iceberg", "Java", "Sail"} <= set(findings)


def test_doctor_warns_without_java_where_there_is_sail(tmp_path: Path) -> None:
    done = sparkscale("doctor", "--json", cwd=tmp_path, env=_without_java(tmp_path))
    assert_done(done)
    java = next(finding for finding in json.loads(done.stdout) if finding["what"] == "Java")
    assert java["state"] == "warn"
    assert "Sail" in java["fix"]


def test_doctor_warns_of_a_python_that_only_a_cluster_would_use(tmp_path: Path) -> None:
    env = environment(PYSPARK_PYTHON=str(tmp_path / "nowhere"))
    done = sparkscale("doctor", "--json", cwd=tmp_path, env=env)
    assert_done(done)
    (found,) = (
        finding for finding in json.loads(done.stdout) if finding["state"] == "warn" and "nowhere" in str(finding)
    )
    assert "unset it" in found["fix"]


def test_doctor_finds_what_is_wrong(tmp_path: Path) -> None:
    done = sparkscale("doctor", cwd=tmp_path, env=environment(SPARK_HOME=str(tmp_path / "nowhere")))
    assert done.returncode == 69
    assert last_line(done).startswith("sparkscale: error[ENV_DOCTOR] ")
    assert "nowhere" in last_line(done)
    assert "unset" in last_line(done)


@pytest.fixture(scope="module")
def long_job(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Write a job of a minute or more: one file under a thousand names, a softmax of it by pandas UDFs."""
    folder = tmp_path_factory.mktemp("long")
    rng = np.random.default_rng(1)
    (folder / "input").mkdir()
    first = folder / "input" / "0.parquet"
    pq.write_table(pa.table({"a": rng.normal(size=100_000), "b": rng.normal(size=100_000)}), first)
    for number in range(1, 1000):
        (folder / "input" / f"{number}.parquet").hardlink_to(first)
    text = f"""
version: 1
input: {{format: parquet, path: {folder / "input"}}}
steps: [{{kind: softmax, columns: [a, b]}}]
artifact: {{path: out/stats}}
output: {{format: parquet, path: out/rows}}
engine: pandas
self_check: 0
"""
    (folder / "long.yaml").write_text(text, encoding="utf-8")
    return str(folder / "long.yaml")


@pytest.fixture
def start(long_job: str, tmp_path: Path) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Give a function that starts the long job in a process group of its own; end what it started."""
    processes: list[subprocess.Popen[str]] = []

    def started(engine: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "sparkscale.cli", "run", "--config", long_job, "--set", ENGINES[engine]],
            cwd=tmp_path,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        processes.append(process)
        return process

    yield started
    for process in processes:
        if _alive(process.pid):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=ENDED)


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def _interrupt(process: subprocess.Popen[str], number: signal.Signals) -> str:
    """Interrupt a run, see it and all that it started end in time, and return what it said."""
    began = time.monotonic()
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # a terminal's Ctrl-C goes to the whole group
    else:
        os.kill(process.pid, number)
    _, said = process.communicate(timeout=ENDED)
    while _alive(process.pid) and time.monotonic() < began + ENDED:
        time.sleep(0.1)
    assert not _alive(process.pid)
    assert process.returncode == 128 + number, said
    assert said.splitlines()[-1] == f"sparkscale: interrupted (exit {128 + number})"
    assert "/sparkscale/" not in said  # no traceback of ours; the workers of a terminal's Ctrl-C may have theirs
    return said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl_c", "sigterm"])
@pytest.mark.parametrize("engine", ["classic", "sail"])
def test_interrupt_while_writing_leaves_nothing(
    start: Callable[[str], subprocess.Popen[str]], engine: str, number: signal.Signals, tmp_path: Path
) -> None:
    process, end = start(engine), time.monotonic() + 120
    while not list(tmp_path.glob("out/_sparkscale-rows-*/*")) and time.monotonic() < end and process.poll() is None:
        time.sleep(0.05)
    assert process.poll() is None
    _interrupt(process, number)
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize("seconds", [0.5, 2.0])
def test_interrupt_while_spark_starts_leaves_no_java(
    start: Callable[[str], subprocess.Popen[str]], seconds: float, tmp_path: Path
) -> None:
    """The seconds count from the first Java that the command starts, however long the machine took to get there."""
    process, end = start("classic"), time.monotonic() + 60
    while not _children(process.pid) and time.monotonic() < end:
        time.sleep(0.02)
    time.sleep(seconds)
    assert process.poll() is None
    assert "Traceback" not in _interrupt(process, signal.SIGINT)
    assert list(tmp_path.rglob("*")) == []


def _children(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8")
    except FileNotFoundError:  # it has ended
        return ""
