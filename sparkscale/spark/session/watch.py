"""How many tasks of a session's queries are done: classic Spark is polled, Spark Connect reports.

Sail takes a handler as Spark Connect does and never calls it. The status tracker is the one thing here that Spark
Connect lacks; it starts nothing, and changes no job group and no property of the session.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterable, Iterator
from typing import Any

from pyspark.sql import SparkSession

from sparkscale.progress.progress import Progress, Source, Tasks
from sparkscale.spark.session.session import is_connect


@contextlib.contextmanager
def watched(progress: Progress, spark: SparkSession) -> Iterator[None]:
    """Let ``progress`` see the tasks of a session of our own for the length of the block."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(progress.reading(_source(spark, stack)))
        yield


def _source(spark: SparkSession, stack: contextlib.ExitStack) -> Source:
    if not is_connect(spark):
        return functools.partial(active, spark)
    told = Told()
    spark.registerProgressHandler(told)
    stack.callback(spark.removeProgressHandler, told)
    return told.tasks


def active(spark: SparkSession) -> Tasks | None:
    """Return the tasks of the active stages of classic Spark, of all queries together, or None."""
    tracker = spark.sparkContext.statusTracker()
    stages = filter(None, map(tracker.getStageInfo, tracker.getActiveStageIds()))
    return _sum(Tasks(stage.numCompletedTasks, stage.numTasks) for stage in stages)


class Told:
    """A progress handler of Spark Connect, which is called by the thread of a query."""

    def __init__(self) -> None:
        self._operations: dict[str | None, Tasks | None] = {}

    def __call__(
        self,
        stages: Iterable[Any] | None,
        inflight_tasks: int,  # noqa: ARG002 - the protocol's
        operation_id: str | None,
        done: bool,  # noqa: FBT001 - the protocol's
    ) -> None:
        """Note the tasks of a query's stages that are not done; of one that is done, nothing."""
        with contextlib.suppress(Exception):  # what is not understood here must not fail the query
            if done:
                self._operations.pop(operation_id, None)
            else:
                running = [stage for stage in stages or () if not stage.done]
                self._operations[operation_id] = _sum(
                    Tasks(stage.num_completed_tasks, stage.num_tasks) for stage in running
                )

    def tasks(self) -> Tasks | None:
        """Return the tasks of all queries that run, or None."""
        return _sum(filter(None, list(self._operations.values())))


def _sum(parts: Iterable[Tasks]) -> Tasks | None:
    known = list(parts)
    return Tasks(sum(part.done for part in known), sum(part.total for part in known)) if known else None
