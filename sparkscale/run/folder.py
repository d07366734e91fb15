"""Where a job's output lies, for `recover` and `verify`."""

from __future__ import annotations

from sparkscale.config.jobfile import Job
from sparkscale.run import opening


def folder_of(job: Job, *, debug: bool = False) -> str | None:
    """Return the folder of an output that is a table of a catalog, if it is on this machine."""
    with opening.looked_at(job, debug=debug) as (_, sink):
        return sink.folder() if sink is not None else None
