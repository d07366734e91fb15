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
#: For JVMs of small jobs: the quick compiler alone halves the time of one. Its code has 48 MB by default, which the tests'
#: queries fill; the JVM then throws code away and compiles it again.
JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:-UsePerfData -XX:ReservedCodeCacheSize=240m"
#: Spark's classes as a JVM has them in memory, which `tests.archive` makes.
ARCHIVE = Path(sys.prefix) / "spark.jsa"


def java() -> str:
    """Return the options of a JVM that starts with Spark's classes out of the archive, where there is one."""
    return f"-XX:SharedArchiveFile={ARCHIVE} -Xlog:cds*=off" if ARCHIVE.exists() else ""


def environment(**changes: str | None) -> dict[str, str]:
    """Return this environment without its settings for Spark, and with this checkout; None takes a variable out."""
    own = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SPARK", "PYSPARK", "PYTHON", "SAIL")) and not name.lower().endswith("_proxy")
    }
    fixed = {
        "SPARK_LOCAL_IP": "127.0.0.1",
        "JDK_JAVA_OPTIONS": f"{JAVA} {java()}".strip(),
        "PYTHONUTF8": "1",
        "PYTHONPATH": str(ROOT),
    }
    values: dict[str, str | None] = own | fixed | changes
    return {name: value for name, value in values.items() if value is not None}


def python(*arguments: str, cwd: Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run this interpreter."""
    return run([sys.executable, *arguments], cwd=cwd, env=env)


def run(
    command: list[str], *, cwd: Path, env: Mapping[str, str] | None = None, merged: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, whatever its exit code; ``merged`` brings stderr into stdout, as a log has them."""
    return subprocess.run(
        command,
        cwd=cwd,
        env=dict(environment() if env is None else env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if merged else subprocess.PIPE,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def sparkscale(*arguments: str, cwd: Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command `sparkscale` as its console script does."""
    return python("-c", "from sparkscale.cli.entry import main; main()", *arguments, cwd=cwd, env=env)


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    """Return the last line on stderr, all that a scheduler shows."""
    return done.stderr.rstrip("\n").rpartition("\n")[2]


def assert_done(done: subprocess.CompletedProcess[str]) -> None:
    """Fail with the process's own words where it failed."""
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout[-6000:]}\n{(done.stderr or '')[-6000:]}"


def artifact(folder: Path) -> Any:
    """Return the newest artifact of a store as JSON."""
    return json.loads(max(folder.glob("*.json")).read_text(encoding="utf-8"))


def statistics_bytes(folder: Path) -> bytes:
    """Return the artifact's statistics in canonical bytes, but for the sketches, which are randomised."""
    stats = artifact(folder)["stats"]
    plain = {name: {key: value for key, value in known.items() if key != "quantiles"} for name, known in stats.items()}
    return json.dumps(plain, sort_keys=True).encode()
