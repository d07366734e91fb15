"""Chains and their stages: each learns from the column as the stages before it leave it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.datasets import load_diabetes, load_wine
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, RobustScaler, StandardScaler

import sparkscale as ss
from sparkscale.errors import ConfigError, DataError
from sparkscale.maps import Affine, Chained, Fill, Limit
from sparkscale.scalers.base import Scaler
from sparkscale.stats.column import ColumnStats
from sparkscale.stats.quantiles import QuantileSketch

NAN, INF = math.nan, math.inf


def masked(values: list[float | None]) -> Any:
    return np.ma.MaskedArray([0.0 if x is None else x for x in values], mask=[x is None for x in values])


def out(step: Scaler, values: Any) -> list[float | None]:
    fitted = ss.Pipeline([step]).fit_arrays({"x": values})
    return fitted.transform_arrays({"x": values})["x"].tolist()  # type: ignore[no-any-return]


# --- one stage ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("fields", "expected"), [
    ({}, [1.0, 3.0, NAN, 8.0, 0.0, INF]), ({"value": "median"}, [1.0, 2.0, NAN, 8.0, 0.0, INF]),
    ({"value": "min"}, [1.0, 0.0, NAN, 8.0, 0.0, INF]), ({"value": "max"}, [1.0, 8.0, NAN, 8.0, 0.0, INF]),
    ({"value": -7}, [1.0, -7.0, NAN, 8.0, 0.0, INF]), ({"missing": ["nan"], "value": 5}, [1.0, None, 5.0, 8.0, 0.0, INF]),
    ({"missing": ["nan", "null"], "value": 5}, [1.0, 5.0, 5.0, 8.0, 0.0, INF]),
])  # fmt: skip
def test_fill_what_is_missing(fields: dict[str, Any], expected: list[float]) -> None:
    values = [1.0, None, NAN, 8.0, 0.0, INF]
    if fields.get("value") == "median":
        values, expected = [*values, 3.0], [*expected, 3.0]
    assert out(ss.Impute("x", **fields), masked(values)) == pytest.approx(expected, nan_ok=True)


def test_tell_where_values_were_missing() -> None:
    data = {"x": masked([1.0, None, NAN]), "y": masked([None, 2.0, 3.0])}
    step = ss.Impute(["x", "y"], value=0, missing=["null", "nan"], indicator="{column}_missing")
    fitted = ss.Pipeline([step, ss.Impute("x", indicator="was_null", into="x2")]).fit_arrays(data)
    found = {name: values.tolist() for name, values in fitted.transform_arrays(data).items()}
    assert list(found) == ["x", "y", "x_missing", "y_missing", "x2", "was_null"]
    assert (found["x"], found["y"]) == ([1.0, 0.0, 0.0], [0.0, 2.0, 3.0])
    assert (found["x_missing"], found["y_missing"], found["was_null"]) == ([0, 1, 1], [1, 0, 0], [0, 1, 0])
    back = fitted.inverse_transform_arrays(fitted.transform_arrays(data))
    assert list(back) == ["x", "y", "x_missing", "y_missing", "was_null"]


def test_indicate_behind_the_stages_before() -> None:
    """A value that the logarithm does not define is missing to the stage behind it."""
    data = {"x": np.array([-3.0, 0.0, 9.0])}
    chain = ss.Chain("x", [ss.Log1p(undefined="null"), ss.Impute(value=0, indicator="{column}_below")])
    found = ss.Pipeline([chain]).fit_arrays(data).transform_arrays(data)
    assert (found["x"].tolist(), found["x_below"].tolist()) == ([0.0, 0.0, math.log(10)], [1.0, 0.0, 0.0])


@pytest.mark.parametrize(("fields", "expected"), [
    ({"limits": (0, 5)}, [0.0, 2.0, 5.0, NAN, None, 5.0, 0.0]), ({"limits": (None, 5)}, [-1.0, 2.0, 5.0, NAN, None, 5.0, -INF]),
    ({"limits": (0, None)}, [0.0, 2.0, 9.0, NAN, None, INF, 0.0]), ({"quantiles": (25, 75)}, [0.5, 2.0, 5.5, NAN, None, 5.5, 0.5]),
])  # fmt: skip
def test_hold_within_limits(fields: dict[str, Any], expected: list[float]) -> None:
    assert out(ss.Clip("x", **fields), masked([-1.0, 2.0, 9.0, NAN, None, INF, -INF])) == pytest.approx(
        expected, nan_ok=True
    )


def test_take_logarithms() -> None:
    values = masked([0.0, 1e-12, 9.0, 1e300, None, NAN, INF])
    assert out(ss.Log1p("x"), values) == pytest.approx(
        [0.0, 1e-12, math.log(10), math.log(1e300), None, NAN, INF], nan_ok=True
    )
    signed = masked([-1e300, -2.0, 1e-12, 0.0, None, NAN, -INF])
    assert out(ss.Asinh("x"), signed) == pytest.approx(
        [-math.asinh(1e300), -math.asinh(2.0), 1e-12, 0.0, None, NAN, -INF], nan_ok=True
    )


def test_count_what_has_no_logarithm_before_anything_is_written() -> None:
    values = masked([-1.0, -INF, None, NAN, 4.0, -7.0])
    with pytest.raises(
        DataError, match=r"column 'x': expected values above -1 .* found 3 values of -1 or less; .*asinh"
    ) as caught:
        ss.Pipeline([ss.Log1p("x")]).fit_arrays({"x": values})
    assert (caught.value.code, caught.value.exit_code) == ("DATA_UNDEFINED", 65)
    assert out(ss.Log1p("x", undefined="null"), values) == pytest.approx(
        [None, None, None, NAN, math.log(5.0), None], nan_ok=True
    )
    fitted = ss.Pipeline([ss.Log1p("x")]).fit_arrays({"x": np.array([0.0, 1.0])})
    with pytest.raises(DataError, match="found 1 value of -1 or less"):
        fitted.transform_arrays({"x": np.array([0.0, -1.0])})


def test_learn_from_a_column_without_values() -> None:
    nothing = {"x": masked([None, NAN])}
    assert out(ss.Impute("x", value=4), nothing["x"]) == pytest.approx([4.0, NAN], nan_ok=True)
    for step in (ss.Impute("x"), ss.Chain("x", [ss.Impute(), ss.Standard()]), ss.Log1p("x")):
        with pytest.raises(DataError, match="'x': expected a finite value, found none"):
            ss.Pipeline([step]).fit_arrays(nothing)
    with pytest.raises(DataError, match=r"'x': expected a finite value for stage 2 \(clip\)"):
        ss.Pipeline([ss.Chain("x", [ss.Impute(value=0, missing=["nan"]), ss.Clip(limits=[0, 1])])]).fit_arrays(
            {"x": masked([None, None])}
        )


# --- chains -------------------------------------------------------------------------------------------------------


def features(bunch: Any) -> NDArray[np.float64]:
    rng = np.random.default_rng(0)
    values: NDArray[np.float64] = bunch.data.copy()
    values[rng.random(values.shape) < 0.1] = np.nan
    return values


@pytest.mark.parametrize("bunch", [load_wine, load_diabetes])
@pytest.mark.parametrize(("stages", "theirs"), [
    ([ss.Impute(value="median", missing=["nan"]), ss.Standard()], [SimpleImputer(strategy="median"), StandardScaler()]),
    ([ss.Impute(missing=["nan"]), ss.Standard(), ss.MinMax(range=(-1, 1))],
     [SimpleImputer(), StandardScaler(), MinMaxScaler(feature_range=(-1, 1))]),
    ([ss.Impute(value=1.5, missing=["nan"]), ss.Log1p(), ss.Robust()],
     [SimpleImputer(strategy="constant", fill_value=1.5), FunctionTransformer(np.log1p), RobustScaler()]),
    ([ss.Standard(), ss.Impute(value=0, missing=["nan"])], [StandardScaler(), SimpleImputer(strategy="constant", fill_value=0)]),
])  # fmt: skip
def test_match_pipelines_of_sklearn(bunch: Any, stages: list[Any], theirs: list[Any]) -> None:
    x = features(bunch())
    names = [f"x{j}" for j in range(x.shape[1])]
    data = dict(zip(names, x.T, strict=True))
    found = ss.Pipeline([ss.Chain(names, stages)]).fit_arrays(data).transform_arrays(data)
    expected = make_pipeline(*theirs).fit_transform(x)
    np.testing.assert_allclose(np.column_stack([found[name] for name in names]), expected, rtol=1e-10, atol=1e-10)


def test_match_the_indicator_of_sklearn() -> None:
    x = features(load_wine())
    data = {f"x{j}": column for j, column in enumerate(x.T)}
    step = ss.Impute(list(data), missing=["nan"], indicator="m_{column}")
    found = ss.Pipeline([step]).fit_arrays(data).transform_arrays(data)
    expected = MissingIndicator(features="all").fit_transform(x)
    assert np.array_equal(np.column_stack([found[f"m_{name}"] for name in data]), expected)


STAGES: list[Scaler] = [
    ss.Impute(), ss.Impute(value="median", missing=["null", "nan"]), ss.Impute(value=-3.5), ss.Clip(limits=(-2, 50)),
    ss.Clip(quantiles=(10, 90)), ss.Asinh(), ss.Log1p(undefined="null"), ss.Standard(), ss.Standard(ddof=1),
    ss.MinMax(range=(-1, 2)), ss.MinMax(clip=True), ss.MaxAbs(), ss.Robust(), ss.MeanNorm(),
]  # fmt: skip
NUMBERS = st.one_of(st.none(), st.sampled_from([NAN, INF, -INF, 0.0]), st.floats(-1e6, 1e6, width=32))


@given(st.lists(NUMBERS, min_size=4, max_size=30), st.lists(st.sampled_from(STAGES), min_size=1, max_size=4))
def test_equal_the_stages_one_by_one(values: list[float | None], stages: list[Scaler]) -> None:
    column = masked([*values, 1.0, 2.5, 4.0])
    chain = ss.Chain("x", stages)
    try:
        expected: Any = column
        for stage in stages:
            step = type(stage)("x", **{k: v for k, v in stage.to_dict().items() if k not in {*("kind", "columns")}})
            fitted = ss.Pipeline([step]).fit_arrays({"x": expected})
            expected = np.ma.asarray(fitted.transform_arrays({"x": expected})["x"])
    except DataError:
        with pytest.raises(DataError):
            ss.Pipeline([chain]).fit_arrays({"x": column})
        return
    found = np.ma.asarray(ss.Pipeline([chain]).fit_arrays({"x": column}).transform_arrays({"x": column})["x"])
    assert np.array_equal(np.ma.getmaskarray(found), np.ma.getmaskarray(expected))
    size = np.abs(expected.compressed()[np.isfinite(expected.compressed())]).max(initial=1.0)
    np.testing.assert_allclose(found.filled(0.0), expected.filled(0.0), rtol=1e-9, atol=1e-9 * size)


def test_invert_backwards() -> None:
    data = {"x": np.random.default_rng(0).lognormal(3, 1, 500)}
    fitted = ss.Pipeline([ss.Chain("x", [ss.Log1p(), ss.Standard(), ss.Asinh()])]).fit_arrays(data)
    back = fitted.inverse_transform_arrays(fitted.transform_arrays(data))
    np.testing.assert_allclose(back["x"], data["x"], rtol=1e-12)
    assert fitted.maps[0][0].lossless
    assert not ss.Pipeline([ss.Chain("x", [ss.Impute(), ss.Standard()])]).fit_arrays(data).maps[0][0].lossless


def test_save_and_load(tmp_path: Path) -> None:
    data = {"x": masked([1.0, None, 5.0, 30.0])}
    chain = ss.Chain("x", [ss.Impute(indicator="m"), ss.Clip(quantiles=(0, 90)), ss.Log1p(), ss.Standard()], into="y")
    fitted = ss.Pipeline([chain]).fit_arrays(data)
    fitted.save(tmp_path)
    loaded = ss.load(tmp_path)
    assert loaded == fitted
    assert json.loads(json.dumps(chain.to_dict())) == loaded.steps[0].step.to_dict()
    for name, values in loaded.transform_arrays(data).items():
        assert np.array_equal(values, fitted.transform_arrays(data)[name])


# --- looking again ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("stages", "looks"), [
    ([ss.Impute(), ss.Standard()], 0), ([ss.Impute(value="median"), ss.Robust()], 0), ([ss.Standard(), ss.MinMax()], 0),
    ([ss.Log1p(), ss.Standard()], 1), ([ss.Asinh(), ss.Log1p(undefined="null")], 0),
    ([ss.Clip(quantiles=(1, 99)), ss.Standard(), ss.Asinh(), ss.Robust()], 2),
    ([ss.Log1p(undefined="null"), ss.Impute(value=0), ss.Standard(), ss.Robust()], 1),
])  # fmt: skip
def test_look_again_only_where_it_must(stages: list[Scaler], looks: int) -> None:
    chain = ss.Chain("x", stages)
    assert chain.looks == looks
    fitted = ss.Pipeline([chain]).fit_arrays({"x": np.random.default_rng(0).lognormal(size=300)})
    assert len(fitted.looks) == looks


def test_merge_what_does_not_depend_on_the_data() -> None:
    values = np.random.default_rng(0).lognormal(2, 1, 900)
    pipeline = ss.Pipeline([ss.Chain("x", [ss.Log1p(), ss.Standard()]), ss.Chain("y", [ss.Impute(), ss.Standard()])])
    parts = [pipeline.fit_arrays({"x": part, "y": masked([None, *part.tolist()])[1:]}) for part in np.split(values, 3)]
    whole = pipeline.fit_arrays({"x": values, "y": values})
    for ours, theirs in zip(ss.merge(parts).maps, whole.maps, strict=True):
        assert ours[0].forward(values) == pytest.approx(theirs[0].forward(values), rel=1e-12)


def test_refuse_to_merge_what_depends_on_the_data() -> None:
    pipeline = ss.Pipeline([ss.Chain("x", [ss.Clip(quantiles=(1, 99)), ss.Standard()])])
    parts = [pipeline.fit_arrays({"x": np.arange(n)}) for n in (5, 9)]
    with pytest.raises(
        DataError,
        match=r"column 'x': expected statistics after .* in each of 2 parts, found them in 0; fit on all the data",
    ) as caught:
        ss.merge(parts)
    assert caught.value.code == "MERGE_LOOKS"


# --- statistics behind maps ---------------------------------------------------------------------------------------


@given(st.lists(NUMBERS, min_size=1, max_size=40), st.floats(-1e3, 1e3), st.floats(1e-3, 1e3), st.floats(-10, 10))
def test_know_the_statistics_behind_an_affine_map(
    values: list[float | None], center: float, scale: float, offset: float
) -> None:
    map_ = Affine(center=center, scale=scale, gain=1.5, offset=offset)
    before = ColumnStats.of(masked(values), quantiles=True)
    found = map_.after(before)
    assert found is not None
    column = masked(values)
    expected = ColumnStats.of(np.ma.MaskedArray(map_.forward(column.data), mask=column.mask), quantiles=True)
    assert [found.rows, found.nulls, found.nans, found.posinf, found.neginf] == [
        expected.rows, expected.nulls, expected.nans, expected.posinf, expected.neginf]  # fmt: skip
    assert found.quantiles == expected.quantiles
    if expected.finite:
        size = max(abs(expected.min), abs(expected.max), abs(center / scale))
        assert (found.min, found.max) == (expected.min, expected.max)
        assert found.mean == pytest.approx(expected.mean, rel=1e-12, abs=1e-13 * size)
        assert found.std == pytest.approx(expected.std, rel=1e-12, abs=1e-13 * size)
        ColumnStats.from_dict(found.to_dict())


@given(st.lists(NUMBERS, min_size=1, max_size=40), st.sampled_from([("null",), ("nan",), ("null", "nan")]))
def test_know_the_statistics_behind_filling(values: list[float | None], missing: Any) -> None:
    map_, column = Fill(2.5, missing), masked(values)
    y, absent = map_.apply(column.data[:, None], column.mask[:, None])
    expected = ColumnStats.of(np.ma.MaskedArray(y[:, 0], mask=absent[:, 0]), quantiles=True)
    found = map_.after(ColumnStats.of(column, quantiles=True))
    if expected.finite:
        assert found.quantiles is not None
        assert expected.quantiles is not None
        ranks = np.linspace(0, 1, 11).tolist()
        assert found.quantiles.quantiles(ranks) == expected.quantiles.quantiles(ranks)
    assert (found.rows, found.finite, found.nulls, found.nans) == (
        expected.rows, expected.finite, expected.nulls, expected.nans)  # fmt: skip
    if expected.finite:
        assert (found.min, found.max) == (expected.min, expected.max)
        assert found.mean == pytest.approx(expected.mean, rel=1e-13, abs=1e-9)
        assert found.std == pytest.approx(expected.std, rel=1e-13, abs=1e-9)


def test_know_the_statistics_behind_limits_that_hold_everything() -> None:
    stats = ColumnStats.of([1.0, 2.0])
    assert Limit(0.0, 2.0).after(stats) == stats
    assert Limit(0.0, 1.5).after(stats) is None
    assert Limit(0.0, 2.0).after(ColumnStats.of([1.0, INF])) is None


@pytest.mark.parametrize("count", [0, 1, 2, 1000, 5000, 10**9])
def test_sketch_one_value_many_times(count: int) -> None:
    sketch = QuantileSketch.repeated(2.5, count)
    assert sketch.count == count
    if count:
        assert sketch.quantiles([0.0, 0.5, 1.0]) == [2.5] * 3


@pytest.mark.parametrize("count", [0, 1, 2, 700, 30_000])
def test_map_a_sketch(count: int) -> None:
    values = np.random.default_rng(0).normal(size=count)
    sketch = QuantileSketch.of(values)  # one, as a sketch is randomized
    mapped = sketch.mapped(np.exp)
    ranks = [0.0, 0.1, 0.5, 0.99, 1.0]
    mapped = sketch.mapped(np.exp)
    assert mapped.count == count
    if count:
        expected = np.exp(sketch.quantiles(ranks)) if count > 1024 else np.quantile(np.exp(values), ranks)
        assert mapped.quantiles(ranks) == pytest.approx(list(expected), rel=0.02)


# --- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        'ss.Chain("x", [])',
        'ss.Chain("x")',
        'ss.Chain("x", [ss.Standard("y")])',
        'ss.Chain("x", [ss.Standard(into="y")])',
        'ss.Chain("x", [ss.Chain("y", [ss.Asinh()])])',
        'ss.Chain("x", [ss.Softmax()])',
        'ss.Chain("x", [{"kind": "clip"}])',
        'ss.Clip("x", limits=(0, 1), quantiles=(1, 99))',
        'ss.Clip("x", limits=(None, None))',
        'ss.Clip("x", limits=(2, 1))',
        'ss.Impute("x", value="mode")',
        'ss.Impute("x", value=True)',
        'ss.Impute("x", missing=[])',
        "ss.Pipeline([ss.Standard()])",
    ],
)
def test_refuse(call: str, snapshot: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        eval(call, {"ss": ss})  # noqa: S307 - a call of this list
    snapshot(f">>> {call}\n{caught.value}")


def test_refuse_two_columns_of_one_name() -> None:
    data = {"x": np.zeros(3), "x_missing": np.zeros(3)}
    with pytest.raises(DataError, match=r"would write 'x_missing', which the input already has"):
        ss.Pipeline([ss.Impute("x", indicator="{column}_missing")]).fit_arrays(data)
    with pytest.raises(DataError, match=r"more than one output would be named 'm'"):
        ss.Pipeline([ss.Impute(["x", "x_missing"], indicator="m")]).fit_arrays(data)


def test_be_no_chain_of_chains() -> None:
    inner = Chained((Fill(1.0), Limit(0.0)))
    with pytest.raises(ValueError, match="expected column maps"):
        Chained((inner,))
