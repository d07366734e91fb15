"""Updates in processes that are killed, or that run at once, with their states in a folder or an object store.

Each function is a test of a `Nights`.
"""

from __future__ import annotations

import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import sparkscale as ss
from sparkscale.artifact import store
from sparkscale.artifact.states.states import States
from sparkscale.errors import InputMissingError
from tests.artifact.states import worker
from tests.processes import PATIENCE, ROOT, environment


class Worker:
    """A process that forks one for each thing to do."""

    def __init__(self, root: Path, place: str) -> None:
        command = [sys.executable, "-m", "tests.artifact.states.worker", str(root), place]
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

    @property
    def answered(self) -> bool:
        return bool(select.select([self.process.stdout], [], [], 0)[0])


@dataclass
class Nights:
    """A table in folders below ``root``, and the place where workers keep its states and artifacts."""

    root: Path
    place: str
    _workers: list[Worker] = field(default_factory=list)

    @classmethod
    @contextmanager
    def at(cls, root: Path, place: str) -> Iterator[Nights]:
        """Yield them; their workers end with the block."""
        nights = cls(root, place)
        yield nights
        for one in nights._workers:
            one.process.communicate(timeout=PATIENCE)

    def worker(self) -> Worker:
        self._workers.append(Worker(self.root, self.place))
        return self._workers[-1]

    def put(self, name: str, values: Any) -> None:
        worker.put(self.root, name, values)

    @property
    def whole(self) -> tuple[int, float]:
        """Rows and mean of all partitions of the table."""
        x = np.concatenate([np.load(path) for path in (self.root / "in").glob("part=*/x.npy")])
        return x.size, float(x.mean())

    @property
    def states(self) -> States:
        return States(f"{self.place}/states")

    @property
    def stored(self) -> tuple[int, float]:
        """Rows and mean by the states."""
        stats = self.states.merged().stats["x"]
        return stats.rows, stats.mean

    @property
    def newest(self) -> Any:
        """The newest artifact, or before the first one what it will be."""
        try:
            return ss.load(f"{self.place}/stats")
        except InputMissingError:
            return self.states.merged()

    def hold(self, *allowed: tuple[int, float]) -> None:
        """Read states and artifact whole, each of them as one of those that are allowed; by default, of the table."""
        known = allowed or (self.whole,)
        for fitted in (self.states.merged(), ss.load(f"{self.place}/stats")):
            x, y = fitted.stats["x"], fitted.stats["y"]
            assert (y.mean, y.rows) == (2 * x.mean, x.rows)
            assert any(x.rows == rows and abs(x.mean - mean) <= 1e-13 for rows, mean in known), (x.rows, x.mean)


def survive_a_kill_at_each_step(nights: Nights) -> None:
    nights.put("a", [1.0, 2.0])
    one = nights.worker()
    assert one.do("none") == 0
    for number, step in enumerate(("data", "commit", "committed", "save", "sweep")):
        before = nights.whole
        nights.put("a", [1.0, 3.0 + number])
        nights.put(f"b{number}", [5.0])
        assert one.do(f"step {step}") == -9
        nights.hold(before, nights.whole)
        assert one.do("none") == 0
        nights.hold()
        assert one.do("compact 1") == 0
        nights.hold()


def survive_kills_at_any_moment(nights: Nights, times: int, seconds: float) -> None:
    """``seconds``: how long an update takes at most, most of the time."""
    random, one = np.random.default_rng(times), nights.worker()
    nights.put("a", [1.0])
    assert one.do("none") == 0
    codes = set()
    for number in range(times):
        before = nights.whole
        nights.put(str(number % 7), random.normal(size=5))
        known, saved = nights.stored, nights.newest
        codes.add(one.do(f"after {random.uniform(0.0, seconds):.4f}"))
        nights.hold(before, known, (saved.rows, saved.stats["x"].mean), nights.whole)
        if number % 5 == 4:
            assert one.do("none") == 0
            nights.hold()
    assert -9 in codes
    assert one.do("none") == 0
    nights.hold()


def lose_nothing_of_updates_at_once(nights: Nights, writers: int, rounds: int) -> None:
    nights.put("a", [1.0])
    running = [nights.worker() for _ in range(writers)]
    assert running[0].do("none") == 0
    for number, one in enumerate(running):
        one.start(f"add {number} {rounds}")
    cleaner = nights.worker()
    cleaner.start(f"compact {rounds}")
    reads = 0
    while any(one.process.poll() is None and not one.answered for one in running):
        for fitted in (nights.states.merged(), nights.newest):
            x, y = fitted.stats["x"], fitted.stats["y"]
            assert (y.mean, y.rows, x.rows % 10) == (2 * x.mean, x.rows, 1)  # each partition has ten rows, or one
        reads += 1
    assert [one.end() for one in running] == [0] * writers
    assert cleaner.end() == 0
    assert reads > 1
    nights.hold()
    assert nights.whole[0] == 1 + 10 * writers * rounds
    assert len(nights.states.partitions()) == 1 + writers * rounds
    assert store.versions(f"{nights.place}/stats")
