"""An engine that runs out of memory: 69, by its name, and no advice to run it again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from sparkscale.errors import SparkscaleError, TemporaryError
from sparkscale.spark.session import failures, memory
from tests.processes import last_line, sparkscale

JOB = """version: 1
input: {format: parquet, path: in.parquet}
steps: [{kind: minmax, columns: x}]
output: {format: parquet, path: out}
self_check: 0
spark: {master: "local[2]", conf: {spark.driver.memory: 480m}}
"""
DRIVER = (
    "sparkscale: error[ENV_MEMORY] the Spark driver ran out of memory at 2 columns x 2 tasks; set spark.driver.memory"
)


@pytest.mark.parametrize("options", ["-Dnone", "-XX:+ExitOnOutOfMemoryError"], ids=["told", "gone"])
def test_name_a_driver_that_ran_out_of_memory(tmp_path: Path, options: str) -> None:
    """A value of 400 MB in a heap of 480: a task's failure says so, or the JVM just ends."""
    table = pa.table({"x": [1.0, 2.0], "text": ["a" * 400_000_000, "b"]})
    pq.write_table(table, tmp_path / "in.parquet", use_dictionary=False, compression="zstd", write_statistics=False)
    (tmp_path / "job.yaml").write_text(JOB)
    setting = f"spark.conf={{spark.driver.memory: 480m, spark.driver.extraJavaOptions: '{options}'}}"
    done = sparkscale("run", "-c", "job.yaml", "--set", setting, cwd=tmp_path)
    assert (done.returncode, last_line(done)[: len(DRIVER)]) == (69, DRIVER), done.stderr
    assert "run it again" not in last_line(done)
    assert {path.name for path in tmp_path.iterdir()} == {"in.parquet", "job.yaml"}


ACCOUNTS = [
    "Job aborted due to stage failure: ExecutorLostFailure (executor 1 exited caused by one of the running tasks) "
    "Reason: Command exited with code 52",
    "ExecutorLostFailure (executor 3 exited caused by one of the running tasks) Reason: Container killed by YARN for "
    "exceeding physical memory limits. 5.5 GB of 5.5 GB physical memory used.",
    "Lost task 3.3 in stage 1.0: java.lang.OutOfMemoryError: GC overhead limit exceeded",
]


@pytest.mark.parametrize("account", ACCOUNTS)
def test_name_an_executor_that_ran_out_of_memory(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch, account: str
) -> None:
    monkeypatch.setattr(memory, "_where", lambda _: "spark://host:7077")
    with pytest.raises(SparkscaleError) as caught, memory.accounted(spark.range(3)):
        raise failures.translate(RuntimeError(account), "writing out")
    assert (caught.value.exit_code, caught.value.cause) == (
        69,
        "a Spark executor ran out of memory at 1 column x 2 tasks",
    )
    assert caught.value.hint.startswith("set spark.executor.memory")


@pytest.mark.parametrize(("code", "exit_code"), [(52, 69), (1, 75), (None, 75)])
def test_judge_by_the_exit_code_of_a_driver_that_is_gone(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch, code: int | None, exit_code: int
) -> None:
    script = "import time; time.sleep(60)" if code is None else f"raise SystemExit({code})"
    with subprocess.Popen([sys.executable, "-c", script]) as process:
        monkeypatch.setattr(memory, "_PATIENCE", 20.0 if code else 0.1)
        monkeypatch.setattr(memory, "is_alive", lambda _: False)
        monkeypatch.setattr(memory.SparkContext, "_gateway", SimpleNamespace(proc=process))
        monkeypatch.setattr(memory, "_where", lambda _: "local")
        monkeypatch.setattr(memory, "_tasks", lambda _: 2)
        frame = SimpleNamespace(sparkSession=spark, columns=["a", "b"])
        with pytest.raises(SparkscaleError) as caught, memory.accounted(frame):  # type: ignore[arg-type]
            raise TemporaryError("SPARK_LOST", "Answer from Java side is empty", "run it again")
        process.kill()
    assert caught.value.exit_code == exit_code


def test_leave_an_executor_that_was_killed_to_be_tried_again() -> None:
    account = "ExecutorLostFailure (executor 1 exited caused by one of the running tasks) Reason: Command exited with code 137"
    assert failures.translate(RuntimeError(account), "writing").exit_code == 75
