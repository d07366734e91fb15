"""Power transforms against scikit-learn, whose likelihood they reach, and where scikit-learn has no digits left."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import boxcox
from scipy.stats import yeojohnson
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.preprocessing import PowerTransformer

import sparkscale as ss
from sparkscale.errors import ConfigError, DataError
from sparkscale.maps import BoxCoxMap, ColumnMap, YeoJohnsonMap
from sparkscale.scalers.learning import Ask
from sparkscale.stats.column import ColumnStats

NAN, INF = math.nan, math.inf
METHODS = ("yeo_johnson", "box_cox")


def likelihood(x: Any, exponent: float, method: str) -> float:
    """The mean log-likelihood of a row in extended precision; a ratio to the geometric mean keeps the variance's digits."""
    x, p = np.asarray(x, dtype=np.longdouble), np.longdouble(exponent)
    logs = np.log(x) if method == "box_cox" else np.sign(x) * np.log1p(np.abs(x))
    mean = logs.mean()
    if method == "box_cox" or x.min() >= 0:
        y, shrunk = raised(logs - mean, p), p * mean
    elif x.max() <= 0:
        y, shrunk = raised(mean - logs, 2 - p), -(2 - p) * mean
    else:
        above = raised(np.log1p(np.maximum(x, 0)), p)
        y, shrunk = np.where(x >= 0, above, -raised(np.log1p(-np.minimum(x, 0)), 2 - p)), 0
    return float(-np.log(y.var()) / 2 - shrunk + (p - 1) * mean)


def raised(logs: Any, p: Any) -> Any:
    return np.expm1(p * logs) / p if p else logs


def fit(x: Any, **fields: Any) -> tuple[float, NDArray[np.float64], ColumnMap]:
    """Return the exponent, the result and the map."""
    fitted = ss.Pipeline([ss.Power("x", **fields)]).fit_arrays({"x": x})
    map_: Any = fitted.maps[0][0]
    exponent = getattr(map_, "maps", (map_,))[0].exponent
    return exponent, fitted.transform_arrays({"x": x})["x"], map_


def assert_as_sklearn(x: NDArray[np.float64], method: str) -> None:
    exponent, y, _ = fit(x, method=method)
    theirs = PowerTransformer(method=method.replace("_", "-"))
    expected = theirs.fit_transform(x[:, None])[:, 0]
    known, (other,) = x[~np.isnan(x)], theirs.lambdas_
    reached = likelihood(known, other, method)
    assert likelihood(known, exponent, method) >= reached - 1e-9 * abs(reached)
    raw = yeojohnson(known, other) if method == "yeo_johnson" else boxcox(known, other)
    if raw.std() > 1e-6 * np.abs(raw).max():  # else scikit-learn has lost the digits
        np.testing.assert_allclose(y, expected, rtol=0, atol=1e-3)


# --- scikit-learn -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("load", [load_diabetes, load_wine, load_breast_cancer, load_iris])
def test_match_sklearn(load: Any, method: str) -> None:
    random = np.random.default_rng(0)
    for x in load().data.T:
        if method == "box_cox" and x.min() <= 0:
            continue
        assert_as_sklearn(x, method)
        assert_as_sklearn(np.where(random.random(len(x)) < 0.1, np.nan, x), method)


FAMILIES: dict[str, Any] = {
    "log-normal": lambda r, n: r.lognormal(r.normal(0, 3), r.uniform(0.1, 3), n),
    "cauchy": lambda r, n: r.standard_cauchy(n) * 10.0 ** r.integers(-4, 5),
    "student": lambda r, n: r.standard_t(3, n) * 10.0 ** r.integers(-4, 5),
    "exponential": lambda r, n: r.exponential(10.0 ** r.integers(-6, 7), n),
    "pareto": lambda r, n: r.pareto(r.uniform(0.3, 3), n),
    "negative": lambda r, n: -r.pareto(r.uniform(0.3, 3), n),
    "counts": lambda r, n: np.r_[r.poisson(10.0 ** r.uniform(-2, 3), n), 1.0],
    "two values": lambda r, n: np.r_[0.0, 1.0, r.random(n) < r.uniform(0, 1)] * 10.0 ** r.integers(-3, 5) + r.integers(0, 2),
    "shifted": lambda r, n: r.gamma(r.uniform(0.2, 5), 1, n) + 10.0 ** r.integers(0, 4),
    "mostly zero": lambda r, n: np.r_[np.zeros(20 * n), r.lognormal(0, 2, 2 + n // 50)],
    "two sides": lambda r, n: np.r_[-r.lognormal(0, 2, n), r.lognormal(3, 2, n)],
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:.*:RuntimeWarning", "ignore:The optimal lambda:UserWarning")  # of scikit-learn
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("family", FAMILIES)
def test_match_sklearn_on_random_columns(family: str, method: str) -> None:
    random = np.random.default_rng(7)
    for n in (5, 30, 1000):
        x = FAMILIES[family](random, n).astype(np.float64)
        if x.min() < x.max() and (method == "yeo_johnson" or x.min() > 0):
            assert_as_sklearn(x, method)


@pytest.mark.parametrize("family", FAMILIES)
def test_look_no_more_often_than_said(family: str) -> None:
    random = np.random.default_rng(3)
    rounds = []
    for n in (5, 100, 1000):
        x = FAMILIES[family](random, n).astype(np.float64)
        rounds.append(rounds_of(ss.Power(), x))
    assert max(rounds) <= ss.Power().looks == 14
    assert np.median(rounds) <= 9


def test_look_five_times_at_most_ordinary_columns() -> None:
    """At the logarithm, at exponents beside the start, beside the first guess, and twice more."""
    random = np.random.default_rng(5)
    columns = [random.lognormal(1, spread, 2000) for spread in (0.3, 0.6, 1.2)]
    columns += [random.normal(3, spread, 2000) for spread in (1.0, 4.0, 9.0)]
    assert np.median([rounds_of(ss.Power(), x) for x in columns]) <= 5


def rounds_of(step: ss.Power, x: NDArray[np.float64]) -> int:
    """Count the rounds of a fit."""
    learning, rounds = step.learn(ColumnStats.of(x)), 1
    asks = next(learning)
    while True:
        try:
            asks = learning.send([ColumnStats.of(behind(ask, x)) for ask in asks])
        except StopIteration:
            return rounds
        rounds += 1


def behind(ask: Ask, x: NDArray[np.float64]) -> NDArray[np.float64]:
    return ask.map.apply(x[:, None], np.zeros((len(x), 1), dtype=bool))[0][:, 0]


# --- awkward columns ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("x", [
    [1e6 - 1, 1e6, 1e6 + 1], [1e-300, 2e-300, 9e-300], [1e300, 2e300, 9e300], [1.7e308, 1e308, 1.0], [5e-324, 1e-323],
    [3.3] * 5, [7.0], [1.0, 2.0, 2.0], [1e16, 1e16 + 2], [1e-300, 1e300], [0.1 + 0.2, 0.3, 0.3],
    [-1e300, 2e300], [-1.7e308, 1.7e308], [0.0] * 3, [0.0, 5e-324], [-1.0, -2.0, -9.0], [0.0, -1e100, -2e100], [-5e-324, 5e-324],
])  # fmt: skip
def test_survive_any_column(x: list[float], method: str, standardize: bool) -> None:
    if method == "box_cox" and min(x) <= 0:
        return
    _, y, _ = fit(x, method=method, standardize=standardize)
    assert np.isfinite(y).all()
    order = np.argsort(x)
    assert (y[order][1:] >= y[order][:-1]).all()
    if standardize:
        assert abs(y.mean()) < 1e-12
        assert y.std() == pytest.approx(1.0) or np.abs(y).max() < 1e-15  # a constant keeps its offset


def test_keep_the_digits_of_a_narrow_column() -> None:
    """scikit-learn ends at -20 or 20 as well; (1e6)**-20 leaves nothing of 1e6 +- 1."""
    skewed = 1e6 + np.random.default_rng(0).exponential(size=1000)
    exponent, y, _ = fit(skewed)
    assert exponent == pytest.approx(-336.18 / math.log1p(20 * skewed.max()), rel=1e-4)
    z = (skewed - skewed.mean()) / skewed.std()
    np.testing.assert_allclose(y, z, atol=2e-3)  # a power of so narrow a column is nearly a straight line
    assert not np.array_equal(y, z)


def test_mirror_a_negative_column() -> None:
    for x in (1e6 + np.random.default_rng(0).exponential(size=300), np.random.default_rng(1).lognormal(0, 2, 300)):
        exponent, y, _ = fit(x)
        mirrored, z, _ = fit(-x)
        assert mirrored == pytest.approx(2 - exponent, rel=1e-9)
        np.testing.assert_allclose(z, -y, rtol=1e-9, atol=1e-9)


def test_count_rounding_as_a_constant() -> None:
    exponent, y, _ = fit([math.nextafter(1e-3, 1), 1e-3, 1e-3])
    assert exponent == 1
    assert np.abs(y).max() < 1e-15


def test_give_a_constant_zero_and_the_exponent_1() -> None:
    for method in METHODS:
        exponent, y, map_ = fit([2.5, 2.5, NAN], method=method)
        assert exponent == 1
        assert y[:2].tolist() == [0.0, 0.0]
        assert map_.forward(np.array([3.5])).tolist() == [1.0]


def test_leave_nulls_nan_and_infinities_as_they_are() -> None:
    values = np.ma.MaskedArray([1.0, 0.0, NAN, INF, -INF, 5.0, -2.0], mask=[False, True] + [False] * 5)
    _, y, map_ = fit(values)
    assert np.ma.getmaskarray(y).tolist() == [False, True] + [False] * 5
    assert y[[2, 3, 4]].tolist() == pytest.approx([NAN, INF, -INF], nan_ok=True)
    assert map_.inverse(np.array([INF, -INF])).tolist() == [INF, -INF]
    assert fit(values[[0, 5, 6]])[0] == fit(values)[0]


def test_refuse_what_box_cox_does_not_define() -> None:
    values = np.ma.MaskedArray([0.0, -INF, 1.0, NAN, 4.0, -7.0, 2.0], mask=[False] * 6 + [True])
    with pytest.raises(
        DataError, match=r"column 'x': expected values above 0 .* found 3 values of 0 or less; .*yeo_johnson"
    ):
        fit(values, method="box_cox")
    _, y, _ = fit(values, method="box_cox", undefined="null")
    assert np.ma.getmaskarray(y).tolist() == [True, True, False, False, False, True, True]
    assert y[[2, 4]].tolist() == pytest.approx([-1.0, 1.0])
    fitted = ss.Pipeline([ss.Power("x", method="box_cox")]).fit_arrays({"x": [1.0, 2.0, 5.0]})
    with pytest.raises(DataError, match="found 1 value of 0 or less") as caught:
        fitted.transform_arrays({"x": [0.0, 1.0]})
    assert (caught.value.code, caught.value.exit_code) == ("DATA_UNDEFINED", 65)


def test_refuse_unknown_fields() -> None:
    with pytest.raises(ConfigError, match=r"method: expected .*box_cox.*, found 'box-cox'"):
        ss.Power("x", method="box-cox")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="standardize: expected true or false"):
        ss.Power("x", standardize="yes")  # type: ignore[arg-type]


# --- with other steps ---------------------------------------------------------------------------------------------


def test_be_a_stage() -> None:
    x = np.random.default_rng(0).lognormal(1, 1, 300)
    expected = fit(x)[1]
    for chain in ([ss.Power()], [ss.Power(standardize=False), ss.Standard()], [ss.MaxAbs(), ss.Power()]):
        fitted = ss.Pipeline([ss.Chain("x", chain)]).fit_arrays({"x": x})
        y = fitted.transform_arrays({"x": x})["x"]
        np.testing.assert_allclose(fitted.inverse_transform_arrays({"x": y})["x"], x, rtol=1e-12)
        if chain[0].kind == "power":
            np.testing.assert_allclose(y, expected, atol=1e-9)
    assert ss.Chain("x", [ss.Power(), ss.Standard()]).looks == 15


def test_indicate_behind_two_maps() -> None:
    stages = [ss.Power(), ss.Impute(value=9, missing=["nan"], indicator="{column}_missing")]
    fitted = ss.Pipeline([ss.Chain("x", stages)]).fit_arrays({"x": [1.0, NAN, 4.0]})
    found = fitted.transform_arrays({"x": [1.0, NAN, 4.0]})
    assert found["x"].tolist() == pytest.approx([-1.0, 9.0, 1.0])
    assert found["x_missing"].tolist() == [0.0, 1.0, 0.0]
    stages = [ss.Power(method="box_cox", undefined="null"), ss.Impute(value=9, indicator="m")]
    empty = ss.Pipeline([ss.Chain("x", stages, empty="null")]).fit_arrays({"x": [0.0, -1.0]})
    assert empty.transform_arrays({"x": [0.0, 2.0]})["m"].tolist() == [1.0, 0.0]


def test_store_no_answers_that_no_merge_can_use() -> None:
    x = np.random.default_rng(0).lognormal(1, 1, 300)
    assert ss.Pipeline([ss.Power("x")]).fit_arrays({"x": x}).looks == ()
    kept = ss.Pipeline([ss.Chain("x", [ss.Log1p(), ss.Power()])]).fit_arrays({"x": x}).looks
    assert [look.map.formula for look in kept] == ["log1p(x)"]


def test_fit_many_columns() -> None:
    random = np.random.default_rng(0)
    data = {f"x{j}": random.gamma(random.uniform(0.5, 5), 1, 50) for j in range(500)}
    out = ss.Pipeline([ss.Power("x*")]).fit_arrays(data).transform_arrays(data)
    assert all(abs(y.mean()) < 1e-12 and y.std() == pytest.approx(1) for y in out.values())


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=30), st.sampled_from(METHODS))
def test_map_finite_values_to_finite_values_in_their_order(values: list[float], method: str) -> None:
    x = np.sort(np.abs(values) + 5e-324 if method == "box_cox" else np.array(values))
    x = np.minimum(x, 1.7e308)
    _, y, map_ = fit(x, method=method)
    assert np.isfinite(y).all()
    slack = map_.slack(x[:, None], np.zeros((len(x), 1), dtype=bool))[:, 0]
    assert (np.diff(y) >= -(slack[1:] + slack[:-1])).all()


# --- the maps -----------------------------------------------------------------------------------------------------

EXPONENTS = st.one_of(st.floats(-2, 4), st.sampled_from([0.0, 1.0, 2.0, 1e-17, -1e-9, 2 + 1e-9, 2 - 4e-16]))


@given(EXPONENTS, st.floats(0, 1e3), st.floats(-1e3, 1e3))
def test_follow_the_definition(exponent: float, center: float, x: float) -> None:
    value, p = np.longdouble(x), np.longdouble(exponent)
    plain = raised(np.log1p(value), p) if x >= 0 else -raised(np.log1p(-value), 2 - p)
    found = YeoJohnsonMap(exponent).forward(np.array([x]))[0]
    assert found == pytest.approx(float(plain), rel=1e-13)
    log = np.log1p(np.longdouble(center))
    expected = np.exp(-p * log) * plain + raised(-log, p)
    size = float(abs(np.exp(-p * log) * plain) + abs(raised(-log, p)))
    assert YeoJohnsonMap(exponent, center).forward(np.array([x]))[0] == pytest.approx(float(expected), abs=1e-13 * size)
    assert YeoJohnsonMap(2 - exponent, -center).forward(np.array([-x]))[0] == pytest.approx(
        -float(expected), abs=1e-12 * size
    )
    if x > 0:
        assert BoxCoxMap(exponent).forward(np.array([x]))[0] == pytest.approx(
            float(raised(np.log(value), p)), rel=1e-12
        )


@given(EXPONENTS, st.floats(-10, 10), st.lists(st.floats(-1e3, 1e3), min_size=1))
def test_invert(exponent: float, center: float, values: list[float]) -> None:
    x = np.array(values)
    map_ = YeoJohnsonMap(exponent, center)
    np.testing.assert_allclose(map_.inverse(map_.forward(x)), x, rtol=1e-8, atol=1e-6)
    positive = np.abs(x) + 1e-3
    ratio = BoxCoxMap(exponent, abs(center) + 1e-3)
    if abs(exponent) * np.abs(np.log(positive / ratio.center)).max() < 18:  # beyond, the power hides the value
        np.testing.assert_allclose(ratio.inverse(ratio.forward(positive)), positive, rtol=1e-6)


def test_keep_the_digits_of_tiny_products() -> None:
    x = np.array([1e-300, 3e-310, 5e-324])
    assert YeoJohnsonMap(1e-10).forward(x).tolist() == x.tolist()
    assert YeoJohnsonMap(1e-10).inverse(x).tolist() == x.tolist()


@pytest.mark.parametrize("exponent", [-1.0, 0.0, 0.5, 2.0, 3.0])
@pytest.mark.parametrize("center", [0.0, 5.0, -5.0])
def test_keep_infinities(exponent: float, center: float) -> None:
    ends = np.array([-INF, INF])
    assert YeoJohnsonMap(exponent, center).forward(ends).tolist() == [-INF, INF]
    assert YeoJohnsonMap(exponent, center).inverse(ends).tolist() == [-INF, INF]
    assert BoxCoxMap(exponent, 2.0).forward(ends[1:]).tolist() == [INF]
    assert BoxCoxMap(exponent, 2.0).inverse(ends[1:]).tolist() == [INF]


def test_give_nan_for_what_no_value_gives() -> None:
    assert np.isnan(YeoJohnsonMap(-0.5).inverse(np.array([2.5]))).all()
    assert np.isnan(BoxCoxMap(0.5).inverse(np.array([-2.5]))).all()
    assert YeoJohnsonMap(-0.5).inverse(np.array([2.0])).tolist() == [INF]


@pytest.mark.parametrize("make", [
    lambda: YeoJohnsonMap(NAN), lambda: YeoJohnsonMap(1.0, INF), lambda: YeoJohnsonMap(300.0, 1e9), lambda: BoxCoxMap(1.0, 0.0),
    lambda: BoxCoxMap(INF), lambda: BoxCoxMap(1.0, 1.0, "zero"),  # type: ignore[arg-type]
])  # fmt: skip
def test_refuse_no_maps(make: Any) -> None:
    with pytest.raises(ValueError, match="expected"):
        make()
