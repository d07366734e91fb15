"""The log in storage: commits that win or read again, files that are damaged or hostile, and compaction."""

from __future__ import annotations

import contextlib
import io
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import sparkscale as ss
from sparkscale.artifact import jsons, objects
from sparkscale.artifact.states import commits, log, parquet
from sparkscale.artifact.states.commits import Commit
from sparkscale.artifact.states.keys import By
from sparkscale.artifact.states.states import States
from sparkscale.errors import DataError, OutputError, SparkscaleError, StorageError, TemporaryError
from sparkscale.stats.column import ColumnStats
from tests.artifact.states.tables import MONTHS, Table, assert_same, month

STEPS = [ss.Standard(["x", "odd"]), ss.Robust("far")]


def table(many: int = 3, steps: Any = STEPS) -> Table:
    made, rng = Table(steps), np.random.default_rng(many)
    for number in range(many):
        made.put(f"2013-{number + 1:02d}", month(rng))
    return made


@pytest.fixture
def known(tmp_path: Path) -> tuple[States, Table]:
    """Give states after an update, and their table."""
    data, states = table(), States(tmp_path / "states")
    data.update(states)
    return states, data


def names(states: States) -> list[str]:
    return sorted(str(path.relative_to(states.uri)) for path in Path(states.uri).rglob("*") if path.is_file())


def test_write_one_commit_and_one_file(known: tuple[States, Table]) -> None:
    commit, data = names(known[0])
    assert commit == "commits/00000001.json"
    assert data.startswith("data/")
    document = json.loads((Path(known[0].uri) / commit).read_text())
    assert [one["key"] for one in document["partitions"]] == [["2013-01"], ["2013-02"], ["2013-03"]]
    assert document["files"][0]["features"] == {"x": False, "odd": False, "far": True}


def test_read_by_other_programs(known: tuple[States, Table]) -> None:
    import duckdb

    path = next((Path(known[0].uri) / "data").iterdir())
    query = "SELECT month, feature, mean, sqrt(m2 * power(4, exp) / finite), octet_length(sketch) > 100 FROM read_parquet(?)"
    rows = duckdb.execute(f"{query} ORDER BY ALL", [str(path)]).fetchall()
    assert [row[:2] for row in rows][:3] == [("2013-01", "far"), ("2013-01", "odd"), ("2013-01", "x")]
    x = known[1].partitions["2013-01",]["x"]
    np.testing.assert_allclose(rows[2][2:4], [x.mean(), x.std()], rtol=1e-14)
    assert rows[0][4]


def test_keep_names_of_keys_apart_from_those_of_statistics(tmp_path: Path) -> None:
    by = By.of(["Feature", "max", "max_"], {"Feature": "string", "max": "int", "max_": "date"})
    assert parquet.schema_of(by, weighted=False).names[:4] == ["Feature_", "max_", "max__", "feature"]
    stats = {("a", 1, None): {"x": ColumnStats.of([1.0])}}
    assert parquet.decode(parquet.encode(by, stats), by, "f").rows == {(("a", 1, None), "x"): 0}


def test_say_all_in_every_sixteenth_commit(tmp_path: Path) -> None:
    states, data, rng = States(tmp_path), table(1), np.random.default_rng(1)
    for number in range(34):
        data.put(f"2014-{number:02d}", month(rng, 5))
        data.update(states)
    whole = [json.loads(path.read_text())["whole"] for path in sorted((tmp_path / "commits").iterdir())]
    assert [number + 1 for number, one in enumerate(whole) if one] == [16, 32]
    for number in range(1, 32):  # nobody reads them any more
        (tmp_path / "commits" / f"{number:08d}.json").unlink()
    assert_same(states.merged().stats, data.fit(data.partitions).stats)
    assert [one.commit for one in states.partitions()] == [1, *range(1, 35)]


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


def truncate(data: bytes) -> bytes:
    return data[: len(data) // 2]


def changed(**changes: Any) -> Any:
    """Return a change of a commit that keeps its checksum right."""

    def change(data: bytes) -> bytes:
        document = json.loads(data) | changes
        document.pop("checksum")
        for one in document["partitions"] if "first" in changes else ():
            one.update(changes["first"])
        document.pop("first", None)
        return json.dumps(document | {"checksum": jsons.checksum(document)}).encode()

    return change


@pytest.mark.parametrize(("change", "code"), [
    (lambda _: b"", "STATES_INVALID"),
    (lambda _: b"\xff\xfe", "STATES_INVALID"),
    (lambda _: b"[" * 100_000, "STATES_INVALID"),
    (lambda _: b"[]", "STATES_FORMAT"),
    (lambda _: b'{"format": "sparkscale-artifact"}', "STATES_FORMAT"),
    (truncate, "STATES_INVALID"),
    (lambda data: data.replace(b'"rows":40', b'"rows":41', 1), "STATES_CHECKSUM"),
    (lambda data: data.replace(b'"whole":false', b'"whole":false,"whole":true'), "STATES_INVALID"),
    (changed(format_version=2), "STATES_NEWER"),
    (changed(format_version="1"), "STATES_INVALID"),
    (changed(whole=1), "STATES_INVALID"),
    (changed(more=1), "STATES_INVALID"),
    (changed(by=[]), "STATES_INVALID"),
    (changed(by=[{"name": "month", "type": "double"}]), "STATES_INVALID"),
    (changed(by=[{"name": "month", "type": "integer"}]), "STATES_INVALID"),
    (changed(files=[]), "STATES_INVALID"),
    (changed(partitions={}), "STATES_INVALID"),
    (changed(pipeline={"steps": []}), "STATES_INVALID"),
    (changed(pipeline={"steps": [{"step": {"kind": "os.system"}, "inputs": [], "outputs": []}], "weight": None, "sketch": "needed", "columns": []}), "STATES_INVALID"),
    (changed(first={"rows": -1}), "STATES_INVALID"),
    (changed(first={"rows": 1.5}), "STATES_INVALID"),
    (changed(first={"key": ["2013-01"]}), "STATES_INVALID"),
    (changed(first={"key": [1]}), "STATES_INVALID"),
    (changed(first={"files": ["../../etc/passwd"]}), "STATES_INVALID"),
    (changed(first={"fingerprint": None}), "STATES_INVALID"),
    (changed(files=[{"name": "data/../../x.parquet", "size": 1, "sha256": "0" * 64, "features": {}}]), "STATES_INVALID"),
    (changed(removed=["2013-01"]), "STATES_INVALID"),
])  # fmt: skip
def test_refuse_damaged_commits(known: tuple[States, Table], change: Any, code: str) -> None:
    states, data = known
    path = Path(states.uri) / "commits" / "00000001.json"
    path.write_bytes(change(path.read_bytes()))
    before = names(states)
    for use in (states.merged, lambda: data.update(states), lambda: states.drop("month=2013-01"), states.compact):
        with pytest.raises(DataError, match=r"00000001\.json") as caught:
            use()
        assert (caught.value.code, caught.value.exit_code) == (code, 65)
    assert names(states) == before


def test_refuse_special_and_large_commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "commits").mkdir()
    path = tmp_path / "commits" / "00000001.json"
    os.mkfifo(path)
    if States(tmp_path).log._numbers(States(tmp_path).log._opened()):  # the store lists it as an object
        with pytest.raises(DataError, match="expected a file, found a pipe or a device"):
            States(tmp_path).partitions()
    path.unlink()
    path.write_bytes(b"[" * 5000)
    monkeypatch.setattr(commits, "MAX_BYTES", 100)
    with pytest.raises(DataError, match="expected at most 100 bytes, found more"):
        States(tmp_path).partitions()


def test_refuse_gaps(tmp_path: Path) -> None:
    states, data, rng = States(tmp_path), table(1), np.random.default_rng(1)
    for number in range(3):
        data.put(f"2014-{number:02d}", month(rng, 5))
        data.update(states)
    (tmp_path / "commits" / "00000002.json").unlink()
    with pytest.raises(DataError, match=r"found one missing: .*00000002\.json") as caught:
        states.merged()
    assert caught.value.code == "STATES_DAMAGED"
    (tmp_path / "commits" / "00000001.json").unlink()
    with pytest.raises(DataError, match=r"found one missing: .*00000002\.json"):
        states.merged()


def rewritten(states: States, change: Any) -> None:
    """Change the data file, and the commit so that it names that."""
    root = Path(states.uri)
    (path,) = (root / "data").iterdir()
    content = change(path.read_bytes())
    path.write_bytes(content)
    commit = root / "commits" / "00000001.json"
    document = json.loads(commit.read_text())
    document["files"][0] |= {"size": len(content), "sha256": commits.digest(content)}
    document.pop("checksum")
    commit.write_text(json.dumps(document | {"checksum": jsons.checksum(document)}))


def columns(**changes: Any) -> Any:
    """Return a change of a data file's columns: a function of each one's values."""

    def change(data: bytes) -> bytes:
        found = pq.read_table(io.BytesIO(data))
        made = found.to_pydict()
        for name, act in changes.items():
            made[name] = act(made[name])
        buffer = io.BytesIO()
        schema = pa.schema([field for field in found.schema if made[field.name] is not None])
        pq.write_table(pa.table({name: made[name] for name in schema.names}, schema=schema), buffer)
        return buffer.getvalue()

    return change


def first(value: Any) -> Any:
    return lambda values: [value, *values[1:]]


@pytest.mark.parametrize("change", [
    lambda _: b"", lambda _: b"PAR1", truncate, lambda data: b"PAR1" + bytes(len(data) - 8) + b"PAR1",
    columns(feature=lambda _: None), columns(feature=first(None)), columns(finite=first(-1)), columns(rows=first(39)),
    columns(min=first(1e300)), columns(max=first(-1e300)), columns(mean=first(float("nan"))), columns(mean=first(None)),
    columns(m2=first(-1.0)), columns(m2=first(float("inf"))), columns(mean_lo=first(1.0)), columns(exp=first(10_000)), columns(exp=first(None)),
    columns(sketch=lambda values: [b"x" * 100 for _ in values]), columns(sketch=lambda values: [None for _ in values]),
    columns(month=lambda values: ["2013-09" for _ in values]), columns(feature=lambda values: ["x" for _ in values]),
    columns(nulls=lambda values: [value + 1 for value in values], rows=lambda values: [value + 1 for value in values]),
])  # fmt: skip
def test_refuse_hostile_data(known: tuple[States, Table], change: Any) -> None:
    states, _ = known
    rewritten(states, change)
    with pytest.raises(DataError) as caught:
        states.merged()
    assert (caught.value.exit_code, caught.value.code[:7]) in {(65, "STATES_"), (65, "ARTIFAC")}
    with pytest.raises(DataError):
        states.compact()


def test_refuse_data_that_is_not_what_was_committed(known: tuple[States, Table]) -> None:
    states, data = known
    (path,) = (Path(states.uri) / "data").iterdir()
    content = path.read_bytes()
    path.write_bytes(content[:-9] + b"X" + content[-8:])
    with pytest.raises(DataError, match="expected the content that was committed, found another"):
        states.merged()
    path.write_bytes(content + b"X")
    with pytest.raises(DataError, match=rf"expected {len(content):,} bytes, found {len(content) + 1:,}") as caught:
        states.merged()
    assert caught.value.code == "STATES_DAMAGED"
    path.unlink()
    with pytest.raises(
        DataError, match="expected the files that the newest commit needs, found one missing: "
    ) as caught:
        states.merged()
    assert caught.value.code == "STATES_DAMAGED"
    assert data.update(states).unchanged  # which needs no data


def test_refuse_parquet_that_claims_too_much(known: tuple[States, Table], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "MAX_ROWS", 8)
    with pytest.raises(DataError, match="expected states in Parquet, found something else"):
        known[0].merged()


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


@pytest.mark.parametrize("uri", ["ftp://host/x", "http:/x"])
def test_refuse_places_of_unknown_schemes(uri: str) -> None:
    with pytest.raises(SparkscaleError) as caught:
        table().update(States(uri))
    assert caught.value.code == "STORE_SCHEME"
