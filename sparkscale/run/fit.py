"""`fit`: learn the statistics of the input and save the artifact."""

from __future__ import annotations

import time

from sparkscale.artifact import chance, store
from sparkscale.config.jobfile import Job
from sparkscale.config.models import JobConfig
from sparkscale.config.redaction import hidden
from sparkscale.errors import DataError
from sparkscale.pipeline import origin
from sparkscale.pipeline.fitted import Fitted
from sparkscale.progress.progress import Progress
from sparkscale.report.tables import Report
from sparkscale.run import monitoring, opening, overlap
from sparkscale.run.opening import Opened
from sparkscale.spark.fit import fitting
from sparkscale.spark.session.failures import translated
from sparkscale.spark.session.retry import patiently
from sparkscale.spark.sources.footers import check_footers


def fit(job: Job, *, debug: bool = False, progress: Progress | None = None) -> Report:
    """Fit the job's steps on its input, and save a new version of the artifact.

    Raises:
        SparkscaleError: with its exit code; then no version is added.
    """
    config, report = job.config, opening.report_of(job, "fit", progress)
    config.need("steps", "artifact")
    overlap.check_input(config)
    with (
        opening.engine(job, report, debug=debug, progress=progress) as spark,
        opening.to_fit(spark, job, report) as opened,
    ):
        save(fitted_on(opened, job, report), config, report)
    return report


def fitted_on(opened: Opened, job: Job, report: Report, *, record: bool = True) -> Fitted:
    """Return the steps, fitted on the input; again where that fails for a reason that passes.

    Where the artifact's newest version differs by the chance of quantile sketches alone, that version is returned.
    What the job expects of the statistics is checked, and what was measured is written where ``record`` says so.

    Raises:
        RefusedError: (65) with every violation of expectations and thresholds of drift.
    """
    monitoring.check_columns(job, opened.plan)
    base = monitoring.baseline_of(job)
    source, began = job.config.input, time.time()

    def once() -> Fitted:
        with translated("fitting"):
            return fitting.fit_planned(
                opened.df, opened.plan, [about(job)], reproducible=job.config.statistics.reproducible
            )

    with report.stage("fit"):
        fitted = patiently(opened.df.sparkSession, once, report.warnings)
        complete = fitted.weight is None and not source.where
        if job.config.self_check and complete and source.format == "parquet" and source.local:
            check_footers(opened.df, fitted, since=began)
        if job.config.artifact is not None:
            fitted = chance.settled(fitted, job.config.artifact.path)
        fitted = origin.stamped(fitted, job.run_id)
    report.learned(fitted)
    monitoring.judge(fitted, base, job, report, opened.df.sparkSession if record else None)
    return fitted


def save(fitted: Fitted, config: JobConfig, report: Report) -> None:
    """Save a new version of the artifact, if the job names one; the report says which version stays promoted."""
    if config.artifact is None:
        return
    path = config.artifact.path
    with report.stage("save"):
        saved(path, fitted.save(path), report)


def saved(path: str, version: int, report: Report) -> None:
    """Report the version that was saved, and which one stays promoted."""
    report.artifact = {"path": path, "version": version}
    try:
        report.promoted = store.promoted(path)
    except DataError as error:  # which a run that has its own fit does not need
        report.warnings.append(str(error))


def about(job: Job) -> dict[str, object]:
    """Return what the artifact says of its input."""
    source = job.config.input
    about: dict[str, object] = {"format": source.format, "path": source.name, **source.as_of}
    where = source.model_dump(mode="json", by_alias=True, exclude_none=True)["where"]
    found: dict[str, object] = hidden({**about, "where": where} if where else about, job.secrets)
    return found
