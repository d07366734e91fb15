"""Updates: whatever happens to partitions, the merged window is the fit of its rows, and only what changed is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sparkscale as ss
from sparkscale.artifact.states.states import States
from sparkscale.errors import ConfigError, DataError, InputMissingError
from sparkscale.stats.quantiles import QuantileSketch, k_of
from tests.artifact.states.tables import Table, assert_same, month

STEPS = [ss.Standard(["x", "far", "odd"])]


def table(*months: str, steps: Any = STEPS, **options: Any) -> Table:
    made, rng = Table(steps, **options), np.random.default_rng(len(months))
    for name in months:
        made.put(name, month(rng))
    return made


def keys(*months: str) -> list[tuple[str]]:
    return [(name,) for name in months]


def test_read_new_partitions_only(tmp_path: Path) -> None:
    states, data = States(tmp_path), table("2013-01", "2013-02")
    assert data.update(states).read == keys("2013-01", "2013-02")
    data.put("2013-03", month(np.random.default_rng(3)))
    done = data.update(states)
    assert (done.read, done.kept, done.dropped) == (keys("2013-03"), 2, [])
    assert [read for read, _ in data.reads] == [(("2013-01",), ("2013-02",)), (("2013-03",),)]
    assert_same(states.merged().stats, data.fit(data.partitions).stats)
    assert states.merged().rows == 120
    assert data.update(states).unchanged
    assert len(data.reads) == 2


def test_read_late_and_rewritten_partitions_again(tmp_path: Path) -> None:
    states, data = States(tmp_path), table("2013-01", "2013-03")
    data.update(states)
    data.put("2013-02", month(np.random.default_rng(5)))
    data.put("2013-01", month(np.random.default_rng(6), 7))
    assert data.update(states).read == keys("2013-01", "2013-02")
    assert_same(states.merged().stats, data.fit(data.partitions).stats)


@pytest.mark.parametrize("rule", ["drop", "keep", "error"])
def test_treat_missing_partitions_by_rule(tmp_path: Path, rule: str) -> None:
    states, data = States(tmp_path), table("2013-01", "2013-02", "2013-03")
    data.update(states)
    whole = data.fit(data.partitions)
    data.remove("2013-02")
    if rule == "error":
        before = sorted(path.name for path in tmp_path.rglob("*"))
        with pytest.raises(DataError, match="expected partitions month=2013-02 in the input") as caught:
            data.update(states, missing="error")
        assert (caught.value.code, caught.value.exit_code) == ("STATES_MISSING", 65)
        assert sorted(path.name for path in tmp_path.rglob("*")) == before
        assert data.update(states, keep=1, missing="error").unchanged  # it is outside of the window
        return
    done = data.update(states, missing=rule)
    assert done.dropped == (keys("2013-02") if rule == "drop" else [])
    assert_same(states.merged().stats, whole.stats if rule == "keep" else data.fit(data.partitions).stats)


def test_keep_a_window_of_the_newest(tmp_path: Path) -> None:
    states, data = States(tmp_path), table(*(f"2013-{number:02d}" for number in range(1, 7)))
    done = data.update(states, keep=3)
    assert done.read == keys("2013-04", "2013-05", "2013-06")
    assert_same(states.merged(3).stats, data.fit(keys("2013-04", "2013-05", "2013-06")).stats)
    data.put("2013-07", month(np.random.default_rng(7)))
    assert data.update(states, keep=3).read == keys("2013-07")
    assert_same(states.merged(3).stats, data.fit(keys("2013-05", "2013-06", "2013-07")).stats)
    assert states.merged().rows == 160  # older states stay until they are compacted
    assert data.update(states, keep=5).read == keys("2013-03")


def test_drop_a_bad_day_until_it_changes(tmp_path: Path) -> None:
    states, data = States(tmp_path), table("2013-01", "2013-02", "2013-03")
    data.update(states)
    assert states.drop("month=2013-02") == keys("2013-02")
    assert_same(states.merged().stats, data.fit(keys("2013-01", "2013-03")).stats)
    assert data.update(states).unchanged
    assert states.drop(["month=2013-02"]) == keys("2013-02")
    assert len(data.reads) == 1
    data.put("2013-02", month(np.random.default_rng(8)))
    assert data.update(states).read == keys("2013-02")
    assert_same(states.merged().stats, data.fit(data.partitions).stats)


def test_fill_the_window_in_place_of_a_dropped_day(tmp_path: Path) -> None:
    states, data = States(tmp_path), table("2013-01", "2013-02", "2013-03")
    data.update(states, keep=2)
    states.drop("month=2013-03")
    assert data.update(states, keep=2).read == keys("2013-01")


def test_read_new_columns_of_the_window(tmp_path: Path) -> None:
    states, data = States(tmp_path), table("2013-01", "2013-02", "2013-03", steps=[ss.Standard("x")])
    data.update(states)
    data.steps = [ss.Standard("x"), ss.Robust("far")]
    data.put("2013-04", month(np.random.default_rng(9)))
    done = data.update(states, keep=3)
    assert (done.read, done.extended, done.features) == (keys("2013-04"), keys("2013-02", "2013-03"), ["far"])
    assert data.reads[1:] == [((("2013-04",),), ("far", "x")), ((("2013-02",), ("2013-03",)), ("far",))]
    assert_same(states.merged(3).stats, data.fit(keys("2013-02", "2013-03", "2013-04")).stats)
    data.steps = [ss.Robust("x")]  # its sketch is what is new
    done = data.update(states, keep=3)
    assert (done.read, done.extended, done.features) == ([], keys("2013-02", "2013-03", "2013-04"), ["x"])
    assert_same(states.merged(3).stats, data.fit(keys("2013-02", "2013-03", "2013-04")).stats)
    data.steps = [ss.Standard("x")]
    assert data.update(states, keep=3).unchanged
    assert list(states.merged(3).stats) == ["x"]


def test_read_all_again_where_the_reading_changes(tmp_path: Path) -> None:
    states, data = States(tmp_path), table("2013-01", "2013-02")
    data.update(states)
    states.drop("month=2013-02")
    data.reading = "only a part of it"
    assert data.update(states).read == keys("2013-01")  # what was dropped stays so


def test_read_all_where_nothing_tells_partitions_apart(tmp_path: Path) -> None:
    states, data = States(tmp_path), table("2013-01", "2013-02", told=False)
    assert data.update(states).read == keys("2013-01", "2013-02")
    assert data.update(states).unchanged
    states.drop("month=2013-01")
    data.put("2013-03", month(np.random.default_rng(7)))
    assert data.update(states).read == keys("2013-02", "2013-03")
    assert_same(states.merged().stats, data.fit(keys("2013-02", "2013-03")).stats)
    data.put("2013-01", month(np.random.default_rng(8)))
    assert data.update(states).read == keys("2013-01", "2013-02", "2013-03")
    data.remove("2013-02")
    assert data.update(states).dropped == keys("2013-02")
    assert [read for read, _ in data.reads] == [None] * 4


def test_take_back_what_was_dropped_where_only_its_weights_changed(tmp_path: Path) -> None:
    """All weights of a partition doubled: its moments stay, and its share of the whole does not."""
    rng, states = np.random.default_rng(11), States(tmp_path)
    data = Table([ss.Standard("x")], weight="w", told=False)
    for key in ("2013-01", "2013-02", "2013-03"):
        data.put(key, {"x": rng.normal(float(key[-1]), 1, 20), "w": rng.uniform(1, 2, 20)})
    data.update(states)
    states.drop(["month=2013-02", "month=2013-03"])
    data.put("2013-02", data.partitions["2013-02",] | {"w": 2 * data.partitions["2013-02",]["w"]})
    assert data.update(states).read == keys("2013-01", "2013-02")
    assert_same(states.merged().stats, data.fit(keys("2013-01", "2013-02")).stats)


def test_leave_empty_partitions_out_of_the_window(tmp_path: Path) -> None:
    states, data = States(tmp_path), table("2013-01", "2013-02")
    data.put("2013-03", month(np.random.default_rng(7), 0))
    done = data.update(states, keep=2)
    assert (done.read, done.kept) == (keys("2013-01", "2013-02"), 0)
    assert data.update(states, keep=2).unchanged
    data.put("2013-03", month(np.random.default_rng(7), 3))
    assert data.update(states, keep=2).read == keys("2013-03")
    assert states.merged(2).rows == 43


def test_weigh_rows(tmp_path: Path) -> None:
    states, rng = States(tmp_path), np.random.default_rng(3)
    data = Table([ss.Standard(["x", "odd"])], weight="w")
    for name in ("a", "b", "c"):
        data.put(name, month(rng, w=rng.integers(0, 3, 40).astype(float)))
    data.update(states)
    found, expected = states.merged(), data.fit(data.partitions)
    assert found.weight == "w"
    assert_same(found.stats, expected.stats)
    for name, stats in found.stats.items():
        np.testing.assert_allclose(
            list(stats.weights.to_dict().values()), list(expected.stats[name].weights.to_dict().values()), rtol=1e-14)  # type: ignore[union-attr]  # fmt: skip


def test_look_again_by_the_reader_alone(tmp_path: Path) -> None:
    states, data = States(tmp_path), table("2013-01", "2013-02", steps=[ss.Power("x")])
    data.update(states)
    with pytest.raises(DataError, match="column 'x': a step looks at the data again, which states don't hold"):
        states.merged()
    found, expected = states.fitted(reader=data)[1], data.fit(data.partitions)
    np.testing.assert_allclose(
        found.transform_arrays(data.whole)["x"], expected.transform_arrays(data.whole)["x"], rtol=1e-9)  # fmt: skip


def test_fit_a_temperature_by_the_reader_alone(tmp_path: Path) -> None:
    """The labelled rows of the window are looked at; states hold none of them."""
    steps = [*STEPS, ss.Softmax(["a", "b"], temperature={"fit": "place"}, into="p_{column}")]
    states, data, rng = States(tmp_path), Table(steps), np.random.default_rng(4)
    for name in ("2013-01", "2013-02", "2013-03"):
        scores = {"a": rng.normal(0, 3, 40), "b": rng.normal(0, 3, 40), "place": rng.integers(0, 2, 40)}
        data.put(name, month(rng, **scores))
    data.update(states)
    with pytest.raises(DataError, match="step 2: its temperature is fitted to labels, which states don't hold"):
        states.merged()
    found = states.fitted(reader=data, keep=2)[1]
    expected = data.fit(keys("2013-02", "2013-03"))
    assert found.calibrations[2].temperature == pytest.approx(expected.calibrations[2].temperature, rel=1e-12)
    assert found.rows == 80


def test_key_by_several_columns_and_types(tmp_path: Path) -> None:
    by = ss_by("year:int", "day:date", "name:string")
    import datetime

    states, data, rng = States(tmp_path), Table(STEPS, by), np.random.default_rng(1)
    days = [datetime.date(2013, 1, 31), datetime.date(2012, 12, 31), None]
    for year in (9, 10):
        for day in days:
            data.put((year, day, "a/b=ü"), month(rng))
    done = data.update(states, keep=4)
    assert done.read == [(9, days[0], "a/b=ü"), *((10, day, "a/b=ü") for day in (None, days[1], days[0]))]
    shown = by.shown((10, days[0], "a/b=ü"))
    assert by.parse(shown) == (10, days[0], "a/b=ü")
    assert_same(states.show(shown), data.fit([(10, days[0], "a/b=ü")]).stats)
    assert_same(states.show(by.shown((10, None, "a/b=ü"))), data.fit([(10, None, "a/b=ü")]).stats)


def ss_by(*columns: str) -> Any:
    from sparkscale.artifact.states.keys import By

    pairs = dict(column.split(":") for column in columns)
    return By.of(list(pairs), pairs)


@pytest.mark.parametrize("type_", ["double", "timestamp", "boolean", "array<string>"])
def test_refuse_keys_of_other_types(type_: str) -> None:
    with pytest.raises(DataError, match=f"by: expected text, whole numbers or dates, but column 'k' is {type_}"):
        ss_by(f"k:{type_}")


def test_refuse_states_of_other_keys(tmp_path: Path) -> None:
    data = table("1", "2")
    data.update(States(tmp_path))
    other = Table(STEPS, ss_by("month:int"))
    other.put(1, month(np.random.default_rng(1)))
    before = sorted(path.name for path in tmp_path.rglob("*"))
    with pytest.raises(DataError, match=r"expected keys month \(integer\), found states by month \(string\)") as caught:
        other.update(States(tmp_path))
    assert (caught.value.code, caught.value.exit_code) == ("STATES_KEYS", 65)
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_refuse_a_window_of_texts_that_do_not_sort(tmp_path: Path) -> None:
    data = table("9", "10")
    assert data.update(States(tmp_path / "all")).read == keys("10", "9")
    with pytest.raises(DataError, match="expected keys that sort, found month as text of several lengths"):
        data.update(States(tmp_path / "one"), keep=1)
    assert not (tmp_path / "one").exists()


def test_refuse_what_is_not_there(tmp_path: Path) -> None:
    for use in (States(tmp_path / "no").merged, lambda: States(tmp_path / "no").drop("month=1")):
        with pytest.raises(InputMissingError) as caught:
            use()
        assert (caught.value.code, caught.value.exit_code) == ("STATES_MISSING", 66)
    states = States(tmp_path)
    table("2013-01").update(states)
    with pytest.raises(InputMissingError, match="expected states of month=2013-1 in"):
        states.drop(["month=2013-01", "month=2013-1"])
    assert not states.partitions()[0].dropped
    for odd in ("2013-01", "day=2013-01", "month=2013-01/day=1", ""):
        with pytest.raises(ConfigError, match=r"expected a key such as month=\.\.\."):
            states.show(odd)
    with pytest.raises(ConfigError, match="states: expected a path or URI"):
        States("")
    with pytest.raises(ConfigError, match=r"quantile_error: expected 0\.0027 or 0\.013, found 0\.01"):
        States(tmp_path, quantile_error=0.01)
    with pytest.raises(ConfigError, match="states: expected a step that learns from the data"):
        table("2013-01", steps=[ss.Softmax(["x", "far"])]).update(states)


def test_refuse_new_steps_for_partitions_that_are_gone(tmp_path: Path) -> None:
    states, data = States(tmp_path), table("2013-01", "2013-02", steps=[ss.Standard("x")])
    data.update(states)
    data.remove("2013-01")
    data.steps = [ss.Standard(["x", "far"])]
    with pytest.raises(DataError, match="expected states of 'far' for month=2013-01, found none"):
        data.update(states, missing="keep")
    assert data.update(states).dropped == keys("2013-01")


def test_merge_states_of_two_accuracies(tmp_path: Path) -> None:
    """A change of the error reads no partition again; the merged sketch has the larger error, and says so."""
    states, data, rng = States(tmp_path), Table([ss.Robust("x")]), np.random.default_rng(11)
    for name in ("2013-01", "2013-02"):
        data.put(name, {"x": rng.gamma(2.0, 3.0, 20_000)})
    data.update(states)
    data.k = k_of(0.013)
    data.put("2013-03", {"x": rng.gamma(2.0, 3.0, 20_000)})
    assert data.update(states).read == keys("2013-03")
    errors = [sketch_of(states.show(f"month=2013-{month}")).rank_error for month in ("01", "02", "03")]
    assert [round(error, 4) for error in errors] == [0.0027, 0.0027, 0.013]
    sizes = [len(sketch_of(states.show(f"month=2013-{month}")).data) for month in ("02", "03")]
    assert sizes[1] < sizes[0] / 4
    assert sketch_of(states.merged().stats).rank_error == errors[2]
    assert_same(states.merged().stats, data.fit(data.partitions).stats)
    data.k = k_of(0.0027)
    data.put("2013-04", {"x": rng.gamma(2.0, 3.0, 20_000)})
    assert data.update(states).read == keys("2013-04")
    assert sketch_of(states.merged(2).stats).rank_error == errors[2]
    assert round(sketch_of(states.merged(1).stats).rank_error, 4) == 0.0027


def sketch_of(stats: Any) -> QuantileSketch:
    sketch = stats["x"].quantiles
    assert isinstance(sketch, QuantileSketch)
    return sketch


MONTH = st.sampled_from([f"2013-{number:02d}" for number in range(1, 7)])
EVENT = st.tuples(
    st.sampled_from(["write", "write", "write", "empty", "remove", "drop", "steps", "compact", "widen"]), MONTH)  # fmt: skip
CHOICES = [
    [ss.Standard("x")],
    [ss.Standard(["x", "far"]), ss.MinMax("odd", empty="null")],
    [ss.Robust("far"), ss.MaxAbs("x")],
    [ss.Quantile(["x", "far"]), ss.Standard("odd", empty="null")],
]


@given(
    nights=st.lists(st.lists(EVENT, min_size=1, max_size=4), min_size=1, max_size=6),
    keep=st.sampled_from([None, 1, 3]),
    missing=st.sampled_from(["drop", "keep"]),
    seed=st.integers(0, 1000),
)
def test_equal_a_fit_of_the_window(
    tmp_path_factory: pytest.TempPathFactory, nights: Any, keep: Any, missing: Any, seed: int
) -> None:
    states, rng = States(tmp_path_factory.mktemp("states")), np.random.default_rng(seed)
    data = Table(CHOICES[seed % len(CHOICES)])
    known: dict[Any, Any] = {}  # what a partition holds that the input has no more
    dropped: dict[Any, Any] = {}  # what a partition held when it was dropped
    for events in nights:
        for kind, name in events:
            act(kind, name, data, states, rng, dropped)
        if not data.partitions:
            continue
        if missing == "keep":
            data.steps = CHOICES[seed % len(CHOICES)]  # a partition that is gone cannot be read for new ones
        done = data.update(states, keep, missing)
        held = {**(known if missing == "keep" else {}), **{key: data.partitions[key] for key in data.partitions}}
        window = sorted(key for key, rows in held.items() if len(rows["x"]) and dropped.get(key) is not rows)
        window = window[-keep:] if keep else window
        known |= {key: held[key] for key in window}
        known = {key: rows for key, rows in known.items() if dropped.get(key) is not rows and key in held}
        assert set(done.read) <= set(data.partitions)
        if window:
            reference = Table(data.steps, partitions=held)
            assert_same(states.merged(keep).stats, reference.fit(window).stats)
        assert data.update(states, keep, missing).unchanged


def act(kind: str, name: str, data: Table, states: States, rng: Any, dropped: dict[Any, Any]) -> None:
    """Let one thing happen to a table or its states."""
    key = (name,)
    if kind == "write":
        data.put(name, month(rng, int(rng.integers(1, 30))))
    elif kind == "widen":
        data.put(name, month(rng, 9, x=np.arange(9, dtype=np.int32)))
    elif kind == "empty":
        data.put(name, month(rng, 0))
    elif kind == "remove":
        data.partitions.pop(key, None)
    elif kind == "steps":
        data.steps = CHOICES[int(rng.integers(len(CHOICES)))]
    elif kind == "compact":
        states.compact()
    elif kind == "drop":
        known = states.log.read().partitions.get(key)
        if known and not known.dropped and key in data.partitions and known.fingerprint == str(data.written[key]):
            states.drop(f"month={name}")
            dropped[key] = data.partitions[key]
