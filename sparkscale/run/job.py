"""The verbs that work on data, by their names."""

from __future__ import annotations

from sparkscale.config.jobfile import Job
from sparkscale.progress.progress import Progress
from sparkscale.report.tables import Report
from sparkscale.run.fit import fit
from sparkscale.run.run import run as run_
from sparkscale.run.transform import transform
from sparkscale.run.update import update

#: What each command does with a job.
VERBS = {"fit": fit, "transform": transform, "run": run_, "update": update}


def run(job: Job, command: str = "run", *, debug: bool = False, progress: Progress | None = None) -> Report:
    """Do what ``command`` says: ``fit``, ``transform``, both (``run``), ``update``; ``progress`` shows how far it is.

    Raises:
        SparkscaleError: with its exit code.
    """
    return VERBS[command](job, debug=debug, progress=progress)
