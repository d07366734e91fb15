"""Delta and Iceberg by the command: fresh processes, each with packages of its own, and nothing left but the tables."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.processes import assert_done, environment, last_line, sparkscale
from tests.tables import independent

JOB = """
version: 1
input: {format: parquet, path: in}
steps: [{kind: maxabs, columns: x}]
output: {format: parquet, path: out, mode: append}
self_check: 0
"""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """Give a folder with an input and a job file."""
    (tmp_path / "in").mkdir()
    pq.write_table(pa.table({"x": [1.0, 2.0, 4.0]}), tmp_path / "in" / "a.parquet")
    (tmp_path / "job.yaml").write_text(JOB)
    return tmp_path


RUNS = [("delta", "spark.master=local[2]"), ("iceberg", "spark.master=local[2]"), ("delta", "spark.remote=local[2]"),
        ("delta", "spark.engine=sail")]  # fmt: skip


@pytest.mark.parametrize(("format_", "engine"), RUNS)
def test_append_once_by_the_command(here: Path, format_: str, engine: str) -> None:
    arguments = [
        "run",
        "-c",
        "job.yaml",
        "--set",
        f"output.format={format_}",
        "--set",
        engine,
        "--run-id",
        "r-1",
        "--no-progress",
    ]
    first = sparkscale(*arguments, cwd=here)
    assert_done(first)
    output, done = first.stdout.splitlines()
    assert first.stderr == ""  # not a line of Spark's, Ivy's or Java's
    assert (output, done[:9]) == ("output: out, 3 rows, 0 checked against NumPy", "done on S")
    assert independent(str(here / "out"), format_)["x"].to_pylist() == [0.25, 0.5, 1.0]
    if "sail" not in engine:  # which keeps no record of runs
        again = sparkscale(*arguments, "--json", cwd=here)
        assert_done(again)
        assert json.loads(again.stdout)["status"] == "unchanged"
        assert last_line(again) == "unchanged: out already holds the result of run r-1"
    assert independent(str(here / "out"), format_).num_rows == 3
    assert {path.name for path in here.iterdir()} == {"in", "job.yaml", "out"}


@pytest.mark.parametrize("format_", ["delta", "iceberg"])
@pytest.mark.parametrize("mode", ["overwrite", "append"])
def test_ask_a_table_without_an_engine(here: Path, format_: str, mode: str) -> None:
    """A run that has finished starts no JVM: it ends well where there is no Java; another one is refused there."""
    settings = ["--set", f"output.format={format_}", "--set", f"output.mode={mode}", "--set", "spark.master=local[2]"]
    arguments = ["run", "-c", "job.yaml", *settings]
    assert_done(sparkscale(*arguments, cwd=here))
    (here / "empty").mkdir()
    bare = environment(PATH=str(here / "empty"), JAVA_HOME=str(here / "empty"))
    began = time.monotonic()
    again = sparkscale(*arguments, "--json", cwd=here, env=bare)
    assert_done(again)
    assert time.monotonic() - began < 20
    assert (json.loads(again.stdout)["status"], json.loads(again.stdout)["rows"]) == ("unchanged", 3)
    assert json.loads(again.stdout)["seconds"] == {}
    other = sparkscale(*arguments, "--run-id", "another", cwd=here, env=bare)
    assert (other.returncode, last_line(other)[:30]) == (69, "sparkscale: error[ENV_JAVA] Ja"), other.stderr
    assert {path.name for path in here.iterdir()} == {"in", "job.yaml", "out", "empty"}


@pytest.mark.parametrize(("format_", "engine"), RUNS)
def test_leave_nothing_of_a_failure(here: Path, format_: str, engine: str) -> None:
    """No staging folder, and nothing of Spark's own (metastore_db, derby.log, spark-warehouse, artifacts)."""
    temporary = here / "tmp"
    temporary.mkdir()
    wrong = ["--set", "steps.0.kind=softmax"]  # of one column
    arguments = ["run", "-c", "job.yaml", "--set", f"output.format={format_}", "--set", engine, *wrong]
    done = sparkscale(*arguments, cwd=here, env=environment(TMPDIR=str(temporary)))
    assert (done.returncode, last_line(done)[:38]) == (65, "sparkscale: error[SCHEMA_ONE_SCORE] st"), done.stderr
    assert {path.name for path in here.iterdir()} == {"in", "job.yaml", "tmp"}
    assert not [path.name for path in temporary.iterdir() if path.name.startswith(("sparkscale", "spark-"))]
