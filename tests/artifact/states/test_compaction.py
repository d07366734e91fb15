"""Compaction, and failures at each step: the states are the old ones or the new ones, and no file is left for long."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sparkscale.artifact.states import log
from sparkscale.artifact.states.states import States
from sparkscale.errors import OutputError, StorageError
from tests.artifact.states.tables import Table, assert_same, month, names, table


def test_compact_to_one_file(tmp_path: Path) -> None:
    states, data, rng = States(tmp_path), table(3), np.random.default_rng(1)
    for number in range(4):
        data.put(f"2014-{number:02d}", month(rng, 5))
        data.update(states)
    states.drop("month=2014-00")
    before, listed = states.merged(), states.partitions()
    done = states.compact()
    assert done.deleted == 5 + 4
    assert [name.partition("/")[0] for name in names(states)] == ["commits", "data"]
    assert states.merged() == before
    assert [(one.key, one.rows, one.dropped, one.commit) for one in states.partitions()] == [
        (one.key, one.rows, one.dropped, one.commit) for one in listed]  # fmt: skip
    assert data.update(states).unchanged
    assert states.compact().deleted == 2


def test_compact_away_what_is_older_than_the_window(tmp_path: Path) -> None:
    states, data = States(tmp_path), table(5)
    data.update(states)
    states.drop(["month=2013-01", "month=2013-04"])
    done = states.compact(keep=2)
    assert done.expired == (("2013-01",), ("2013-02",))
    assert [(one.key, one.dropped) for one in states.partitions()] == [
        (("2013-03",), False), (("2013-04",), True), (("2013-05",), False)]  # fmt: skip


def test_compact_while_others_commit(known: tuple[States, Table], monkeypatch: pytest.MonkeyPatch) -> None:
    """Another run reads a partition again, adds one and drops one, each time before the compaction commits."""
    states, data = known
    data.put("2013-04", month(np.random.default_rng(4)))
    data.update(states)
    rng, times = np.random.default_rng(5), list[int]()

    def act(step: str) -> None:
        if step == "commit" and len(times) < 3:
            times.append(1)
            with monkeypatch.context() as theirs:
                theirs.setattr(log, "reached", lambda _: None)
                data.put("2013-02", month(rng))
                data.put(f"2014-{len(times)}", month(rng))
                data.update(states)
                states.drop(f"month=2014-{len(times)}")

    monkeypatch.setattr(log, "reached", act)
    done = states.compact()
    monkeypatch.undo()
    assert done.deleted == 8 + 4  # commits, and files of which nothing counts any more
    kept = [key for key in data.partitions if not key[0].startswith("2014")]
    assert_same(states.merged().stats, data.fit(kept).stats)
    assert data.update(states).unchanged
    assert states.compact().deleted == 1 + 2


def test_leave_what_another_run_has_not_committed(known: tuple[States, Table]) -> None:
    states, _ = known
    fresh = states.log.add(b"of another run", {})
    old = Path(states.uri) / "data" / f"{'0' * 32}.parquet"
    old.write_bytes(b"of a run that was killed")
    part = Path(states.uri) / "commits" / "00000009.json#1"
    part.write_bytes(b"half")
    day_ago = time.time() - 90_000
    os.utime(old, (day_ago, day_ago))
    os.utime(part, (day_ago, day_ago))
    states.compact()
    assert fresh.name in names(states)
    assert not old.exists()
    assert not part.exists()


@pytest.mark.parametrize("step", ["data", "commit", "committed", "sweep", "none"])
@pytest.mark.parametrize("work", ["update", "compact", "drop"])
def test_leave_old_or_new_states_of_a_failure(
    known: tuple[States, Table], monkeypatch: pytest.MonkeyPatch, step: str, work: str
) -> None:
    states, data = known
    before = states.merged()
    data.put("2013-04", month(np.random.default_rng(4)))
    acts: dict[str, Any] = {
        "update": lambda: data.update(states), "compact": states.compact, "drop": lambda: states.drop("month=2013-02")}  # fmt: skip

    def fail(reached: str) -> None:
        if reached == step:
            raise OSError("the power went")

    monkeypatch.setattr(log, "reached", fail)
    with contextlib.suppress(OSError, StorageError, OutputError):
        acts[work]()
    monkeypatch.undo()
    middle = states.merged()
    acts[work]()
    after = states.merged()
    assert middle in (before, after)
    if work == "compact":
        assert after == before
        assert len(names(states)) == 2 + (step == "commit")  # a day later, the next one takes that file
    assert data.update(states).unchanged or work != "update"
