"""Runs many jobs in one session: ``python -m tests.connect.jobs classic|connect|sail FOLDER``.

Each folder inside has job files, which are run in the order of their names in that folder; what became of each is
written beside it, as ``<job>.json``. A job named ``transform*.yaml`` or ``fit*.yaml`` is run by that command.
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


def main(engine: str, folder: Path) -> None:
    """Run all jobs of a folder."""
    small = {"spark.sql.shuffle.partitions": 1, "spark.databricks.delta.snapshotPartitions": 1}
    config = SESSIONS[engine].model_copy(update={"conf": small})
    with session(config, "jobs", formats={"delta", "iceberg"} if engine != "sail" else ()):
        for file in sorted(folder.glob("*/*.yaml")):
            os.chdir(file.parent)
            file.with_suffix(".json").write_text(json.dumps(outcome(file)), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
