"""Trying again what failed for a reason that passes: another writer's commit, a store that is busy, a lost executor."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from sparkscale.errors import TemporaryError

T = TypeVar("T")

_ATTEMPTS, _FIRST_WAIT, _LONGEST_WAIT = 3, 1.0, 15.0


def patiently(spark: SparkSession, work: Callable[[], T], notes: list[str]) -> T:
    """Do what may be done twice, up to three times, and return its result; ``notes`` gets each failure on the way.

    Raises:
        SparkscaleError: the last failure; at once one that does not pass, or where the session is gone.
    """

    def told(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        notes.append(f"tried again (attempt {state.attempt_number + 1} of {_ATTEMPTS}) after: {error}")

    return Retrying(
        retry=retry_if_exception(lambda error: isinstance(error, TemporaryError) and is_alive(spark)),
        stop=stop_after_attempt(_ATTEMPTS),
        wait=wait_random_exponential(multiplier=_FIRST_WAIT, max=_LONGEST_WAIT),
        before_sleep=told,
        reraise=True,
    )(work)


def is_alive(spark: SparkSession) -> bool:
    """Whether a session answers: one whose driver is gone never will again."""
    try:
        return bool(spark.range(1).schema)
    except (PySparkException, Py4JError, OSError):
        return False
