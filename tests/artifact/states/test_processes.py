"""Updates in processes of their own: killed at each step and at any moment, and several at once with readers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sparkscale as ss
from sparkscale.artifact import store
from sparkscale.artifact.states.states import States
from sparkscale.errors import InputMissingError
from tests.artifact.states import worker
from tests.processes import PATIENCE, ROOT, environment


class Worker:
    """A process that forks one for each thing to do."""

    def __init__(self, root: Path) -> None:
        command = [sys.executable, "-m", "tests.artifact.states.worker", str(root)]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # fmt: skip

    def start(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def end(self) -> int:
        assert self.process.stdout is not None
        return int(self.process.stdout.readline())

    def do(self, line: str) -> int:
        self.start(line)
        return self.end()


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Any]:
    """Give a function that starts a worker; all of them end with the test."""
    started: list[Worker] = []

    def start() -> Worker:
        started.append(Worker(tmp_path))
        return started[-1]

    yield start
    for one in started:
        one.process.communicate(timeout=PATIENCE)


def whole(root: Path) -> Any:
    """Return rows and mean of all partitions of the input."""
    parts = [np.load(path) for path in (root / "in").glob("part=*/x.npy")]
    x = np.concatenate(parts)
    return x.size, x.mean()


def assert_states(root: Path, *allowed: Any) -> None:
    """Read states and artifact whole, each of them as one of those that are allowed."""
    for fitted in (States(root / "states").merged(), ss.load(root / "stats")):
        x, y = fitted.stats["x"], fitted.stats["y"]
        assert (y.mean, y.rows) == (2 * x.mean, x.rows)
        assert any(x.rows == rows and abs(x.mean - mean) <= 1e-13 for rows, mean in allowed), (x.rows, x.mean)


def test_survive_a_kill_at_each_step(tmp_path: Path, workers: Any) -> None:
    worker.put(tmp_path, "a", [1.0, 2.0])
    one = workers()
    assert one.do("none") == 0
    for number, step in enumerate(("data", "commit", "committed", "save", "sweep")):
        before = whole(tmp_path)
        worker.put(tmp_path, "a", [1.0, 3.0 + number])
        worker.put(tmp_path, f"b{number}", [5.0])
        assert one.do(f"step {step}") == -9
        assert_states(tmp_path, before, whole(tmp_path))
        assert one.do("none") == 0
        assert_states(tmp_path, whole(tmp_path))
        assert one.do("compact 1") == 0
        assert_states(tmp_path, whole(tmp_path))


@pytest.mark.parametrize("times", [20, 200])
def test_survive_kills_at_any_moment(tmp_path: Path, workers: Any, times: int) -> None:
    random, one = np.random.default_rng(times), workers()
    worker.put(tmp_path, "a", [1.0])
    assert one.do("none") == 0
    codes = set()
    for number in range(times):
        before = whole(tmp_path)
        worker.put(tmp_path, str(number % 7), random.normal(size=5))
        known = States(tmp_path / "states").merged().rows, States(tmp_path / "states").merged().stats["x"].mean
        newest = ss.load(tmp_path / "stats")
        codes.add(one.do(f"after {random.uniform(0.0, 0.06):.4f}"))
        saved = newest.rows, newest.stats["x"].mean
        assert_states(tmp_path, before, known, saved, whole(tmp_path))
        if number % 5 == 4:
            assert one.do("none") == 0
            assert_states(tmp_path, whole(tmp_path))
    assert -9 in codes
    assert one.do("none") == 0
    assert_states(tmp_path, whole(tmp_path))


@pytest.mark.parametrize(("writers", "rounds"), [(4, 10), (20, 50)])
def test_lose_nothing_of_updates_at_once(tmp_path: Path, workers: Any, writers: int, rounds: int) -> None:
    worker.put(tmp_path, "a", [1.0])
    running = [workers() for _ in range(writers)]
    assert running[0].do("none") == 0
    for number, one in enumerate(running):
        one.start(f"add {number} {rounds}")
    cleaner = workers()
    cleaner.start(f"compact {rounds}")
    reads = 0
    seen = 0
    while any(one.process.poll() is None and not _ready(one) for one in running):
        for fitted in (States(tmp_path / "states").merged(), _newest(tmp_path)):
            x, y = fitted.stats["x"], fitted.stats["y"]
            assert (y.mean, y.rows, x.rows % 10) == (2 * x.mean, x.rows, 1)  # each partition has ten rows, or one
            seen = max(seen, x.rows)
        reads += 1
    assert [one.end() for one in running] == [0] * writers
    assert cleaner.end() == 0
    assert reads > 1
    assert_states(tmp_path, whole(tmp_path))
    assert whole(tmp_path)[0] == 1 + 10 * writers * rounds
    assert len(States(tmp_path / "states").partitions()) == 1 + writers * rounds
    assert store.versions(tmp_path / "stats")


def _ready(one: Worker) -> bool:
    """Whether a worker has answered."""
    import select

    return bool(select.select([one.process.stdout], [], [], 0)[0])


def _newest(root: Path) -> Any:
    try:
        return ss.load(root / "stats")
    except InputMissingError:  # before the first one
        return States(root / "states").merged()
