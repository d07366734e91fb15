"""A standalone cluster out of the pyspark wheel, whose executors cannot import sparkscale by themselves."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import sysconfig
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyspark
import pytest

from tests.processes import environment, run

SPARK_HOME = Path(pyspark.__file__).parent
LOOPBACK = "127.0.0.1"
WORKERS = 2
#: Seconds for master and workers to be there, and for a process to end when it is asked to.
STARTED, STOPPED = 120.0, 10.0
_CLASS = "org.apache.spark.deploy"
_MASTER_AT = re.compile(r"Successfully started service 'sparkMaster' on port (\d+)")
_PAGE_AT = re.compile(r"Successfully started service 'MasterUI' on port (\d+)")


@dataclass(frozen=True)
class Cluster:
    """A running cluster."""

    master: str
    page: str
    python: Path

    def submit(self, script: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run a script by spark-submit, to its end; it brings its Python's stderr into its own stdout."""
        settings = {
            "spark.driver.host": LOOPBACK,
            "spark.driver.bindAddress": LOOPBACK,
            "spark.driver.memory": "512m",
            "spark.executor.memory": "512m",
            "spark.ui.enabled": "false",
            "spark.sql.warehouse.dir": str(cwd / "warehouse"),
        }
        options = [text for key, value in settings.items() for text in ("--conf", f"{key}={value}")]
        command = [str(SPARK_HOME / "bin" / "spark-submit"), "--master", self.master, *options, str(script), *arguments]
        return run(command, cwd=cwd, env=self.environment(), merged=True)

    def environment(self) -> dict[str, str]:
        """Return the environment of a driver: its own Python can import sparkscale, the executors' cannot."""
        return environment(
            SPARK_HOME=str(SPARK_HOME),
            PYSPARK_DRIVER_PYTHON=sys.executable,
            PYSPARK_PYTHON=str(self.python),
            PYTHONPATH=None,
        )

    def state(self) -> dict[str, Any]:
        """Return what the master says of itself."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{self.page}/json/", timeout=STOPPED) as answer:
            return json.load(answer)  # type: ignore[no-any-return]


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Start a master and two workers of one core; stop them, and all that they started, whatever happens."""
    folder = tmp_path_factory.mktemp("cluster")
    with contextlib.ExitStack() as stack:
        log = _start(stack, folder, "master", f"{_CLASS}.master.Master", "--port", "0", "--webui-port", "0")
        port = _await("the master", lambda: _MASTER_AT.search(log.read_text()))[1]
        page = _await("the master's page", lambda: _PAGE_AT.search(log.read_text()))[1]
        found = Cluster(f"spark://{LOOPBACK}:{port}", f"http://{LOOPBACK}:{page}", _isolated_python(folder))
        for number in range(WORKERS):
            limits = ("--cores", "1", "--memory", "1g", "--webui-port", "0", "--work-dir", f"{folder}/work{number}")
            _start(stack, folder, f"worker{number}", f"{_CLASS}.worker.Worker", *limits, found.master)
        _await("both workers", lambda: found.state()["aliveworkers"] == WORKERS)
        yield found


def _start(stack: contextlib.ExitStack, folder: Path, name: str, *arguments: str) -> Path:
    """Start a daemon in a process group of its own, which goes with ``stack``; return its log."""
    log = folder / f"{name}.log"
    own = environment(
        SPARK_HOME=str(SPARK_HOME),
        SPARK_DAEMON_MEMORY="256m",
        SPARK_LOCAL_DIRS=str(folder / "local"),
        PYTHONPATH=None,
    )
    main, *rest = arguments
    process = subprocess.Popen(
        [str(SPARK_HOME / "bin" / "spark-class"), main, "--host", LOOPBACK, *rest],
        cwd=folder,
        env=own,
        stdin=subprocess.DEVNULL,
        stdout=stack.enter_context(log.open("wb")),
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    stack.callback(_stop, process)
    return log


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End a daemon and the executors that it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOPPED)


def _await(what: str, answer: Callable[[], Any]) -> Any:
    """Return the first answer that is true; fail when there is none in time."""
    end = time.monotonic() + STARTED
    while time.monotonic() < end:
        found = answer()
        if found:
            return found
        time.sleep(0.2)
    pytest.fail(f"expected {what} within {STARTED:.0f} s, found none")


def _isolated_python(folder: Path) -> Path:
    """Return a Python that has all packages of this one but sparkscale: the executors' Python of a cluster.

    Its packages are links, so that neither a copy of sparkscale nor the path file of an editable
    installation is among them.
    """
    packages = folder / "packages"
    packages.mkdir()
    for source in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        for entry in Path(source).iterdir():
            if entry.suffix != ".pth" and "sparkscale" not in entry.name and not (packages / entry.name).exists():
                (packages / entry.name).symlink_to(entry)
    wrapper = folder / "python"
    wrapper.write_text(
        f'#!/bin/sh\nPYTHONPATH="$PYTHONPATH:{packages}" exec "{Path(sys.executable)}" -S "$@"\n', encoding="utf-8"
    )
    wrapper.chmod(0o755)
    return wrapper
