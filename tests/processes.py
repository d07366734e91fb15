"""Processes that tests start: the command, with an environment that says nothing of Spark unless a test does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
#: Seconds that any one process may take; a hang is a failure, not a test run without end.
PATIENCE = 240


def environment(**changes: str | None) -> dict[str, str]:
    """Return this environment without its settings for Spark; None takes a variable out."""
    own = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SPARK", "PYSPARK", "PYTHON", "SAIL")) and not name.lower().endswith("_proxy")
    }
    values = {"SPARK_LOCAL_IP": "127.0.0.1", "PYTHONWARNINGS": "", "PYTHONUTF8": "1"} | own | changes
    return {name: value for name, value in values.items() if value is not None}


def python(*arguments: str, cwd: Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run this interpreter."""
    return run([sys.executable, *arguments], cwd=cwd, env=env)


def run(command: list[str], *, cwd: Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, whatever its exit code."""
    return subprocess.run(
        command,
        cwd=cwd,
        env=dict(environment() if env is None else env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def sparkscale(*arguments: str, cwd: Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command `sparkscale` as its console script does."""
    return python("-c", "from sparkscale.cli import main; main()", *arguments, cwd=cwd, env=env)


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    """Return the last line on stderr, all that a scheduler shows."""
    return done.stderr.splitlines()[-1] if done.stderr else ""


def assert_done(done: subprocess.CompletedProcess[str]) -> None:
    """Fail with the process's own words where it failed."""
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-6000:]}"


def artifact(folder: Path) -> Any:
    """Return the newest artifact of a store as JSON."""
    return json.loads(max(folder.glob("*.json")).read_text(encoding="utf-8"))


def statistics_bytes(folder: Path) -> bytes:
    """Return the artifact's statistics in canonical bytes, but for the sketches, which are randomised."""
    stats = artifact(folder)["stats"]
    plain = {name: {key: value for key, value in known.items() if key != "quantiles"} for name, known in stats.items()}
    return json.dumps(plain, sort_keys=True).encode()
