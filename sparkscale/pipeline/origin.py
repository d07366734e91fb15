"""When a fit was made, and by which run: kept in its provenance, and left out where two fits are compared.

The same run on the same data gives the same bits at another time, and such a fit is no new version.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sparkscale.pipeline.fitted import Fitted

#: The key in the provenance: ``{"time": "2026-01-31T02:00:00Z", "id": "nightly-31"}``; the id only if a job fitted.
RUN = "run"
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def stamped(fitted: Fitted, run_id: str | None = None) -> Fitted:
    """Return a fit that says when (now) and by which run it was made; unchanged if it already says so."""
    if RUN in fitted.provenance:
        return fitted
    run = {"time": when(datetime.datetime.now(datetime.UTC))} | ({"id": run_id} if run_id else {})
    return replace(fitted, provenance={**fitted.provenance, RUN: run})


def without_run(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Return a provenance that says nothing of time and run."""
    return {key: value for key, value in provenance.items() if key != RUN}


def check(provenance: Mapping[str, Any]) -> None:
    """Refuse a provenance whose time or run is malformed; raises ValueError or TypeError."""
    if RUN not in provenance:
        return
    run = provenance[RUN]
    if not isinstance(run, dict) or not {"time"} <= run.keys() <= {"time", "id"}:
        raise ValueError(f"expected the time and the id of a run, found {run!r:.80}")
    moment(run["time"])
    if "id" in run and not (isinstance(run["id"], str) and _ID.fullmatch(run["id"])):
        raise ValueError(f"expected the id of a run, found {run['id']!r:.80}")


def when(time: datetime.datetime) -> str:
    """Return a time as documents hold it: to the second, in UTC."""
    return time.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(text: object) -> datetime.datetime:
    """Read a time that :func:`when` wrote; raises ValueError."""
    if not isinstance(text, str) or not _TIME.fullmatch(text):
        raise ValueError(f"expected a time such as 2026-01-31T02:00:00Z, found {text!r:.80}")
    return datetime.datetime.fromisoformat(text)
