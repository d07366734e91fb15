"""Spark's failures, as ours: at once, by their cause, and with the exit code that says what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from sparkscale.errors import DataError
from sparkscale.spark.session.failures import translate, translated
from tests.processes import last_line, sparkscale
from tests.spark.frames import write_parquet

JOB = """version: 1
input: {format: parquet, path: in.parquet}
steps: [{kind: minmax, columns: x}]
output: {format: parquet, path: out}
"""
SETTINGS = [
    (
        "spark.conf={spark.sql.shuffle.partitions: abc}",
        "reading in.parquet: [INVALID_CONF_VALUE.TYPE_MISMATCH] The value 'abc' in the config "
        "\"spark.sql.shuffle.partitions\" is invalid. It should be a/an 'int' value",
    ),
    ("spark.master=local[0]", "starting the engine: Asked to run locally with 0 threads"),
]


@pytest.mark.parametrize(("setting", "cause"), SETTINGS, ids=[setting for setting, _ in SETTINGS])
def test_refuse_wrong_setting_at_once(tmp_path: Path, setting: str, cause: str) -> None:
    """PySpark words the exception of a session that cannot be built by asking that session, again and again."""
    write_parquet(tmp_path / "in.parquet", {"x": [1.0, 2.0]})
    (tmp_path / "job.yaml").write_text(JOB)
    done = sparkscale("run", "-c", "job.yaml", "--set", setting, cwd=tmp_path)
    expected = f"sparkscale: error[CONFIG_SPARK] {cause}; check spark.conf and spark.master (exit 78)"
    assert (done.returncode, last_line(done)) == (78, expected)


CONDITIONS = [
    ("PATH_NOT_FOUND", "gone", "INPUT_MISSING"),  # whatever the text says, in whatever language
    ("FAILED_READ_FILE.PARQUET_COLUMN_DATA_TYPE_MISMATCH", "another type", "SCHEMA_FILES"),
    ("DELTA_CONCURRENT_APPEND", "files were added", "OUTPUT_CONFLICT"),
    ("PATH_NOT_FOUND", "DATA_UNKEPT: a value", "DATA_UNKEPT"),  # an error of ours, raised in the engine
    ("FAILED_READ_FILE.NO_HINT", "Caused by: No space left on device", "DISK_FULL"),  # a wrapper: its cause counts
    (None, "Job aborted. Caused by: [UNABLE_TO_INFER_SCHEMA] for Parquet", "INPUT_EMPTY"),
    ("SOMETHING_NEW", "nobody knows it", "SPARK_FAILED"),
]


@pytest.mark.parametrize(("condition", "text", "code"), CONDITIONS)
def test_go_by_the_condition_first(condition: str | None, text: str, code: str) -> None:
    error = PySparkException(message=text, errorClass=condition, messageParameters={})
    found = translate(error, "reading in")
    assert (found.code, found.cause.startswith("reading in: ")) == (code, True)


#: What engines say of what fails, shortened.
TOLD = [
    "[PATH_NOT_FOUND] Path does not exist: file:/gone",
    "[TABLE_OR_VIEW_NOT_FOUND] The table or view `db`.`t` cannot be found",
    "[DELTA_VERSION_NOT_FOUND] Cannot time travel Delta table to version 9",
    "[DELTA_CONCURRENT_APPEND] Files were added by a concurrent update",
    "[DATA_SOURCE_NOT_FOUND] Failed to find the data source: delta",
    "[COLUMN_ALREADY_EXISTS] The column `x` already exists",
    "[PARQUET_TYPE_ILLEGAL] Illegal Parquet type: INT32 (TIME(MILLIS,true))",
    "[CANNOT_MERGE_SCHEMAS] Failed merging schemas",
    "[CONFLICTING_PARTITION_COLUMN_NAMES] Conflicting partition column names detected",
    "[INVALID_PARTITION_VALUE] Failed to cast value `x` to data type INT for partition column `month`",
    "[INSERT_COLUMN_ARITY_MISMATCH.TOO_MANY_DATA_COLUMNS] Cannot write to `t`",
    "[PYTHON_VERSION_MISMATCH] Python in worker has different version: 3.9 than that in driver: 3.11",
    "java.lang.OutOfMemoryError: Java heap space",
    "ExecutorLostFailure (executor 1 exited caused by one of the running tasks)",
    "Python worker exited unexpectedly (crashed)",
    "java.io.IOException: No space left on device",
    "java.nio.file.AccessDeniedException: Permission denied: /data",
    "com.amazonaws.AmazonServiceException: SlowDown, status code: 503",
    "java.net.UnknownHostException: namenode",
    "java.net.BindException: Failed to bind to address /127.0.0.1:15002: Service 'org.apache.spark.sql.connect.service"
    ".SparkConnectService' failed after 0 retries (starting from 15002)! Consider explicitly setting the appropriate port for the service.",
    "No FileSystem for scheme: s3a",
    "ModuleNotFoundError: No module named 'pandas'",
    "Mkdirs failed to create file:/out/key=value",
    "Decimal precision 30 is too large to store in a Decimal(18,2)",
    "CSV header does not conform to the schema",
    "Empty partition column value in 'key='",
    "Java gateway process exited before sending its port number",
    "[NEW_CONDITION] Nobody knows this",
]


@pytest.mark.parametrize("text", TOLD)
def test_say_what_to_do(snapshot: Callable[[str], None], text: str) -> None:
    snapshot(f"{text}\n{translate(PySparkException(message=text), 'writing out').line}")


@pytest.mark.parametrize("text", [
    'Lost task 0.0 (TID 1): java.io.IOException: Cannot run program "/no/python3": error=2, No such file or directory',
    'java.io.IOException: Cannot run program "/no/python3": Exec failed, error: 13 (Permission denied)',
    'java.io.IOException: Cannot run program "/no/env": error=2\n\tat org.apache.spark.api.python.PythonWorkerFactory.create',
])  # fmt: skip
def test_name_a_python_that_executors_lack(text: str) -> None:
    found = translate(PySparkException(message=text), "writing")
    place = text.split('"')[1]
    cause = f"writing: the executors have no Python at {place}"
    assert (found.exit_code, found.code, found.cause) == (69, "ENV_WORKER", cause)
    assert found.hint == "set PYSPARK_PYTHON to a Python that they have"


def test_call_a_damaged_footer_by_its_name(spark: SparkSession, tmp_path: Path, thorough: bool) -> None:
    """Flip bits of what a Parquet file says of itself: whichever exception Spark meets, it is the data's fault."""
    flips = 60 if thorough else 24
    write_parquet(tmp_path / "whole.parquet", {"x": [float(i) for i in range(400)], "y": list(range(400))})
    data, numbers, refused = (tmp_path / "whole.parquet").read_bytes(), np.random.default_rng(6), []
    for number in range(flips):
        flipped = bytearray(data)
        flipped[numbers.integers(len(data) - 600, len(data))] ^= 1 << int(numbers.integers(8))
        place = tmp_path / f"{number}.parquet"
        place.write_bytes(flipped)
        try:
            with translated("reading"):
                spark.read.parquet(str(place)).write.format("noop").mode("overwrite").save()
        except DataError as error:
            refused.append(error.code)
    assert len(refused) > flips / 6
    assert set(refused) <= {"INPUT_DAMAGED", "SCHEMA_TYPE", "INPUT_EMPTY", "SCHEMA_DUPLICATE"}
