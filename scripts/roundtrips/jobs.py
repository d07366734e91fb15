"""One job: a job file that scales `x`, run in this process's session, and how it ended."""

from __future__ import annotations

import json
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sparkscale.config import jobfile
from sparkscale.errors import SparkscaleError

_REFUSALS = (65, 78)


@dataclass(frozen=True)
class Outcome:
    """How a job ended: its exit code, what it said, and what it warned of."""

    exit_code: int
    message: str = ""
    code: str = ""
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = field(default=())

    @property
    def refused(self) -> bool:
        """Whether it refused, as it may."""
        return self.exit_code in _REFUSALS


def run(source: dict[str, Any], target: dict[str, Any], scratch: Path, *, self_check: int = 0) -> Outcome:
    """Run a job that scales `x` of the source into the target."""
    from sparkscale.run import job

    steps = [{"kind": "maxabs", "columns": "x"}]
    sections = {"version": 1, "input": source, "steps": steps, "output": target, "self_check": self_check}
    place = scratch / "job.yaml"
    place.write_text(json.dumps(sections), encoding="utf-8")
    try:
        report = job.run(jobfile.load(str(place)))
    except SparkscaleError as error:
        said = tuple(map(str, error.problems))
        return Outcome(error.exit_code, str(error), error.code, said)
    except Exception as error:  # noqa: BLE001 - the command ends with 70
        return Outcome(70, f"{type(error).__name__}: {error}\n{traceback.format_exc()[-1500:]}")
    return Outcome(0, warnings=tuple(report.warnings))
