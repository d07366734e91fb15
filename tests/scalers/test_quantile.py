"""Ranks and normal scores: scikit-learn's on what a sketch holds whole, within the stated error beyond."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats as scipy_stats
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.preprocessing import QuantileTransformer

import sparkscale as ss
from sparkscale import maps
from sparkscale.errors import ConfigError
from sparkscale.maps import Piecewise
from sparkscale.stats.column import ColumnStats
from sparkscale.stats.quantiles import QuantileSketch

NAN, INF, MAX = math.nan, math.inf, 1.7976931348623157e308
OUTPUTS = ["uniform", "normal"]


def solved(values: Any, **fields: Any) -> Piecewise:
    return ss.Quantile("x", **fields).solve(ColumnStats.of(values, quantiles=True))


def sklearns(x: NDArray[np.float64], output: str) -> QuantileTransformer:
    """Return scikit-learn's transformer with as many quantiles as values, and the quantiles without their rounding.

    It takes its quantiles at percentages that are rounded, so that they miss the values by a last place. A value that
    is equal to other ones is then no quantile, and its rank is off by half a step.
    """
    x = x[~np.isnan(x)][:, None]
    theirs = QuantileTransformer(n_quantiles=len(x), output_distribution=output, subsample=None).fit(x)
    np.testing.assert_allclose(theirs.quantiles_, np.sort(x, axis=0), rtol=1e-13, atol=1e-15)
    theirs.quantiles_ = np.sort(x, axis=0)
    return theirs


# --- against scikit-learn -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("bunch", [load_diabetes, load_wine, load_breast_cancer])
def test_match_sklearn(bunch: Any, output: str) -> None:
    rng = np.random.default_rng(0)
    for x in bunch().data.T:
        theirs, ours = sklearns(x, output), solved(x, output=output)
        new = np.concatenate([x, rng.uniform(x.min() - 1, x.max() + 1, 500)])
        y = theirs.transform(new[:, None])[:, 0]
        np.testing.assert_allclose(ours.forward(new), y, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(ours.inverse(y), theirs.inverse_transform(y[:, None])[:, 0], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("values", [
    [1.0, 1.0, 2.0, 5.0, 5.0, 5.0, 9.0], [1.0, 2.0, 2.0, 3.0, 3.0, 3.0], [3.0, 3.0, 3.0], [-7.0, 4.0],
    [0.0, 0.0, 0.0, 1.0], [5.0], [NAN, 2.0, 8.0, NAN, 4.0, 4.0, 4.0, 9.0], [NAN, 5.0, 5.0],
])  # fmt: skip
def test_match_sklearn_on_ties_constants_and_nan(values: list[float], output: str) -> None:
    x = np.array(values)
    expected = sklearns(x, output).transform(x[:, None])[:, 0]
    np.testing.assert_allclose(solved(x, output=output).forward(x), expected, rtol=1e-12, atol=1e-12)


def test_give_ties_the_middle_of_their_ranks() -> None:
    x = np.random.default_rng(0).integers(0, 60, 1000).astype(float)
    expected = (scipy_stats.rankdata(x) - 1) / (len(x) - 1)
    expected[x == x.min()], expected[x == x.max()] = 0.0, 1.0
    np.testing.assert_allclose(solved(x).forward(x), expected, rtol=0, atol=1e-15)


def test_go_to_the_ends() -> None:
    values = np.array([-INF, -1e300, 2.0, 3.0, 8.0, 9.0, INF, NAN])
    assert solved([2.0, 3.0, 8.0]).forward(values).tolist()[:-1] == [0.0, 0.0, 0.0, 0.5, 1.0, 1.0, 1.0]
    low = scipy_stats.norm.ppf(1e-7 - np.spacing(1))
    high = scipy_stats.norm.ppf(1 - (1e-7 - np.spacing(1)))
    found = solved([2.0, 3.0, 8.0], output="normal").forward(values)
    np.testing.assert_allclose(found, [low, low, low, 0.0, high, high, high, NAN], rtol=1e-14)
    for output, scores in (
        ("uniform", [-INF, -1.0, 0.0, 1.0, 2.0, INF]),
        ("normal", [-INF, -7.0, low, high, 7.0, INF]),
    ):
        back = solved([2.0, 3.0, 8.0], output=output).inverse(np.array([*scores, NAN]))
        assert back.tolist()[:-1] == [2.0, 2.0, 2.0, 8.0, 8.0, 8.0]
        assert math.isnan(back[-1])


def test_map_values_beside_a_constant() -> None:
    assert solved([5.0]).forward(np.array([4.0, 5.0, 6.0])).tolist() == [0.0, 0.0, 1.0]
    assert solved([5.0] * 9).inverse(np.array([0.0, 0.3, 1.0])).tolist() == [5.0, 5.0, 5.0]


# --- laws ---------------------------------------------------------------------------------------------------------

finite = st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(-3, 3).map(float))
columns = st.lists(finite, min_size=1, max_size=40)


@given(columns, st.lists(st.floats(allow_nan=False), min_size=2, max_size=30), st.sampled_from(OUTPUTS))
def test_never_decrease(values: list[float], new: list[float], output: str) -> None:
    x = np.sort([*values, *new, *(math.nextafter(value, end) for value in values for end in (-INF, INF))])
    y = solved(values, output=output).forward(x)
    assert np.isfinite(y).all()
    assert (np.diff(y) >= (0.0 if output == "uniform" else -4e-16 * 5.2)).all()  # a normal score is rounded
    ends = (y[x <= min(values)], y[x >= max(values)])
    assert np.unique(ends[0]).size == 1
    if min(values) < max(values):
        assert (ends[0] == y.min()).all()
        assert (ends[1] == y.max()).all()


@given(columns)
def test_invert_on_the_knots(values: list[float]) -> None:
    map_ = solved(values)
    assert map_.inverse(map_.forward(map_.values)).tolist() == map_.values.tolist()


def test_invert_to_the_last_bit_where_ranks_are_rounded() -> None:
    values = [-1.0, 1e-300, *map(float, range(2, 50))]  # the second has the rank 1/49, and 49 * (1/49) is below 1
    map_ = solved(values)
    assert map_.inverse(map_.forward(np.array(values))).tolist() == values


@given(columns)
def test_invert_normal_scores_on_the_knots(values: list[float]) -> None:
    map_ = solved(values, output="normal")
    back = map_.inverse(map_.forward(map_.values))
    size = max(values) / 2 - min(values) / 2
    assert (np.abs(back / 2 - map_.values / 2) <= 1e-13 * size + 5e-324).all()


@given(columns, columns, st.sampled_from(OUTPUTS))
def test_merge(left: list[float], right: list[float], output: str) -> None:
    pipeline = ss.Pipeline([ss.Quantile("x", output=output)])  # type: ignore[arg-type]
    parts = [pipeline.fit_arrays({"x": np.array(part)}) for part in (left, right)]
    assert ss.merge(parts).maps == pipeline.fit_arrays({"x": np.array(left + right)}).maps


@pytest.mark.parametrize("count", [2, 50, 442, 1000, 1024])
def test_keep_the_values_themselves_as_knots(count: int) -> None:
    values = np.random.default_rng(count).normal(size=count)
    assert solved(values, knots=1024).values.tolist() == np.sort(values).tolist()


# --- beyond what a sketch holds whole -----------------------------------------------------------------------------


@pytest.mark.parametrize("knots", [20, 200, 1000])
@pytest.mark.parametrize("name", ["normal", "lognormal", "ties", "sorted"])
def test_keep_within_the_stated_rank_error(name: str, knots: int) -> None:
    rng = np.random.default_rng(0)
    x = {"normal": rng.normal(size=50_000), "lognormal": rng.lognormal(0, 3, 50_000), "sorted": np.arange(50_000.0),
         "ties": rng.poisson(400, 50_000).astype(float)}[name]  # fmt: skip
    exact = (scipy_stats.rankdata(x) - 1) / (len(x) - 1)
    ties = scipy_stats.rankdata(x, "max") - scipy_stats.rankdata(x, "min")
    map_ = solved(x, knots=knots)
    off = np.abs(map_.forward(x) - exact) - ties / len(x) / 2
    assert map_.values.size == knots
    assert np.mean(off <= 0.0027 + 1 / (knots - 1)) > 0.9  # the sketch's error holds for 99 % of sketches
    assert off.max() <= 3 * 0.0027 + 1 / (knots - 1)  # passed once in 1e13 fits
    scores = solved(x, knots=knots, output="normal").forward(x)
    assert np.abs(scores - scipy_stats.norm.ppf(np.clip(exact, 1e-3, 1 - 1e-3)))[np.abs(exact - 0.5) < 0.4].max() < 0.5


@given(st.lists(finite, min_size=1, max_size=30), st.integers(2, 1024))
def test_never_have_knots_out_of_order(values: list[float], knots: int) -> None:
    spaced = QuantileSketch.of(np.array(values * 100)).evenly(knots)
    assert spaced == sorted(spaced)


# --- in a pipeline ------------------------------------------------------------------------------------------------


def test_stand_in_a_chain() -> None:
    x = np.random.default_rng(0).lognormal(size=500)
    column = np.ma.MaskedArray(x, mask=np.arange(500) % 5 == 0)
    filled = np.where(np.arange(500) % 5 == 0, np.median(x[np.arange(500) % 5 != 0]), x)
    chain = ss.Chain("x", [ss.Impute(value="median"), ss.Quantile()])
    fitted = ss.Pipeline([chain]).fit_arrays({"x": column})
    expected = (scipy_stats.rankdata(filled) - 1) / 499
    np.testing.assert_allclose(fitted.transform_arrays({"x": column})["x"], expected, rtol=0, atol=1e-14)
    assert (chain.looks, len(fitted.looks)) == (0, 0)

    chain = ss.Chain("x", [ss.Quantile(output="normal"), ss.Standard()])
    fitted = ss.Pipeline([chain]).fit_arrays({"x": x})
    scores = np.clip(scipy_stats.norm.ppf((scipy_stats.rankdata(x) - 1) / 499), -5.19933758, 5.19933758)
    found = fitted.transform_arrays({"x": x})["x"]
    np.testing.assert_allclose(found, (scores - scores.mean()) / scores.std(), rtol=1e-7, atol=1e-9)
    assert (chain.looks, len(fitted.looks)) == (1, 1)
    back = fitted.inverse_transform_arrays({"x": found})["x"]
    np.testing.assert_allclose(back, x, rtol=1e-10)


def test_tell_that_values_beyond_the_knots_do_not_come_back() -> None:
    assert not solved([1.0, 2.0]).lossless
    assert solved([1.0, 2.0]).invertible


def test_keep_the_artifact_small() -> None:
    map_ = solved(np.random.default_rng(0).normal(size=5000))
    text = json.dumps(map_.to_dict())
    assert len(text) < 11_000
    assert maps.from_dict(json.loads(text)) == map_


def test_print_formula() -> None:
    assert solved([1.0, 2.5, 4.0]).formula == "rank(x) among 3 knots from 1.0 to 4.0"
    assert solved([1.0, 2.5], output="normal").formula == "normal score of rank(x) among 2 knots from 1.0 to 2.5"


def test_span_all_doubles() -> None:
    map_ = solved([-MAX, 0.0, MAX, 5e-324, 1e-323])
    assert map_.values.tolist() == [-MAX, 0.0, 5e-324, 1e-323, MAX]
    assert map_.forward(np.array([-MAX / 2, 0.0, 5e-324, MAX / 2])).tolist() == [0.125, 0.25, 0.5, 0.875]
    wide = solved([-MAX, MAX])
    assert wide.forward(np.array([-MAX / 2, 0.0, MAX])).tolist() == [0.25, 0.5, 1.0]
    assert wide.inverse(np.array([0.25, 0.5])) == pytest.approx([-MAX / 2, 0.0], rel=4e-16)


# --- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("knots", [0, 1, -5, 1025, 10**9])
def test_refuse_too_few_or_too_many_knots(knots: int) -> None:
    with pytest.raises(ConfigError, match=rf"knots: expected a whole number from 2 to 1,024, found {knots}"):
        ss.Quantile("x", knots=knots)


def test_refuse_other_outputs_and_numbers() -> None:
    with pytest.raises(
        ConfigError, match=r"output: expected 'uniform' or 'normal', found 'norml'; did you mean 'normal'"
    ):
        ss.Quantile("x", output="norml")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"knots: expected a whole number from 2 to 1,024, found 10\.5"):
        ss.Quantile("x", knots=10.5)  # type: ignore[arg-type]


def test_refuse_statistics_without_a_sketch() -> None:
    with pytest.raises(ConfigError, match="quantile: expected statistics with a quantile sketch, found none") as caught:
        ss.Quantile("x").solve(ColumnStats.of([1.0, 2.0]))
    assert caught.value.code == "STATS_QUANTILES"
