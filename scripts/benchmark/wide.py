"""The suite of wide tables: each stage of a job by the number of columns, which should be a straight line.

The rows are few, so that what is timed is what a column costs: planning, analysis, queries, expressions, documents.
"""

from __future__ import annotations

import contextlib
import functools
import io
import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from benchmark import data, works
from benchmark.contest import Contest, Entry, Target
from benchmark.setting import Bench, fitted, job_file

#: Twice the columns may take so many times twice as long: what is quadratic takes 2.
_STRAIGHT = 1.5
#: Planning a transform may take so many times as long as planning a select of as many expressions.
_OVER_SELECT = 1.5
_PLAN = "plan of transform"
_ROWS = 2000
_ENGINES = ("spark", "connect", "sail")


def wide(bench: Bench) -> Iterator[Contest]:
    """Each stage of a job over 200, 1,000, 2,000 and 5,000 columns: the time a column should not grow."""
    widths = bench.widths(200, 1000, 2000, 5000) if not bench.quick else (bench.cols or 12, 2 * (bench.cols or 12))
    tables = {width: _table(bench, width) for width in widths}
    for engine, stage in itertools.product(_ENGINES, ON_ENGINES):
        yield _contest(tables, stage, ON_ENGINES[stage], engine)
        if stage == _PLAN:
            yield _floor(tables, engine)
    for stage, work in ALONE.items():
        yield _contest(tables, stage, work, "python")


def _contest(tables: Mapping[int, dict[str, str]], stage: str, work: Callable[..., Any], engine: str) -> Contest:
    where = "" if engine == "python" else f" on {engine}"
    entries = [Entry(f"{stage}{where}, {width:,} columns", partial(work, **at), engine) for width, at in tables.items()]
    columns = {entry.name: width for entry, width in zip(entries, tables, strict=True)}
    targets = [
        Target(more, less, _STRAIGHT * columns[more] / columns[less]) for less, more in itertools.pairwise(columns)
    ]
    return Contest(f"wide: {stage}{where}, {_ROWS:,} rows", entries, targets, alike=False, columns=columns)


def _floor(tables: Mapping[int, dict[str, str]], engine: str) -> Contest:
    """Compare planning with what an engine needs for a select of as many expressions, which some plan in no line."""
    most = max(tables)
    floor = Entry(f"a select on {engine}, {most:,} columns", partial(select, **tables[most]), engine)
    ours = Entry(f"{_PLAN} on {engine}, {most:,} columns", partial(plan, **tables[most]), engine)
    targets = [Target(ours.name, floor.name, _OVER_SELECT)]
    return Contest(f"wide: planning on {engine}, {most:,} columns", [floor, ours], targets, alike=False)


def _table(bench: Bench, width: int) -> dict[str, str]:
    """Return what the stages are given of one width: a table, an artifact fitted on it, a job over it, a place."""
    table, out = data.features(bench.folder, _ROWS, width, files=2), str(bench.folder / f"wide-{width}")
    return {**fitted(bench, table, "standard: f*"), "file": job_file(bench, table, out, f"wide-{width}"), "out": out}


@functools.cache
def _loaded(place: str) -> Any:
    """Load an artifact; the first time, which is not timed."""
    import sparkscale as ss

    return ss.load(place)


def check(_spark: Any, file: str, **_: str) -> None:
    """Compare a job's steps with its input's schema."""
    _command("check", "--schema", "--config", file)


def explain(_spark: Any, file: str, **_: str) -> None:
    """Say what a job would do."""
    _command("explain", "--config", file)


def plan(spark: Any, data: str, fitted: str, **_: str) -> None:
    """Build the transform, and have the engine plan it."""
    with contextlib.redirect_stdout(io.StringIO()):
        _loaded(fitted).transform(spark.read.parquet(data)).explain()


def select(spark: Any, data: str, **_: str) -> None:
    """Have the engine plan a select of an expression for each column."""
    from pyspark.sql import functions as F

    df = spark.read.parquet(data)
    scaled = [((F.col(name) - F.lit(0.1)) / F.lit(2.0)).alias(name) for name in df.columns]
    with contextlib.redirect_stdout(io.StringIO()):
        df.select(*scaled).explain()


def fit(spark: Any, data: str, **_: str) -> None:
    """Fit."""
    works.fit(spark, data)


def transform(spark: Any, data: str, fitted: str, out: str, **_: str) -> None:
    """Transform and write."""
    _loaded(fitted).transform(spark.read.parquet(data)).write.mode("overwrite").parquet(out)


def self_check(spark: Any, data: str, fitted: str, **_: str) -> None:
    """Compare a sample of rows with NumPy, as a run does before it publishes."""
    from sparkscale.spark.columns import schema_of
    from sparkscale.spark.transform.self_check import self_check

    df = spark.read.parquet(data)
    known = _loaded(fitted)
    self_check(df, known.on(known.plan(schema_of(df))), "auto", 1000)


def save(_spark: Any, fitted: str, **_: str) -> None:
    """Save an artifact."""
    _loaded(fitted).save(f"{fitted}-{time.time_ns()}")


def load(_spark: Any, fitted: str, **_: str) -> None:
    """Load an artifact."""
    import sparkscale as ss

    ss.load(fitted)


def inspect(_spark: Any, fitted: str, **_: str) -> None:
    """Show an artifact."""
    _command("inspect", fitted)


def _command(*arguments: str) -> None:
    """Call the command in this process, whose session serves it."""
    from sparkscale.cli import entry

    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            entry.main(arguments)
    except SystemExit as ended:
        if ended.code:
            raise RuntimeError(f"{arguments} ended with {ended.code}\n{said.getvalue()}") from ended


ON_ENGINES: Mapping[str, Callable[..., None]] = {
    "check --schema": check,
    "explain": explain,
    _PLAN: plan,
    "fit": fit,
    "transform and write": transform,
    "self check": self_check,
}
ALONE: Mapping[str, Callable[..., None]] = {"save": save, "load": load, "inspect": inspect}
