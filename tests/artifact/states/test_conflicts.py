"""Other runs commit meanwhile: a run reads again, joins what they did, or ends and says that they were faster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sparkscale as ss
from sparkscale.artifact import objects
from sparkscale.artifact.states import log
from sparkscale.artifact.states.commits import Commit
from sparkscale.artifact.states.keys import By
from sparkscale.artifact.states.states import States
from sparkscale.errors import DataError, TemporaryError
from tests.artifact.states.tables import MONTHS, STEPS, Table, assert_same, month, names, table


def test_read_again_where_another_run_commits_meanwhile(known: tuple[States, Table]) -> None:
    states, data = known
    seen: list[int] = []

    def build(state: Any) -> Commit:
        seen.append(state.number)
        if len(seen) == 1:
            data.put("2013-04", month(np.random.default_rng(4)))
            data.update(states)
        return Commit(MONTHS, removed=(("2013-01",),))

    states.log.commit(build)
    assert seen == [1, 2]
    assert [one.key for one in states.partitions()] == [("2013-02",), ("2013-03",), ("2013-04",)]


def test_read_what_others_commit_alone_of_a_retry(known: tuple[States, Table], monkeypatch: pytest.MonkeyPatch) -> None:
    states, data = known
    other, rng = Table(STEPS, partitions=dict(data.partitions), written=dict(data.written)), np.random.default_rng(4)
    data.put("2013-04", month(rng))
    reads, read = list[str](), objects.read

    def win(step: str) -> None:  # as long as any is left to win
        if step == "commit" and (number := len(other.partitions)) < 6:
            other.put(f"2014-{number}", month(rng))
            with monkeypatch.context() as theirs:
                theirs.setattr(log, "reached", lambda _: None)
                theirs.setattr(objects, "read", read)
                other.update(States(states.uri), missing="keep")

    monkeypatch.setattr(log, "reached", win)
    monkeypatch.setattr(objects, "read", lambda *given: reads.append(given[2]) or read(*given))
    data.update(states)
    assert [Path(name).stem for name in reads] == ["00000001", "00000002", "00000003", "00000004"]
    assert len(states.partitions()) == 7


def test_read_files_once_of_an_artifact_that_is_saved_again(
    known: tuple[States, Table], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    states, data = known
    reads, read = list[str](), log.Log._data

    def grow(step: str) -> None:
        if step == "save" and len(data.partitions) < 5:
            data.put(f"2014-{len(data.partitions)}", month(np.random.default_rng(4)))
            data.update(states)

    monkeypatch.setattr(log, "reached", grow)
    monkeypatch.setattr(log.Log, "_data", lambda self, store, one: reads.append(one.name) or read(self, store, one))
    fitted = states.save(str(tmp_path / "stats"))[1]
    assert len(reads) == len(set(reads)) == 3
    assert_same(fitted.stats, data.fit(data.partitions).stats)


def test_refuse_a_number_that_a_compaction_made_free(
    known: tuple[States, Table], monkeypatch: pytest.MonkeyPatch
) -> None:
    states, data = known

    def overtake(step: str) -> None:
        if step == "commit":
            monkeypatch.setattr(log, "reached", lambda _: None)
            data.put("2013-04", month(np.random.default_rng(4)))
            data.update(states)
            states.compact()

    monkeypatch.setattr(log, "reached", overtake)
    with pytest.raises(TemporaryError, match=r"a compaction of .* was faster") as caught:
        states.drop("month=2013-01")
    assert caught.value.code == "STATES_CONFLICT"
    states.drop("month=2013-01")
    assert_same(states.merged().stats, data.fit([key for key in data.partitions if key != ("2013-01",)]).stats)
    states.compact()
    assert len(names(states)) == 2


def test_say_where_states_of_other_keys_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another run makes them when this one has found no states, and has not committed."""
    states, days = States(tmp_path), Table(STEPS, By.of(["day"], {"day": "int"}))
    days.put(1, month(np.random.default_rng(5)))

    def begin(_: str) -> None:
        monkeypatch.setattr(log, "reached", lambda _: None)
        days.update(states)

    monkeypatch.setattr(log, "reached", begin)
    with pytest.raises(DataError, match=f"states {tmp_path}: expected keys month .*, found states by day") as caught:
        table().update(states)
    assert caught.value.code == "STATES_KEYS"


def test_end_with_conflict_where_others_keep_winning(
    known: tuple[States, Table], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log.Log, "_created", lambda *_: False)
    with pytest.raises(TemporaryError, match="other runs kept committing to") as caught:
        known[0].drop("month=2013-01")
    assert (caught.value.code, caught.value.exit_code) == ("STATES_CONFLICT", 75)


@pytest.mark.parametrize("other", ["same", "other", "dropped", "compacted", "more", "more and compacted"])
def test_join_two_updates_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: str) -> None:
    """Another run acts when this one has read its partitions, and has not committed."""
    states, data = States(tmp_path), table(2)
    data.update(states)
    data.put("2013-02", month(np.random.default_rng(9)))
    steps = [*STEPS, ss.Robust("x", into="x_r")] if "more" in other else STEPS
    theirs = Table(steps, partitions=dict(data.partitions), written=dict(data.written))
    data.steps = steps
    if other == "other":
        theirs.put("2013-02", month(np.random.default_rng(10)))

    def act(step: str) -> None:
        if step == "commit":
            monkeypatch.setattr(log, "reached", lambda _: None)
            {
                "dropped": lambda: states.drop("month=2013-01"),
                "compacted": states.compact,
                "more and compacted": states.compact,
            }.get(other, lambda: theirs.update(States(tmp_path)))()

    monkeypatch.setattr(log, "reached", act)
    if other == "other":
        with pytest.raises(TemporaryError, match="partition month=2013-02: another run changed its states meanwhile"):
            data.update(states)
        assert_same(states.merged().stats, theirs.fit(theirs.partitions).stats)
        return
    data.update(states)
    expected = [("2013-02",)] if other == "dropped" else list(data.partitions)
    assert not steps[2:] or states.merged().stats["x"].quantiles is not None
    assert_same(states.merged().stats, data.fit(expected).stats)
    assert data.update(states).unchanged


def test_read_again_where_a_compaction_takes_the_files(
    known: tuple[States, Table], monkeypatch: pytest.MonkeyPatch
) -> None:
    states, data = known
    fetch, acted = log.Log.fetch, []

    def late(self: Any, files: Any) -> Any:
        if not acted:
            acted.append(1)
            States(states.uri).compact()
        return fetch(self, files)

    monkeypatch.setattr(log.Log, "fetch", late)
    assert_same(states.merged().stats, data.fit(data.partitions).stats)
