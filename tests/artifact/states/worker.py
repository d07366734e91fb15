"""A night of updates in a process that can be killed: arrays in folders, measured with NumPy.

``python -m tests.artifact.states.worker ROOT PLACE`` reads lines and forks a child for each, so that none starts slowly.
The table is below the folder ROOT; its states and artifacts are below PLACE, a folder or an object store. For each line
it prints the child's exit code. ``step NAME`` kills the child when it reaches the step, ``after SECONDS`` at that moment,
``none`` never. ``add NAME ROUNDS`` writes partitions, and updates after each. ``compact TIMES`` compacts again and again.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import sparkscale as ss
from sparkscale.artifact.states import compacting, log, merging  # the last two so that no child imports pyarrow
from sparkscale.artifact.states.keys import By, Key
from sparkscale.artifact.states.source import Source
from sparkscale.artifact.states.states import States
from sparkscale.artifact.states.work import Rules
from sparkscale.errors import TemporaryError
from sparkscale.formats import folders
from sparkscale.pipeline import arrays
from sparkscale.pipeline.looking import Answer
from sparkscale.pipeline.plan import Plan, plan
from sparkscale.stats.column import ColumnStats

_LOADED = (compacting, merging)
BY = By.of(["part"], {"part": "string"})
STEPS = [ss.Standard(["x", "y"])]


class Folders:
    """Partitions ``in/part=.../x.npy`` below a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root / "in"

    @property
    def plan(self) -> Plan:
        return plan(STEPS, arrays.schema_of({"x": np.zeros(1), "y": np.zeros(1)}))

    def measure(
        self, keys: Collection[Key] | None, features: Collection[str]
    ) -> Mapping[Key, Mapping[str, ColumnStats]]:
        assert keys is not None
        found = {key: np.load(self.root / f"part={key[0]}" / "x.npy") for key in keys}
        return {
            key: {name: ColumnStats.of(x * (2 if name == "y" else 1)) for name in features} for key, x in found.items()
        }

    def answer(self, keys: Sequence[Key]) -> Answer:
        raise NotImplementedError


def put(root: Path, name: str, values: Any) -> None:
    """Write a partition, which appears whole."""
    folder = root / "in" / f"part={name}"
    folder.mkdir(parents=True, exist_ok=True)
    half = folder / f".{os.getpid()}.npy"
    np.save(half, np.asarray(values, dtype=np.float64))
    half.rename(folder / "x.npy")


def night(root: Path, place: str) -> None:
    """Update the states, and save the artifact; again where another update was faster."""
    states = States(f"{place}/states")
    for _ in range(50):
        files = folders.files_of(str(root / "in")) or []
        prints = folders.fingerprints(files, ["part"]) or {}
        source = Source(BY, {BY.of_texts(texts): one for texts, one in prints.items()}, "unfiltered")
        try:
            states.brought_up(source, Folders(root), Rules())
        except TemporaryError:
            continue
        states.save(f"{place}/stats")
        return
    raise TimeoutError("other updates kept winning")


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def act(root: Path, place: str, what: str, *given: str) -> None:
    if what == "step":
        log.reached = lambda step: kill() if step == given[0] else None
    if what == "after":
        threading.Timer(float(given[0]), kill).start()
    if what == "add":
        for number in range(int(given[1])):
            put(root, f"{given[0]}-{number}", np.full(10, float(number)))
            night(root, place)
        return
    if what == "compact":
        for _ in range(int(given[0])):
            with contextlib.suppress(TemporaryError):  # updates were faster
                States(f"{place}/states").compact()
            time.sleep(0.02)
        return
    night(root, place)
    if what == "step" and given[0] == "sweep":
        States(f"{place}/states").compact()


def main() -> None:
    root, place = Path(sys.argv[1]), sys.argv[2]
    for line in sys.stdin:
        child = os.fork()
        if not child:
            code = 1
            try:
                act(root, place, *line.split())
                code = 0
            finally:
                os._exit(code)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)  # noqa: T201 - its answer


if __name__ == "__main__":
    main()
