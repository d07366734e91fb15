"""Progress over Spark Connect and Sail, and of the command in a process of its own, which is stopped."""

from __future__ import annotations

import functools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sparkscale.config.models import Spark
from sparkscale.progress.progress import Progress, Tasks
from sparkscale.spark.session.session import session
from sparkscale.spark.session.watch import Told, watched
from tests import terminals
from tests.processes import ROOT, assert_done, environment, python

SESSIONS = {
    "connect": Spark(engine="spark", remote="local[2]", conf={"spark.connect.progress.reportInterval": "50ms"}),
    "sail": Spark(engine="sail"),
}
#: Seconds in which a query must have come so far.
PATIENCE = 60.0


def main(engine: str, gate: Path) -> None:
    """Print what is seen of a query that waits for a gate, and the session's handlers in the meantime and at its end."""
    known, seen, path = Progress(), set[tuple[int, int]](), str(gate)

    def hold(batches: Any) -> Any:
        for batch in batches:
            while batch.num_rows and batch.column(0)[0].as_py() > 0 and not os.path.exists(path):  # noqa: PTH110 - quick
                time.sleep(0.01)
            yield batch

    with session(SESSIONS[engine], "progress", watch=functools.partial(watched, known)) as spark:
        client = cast("Any", spark).client
        query = threading.Thread(target=spark.range(0, 3, 1, 3).mapInArrow(hold, "id long").toArrow)
        query.start()
        end = time.monotonic() + (PATIENCE if engine == "connect" else 0)
        while (1, 3) not in seen and time.monotonic() < end:
            if tasks := known.seen().tasks:
                seen.add((tasks.done, tasks.total))
        handlers = [type(handler).__name__ for handler in client._progress_handlers]
        gate.touch()
        query.join(PATIENCE)
        left = known.seen().tasks
    found = {"seen": sorted(seen), "handlers": handlers, "left": left, "at_the_end": client._progress_handlers}
    sys.stdout.write(json.dumps(found) + "\n")


@pytest.mark.parametrize(("engine", "expected"), [("connect", [1, 3]), ("sail", None)])
def test_see_tasks_and_leave_no_handler(engine: str, expected: list[int] | None, tmp_path: Path) -> None:
    """Sail takes the handler and never calls it."""
    done = python("-m", "tests.connect.test_progress", engine, str(tmp_path / "gate"), cwd=ROOT)
    assert_done(done)
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["seen"][-1:] == ([expected] if expected else [])
    assert {total for _, total in found["seen"]} <= {3}
    assert found["handlers"] == ["Told"]
    assert (found["left"], found["at_the_end"]) == (None, [])


def stage(done: int, total: int, *, over: bool = False) -> SimpleNamespace:
    return SimpleNamespace(num_completed_tasks=done, num_tasks=total, done=over)


def test_sum_what_runs_over_connect() -> None:
    told = Told()
    told(stages=[stage(9, 9, over=True), stage(1, 5), stage(0, 2)], inflight_tasks=1, operation_id="a", done=False)
    assert told.tasks() == Tasks(1, 7)
    told(stages=[stage(3, 4)], inflight_tasks=1, operation_id="b", done=False)
    assert told.tasks() == Tasks(4, 11)
    told(stages=[stage(2, 5)], inflight_tasks=1, operation_id="a", done=False)
    assert told.tasks() == Tasks(5, 9)
    told(stages=[stage(4, 4, over=True)], inflight_tasks=0, operation_id="b", done=False)
    assert told.tasks() == Tasks(2, 5)
    told(stages=[stage(5, 5)], inflight_tasks=0, operation_id="a", done=True)
    told(stages=None, inflight_tasks=0, operation_id="never seen", done=True)
    assert told.tasks() is None


def test_do_not_fail_a_query_by_what_is_not_understood() -> None:
    told = Told()
    told(stages=[object()], inflight_tasks=1, operation_id="a", done=False)
    told(stages=None, inflight_tasks=1, operation_id="b", done=False)
    assert told.tasks() is None


@pytest.fixture
def long_job(tmp_path: Path) -> Path:
    """Write a job of many seconds: one file under many names, a softmax of it by pandas UDFs."""
    (tmp_path / "input").mkdir()
    first = tmp_path / "input" / "0.parquet"
    scores = np.random.default_rng(1).normal(size=(2, 100_000))
    pq.write_table(pa.table({"a": scores[0], "b": scores[1]}), first)
    for number in range(1, 600):
        (tmp_path / "input" / f"{number}.parquet").hardlink_to(first)
    (tmp_path / "job.yaml").write_text("""version: 1
input: {format: parquet, path: input}
steps: [{kind: softmax, columns: [a, b]}]
output: {format: parquet, path: out}
engine: pandas
self_check: 0
spark: {engine: sail}
""")
    return tmp_path


def test_leave_a_clean_terminal_when_stopped(long_job: Path) -> None:
    command = [sys.executable, "-m", "sparkscale.cli", "run", "-c", "job.yaml"]
    with terminals.terminal() as screen:
        process = subprocess.Popen(
            command, cwd=long_job, env=environment(TERM="xterm", PYTHONPATH=str(ROOT)),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=screen.end,
        )  # fmt: skip
        end = time.monotonic() + PATIENCE
        while not any(line.startswith("write ") for line in screen.drawn) and time.monotonic() < end:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (143, b"")
    assert any(line.startswith("write ") and "━" in line for line in screen.drawn)
    assert screen.screen == ["", "sparkscale: interrupted (exit 143)", ""]  # click's own line before
    assert "\x1b[?25l" not in screen.raw  # the cursor was never hidden


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
