"""Updates over array columns: whatever happens to partitions, the merged window is the fit of its rows."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sparkscale as ss
from sparkscale.artifact import jsons
from sparkscale.artifact.states import log
from sparkscale.artifact.states.states import States
from sparkscale.errors import DataError, TemporaryError
from tests.artifact.states.tables import Table, assert_same, vectors

POSITIONS = [ss.Standard("x", empty="null")]
ALL = [ss.Standard("x", over="all", empty="null")]
BOTH = [*POSITIONS, ss.MinMax("x", over="all", into="m", empty="null"), ss.Standard("y", empty="null")]
WIDTH = 5


def month(rng: np.random.Generator, rows: int = 20, width: int = WIDTH) -> dict[str, Any]:
    """Return a column of arrays with nulls, null elements, NaN, infinities, and positions far from 0; and numbers."""
    cells: list[Any] = (rng.normal(0, 1, (rows, width)) + ([0, 1e9, -3, 7, 1e6] * width)[:width]).tolist()
    for row in cells:
        for odd in (None, float("nan"), float("inf"), float("-inf")):
            if rng.random() < 0.1:
                row[int(rng.integers(width))] = odd
    rows_ = [None if rng.random() < 0.1 else row for row in cells]
    return {"x": vectors(rows_), "y": rng.normal(5, 2, rows)}


def table(*months: str, steps: Any = POSITIONS, **options: Any) -> Table:
    made, rng = Table(steps, **options), np.random.default_rng(len(months))
    for name in months:
        made.put(name, month(rng))
    return made


def put(data: Table, name: str, rows: Any) -> None:
    data.put(name, {"x": vectors(rows), "y": np.zeros(len(rows))})


def keys(*months: str) -> list[tuple[str]]:
    return [(name,) for name in months]


NUMBERS = st.one_of(st.none(), st.sampled_from([float("nan"), float("inf"), -float("inf"), 0.0, 1e9, 1e9 + 1]), st.floats(-1e6, 1e6))  # fmt: skip
ROWS = st.lists(st.one_of(st.none(), st.lists(NUMBERS, min_size=2, max_size=2)), min_size=1, max_size=12)


@given(ROWS.filter(any), st.lists(st.integers(0, 3), min_size=12, max_size=12), st.sampled_from([POSITIONS, ALL, BOTH]))
def test_merge_any_split_to_the_fit_of_all_rows(rows: Any, split: Any, steps: Any) -> None:
    data = Table([*steps, ss.Robust("x", into="r", empty="null", over=steps[0].over)])
    for number in dict.fromkeys(split[: len(rows)]):
        put(data, f"2013-{number}", [row for row, part in zip(rows, split, strict=False) if part == number])
    with TemporaryDirectory() as folder:
        states = States(folder)
        data.update(states)
        merged, whole = states.merged(), data.fit(data.partitions)
        assert (merged.rows, merged.steps) == (len(rows), whole.steps)
        assert_same(merged.stats, whole.stats)


@pytest.mark.parametrize("steps", [POSITIONS, ALL, BOTH])
def test_read_what_changed_alone(tmp_path: Path, steps: Any) -> None:
    states, data, rng = States(tmp_path), table("2013-01", "2013-02", "2013-03", steps=steps), np.random.default_rng(9)
    data.update(states)
    data.put("2013-02", month(rng, 30))
    put(data, "2013-04", [None, None])
    data.remove("2013-01")
    done = data.update(states)
    assert (done.read, done.dropped, done.kept) == (keys("2013-02", "2013-04"), keys("2013-01"), 1)
    assert_same(states.merged().stats, data.fit(data.partitions).stats)
    assert states.merged().rows == data.fit(data.partitions).rows == 52
    states.drop("month=2013-02")
    states.compact()
    assert_same(states.merged().stats, data.fit(keys("2013-03", "2013-04")).stats)
    assert states.merged(1).rows == 2
    assert data.update(states).unchanged
    known = states.show("month=2013-04")
    assert set(known) == set(states.merged().stats)
    assert "x" not in known or known["x"].rows == 0  # all elements of two nulls
    assert "x.0" not in known or (known["x.0"].rows, known["x.0"].nulls) == (2, 2)


def test_read_other_statistics_of_the_window_where_steps_change(tmp_path: Path) -> None:
    states, data = States(tmp_path), table("2013-01", "2013-02", "2013-03", steps=[ss.Standard("y")])
    data.update(states)
    every = keys("2013-01", "2013-02", "2013-03")
    for steps, features in (
        (POSITIONS, [f"x.{number}" for number in range(WIDTH)]),
        (ALL, ["x"]),
        (BOTH, []),
        ([ss.Robust("x", empty="null")], [f"x.{number}" for number in range(WIDTH)]),
    ):
        data.steps = steps
        done = data.update(states)
        assert (done.extended, done.features) == (every if features else [], features)
        assert_same(states.merged().stats, data.fit(data.partitions).stats)
    assert [set(features) for _, features in data.reads][1:3] == [{f"x.{number}" for number in range(WIDTH)}, {"x"}]


def test_look_again_at_arrays_by_the_reader(tmp_path: Path) -> None:
    steps = [
        ss.Power("x", empty="null"),
        ss.Chain("x", [ss.Asinh(), ss.Standard()], over="all", into="c", empty="null"),
    ]
    states, data = States(tmp_path / "states"), table("2013-01", "2013-02", steps=steps)
    rng = np.random.default_rng(1)
    for name in ("2013-01", "2013-02"):
        data.put(name, {"x": vectors(rng.lognormal(0, 1, (30, 3))), "y": np.zeros(30)})
    data.update(states)
    with pytest.raises(DataError, match="a step looks at the data again"):
        states.merged()
    fitted, whole = states.fitted(reader=data)[1], data.fit(data.partitions)
    x = {"x": np.array(data.whole["x"].tolist())}
    for name, ours in fitted.transform_arrays(x).items():
        np.testing.assert_allclose(ours, whole.transform_arrays(x)[name], rtol=1e-9)


def test_weigh_elements(tmp_path: Path) -> None:
    data, rng = Table([ss.Standard("x"), ss.Standard("x", over="all", into="a")], weight="w"), np.random.default_rng(2)
    for name in ("2013-01", "2013-02"):
        data.put(name, {"x": vectors(rng.normal(3, 1, (10, 3))), "w": rng.integers(0, 3, 10).astype(float)})
    data.put("2013-03", {"x": vectors([None, None]), "w": np.array([1.0, 0.0])})
    states = States(tmp_path)
    data.update(states)
    merged, whole = states.merged(), data.fit(data.partitions)
    assert (merged.rows, states.partitions()[2].rows) == (whole.rows, 1)
    for name, stats in whole.stats.items():
        assert (merged.stats[name].rows, merged.stats[name].nulls) == (stats.rows, stats.nulls)
        np.testing.assert_allclose(
            [merged.stats[name].mean, merged.stats[name].std], [stats.mean, stats.std], rtol=1e-13
        )


def refused(data: Table, states: States, cause: str, code: str = "DATA_LENGTH") -> None:
    before = [path.name for path in Path(states.uri).rglob("*")]
    with pytest.raises(DataError) as caught:
        data.update(states)
    assert (caught.value.code, caught.value.exit_code, caught.value.cause) == (code, 65, cause)
    assert [path.name for path in Path(states.uri).rglob("*")] == before


def test_refuse_other_lengths_and_commit_nothing(tmp_path: Path) -> None:
    states, data = States(tmp_path), Table(POSITIONS)
    put(data, "2013-01", [None])
    refused(data, states, "column 'x': expected arrays to learn from, found none", "DATA_EMPTY")
    put(data, "2013-02", [[1.0, 2.0], [3.0], None])
    said = "column 'x': expected arrays of one length (over: position), found"
    refused(data, states, f"{said} 2 elements in 1 row of month=2013-02, 1 element in 1 row of month=2013-02")
    put(data, "2013-02", [[1.0, 2.0], [3.0, 5.0], None])
    data.update(states)
    put(data, "2013-03", [[1.0, 2.0, 3.0]] * 4 + [[]])
    data.put("2013-04", month(np.random.default_rng(1)))
    data.put("2013-04", {**data.partitions["2013-04",], "x": vectors([[1.0, 2.0, 3.0]] * 20)})
    stored = "2 elements in the states of month=2013-01, month=2013-02"
    others = "3 elements in 24 rows of month=2013-03, month=2013-04, 0 elements in 1 row of month=2013-03"
    refused(data, states, f"{said} {stored}, {others}")
    data.steps = ALL
    assert_same_after(data, states)


def assert_same_after(data: Table, states: States) -> None:
    data.update(states)
    assert_same(states.merged().stats, data.fit(data.partitions).stats)


def test_take_another_length_where_all_partitions_have_it(tmp_path: Path) -> None:
    states, data = States(tmp_path), table("2013-01", "2013-02")
    data.update(states, keep=2)
    for name in ("2013-02", "2013-03"):
        data.put(name, month(np.random.default_rng(3), width=3))
    data.update(states, keep=2)
    assert_same(states.merged(2).stats, data.fit(keys("2013-02", "2013-03")).stats)
    said = "found 5 elements in the states of month=2013-01, 3 elements in the states of month=2013-02, month=2013-03"
    for use in (states.merged, lambda: data.update(states)):
        with pytest.raises(DataError, match=said):
            use()
    states.drop("month=2013-01")
    assert_same(states.merged().stats, data.fit(keys("2013-02", "2013-03")).stats)


@pytest.mark.parametrize("steps", [POSITIONS, ALL, BOTH])
def test_update_what_tells_nothing_of_its_partitions(tmp_path: Path, steps: Any) -> None:
    states, data = States(tmp_path), table("2013-01", "2013-02", steps=steps, told=False)
    assert len(data.update(states).read) == 2
    assert data.update(states).unchanged
    data.put("2013-02", month(np.random.default_rng(3)))
    put(data, "2013-03", [None])
    assert len(data.update(states).read) == 3
    assert_same(states.merged().stats, data.fit(data.partitions).stats)


def test_take_back_what_was_dropped_where_only_null_arrays_are_new(tmp_path: Path) -> None:
    states, data = States(tmp_path), table("2013-01", steps=ALL, told=False)
    put(data, "2013-02", [None])
    data.update(states)
    states.drop("month=2013-02")
    put(data, "2013-02", [None, None])
    assert data.update(states).read == keys("2013-01", "2013-02")
    assert states.merged().rows == 22


def test_make_room_for_another_partition_where_one_has_no_rows(tmp_path: Path) -> None:
    states, data = States(tmp_path), table("2013-01", "2013-02", steps=BOTH)
    put(data, "2013-03", [])
    assert data.update(states, keep=2).read == keys("2013-01", "2013-02")
    assert [read for read, _ in data.reads] == [tuple(keys("2013-01", "2013-02"))]  # the lengths say which has no rows
    assert data.update(states, keep=2).unchanged
    assert states.merged().rows == 40


def test_learn_the_length_once_there_are_rows(tmp_path: Path) -> None:
    states, data = States(tmp_path), Table(BOTH)
    put(data, "2013-01", [])
    data.update(states)
    assert states.existing().pipeline.lengths == {}  # type: ignore[union-attr]
    with pytest.raises(DataError, match="expected rows to learn from, found none"):
        states.merged()
    data.put("2013-02", month(np.random.default_rng(3)))
    data.update(states)
    assert_same(states.merged().stats, data.fit(keys("2013-02")).stats)


def test_refuse_numbers_where_states_are_of_arrays(tmp_path: Path) -> None:
    states, data = States(tmp_path), table("2013-01", steps=ALL)
    data.update(states)
    numbers = Table([ss.Standard("x", empty="null")], written=dict(data.written))
    numbers.put("2013-02", {"x": np.ones(3)})
    with pytest.raises(DataError, match="states of 'x': expected arrays, found numbers") as caught:
        numbers.update(states, missing="keep")
    assert caught.value.code == "SCHEMA_TYPE"


def test_find_data_that_changes_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    states, data = States(tmp_path), table("2013-01")
    lengths = Table.lengths

    def then_more(self: Table, wanted: Any) -> Any:
        found = lengths(self, wanted)
        self.partitions["2013-01",] = month(np.random.default_rng(3), 21)
        return found

    monkeypatch.setattr(Table, "lengths", then_more)
    refused(data, states, "column 'x.0': expected 20 rows again, found 21", "DATA_CHANGED")


def test_conflict_with_another_length_of_another_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    states, data, other = States(tmp_path), table("2013-01"), Table(POSITIONS)
    other.put("2013-02", month(np.random.default_rng(3), width=3))

    def win(step: str) -> None:
        if step == "commit":
            monkeypatch.setattr(log, "reached", lambda _: None)
            other.update(states, missing="keep")

    monkeypatch.setattr(log, "reached", win)
    with pytest.raises(TemporaryError, match="'x': expected arrays of 3 elements as another run, found 5") as caught:
        data.update(states, missing="keep")
    assert (caught.value.code, caught.value.exit_code) == ("STATES_CONFLICT", 75)


@pytest.mark.parametrize("lengths", [[0], [-1], [10**12], [1.0], ["5"], [5, 5], {}, None, []])
def test_refuse_damaged_lengths(tmp_path: Path, lengths: Any) -> None:
    states = States(tmp_path)
    table("2013-01").update(states)
    path = tmp_path / "commits" / "00000001.json"
    document = json.loads(path.read_text())
    assert document["pipeline"]["steps"][0]["lengths"] == [WIDTH]
    document["pipeline"]["steps"][0]["lengths"] = lengths
    document.pop("checksum")
    path.write_text(json.dumps(document | {"checksum": jsons.checksum(document)}))
    if lengths == []:  # not known, and the states say it
        assert len(states.merged().stats) == WIDTH
        return
    with pytest.raises(DataError) as caught:
        states.merged()
    assert caught.value.code == "STATES_INVALID"
