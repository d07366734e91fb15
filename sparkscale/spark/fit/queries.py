"""How the columns of a fit are dealt to queries, and how these run: what the engine and the input make cheap."""

from __future__ import annotations

import contextlib
import io
import itertools
import re
import threading
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from pyspark import inheritable_thread_target
from pyspark.sql import DataFrame, SparkSession

from sparkscale.pipeline.schema import Column
from sparkscale.spark.columns import feature
from sparkscale.spark.session.session import is_connect, is_sail

T = TypeVar("T")

#: Columns a query where each reads all rows again, or is aggregated in blocks: below spark.sql.codegen.maxFields (100),
#: past which the scan itself is not compiled.
GROUP = 64
#: The share of a table's columns that one query of Sail measures at least. Its queries take longer the wider the table
#: is that they read from: of 5,000 columns, 64 a query take 69 s and 250 a query 40 s; of 1,000, 64 are the fastest.
_SHARE = 20
#: Columns that Python workers sketch by one query: at 64, planning each query over 4,000 columns takes Sail 0.4 s.
IN_PYTHON = 512
#: Aggregation buffers of a query: past spark.sql.codegen.maxFields it takes six times as long.
BUFFERS = 99
#: Columns of a table from which narrow queries do not pay: each of their tasks reads the footer of all columns again.
WIDE = 256
#: Queries at a time: while one is planned, or waits for its last task, another one keeps the engine busy.
IN_FLIGHT = 2
#: Seconds that an interruption waits for an engine to hear of it.
_PATIENCE = 2.0

_NODE = re.compile(r"^[\s:+\-]*(?:\*\(\d+\) )?(\w+)")
_NARROW = {"ColumnarToRow", "Project", "Filter", "Union", "FileScan", "BatchScan", "InMemoryTableScan"}


@dataclass(frozen=True)
class Query:
    """Columns that are aggregated by one query: whole, or by partition. Positions of one array are by themselves."""

    columns: Sequence[Column]
    whole: bool


def deal(df: DataFrame, columns: Sequence[Column], buffers: int, *, reproducible: bool = True) -> list[Query]:
    """Deal columns to queries; the aggregates of one column take so many ``buffers``.

    Aggregated whole, a query is nearly as fast as reading its columns, and holds as many of them as Spark compiles.
    More such queries read the same bytes where the input is columnar, and everything again where it is not. The
    engine merges the states of the partitions then: local mode in their order, a cluster in the order of arrival,
    so that the last bits would differ from run to run. There, columns are aggregated by partition and the states
    merged here, unless the last bits need not be ``reproducible``. The positions of an array are always aggregated so,
    by one query: each further one would read all of the array.
    """
    arrays, plain = apart(columns)
    return [*_deal(df, plain, buffers, reproducible=reproducible), *(Query(own, whole=False) for own in arrays)]


def apart(columns: Sequence[Column]) -> tuple[list[list[Column]], list[Column]]:
    """Return the positions of each array, and the columns that are whole ones."""
    arrays: dict[tuple[str, ...], list[Column]] = {}
    for column in columns:
        if column.position is not None:
            arrays.setdefault(column.path, []).append(column)
    return list(arrays.values()), [column for column in columns if column.position is None]


def _deal(df: DataFrame, columns: Sequence[Column], buffers: int, *, reproducible: bool) -> list[Query]:
    spark = df.sparkSession
    if is_sail(spark):
        return [Query(group, whole=True) for group in evenly(columns, max(GROUP, len(df.columns) // _SHARE))]
    size = BUFFERS // buffers
    fast = merges_in_order(spark) or not reproducible
    whole = fast and (len(columns) <= size or (len(df.columns) <= WIDE and is_columnar(df, columns)))
    return [Query(group, whole) for group in evenly(columns, size if whole else GROUP)]


def evenly(items: Sequence[T], size: int) -> list[Sequence[T]]:
    """Cut into as few groups of at most ``size`` as can be, none much smaller than another.

    >>> evenly("abcdefg", 3)
    ['ab', 'cd', 'efg']
    """
    groups = -(-len(items) // size)
    bounds = [number * len(items) // groups for number in range(groups + 1)] if groups else []
    return [items[start:end] for start, end in itertools.pairwise(bounds)]


def merges_in_order(spark: SparkSession) -> bool:
    """Whether a shuffle gives the states of partitions in their order: local mode, which fetches nothing."""
    master = spark.conf.get("spark.master", "") or ""
    return master.startswith("local") and not master.startswith("local-cluster")


def is_columnar(df: DataFrame, columns: Sequence[Column]) -> bool:
    """Whether a query over a few columns reads these alone: Parquet, ORC, tables of them, a cached table.

    The engine's plan shows it: nothing but projections and filters over scans in batches of columns. No job is started.
    """
    plan = io.StringIO()
    with contextlib.redirect_stdout(plan):
        df.select(*[feature(column, df.sparkSession) for column in columns[:4]]).explain()
    found = list[str]()
    for line in filter(None, plan.getvalue().splitlines()[1:]):
        node = _NODE.match(line)
        found.append(node[1] if node and "Batched: false" not in line else line)
        if found[-1] == "InMemoryTableScan":  # what follows is how the cached table was made
            break
    by_column = {"ColumnarToRow", "InMemoryTableScan"} & set(found)  # a table of JDBC has neither
    return set(found) <= _NARROW and bool(by_column)


def together(spark: SparkSession, calls: Sequence[Callable[[], T]]) -> list[T]:
    """Call functions that run a query each, two at a time, and return their results in order.

    The queries of a call that fails, or is interrupted, are stopped.
    """
    if len(calls) < 2 or is_sail(spark):  # noqa: PLR2004 - nothing to run beside it
        return [call() for call in calls]
    tag = f"sparkscale-{uuid.uuid4().hex}"
    add, stop = _tags(spark)

    def tagged(call: Callable[[], T]) -> T:
        add(tag)  # to this thread, which ends with these calls
        return call()

    pool = ThreadPoolExecutor(IN_FLIGHT, "sparkscale")
    try:
        own: Any = inheritable_thread_target(spark)  # job group, pool and description are the caller's
        results = [pool.submit(own(tagged), call) for call in calls]
        return [result.result() for result in results]
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        _unhurried(stop, tag)
        raise
    finally:
        pool.shutdown(wait=False)


def _tags(spark: SparkSession) -> tuple[Callable[[str], Any], Callable[[str], Any]]:
    """Return what tags the queries of a thread, and what stops those of a tag.

    A session of classic Spark has both as well, but finds no query that Python has started.
    """
    if is_connect(spark):
        return spark.addTag, spark.interruptTag
    return spark.sparkContext.addJobTag, spark.sparkContext.cancelJobsWithTag


def _unhurried(stop: Callable[[str], Any], tag: str) -> None:
    """Stop the queries of a tag; an engine that does not answer is not waited for."""

    def stopping() -> None:
        with contextlib.suppress(Exception):
            stop(tag)

    thread = threading.Thread(target=stopping, daemon=True)
    thread.start()
    thread.join(_PATIENCE)
