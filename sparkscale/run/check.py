"""`check --schema`: compare the steps with the input's schema."""

from __future__ import annotations

from sparkscale.config.jobfile import Job
from sparkscale.pipeline.plan import Plan
from sparkscale.run import opening
from sparkscale.run.explain import types_of


def check_schema(job: Job, *, debug: bool = False) -> tuple[Plan, str]:
    """Compare the steps with the input's schema; also returns the types that the values of a text input decided.

    Starts a session. Only CSV without a schema starts a job, which reads the values once.
    """
    known = None if job.config.steps else opening.load(job.config)
    with opening.looked_at(job, debug=debug) as (spark, sink):
        opened = opening.opened(spark, job.config, sink, known)
    return opened.plan, types_of(opened.decided.types) if opened.decided else ""
