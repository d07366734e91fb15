"""An engine that ran out of memory says so in many ways, or just ends: it is named, and not tried again."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from typing import Any

from py4j.protocol import Py4JError
from pyspark import SparkContext
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from sparkscale.errors import SparkscaleError, UnfitEnvironmentError, counted
from sparkscale.spark.session.retry import is_alive
from sparkscale.spark.session.session import is_connect

#: Exit codes of a JVM that ran out of memory: Spark's own, and that of ``-XX:+ExitOnOutOfMemoryError``.
_CODES = (52, 3)
#: Seconds that a JVM has to end, after its answer did not come.
_PATIENCE = 5.0


@contextlib.contextmanager
def accounted(df: DataFrame) -> Iterator[None]:
    """Say of what fails inside the block for want of memory who ran out of it, and at which size of work.

    Raises:
        UnfitEnvironmentError: (69) ``ENV_MEMORY``.
    """
    spark, columns = df.sparkSession, len(df.columns)
    where, tasks = _where(spark), _tasks(spark)
    try:
        yield
    except (SparkscaleError, PySparkException, Py4JError, OSError) as error:
        gone = _is_lost(error) and not is_alive(spark) and _has_run_out()
        if not (gone or _names(error)):
            raise
        at = counted(columns, "column") + (f" x {counted(tasks, 'task')}" if tasks else "")
        who, key = ("the Spark driver", "driver") if gone or where == "local" else ("a Spark executor", "executor")
        hint = f"set spark.{key}.memory to more (in spark.conf), or use fewer tasks at a time"
        raise UnfitEnvironmentError("ENV_MEMORY", f"{who} ran out of memory at {at}", hint) from error


def _names(error: BaseException) -> bool:
    return isinstance(error, SparkscaleError) and error.code == "ENV_MEMORY"


def _is_lost(error: BaseException) -> bool:
    if isinstance(error, SparkscaleError):
        return error.code == "SPARK_LOST"
    return isinstance(error, Py4JError | ConnectionError)


def _has_run_out() -> bool:
    """Whether the JVM that this process started has ended for want of memory."""
    process: Any = getattr(SparkContext._gateway, "proc", None)  # noqa: SLF001 - nothing else shows how it ended
    if not isinstance(process, subprocess.Popen):
        return False
    with contextlib.suppress(subprocess.TimeoutExpired):
        return process.wait(_PATIENCE) in _CODES
    return False


def _where(spark: SparkSession) -> str:
    """Return ``local`` where driver and executors are one process."""
    master = str(spark.conf.get("spark.master", None) or spark.conf.get("spark.remote", None) or "")
    return master.partition("[")[0]


def _tasks(spark: SparkSession) -> int:
    """Return how many tasks the engine works on at a time; 0 where it does not tell."""
    return 0 if is_connect(spark) else spark.sparkContext.defaultParallelism
