"""Runs many jobs in one session: ``python -m tests.connect.jobs classic|connect|sail``.

Each line of the input is a folder with job files. They are run in the order of their names in that folder; what became
of each is written beside it, as ``<job>.json``, and then the line is printed. A job named ``transform*.yaml`` or
``fit*.yaml`` is run by that command.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from sparkscale.config import jobfile
from sparkscale.errors import SparkscaleError
from sparkscale.run import job
from sparkscale.spark.session.session import session
from tests.connect.scenario import SESSIONS


def outcome(file: Path) -> dict[str, Any]:
    """Run one job and say what became of it."""
    command = next((name for name in ("transform", "fit") if file.name.startswith(name)), "run")
    try:
        report = job.run(jobfile.load(file.name), command)
    except SparkscaleError as error:
        problems = [f"{problem.code}: {problem}" for problem in error.problems]
        return {"exit": error.exit_code, "code": error.code, "problems": problems, "warnings": []}
    return {"exit": 0, "code": report.status, "problems": [], "warnings": report.warnings}


def main(engine: str) -> None:
    """Run the jobs of each folder that is asked for."""
    small = {"spark.sql.shuffle.partitions": 1, "spark.databricks.delta.snapshotPartitions": 1}
    config = SESSIONS[engine].model_copy(update={"conf": small})
    with session(config, "jobs", formats={"delta", "iceberg"} if engine != "sail" else ()):
        for line in sys.stdin:
            folder = Path(line.rstrip("\n"))
            os.chdir(folder)
            for file in sorted(folder.glob("*.yaml")):
                file.with_suffix(".json").write_text(json.dumps(outcome(file)), encoding="utf-8")
            print(folder, flush=True)  # noqa: T201 - the answer


if __name__ == "__main__":
    main(sys.argv[1])
