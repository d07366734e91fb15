"""Runs that die or fail at a step of publishing: a reader finds the old or the new, and the next run repairs the rest."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sparkscale.publish import files, filesystem
from tests.publish.folders import NO_EXCHANGE, fill, put, staged, start, tree

CRASHES = [
    ("write", filesystem.EXCHANGE, "old"),
    ("after exchange", filesystem.EXCHANGE, "new"),
    ("before rename 1", NO_EXCHANGE, "old"),
    ("before rename 2", NO_EXCHANGE, None),
    ("after exchange", NO_EXCHANGE, "new"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("step", "exchange", "seen"), CRASHES)
def test_mend_what_a_crash_left(tmp_path: Path, step: str, exchange: int, seen: str | None) -> None:
    fill(str(tmp_path / "out"), "old")
    with start(tmp_path / "out", step, exchange) as crashing:
        assert crashing.wait(60) == 9
    found = tree(tmp_path / "out") if (tmp_path / "out").exists() else {"part": None}
    assert found == {"part": seen}
    assert len(list(tmp_path.iterdir())) >= 1 + (seen is not None)  # there is something to repair
    with contextlib.suppress(RuntimeError), staged(str(tmp_path / "out"), "overwrite"):
        assert tree(tmp_path / "out") == {"part": seen or "old"}
        raise RuntimeError
    assert tree(tmp_path) == {"out/part": seen or "old"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


STEPS = ["claimed", "cleared", "written", "complete", "set aside", "published"]


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("mode", ["overwrite", "append", "overwrite_partitions"])
@pytest.mark.parametrize("fault", ["kill", "exception"])
def test_show_old_or_new_after_a_fault_at_any_step(tmp_path: Path, step: str, mode: str, fault: str) -> None:
    """Fail at each step of publishing; a reader finds the old or the new whole, and a second try ends with the new."""
    put(tmp_path / "out", p_is_1__part="1", p_is_2__part="2")
    old = tree(tmp_path / "out")
    exchange = NO_EXCHANGE if step == "set aside" else filesystem.EXCHANGE
    command = [sys.executable, "-c", FAULTY, str(tmp_path / "out"), mode, str(exchange)]
    done = subprocess.run([*command, step, fault], check=False, timeout=60, capture_output=True, text=True)
    assert done.returncode == (-9 if fault == "kill" else 1), done.stderr
    if fault == "exception":
        assert [path.name for path in tmp_path.iterdir()] == ["out"]
    between = tree(tmp_path / "out") if (tmp_path / "out").exists() else None
    again = subprocess.run([*command, "none", fault], check=False, timeout=60, capture_output=True, text=True)
    new = tree(tmp_path / "out")
    assert (again.returncode, [path.name for path in tmp_path.iterdir()]) == (0, ["out"])
    assert new == {"p=1/new": "n"} | ({"p=2/part": "2"} if mode != "overwrite" else {}) | (
        {"p=1/part": "1"} if mode == "append" else {})  # fmt: skip
    seen_new = step == "published"
    assert between == (new if seen_new else None if (step, fault) == ("set aside", "kill") else old)
    assert ("unchanged" in again.stdout) == seen_new
    assert ("recovered" in again.stdout) == (fault == "kill" and step not in ("claimed", "cleared"))


FAULTY = """
import os, pathlib, sys
from sparkscale.publish import files, filesystem, staging
from sparkscale.publish.runs import Run
target, mode, exchange, wanted, fault = sys.argv[1:]
filesystem.EXCHANGE = int(exchange)
def reached(step):
    if step == wanted:
        if fault == "kill":
            os.kill(os.getpid(), 9)
        raise RuntimeError(step)
files.reached = reached
with files.claimed(target) as claim:
    for line in claim.recovered:
        print("recovered", line)
    if claim.finished(Run("run"), mode):
        print("unchanged")
    else:
        place = claim.new / "p=1"
        place.mkdir(parents=True)
        (place / "new").write_text("n")
        claim.publish(mode, {"run_id": "run"})
"""


@pytest.mark.slow
def test_remove_again_what_an_engine_wrote_while_it_was_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed: list[Path] = []

    def racing(folder: Path, *, ignore_errors: bool) -> None:
        rmtree(folder, ignore_errors=ignore_errors)
        removed.append(folder)
        if len(removed) < 3:  # a task that has not heard yet that it is to end
            (Path(folder) / "_temporary").mkdir(parents=True)

    rmtree = shutil.rmtree
    monkeypatch.setattr(shutil, "rmtree", racing)
    with pytest.raises(KeyboardInterrupt), files.claimed(str(tmp_path / "out")):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
    assert len(removed) > 3
