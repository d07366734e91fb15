"""Engines: each in a process of its own with one session, that judges pair after pair."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from roundtrips.cells import Cells
from roundtrips.compare import Verdict
from roundtrips.kinds import KINDS

#: A job file's section `spark` of each engine.
_SMALL = {
    "spark.sql.shuffle.partitions": "2",
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.log.level": "OFF",
}
#: Engines are started in a zone other than UTC, with half an hour, so that a zone that gets lost shifts a value.
_ZONE = "America/St_Johns"
_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
SESSIONS: dict[str, dict[str, Any]] = {
    "spark": {"engine": "spark", "master": "local[2]", "conf": _SMALL},
    "connect": {"engine": "spark", "remote": "local[2]", "conf": _SMALL},
    "sail": {"engine": "sail"},
}
_context = multiprocessing.get_context("spawn")


@contextlib.contextmanager
def session_of(engine: str) -> Iterator[Any]:
    """Give the session of an engine, as a job would start it."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ.setdefault("JDK_JAVA_OPTIONS", _JAVA)
    from sparkscale.config.models import Spark
    from sparkscale.spark.session.session import session

    with session(Spark.model_validate(SESSIONS[engine]), "roundtrip", formats={"delta", "iceberg"}) as spark:
        yield spark


def judged(
    engine: str, pairs: Sequence[tuple[str, str]], names: Sequence[str]
) -> Iterator[tuple[str, str, dict[str, Verdict], str]]:
    """Yield each pair with the verdicts of its kinds, and how long it took."""
    yield from _served(engine, _judge, list(pairs), list(names))


def searched(engine: str, examples: int, number: int) -> str:
    """Try random tables on an engine; return the one that goes wrong, or nothing."""
    return str(next(_served(engine, _search, examples, number)))


def _served(engine: str, work: Callable[..., Iterator[Any]], *arguments: Any) -> Iterator[Any]:
    """Yield what a work yields in a process with the engine's session."""
    ours, theirs = _context.Pipe()
    process = _context.Process(target=_serve, args=(theirs, engine, work, arguments), daemon=True)
    process.start()
    theirs.close()
    try:
        while (found := ours.recv()) is not None:
            yield found[0]
    except EOFError as error:
        raise RuntimeError(f"the process of {engine} has ended") from error
    finally:
        process.join(20)
        process.kill()


def _serve(connection: Any, engine: str, work: Callable[..., Iterator[Any]], arguments: tuple[Any, ...]) -> None:
    os.environ["TZ"] = _ZONE
    time.tzset()
    logging.getLogger("pyiceberg").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="roundtrip-") as folder, session_of(engine):
        for found in work(Path(folder, "cell"), *arguments):
            connection.send((found,))
    connection.send(None)


def _judge(folder: Path, pairs: list[tuple[str, str]], names: list[str]) -> Iterator[Any]:
    cells, kinds = Cells(folder), [KINDS[name] for name in names]
    for source, target in pairs:
        began, before = time.monotonic(), cells.jobs
        verdicts = cells.judge(source, target, kinds)
        yield source, target, verdicts, f"{cells.jobs - before} jobs, {time.monotonic() - began:.1f} s"


def _search(folder: Path, examples: int, number: int) -> Iterator[str]:
    from roundtrips.draw import search

    yield search(folder, examples, number)
