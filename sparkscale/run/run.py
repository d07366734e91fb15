"""`run`: fit on the input, transform it, and publish artifact and output."""

from __future__ import annotations

from sparkscale.config.jobfile import Job
from sparkscale.progress.progress import Progress
from sparkscale.report.tables import Report
from sparkscale.run import fit, opening, target, transform


def run(job: Job, *, debug: bool = False, progress: Progress | None = None) -> Report:
    """Fit the job's steps on its input, transform it, save the artifact and publish the output.

    Nothing is written at the target, and no version is added to the store, until everything that could fail on the data
    has passed. A run that is already published changes nothing.

    Raises:
        SparkscaleError: with its exit code.
    """
    config, report = job.config, opening.report_of(job, "run", progress)
    config.need("steps", "output")
    with target.begun(job, report, debug=debug, progress=progress) as sink:
        if sink.unchanged is None:
            with opening.to_fit(sink.spark, job, report, sink) as opened:
                fitted = fit.fitted_on(opened, job, report)
                transform.check(opened, fitted, job, report)
                with report.stage("write"):
                    counted = transform.write(opened, fitted, job, report, sink)
                    fit.save(fitted, config, report)
                    sink.commit(transform.record_of(job, report, sink))
                    transform.audit(counted, job, report, sink)
            report.warnings += sink.notes
    return report
