"""`sparkscale doctor`: what is wrong with an environment, and how to fix it. Starts no Spark."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from sparkscale.errors import Problem, UnfitEnvironmentError

_JAVA = (17, 21)
_PYTHON = (3, 11)
#: Package, lowest version, first version too new; for the Spark engine.
_PACKAGES = [
    ("pyspark", (4, 0), (4, 4)),
    ("pandas", (2, 2), None),
    ("pyarrow", (15, 0), None),
    ("numpy", (1, 26), None),
]


#: Prints the version of a Python, and what it lacks of what workers need.
_PROBE = (
    "import importlib.util as u, sys; print('%d.%d' % sys.version_info[:2], "
    "*[name for name in ('numpy', 'pandas', 'pyarrow') if not u.find_spec(name)])"
)


@dataclass(frozen=True)
class Finding:
    """One thing that was checked."""

    state: Literal["ok", "warn", "bad"]
    what: str
    found: str
    fix: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(self)


def examine(lakes: Mapping[str, Collection[str]]) -> Iterator[Finding]:
    """Yield what was found, good and bad.

    Args:
        lakes: for each table format, the versions of Spark (``4.1``) that have a release of it.
    """
    yield _python()
    yield from map(_package, *zip(*_PACKAGES, strict=True))
    yield from (_lake(name, versions) for name, versions in lakes.items())
    sail = version_of("pysail")
    yield _java(needed=sail is None)
    yield Finding("ok", "Sail", sail or "not installed (optional: a Spark without Java)")
    yield _workers()
    yield _home()
    yield _scratch()


def raise_for(findings: Sequence[Finding]) -> None:
    """Raise :class:`UnfitEnvironmentError` (69) where something found is bad."""
    problems = [Problem("ENV_DOCTOR", f"{f.what}: {f.found}", f.fix) for f in findings if f.state == "bad"]
    if problems:
        raise UnfitEnvironmentError.of(problems)


def _python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    good = sys.version_info[:2] >= _PYTHON
    return Finding("ok" if good else "bad", "Python", found, "" if good else "install Python 3.11 or newer")


def _package(name: str, low: tuple[int, int], high: tuple[int, int] | None) -> Finding:
    found = version_of(name)
    wanted = f"{name}>={low[0]}.{low[1]}" + (f",<{high[0]}.{high[1]}" if high else "")
    if found is None:
        return Finding("bad", name, "not installed", f"pip install '{wanted}' (or 'sparkscale[spark]')")
    numbers = tuple(int(part) for part in re.findall(r"\d+", found)[:2])
    good = low <= numbers and (high is None or numbers < high)
    return Finding("ok" if good else "bad", name, found, "" if good else f"pip install '{wanted}'")


def _lake(name: str, versions: Collection[str]) -> Finding:
    """Check that the installed PySpark has a table format; plain files need none, so it is no more than a warning."""
    found = version_of("pyspark")
    if found and ".".join(found.split(".")[:2]) in versions:
        return Finding("ok", name, f"PySpark {found} has it")
    newest = max(versions, key=lambda version: tuple(map(int, version.split("."))))
    said = f"no release for PySpark {found}; plain files work" if found else "pyspark is not installed"
    return Finding("warn", name, said, f"to use it, pip install 'pyspark=={newest}.*'")


def version_of(name: str) -> str | None:
    """Return the version of an installed package; None where it is not installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def java() -> tuple[str | None, int]:
    """Return the java that Spark would start and its major version, which is 0 if it is missing or does not run."""
    home = os.environ.get("JAVA_HOME")
    path = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if not path:
        return None, 0
    try:
        done = subprocess.run([path, "-version"], capture_output=True, text=True, timeout=20, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return path, 0
    match = re.search(r'version "(\d+)', done.stderr + done.stdout)
    return path, int(match[1]) if match and done.returncode == 0 else 0


def has_java() -> bool:
    """Whether there is a Java new enough for Spark 4."""
    return java()[1] >= _JAVA[0]


def java_problem() -> Problem | None:
    """Return what is wrong with Java, in the words of `doctor` and of a job that needs it; None where it will do."""
    path, major = java()
    if major >= _JAVA[0]:
        return None
    found = f"{major} ({path})" if major else f"{path} does not run" if path else "not found on the PATH"
    home = os.environ.get("JAVA_HOME")
    if home:
        return Problem(
            "ENV_JAVA", f"Java: {found}; JAVA_HOME is {home}", "unset JAVA_HOME, or set it to a Java 17 or 21"
        )
    return Problem("ENV_JAVA", f"Java: {found}", "install a Java 17 or 21 runtime")


def _java(*, needed: bool) -> Finding:
    problem = java_problem()
    if problem is not None:
        found, fix = problem.cause.removeprefix("Java: "), problem.hint
        return Finding(
            "bad" if needed else "warn", "Java", found, fix if needed else f"{fix}; until then jobs run on Sail"
        )
    path, major = java()
    good = major in _JAVA
    return Finding(
        "ok" if good else "warn", "Java", f"{major} ({path})", "" if good else "install a Java 17 or 21 runtime"
    )


def _workers() -> Finding:
    """Check the Python that a cluster's workers would use, as far as this machine has it; local jobs have their own."""
    chosen, local = os.environ.get("PYSPARK_PYTHON"), f"local jobs use {sys.executable}"
    if not chosen:
        return Finding("ok", "workers' Python", f"PYSPARK_PYTHON is not set; {local}")
    path = shutil.which(chosen)
    ours = ".".join(map(str, sys.version_info[:2]))
    if path is None:
        found, fix = (
            f"PYSPARK_PYTHON={chosen} does not exist here; {local}",
            "unset it, or set it to what executors have",
        )
        return Finding("warn", "workers' Python", found, fix)
    done = subprocess.run([path, "-c", _PROBE], capture_output=True, text=True, timeout=20, check=False)  # noqa: S603
    version, *lacking = done.stdout.split() or ["does not start"]
    without = f", without {' and '.join(lacking)}" if lacking else ""
    fix = "" if version == ours else f"set PYSPARK_PYTHON to Python {ours}, the driver's version"
    if not fix and lacking:
        fix = f"{path} -m pip install {' '.join(lacking)}"
    return Finding("warn" if fix else "ok", "workers' Python", f"{version} ({path}){without}; {local}", fix)


def _home() -> Finding:
    """Check SPARK_HOME: Spark is started from there, even if its version is not that of the pyspark package."""
    home = os.environ.get("SPARK_HOME")
    if not home:
        return Finding("ok", "SPARK_HOME", "not set; jobs use the pyspark package's own Spark")
    jars = sorted(Path(home).glob("jars/spark-core_*.jar"))
    match = re.search(r"-(\d+\.\d+)\.[^-]*\.jar\Z", jars[0].name) if jars else None
    package = version_of("pyspark") or ""
    if match and package.startswith(match[1] + "."):
        return Finding("ok", "SPARK_HOME", f"Spark {match[1]} ({home})")
    found = f"Spark {match[1]}" if match else "no Spark"
    return Finding("bad", "SPARK_HOME", f"{found} at {home}, pyspark is {package or 'not installed'}",
                   "unset SPARK_HOME, or install the matching pyspark")  # fmt: skip


def _scratch() -> Finding:
    free = shutil.disk_usage(tempfile.gettempdir()).free / 2**30
    good = free >= 1
    return Finding("ok" if good else "warn", "scratch space", f"{free:.1f} GiB free in {tempfile.gettempdir()}",
                   "" if good else "set TMPDIR (and spark.local.dir) to a larger disk")  # fmt: skip
