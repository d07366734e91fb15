"""`check --schema`: whatever a run would refuse that can be found without a job on the data."""

from __future__ import annotations

from sparkscale.config.jobfile import Job
from sparkscale.pipeline.plan import Plan
from sparkscale.report.explained import Explained
from sparkscale.run import monitoring, opening
from sparkscale.run.explain import explained
from sparkscale.run.target import check_tables


def check_schema(job: Job, *, debug: bool = False) -> tuple[Plan, Explained]:
    """Compare the steps with the input's schema, the engine and the target.

    Starts a session, and no job on the data but for CSV without a schema, whose values are read once.
    """
    applied = None if job.config.steps else opening.load(job.config)
    with opening.looked_at(job, debug=debug) as (spark, sink):
        if sink is not None:
            check_tables(spark, job.config, sink)
            if sink.published(job.run) is None:
                sink.check_absent()
        opened = opening.opened(spark, job.config, sink, applied.fitted if applied else None)
        monitoring.check_columns(job, opened.plan)
        return opened.plan, explained(opened, job.config, sink, applied)
