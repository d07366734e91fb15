"""`transform`: apply a saved artifact to the input, and publish the result."""

from __future__ import annotations

import functools
from typing import Any

from sparkscale.config.jobfile import Job
from sparkscale.config.redaction import hidden
from sparkscale.errors import SparkscaleError
from sparkscale.pipeline.fitted import Fitted
from sparkscale.progress.progress import Progress
from sparkscale.report.tables import Report
from sparkscale.run import monitoring, opening, target
from sparkscale.run.opening import Opened
from sparkscale.spark.session.retry import patiently
from sparkscale.spark.sinks.base import Sink
from sparkscale.spark.sinks.written import gathered
from sparkscale.spark.transform.counts import Counted, judge, of_nulls
from sparkscale.spark.transform.grouped import unseen_counted
from sparkscale.spark.transform.masks import lengths_counted
from sparkscale.spark.transform.self_check import self_check
from sparkscale.spark.transform.transform import transform as transformed


def transform(job: Job, *, debug: bool = False, progress: Progress | None = None) -> Report:
    """Apply the artifact to the input, and publish the output.

    A run that is already published changes nothing.

    Raises:
        SparkscaleError: with its exit code; then nothing has changed.
    """
    config, report = job.config, opening.report_of(job, "transform", progress)
    config.need("artifact", "output")
    load = functools.cache(lambda: opening.load(config))
    with target.begun(job, report, debug=debug, progress=progress, first=load) as sink:
        if sink.unchanged is None:
            with report.stage("read"):
                applied = load()
                report.artifact = applied.about
                opened = opening.opened(sink.spark, config, sink, applied.fitted)
            report.warnings += opened.plan.warnings
            assert opened.known is not None  # noqa: S101 - it was given
            with opening.explained(opened, config):
                check(opened, opened.known, job, report)
                with report.stage("write"):
                    counted = write(opened, opened.known, job, report, sink)
                    monitoring.record([monitoring.rows_of(report.rows)], "transform", job, sink.spark)
                    sink.commit(record_of(job, report, sink))
                    audit(counted, job, report, sink)
            report.warnings += sink.notes
    return report


def check(opened: Opened, fitted: Fitted, job: Job, report: Report) -> None:
    """Compare a sample of the result with the NumPy kernels, if the job file asks for it."""
    if job.config.self_check:
        with report.stage("self_check"), lengths_counted(opened.df, fitted), unseen_counted(opened.df, fitted):
            sample = self_check(opened.df, fitted, job.config.engine, job.config.self_check)
        report.verified_rows = sample.rows
        report.warnings += sample.warnings
        if report.command == "transform":  # `run` has fitted on these very rows
            report.warnings += sample.unlike


def write(opened: Opened, fitted: Fitted, job: Job, report: Report, sink: Sink) -> Counted:
    """Write the result where no reader finds it, and check its rows."""
    config, df = job.config, opened.df

    def once() -> Counted:
        # A transaction writes and publishes in one step, so its rows are counted before.
        present = sink.lost_of_nulls(df)
        rows = None if fitted.weight else report.rows  # a weighted fit does not count rows of weight 0
        known = fitted.stats if report.command == "run" and not fitted.weight else {}  # of these very rows
        audited = known if config.audit else None
        counted = Counted.of(df, fitted, apart=sink.transactional, rows=rows, audit=audited, present=present)
        result = sink.prepared(transformed(counted.df, fitted, config.engine))
        sink.write(gathered(result, sink.output.partition_by, config.input.pinned))
        return counted

    with lengths_counted(df, fitted), unseen_counted(df, fitted):
        counted = patiently(df.sparkSession, once, report.warnings)
        counts = counted.judged.counts
    judge(counts, fitted, report)
    report.warnings += sink.warnings_of_nulls(of_nulls(counts))
    if not sink.transactional:
        report.audit = counted.audit()
        monitoring.record(monitoring.rows_of_audit(report.audit), "audit", job, sink.spark)
    return counted


def audit(counted: Counted, job: Job, report: Report, sink: Sink) -> None:
    """Report what a transaction has counted, which is known when it is committed; its record is published by then."""
    if sink.transactional:
        try:
            report.audit = counted.audit(observed=not sink.notes)  # notes say that it was tried again
            monitoring.record(monitoring.rows_of_audit(report.audit), "audit", job, sink.spark)
        except SparkscaleError as error:
            report.warnings.append(f"the output is published, but the counts of its audit are not known: {error}")


def record_of(job: Job, report: Report, sink: Sink) -> dict[str, Any]:
    """Return what the target keeps of a run."""
    record: dict[str, Any] = {
        "run_id": job.run_id,
        "command": report.command,
        "mode": sink.output.mode,
        "rows": report.rows,
        "artifact": hidden(report.artifact, job.secrets),
    }
    return record if report.audit is None else record | {"audit": report.audit.to_list()}
