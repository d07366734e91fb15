"""The transaction of a job on its target, which begins before an engine starts if possible."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from sparkscale.config.jobfile import Job
from sparkscale.config.models import JobConfig
from sparkscale.config.tables import quoted
from sparkscale.places import check_apart
from sparkscale.progress.progress import Progress
from sparkscale.report.tables import Report
from sparkscale.run import opening, overlap
from sparkscale.spark.session.failures import translated
from sparkscale.spark.sinks.base import Sink
from sparkscale.spark.sinks.transaction import begin
from sparkscale.spark.sources.catalog import describe

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@contextlib.contextmanager
def begun(
    job: Job, report: Report, *, debug: bool, progress: Progress | None, first: Callable[[], object] = bool
) -> Iterator[Sink]:
    """Claim the target of a run. If the run is already published, the target and the report say ``unchanged``.

    Else ``first`` is called before an engine starts, so that what it raises costs no start. It is not called for a
    table of a catalog, because only the engine knows whether that run is published.

    Raises:
        ConfigError: (78) where target and input overlap, OutputError: (73) where the target cannot be published to,
        TemporaryError: (75) where another run writes there.
    """
    config = job.config
    overlap.check_input(config)
    overlap.check_output(config)
    assert config.output is not None  # noqa: S101 - the verb has asked for it
    engine = opening.engine(job, report, debug=debug, progress=progress)
    if config.output.table is None:
        engine = _after(first, engine)
    with begin(config.output, job.run, engine) as sink:
        report.recovered += sink.recovered
        report.output = {"path": sink.output.name, "format": sink.output.format}
        if sink.unchanged is not None:
            report.unchanged(sink.unchanged)
        else:
            check_tables(sink.spark, config, sink)
            sink.check_absent()
        yield sink


@contextlib.contextmanager
def _after(first: Callable[[], object], engine: AbstractContextManager[SparkSession]) -> Iterator[SparkSession]:
    first()
    with engine as spark:
        yield spark


def check_tables(spark: SparkSession, config: JobConfig, sink: Sink) -> None:
    """Refuse a target that overlaps the input, where a catalog alone knows where they are.

    Raises:
        ConfigError: (78).
    """
    source, target = config.input.path, config.output.path if config.output else None
    if config.input.table is not None:
        with translated(f"looking at {config.input.name}"):
            known = describe(spark, quoted(config.input.table))
        source = known.location if known else None
    if source is not None and (target or sink.folder()) is not None and not (config.input.path and target):
        check_apart("output", target or sink.folder() or "", "the input", source)
