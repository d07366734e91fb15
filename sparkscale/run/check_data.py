"""`check --data`: fit, and compare the statistics with expectations and baseline; nothing is published or saved."""

from __future__ import annotations

from sparkscale.config.jobfile import Job
from sparkscale.progress.progress import Progress
from sparkscale.report.tables import Report
from sparkscale.run import fit, opening, overlap


def check_data(job: Job, *, debug: bool = False, progress: Progress | None = None) -> Report:
    """Fit the job's steps on its input and check what was learned. No version, no output and no metrics are written.

    Raises:
        SparkscaleError: with the exit code that `run` would end with.
    """
    config, report = job.config, opening.report_of(job, "check", progress)
    config.need("steps")
    overlap.check_input(config)
    with (
        opening.engine(job, report, debug=debug, progress=progress) as spark,
        opening.to_fit(spark, job, report) as opened,
    ):
        fit.fitted_on(opened, job, report, record=False)
    return report
