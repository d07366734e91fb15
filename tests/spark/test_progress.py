"""The tasks of real queries, seen while they run; and jobs by the command, on a terminal and in a log."""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from sparkscale.cli import entry
from sparkscale.config import jobfile
from sparkscale.config.models import Spark
from sparkscale.progress import progress, terminal
from sparkscale.progress.progress import Progress, Source, Tasks
from sparkscale.run import job
from sparkscale.spark.session.session import session
from sparkscale.spark.session.watch import watched
from tests import terminals
from tests.spark.frames import write_parquet

#: Seconds in which a query must have come so far.
PATIENCE = 60.0


class Gate:
    """What queries wait for."""

    def __init__(self, spark: SparkSession, path: Path) -> None:
        self._spark, self._path = spark, path
        self._threads: list[threading.Thread] = []

    def start(self, tasks: int, free: int) -> None:
        """Start a query of so many tasks, of which the first ``free`` do not wait."""
        gate = str(self._path)

        def hold(batches: Any) -> Any:
            for batch in batches:
                while batch.num_rows and batch.column(0)[0].as_py() >= free and not os.path.exists(gate):  # noqa: PTH110 - quick
                    time.sleep(0.01)
                yield batch

        df: DataFrame = self._spark.range(0, tasks, 1, tasks).mapInArrow(hold, "id long")
        self._threads.append(threading.Thread(target=df.collect))
        self._threads[-1].start()

    def open(self) -> None:
        """Let all queries end."""
        self._path.touch()
        for thread in self._threads:
            thread.join(PATIENCE)


@pytest.fixture
def gate(spark: SparkSession, tmp_path: Path) -> Iterator[Gate]:
    """Give a gate that is opened at the end, whatever happens."""
    made = Gate(spark, tmp_path / "gate")
    yield made
    made.open()


def until(holds: Callable[[Tasks], bool], known: Progress) -> Tasks | None:
    """Return the first tasks of which something holds; the last ones where it never does."""
    end = time.monotonic() + PATIENCE
    while (tasks := known.seen().tasks) is None or not holds(tasks):
        if time.monotonic() > end:
            break
        time.sleep(0.02)
    return tasks


def test_see_the_tasks_of_all_queries(spark: SparkSession, gate: Gate) -> None:
    known = Progress()
    with watched(known, spark):
        assert known.seen().tasks is None
        gate.start(tasks=4, free=2)
        tasks = until(lambda tasks: tasks.done > 0, known)
        assert tasks is not None
        assert 0 < tasks.done <= 2
        assert tasks.total == 4
        gate.start(tasks=2, free=0)
        tasks = until(lambda tasks: tasks.total > 4, known)
        assert tasks is not None
        assert tasks.total == 4 + 2
    assert known.seen().tasks is None  # they go on, and are not watched any more


class Noted(Progress):
    """Notes the sources that it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.sources: list[Source] = []
        self.stages: list[str] = []

    def stage(self, name: str, rows: int | None = None) -> AbstractContextManager[None]:
        """Note a stage."""
        self.stages.append(f"{name} {rows}")
        return super().stage(name, rows)

    def reading(self, source: Source) -> AbstractContextManager[None]:
        """Note a source."""
        self.sources.append(source)
        return super().reading(source)


@pytest.fixture
def inputs(spark: SparkSession, here: Path) -> Path:
    """Work in a folder with a job file and its input."""
    write_parquet(here / "in" / "part.parquet", {"x": [1.0, 2.0, 4.0], "none": [None, None, float("nan")]})
    (here / "job.yaml").write_text("""version: 1
input: {format: parquet, path: in}
steps: [{kind: minmax, columns: x}]
artifact: {path: stats}
output: {format: parquet, path: out}
""")
    return here


def test_leave_a_session_alone_that_was_given(spark: SparkSession, inputs: Path) -> None:
    known = Noted()
    with session(Spark(), "given", watch=lambda _: pytest.fail("this session is not ours")) as given:
        assert given is spark
    job.run(jobfile.load("job.yaml"), progress=known)
    assert known.sources == []
    assert known.stages == ["start None", "read None", "fit None", "self_check 3", "write 3", "save 3"]


def called(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, terminals.Terminal]:
    """Call the command with a terminal for its stderr."""
    importlib.import_module("rich.table")  # its first import takes as long as a stage here
    monkeypatch.setattr(terminal, "TICK", 0.002)
    monkeypatch.setenv("TERM", "xterm")
    with terminals.terminal() as screen, open(screen.end, "w", closefd=False, encoding="utf-8") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        with pytest.raises(SystemExit) as ended:
            entry.main(arguments)
    return int(ended.value.code or 0), screen


def test_show_the_stages_and_leave_the_report_alone(
    inputs: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    code, screen = called(monkeypatch, "run", "-c", "job.yaml")
    assert code == 0
    stages = {line.split(" ")[0] for line in screen.drawn if "━" in line}
    assert {"fit", "self_check", "write"} <= stages <= {"start", "read", "fit", "self_check", "write", "save"}
    assert any(line.startswith("write ") and "3 rows in all, 0 s" in line for line in screen.drawn)
    assert screen.screen == [""]
    assert [line.partition(" ")[0] for line in capfd.readouterr().out.splitlines()] == ["artifact:", "output:", "done"]


def test_leave_the_cause_of_a_failure_alone(inputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, screen = called(monkeypatch, "run", "-c", "job.yaml", "--set", "steps=[{kind: minmax, columns: none}]")
    assert code == 65
    assert any(line.startswith("fit ") and "━" in line for line in screen.drawn)
    assert len(screen.screen) == 2
    assert screen.screen[0].startswith("sparkscale: error[DATA_EMPTY] ")


@pytest.mark.parametrize(("option", "said"), [("--no-progress", False), ("--json", True), ("--debug", True)])
def test_draw_nothing_where_it_is_not_wanted(
    inputs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], option: str, said: bool
) -> None:
    monkeypatch.setattr(progress, "FIRST", 0.01)
    code, screen = called(monkeypatch, "fit", "-c", "job.yaml", option)
    assert code == 0
    assert "\x1b" not in screen.raw
    lines = [line for line in screen.raw.split("\n") if line.startswith("sparkscale: ")]
    assert (len(lines) == 1) == said
    out = capsys.readouterr().out
    assert json.loads(out)["status"] == "done" if option == "--json" else out.startswith("artifact: ")


def test_add_nothing_to_the_log_of_a_short_job(inputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        entry.main(["run", "-c", "job.yaml"])
    said = capsys.readouterr()
    assert (ended.value.code, said.err) == (0, "")
    assert [line.partition(" ")[0] for line in said.out.splitlines()] == ["artifact:", "output:", "done"]
