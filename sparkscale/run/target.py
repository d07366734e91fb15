"""The transaction of a job on its target, which begins before an engine starts if possible."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from sparkscale.config.jobfile import Job
from sparkscale.progress.progress import Progress
from sparkscale.report.tables import Report
from sparkscale.run import opening, overlap
from sparkscale.spark.sinks.base import Sink
from sparkscale.spark.sinks.transaction import begin


@contextlib.contextmanager
def begun(job: Job, report: Report, *, debug: bool, progress: Progress | None) -> Iterator[Sink]:
    """Claim the target of a run. If the run is already published, the target and the report say ``unchanged``.

    Raises:
        ConfigError: (78) where target and input overlap, OutputError: (73) where the target cannot be published to,
        TemporaryError: (75) where another run writes there.
    """
    config = job.config
    overlap.check_input(config)
    overlap.check_output(config)
    assert config.output is not None  # noqa: S101 - the verb has asked for it
    engine = opening.engine(job, report, debug=debug, progress=progress)
    with begin(config.output, job.run, engine) as sink:
        report.recovered += sink.recovered
        report.output = {"path": sink.output.name, "format": sink.output.format}
        if sink.unchanged is not None:
            report.unchanged(sink.unchanged)
        else:
            overlap.check_tables(sink.spark, config, sink)
            sink.check_absent()
        yield sink
