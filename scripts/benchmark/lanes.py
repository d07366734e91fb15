"""Engines side by side: each in a process of its own, started once, which does one work at a time and says how long."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

#: A job file's section `spark` of each lane; the lane of other libraries starts no engine.
SESSIONS: dict[str, dict[str, Any] | None] = {
    "spark": {"engine": "spark", "master": "local[2]"},
    "connect": {"remote": "local[2]"},
    "sail": {"engine": "sail"},
    "python": None,
}
_context = multiprocessing.get_context("spawn")


class Lane:
    """One engine."""

    def __init__(self, engine: str, settings: dict[str, str]) -> None:
        """Start it, with settings for its JVM."""
        self._connection, theirs = _context.Pipe()
        self._process = _context.Process(target=_serve, args=(theirs, engine, settings), daemon=True)
        self._process.start()
        theirs.close()

    def do(self, work: Callable[..., Any]) -> tuple[float, Any]:
        """Do a work; return its seconds and its result."""
        self._connection.send(work)
        seconds, result = self._connection.recv()
        if isinstance(result, _Failed):
            raise RuntimeError(  # noqa: TRY004 - it is no wrong type
                f"{result.text}\n{work} failed"
            )
        return seconds, result

    def memory(self) -> dict[str, int]:
        """Return the peak memory of the process and of each that it started, in MB, by the name of what runs."""
        peaks: dict[str, int] = {}
        for pid in _family(self._process.pid or 0):
            with contextlib.suppress(OSError, KeyError):  # it has just ended
                status = dict(
                    line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line
                )
                name = "JVM" if status["Name"].strip() == "java" else "Python"
                peaks[name] = max(peaks.get(name, 0), int(status["VmHWM"].split()[0]) // 1024)
        return peaks

    def close(self) -> None:
        """End it."""
        with contextlib.suppress(OSError):
            self._connection.send(None)
        self._process.join(20)
        self._process.kill()


class _Failed:
    def __init__(self, text: str) -> None:
        self.text = text


def _family(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            yield from _family(int(child))


@contextlib.contextmanager
def session_of(engine: str, settings: dict[str, str]) -> Iterator[Any]:
    """Give the session of a lane, or None."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    config = SESSIONS[engine]
    if config is None:
        yield None
        return
    from sparkscale.config.models import Spark
    from sparkscale.spark.session.session import session

    conf = {} if engine == "sail" else settings
    with session(Spark.model_validate({**config, "conf": conf}), "benchmark") as spark:
        yield spark


def _serve(connection: Any, engine: str, settings: dict[str, str]) -> None:
    with session_of(engine, settings) as spark:
        while (work := connection.recv()) is not None:
            connection.send(_timed(work, spark))


def _timed(work: Callable[..., Any], spark: Any) -> tuple[float, Any]:
    began = time.perf_counter()
    try:
        result = work(spark)
    except Exception:  # noqa: BLE001 - the caller reports it
        return 0.0, _Failed(traceback.format_exc())
    return time.perf_counter() - began, result
