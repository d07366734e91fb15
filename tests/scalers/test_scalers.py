"""Scalers: the maps they solve to, at the edges and against scikit-learn."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import special
from sklearn import datasets, preprocessing

from sparkscale import LogSoftmax, MaxAbs, MeanNorm, MinMax, Robust, Softmax, Standard, UnitNorm
from sparkscale.errors import ConfigError
from sparkscale.maps import Affine
from sparkscale.scalers.base import Scaler
from sparkscale.stats.column import EMPTY, ColumnStats
from tests.numacc import exact_moments, exact_std

EPS = 2.0**-52
MAX, TINY = 1.7976931348623157e308, 5e-324
finite = st.floats(allow_nan=False, allow_infinity=False)
ends = st.tuples(finite, finite).filter(lambda pair: pair[0] < pair[1] and math.isfinite(pair[1] - pair[0]))
Floats = NDArray[np.float64]


def solve(scaler: Scaler, values: Any) -> Affine:
    """Fit a scaler to an array."""
    map_ = scaler.solve(ColumnStats.of(values, quantiles=scaler.needs_quantiles))
    assert isinstance(map_, Affine)
    return map_


def scaled(scaler: Scaler, values: Any) -> list[float]:
    """Fit to an array and map it."""
    return [float(y) for y in solve(scaler, values).forward(np.asarray(values, dtype=np.float64))]


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize(("mean", "std"), [(0.0, 1.0), (1e9, 1.0), (-1e9, 1e-3), (1e155, 1e150), (1e-300, 1e-303)])
def test_standardize_to_exact_moments(mean: float, std: float, ddof: Any) -> None:
    values = np.random.default_rng(1).normal(mean, std, 999)
    map_ = solve(Standard("x", ddof=ddof), values)
    center, deviation = exact_moments(values)[0], exact_std(values, ddof)
    assert abs(Fraction(map_.scale) / deviation - 1) < Fraction(1, 10**14)
    for value, found in zip(values.tolist(), map_.forward(values).tolist(), strict=True):
        bound = (1 + abs(Fraction(found))) / 10**14
        assert abs(Fraction(found) - (Fraction(value) - center) / deviation) <= bound


FAR: list[list[float]] = [
    [1e9, 1e9 + 1, 1e9 + 3], [-1e9, -1e9 - 1, -1e9 - 3], [1e15, 1e15 + 1, 1e15 + 3], [1e12, 1e12, 1e12 + 1],
    [1.7e18, 1.7e18 + 4096, 1.7e18 + 512], [0.1 + 1e6, 0.2 + 1e6, 0.7 + 1e6], [1e300, 1.0000000000001e300, 1.1e300],
    [1e-300, 1e-300 + 1e-315, 1e-300 + 4e-315],
]  # fmt: skip


@pytest.mark.parametrize("values", FAR, ids=str)
@pytest.mark.parametrize("merged", [False, True])
def test_standardize_far_from_zero_to_13_digits(values: list[float], merged: bool) -> None:
    stats = sum((ColumnStats.of([value]) for value in values), EMPTY) if merged else ColumnStats.of(values)
    mean, deviation = exact_moments(values)[0], exact_std(values)
    x = np.array(values)
    for scaler, scale in ((Standard("x"), deviation), (Standard("x", with_std=False), Fraction(1)),
                          (MeanNorm("x"), Fraction(max(values)) - Fraction(min(values)))):  # fmt: skip
        map_ = scaler.solve(stats)
        assert isinstance(map_, Affine)
        found = map_.forward(x)
        for value, y in zip(values, found.tolist(), strict=True):
            exact = (Fraction(value) - mean) / scale
            assert abs(Fraction(y) - exact) <= abs(exact) / 10**13 + Fraction(TINY)
        np.testing.assert_allclose(map_.inverse(found), x, rtol=2 * EPS, atol=0)


def test_clip_mean_norm_far_from_zero_at_its_ends() -> None:
    values = [1e15, 1e15 + 1, 1e15 + 3]
    clipped, plain = solve(MeanNorm("x", clip=True), values), solve(MeanNorm("x"), values)
    assert clipped.center_lo == plain.center_lo != 0
    assert clipped.forward(np.array([0.0, *values, 1e16])).tolist() == pytest.approx(
        [-4 / 9, -4 / 9, -1 / 9, 5 / 9, 5 / 9], rel=1e-15
    )


@pytest.mark.parametrize(("values", "kept"), [
    ([1.0, 2.0, 4.0], False), ([0.1, 0.2, 0.4], False), ([1.0, 2.0, 3.0], False), ([100.0, 101.0, 103.0], True),
    ([1e9, 1e9 + 1, 1e9 + 3], True), ([1e9, 1e9 + 2], False), ([0.1] * 3, False), ([1e9 / 3] * 7, False),
])  # fmt: skip
def test_subtract_a_remainder_only_where_it_can_be_seen(values: list[float], kept: bool) -> None:
    mean, deviation = exact_moments(values)[0], exact_std(values)
    map_ = solve(Standard("x"), values)
    assert (map_.center_lo != 0) == kept
    assert (" - " in map_.formula.removeprefix("(x - ")) == kept
    if not kept:
        assert abs(mean - Fraction(map_.center)) <= Fraction(EPS) * deviation


N = 2.2250738585072014e-308
SUBNORMAL: list[list[float]] = [
    [N, N, N + 3 * TINY], [N - 3 * TINY, N, N + TINY], [TINY, 2 * TINY, 3 * TINY], [0.0, 0.0, TINY], [0.0, TINY],
    [0.0] * 99 + [TINY], [10 * TINY] * 5 + [11 * TINY], [-TINY, 0.0, TINY, TINY], [1e-310, 2e-310, 5e-310],
    [4 * N, 4 * N + 30 * TINY, 4 * N + 40 * TINY], [1e-308, -1e-308, 3e-309],
]  # fmt: skip


@pytest.mark.parametrize("values", SUBNORMAL, ids=str)
@pytest.mark.parametrize("ddof", [0, 1])
def test_standardize_subnormal_spreads(values: list[float], ddof: Any) -> None:
    mean, deviation = exact_moments(values)[0], exact_std(values, ddof)
    expected = [float((Fraction(value) - mean) / deviation) for value in values]
    map_ = solve(Standard("x", ddof=ddof), values)
    assert map_.forward(np.array(values)).tolist() == pytest.approx(expected, rel=1e-13)
    assert map_.inverse(np.array(expected)).tolist() == values
    span = Fraction(max(values)) - Fraction(min(values))
    expected = [float((Fraction(value) - mean) / span) for value in values]
    assert scaled(MeanNorm("x"), values) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("first", [1e-300, 1e-307, N, 4 * N, 1e-100])
@pytest.mark.parametrize("steps", [1, 2, 3, 5, 8])
def test_treat_std_below_eps_of_tiny_mean_as_constant(first: float, steps: int) -> None:
    values = [first - steps * math.ulp(first), first, first + steps * math.ulp(first)]
    varies = exact_std(values) > Fraction(EPS) * abs(exact_moments(values)[0])
    expected = [-math.sqrt(1.5), 0.0, math.sqrt(1.5)] if varies else [values[0] - first, 0.0, values[2] - first]
    assert scaled(Standard("x"), values) == pytest.approx(expected, rel=1e-14)


def test_scale_subnormal_column_and_keep_other_values_finite() -> None:
    map_ = solve(Standard("x"), [N, N, N + 3 * TINY])
    assert np.isfinite(map_.forward(np.array([0.0, 1e-300, -1e-310]))).all()
    assert map_.forward(np.array([math.inf, -math.inf])).tolist() == [math.inf, -math.inf]
    constant = solve(Standard("x"), [TINY] * 3)
    assert constant.forward(np.array([TINY, 1.7e308])).tolist() == [0.0, 1.7e308]


HUGE_ENDS = [[-1e308, MAX], [-MAX, MAX], [-MAX, 0.0, 5e307], [MAX, MAX / 2], [-1.7e308, -1.6e308, 3.0], [0.0, MAX]]


@pytest.mark.parametrize("values", HUGE_ENDS, ids=str)
@pytest.mark.parametrize("scaler", [
    Standard("x"), Standard("x", with_mean=False), Standard("x", with_std=False), Standard("x", with_mean=False, ddof=1),
    MinMax("x"), MinMax("x", range=(-1, 3)), MinMax("x", range=(0, 0.3)), MinMax("x", range=(-MAX, MAX)),
    MaxAbs("x"), MeanNorm("x"), Robust("x"),
], ids=repr)  # fmt: skip
def test_invert_up_to_the_largest_double(scaler: Scaler, values: list[float]) -> None:
    map_ = solve(scaler, values)
    x = np.array([*values, MAX, -MAX])
    y = map_.forward(x)
    back = map_.inverse(y)[np.isfinite(y)]
    np.testing.assert_allclose(back, x[np.isfinite(y)], rtol=0, atol=16 * EPS * MAX)
    assert map_.inverse(np.array([math.inf, -math.inf])).tolist() == [math.inf, -math.inf]


def test_lose_no_result_to_an_infinity_on_the_way() -> None:
    assert solve(MinMax("x", range=(0, 0.5)), [0.0, 0.5]).forward(np.array([1.7e308])).tolist() == [1.7e308]
    assert solve(MinMax("x", range=(0, 1e-300)), [0.0, 1e-300]).forward(np.array([1.7e308])).tolist() == [1.7e308]
    assert solve(MinMax("x", range=(-1e308, 0.7e308)), [0.0, 2.0]).forward(np.array([3.0])).tolist() == pytest.approx(
        [1.55e308], rel=4 * EPS
    )
    assert scaled(MinMax("x", range=(-MAX, MAX)), [0.0, 0.5, 1.0]) == [-MAX, 0.0, MAX]
    assert scaled(MinMax("x", range=(0, TINY)), [0.0, 1e-5, 1e300]) == [0.0, 0.0, TINY]
    assert solve(MinMax("x", range=(0, 1e308)), [0.0, TINY]).inverse(np.array([1e308, 2e307])).tolist() == [TINY, 0.0]


def test_standardize_without_mean_or_std() -> None:
    values = [1.0, 3.0, 5.0, 7.0]
    assert scaled(Standard("x", with_std=False), values) == [-3.0, -1.0, 1.0, 3.0]
    assert scaled(Standard("x", with_mean=False), values) == pytest.approx(np.array(values) / np.sqrt(5.0), rel=1e-15)


@pytest.mark.parametrize("value", [0.0, 0.1, -7e300, MAX, TINY, 1e9 / 3])
@pytest.mark.parametrize("scaler", [Standard("x"), Standard("x", ddof=1), MinMax("x"), MeanNorm("x"), Robust("x")])
def test_map_constant_to_low_end_and_keep_offsets(scaler: Scaler, value: float) -> None:
    map_ = solve(scaler, np.full(7, value))
    near = math.nextafter(value, 0.0) if value else 3.0
    assert map_.forward(np.array([value, near])).tolist() == [0.0, near - value]


def test_map_constant_to_low_end_of_range() -> None:
    assert scaled(MinMax("x", range=(-1, 1)), [4.0, 4.0]) == [-1.0, -1.0]
    assert scaled(MinMax("x", range=(5.0, 6.0), clip=True), [4.0]) == [5.0]


def test_map_constant_zero_by_max_abs_to_zero() -> None:
    assert solve(MaxAbs("x"), [0.0, 0.0]).forward(np.array([0.0, 0.5])).tolist() == [0.0, 0.5]


@pytest.mark.parametrize("ddof", [0, 1])
def test_standardize_one_value_as_constant(ddof: Any) -> None:
    assert scaled(Standard("x", ddof=ddof), [4.0]) == [0.0]


def test_treat_std_below_eps_of_mean_as_constant() -> None:
    least = math.ulp(1e9)  # of the doubles near 1e9; eps * 1e9 is about 1.9 of it
    for steps, constant in ((1, True), (3, True), (4, False), (8, False)):
        values = [1e9 - steps * least, 1e9, 1e9 + steps * least]
        std = exact_std(values)
        assert (std <= Fraction(EPS) * 10**9) == constant or 2 < steps < 4
        assert (solve(Standard("x"), values).scale == 1.0) == (std <= Fraction(EPS) * 10**9)


def test_treat_std_below_eps_of_huge_mean_as_constant() -> None:
    least = math.ulp(1e300)  # eps * 1e300 is about 1.5 of it; such a mean is worked with in halves
    for steps in (1, 2, 3, 4, 16):
        values = [1e300 - steps * least, 1e300, 1e300 + steps * least]
        varies = exact_std(values) > Fraction(EPS) * Fraction(1e300)
        assert varies == (steps > 1)
        expected = [-math.sqrt(1.5), 0.0, math.sqrt(1.5)] if varies else [-steps * least, 0.0, steps * least]
        assert scaled(Standard("x"), values) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("scaler", [Standard("x"), Standard("x", ddof=1)])
def test_treat_equal_ends_as_constant_whatever_m2_says(scaler: Standard) -> None:
    stats = ColumnStats(finite=4, min=3.0, max=3.0, mean=3.0, m2=8.0)  # of a program that sums without care
    assert scaler.solve(stats) == Affine(center=3.0)


def test_standardize_from_the_first_mean_that_overflows() -> None:
    first = 2.0**970
    stats = ColumnStats.of([0.5 * first, 1.5 * first])
    assert (stats.mean, stats.std) == (first, 0.5 * first)
    found = Standard("x").solve(stats).forward(np.array([-MAX, MAX])).tolist()
    assert found == [float((Fraction(x) - Fraction(first)) / Fraction(0.5 * first)) for x in (-MAX, MAX)]


def test_standardize_many_rows_far_from_zero() -> None:
    # mean/std = 1e9 at 1e7 rows: the error bound of a one-pass sum (which grows with n) would call it constant.
    part = ColumnStats.of(1e9 + np.random.default_rng(3).normal(size=1000))
    whole = part
    for _ in range(14):
        whole = whole + whole
    assert whole.finite > 10**7
    assert whole.finite * EPS * whole.mean > whole.std
    assert Standard("x").solve(whole).scale == pytest.approx(part.std, rel=1e-12)


@pytest.mark.parametrize("values", [[0.0, TINY, 2 * TINY], [0.0, TINY], [0.0] * 99 + [TINY], [1e-16, 2e-16, 5e-16]])
@pytest.mark.parametrize("scaler", [Standard("x"), MinMax("x"), MaxAbs("x"), MeanNorm("x")])
def test_scale_tiny_ranges(scaler: Scaler, values: list[float]) -> None:
    parts = [ColumnStats.of([value]) for value in values]
    for stats in (ColumnStats.of(values), sum(parts, EMPTY)):
        map_ = scaler.solve(stats)
        assert isinstance(map_, Affine)
        assert map_.scale / map_.prescale <= max(values)
        assert np.ptp(map_.forward(np.array(values))) >= 0.5


def test_map_tiny_range_onto_unit() -> None:
    assert scaled(MinMax("x"), [0.0, TINY, 2 * TINY]) == [0.0, 0.5, 1.0]


def test_map_range_beyond_double_by_halves() -> None:
    values = [-1.7e308, 0.0, 1.7e308]
    assert scaled(MinMax("x"), values) == [0.0, 0.5, 1.0]
    assert scaled(MinMax("x", range=(-1, 1), clip=True), values) == [-1.0, 0.0, 1.0]
    assert scaled(MeanNorm("x"), values) == [-0.5, 0.0, 0.5]
    assert scaled(MaxAbs("x"), values) == [-1.0, 0.0, 1.0]
    assert scaled(Robust("x"), [-1.7e308, -1.7e308, 0.0, 1.7e308, 1.7e308]) == [-0.5, -0.5, 0.0, 0.5, 0.5]


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize(
    "values", [[-1.7e308, 1.7e308], [-1.7e308, 1.4e308, 1.5e308], [1e308, 1.1e308], [MAX, -MAX, MAX]]
)
def test_standardize_beyond_double(values: list[float], ddof: Any) -> None:
    deviation, mean = exact_std(values, ddof), exact_moments(values)[0]
    expected = [float((Fraction(value) - mean) / deviation) for value in values]
    assert scaled(Standard("x", ddof=ddof), values) == pytest.approx(expected, rel=1e-14)
    unseen = solve(Standard("x", ddof=ddof), values).forward(np.array([-MAX, MAX]))
    assert unseen.tolist() == pytest.approx([float((Fraction(x) - mean) / deviation) for x in (-MAX, MAX)], rel=1e-14)


def test_scale_robustly_with_outlier_beyond_double() -> None:
    assert scaled(Robust("x"), [-1.7e308, 0.9e308, 1e308, 1.1e308, 1e308])[0] == pytest.approx(-27.0, rel=1e-14)


@given(st.lists(finite, min_size=1, max_size=20), ends, st.booleans())
def test_map_min_and_max_onto_ends_bitwise(values: list[float], onto: tuple[float, float], clip: bool) -> None:
    map_ = solve(MinMax("x", range=onto, clip=clip), values)
    found = map_.forward(np.array(values))
    low, high = map_.forward(np.array([min(values), max(values)])).tolist()
    assert low == onto[0]
    assert high == (onto[1] if min(values) < max(values) else onto[0])
    assert found.min() == onto[0]
    assert found.max() == high  # and nothing in between leaves the range


@pytest.mark.parametrize(
    "onto", [(-3.0, 0.1), (0.1, 0.3), (-1.0, 1e-320), (-1e16, 0.1), (0.0, TINY), (-0.0, 1.0), (1e15, 1e15 + 1)]
)
@pytest.mark.parametrize("values", [[1.0, 3.0], [-0.7, 0.1], [1e9, 1e9 + 1e-6], [-1.7e308, 1.7e308], [0.0, TINY]])
def test_map_onto_awkward_ends_bitwise(onto: tuple[float, float], values: list[float]) -> None:
    low, high = scaled(MinMax("x", range=onto), values)
    assert (low.hex(), high.hex()) == ((onto[0] + 0.0).hex(), onto[1].hex())


@pytest.mark.parametrize(("onto", "pinned"), [((0.0, 1.0), False), ((-0.8, 2.0), False), ((-1.0, 1e-320), True)])
def test_pin_only_where_no_gain_reaches_the_end(onto: tuple[float, float], pinned: bool) -> None:
    assert (solve(MinMax("x", range=onto), [1.0, 3.0]).pin is not None) == pinned


@pytest.mark.parametrize("onto", [(0.0, 1.0), (5.0, 6.0), (-1.0, 1.0), (1e15, 1e15 + 1), (0.25, 4096.0)])
def test_take_the_difference_as_gain_where_it_reaches_the_end(onto: tuple[float, float]) -> None:
    map_ = solve(MinMax("x", range=onto), [1.0, 3.0])
    assert Fraction(map_.gain) == Fraction(onto[1]) - Fraction(onto[0])
    assert map_.offset == onto[0]


@given(st.lists(finite, min_size=2, max_size=20), finite)
def test_keep_within_clip_and_order(values: list[float], unseen: float) -> None:
    for scaler, low, high in ((MinMax("x", range=(-2, 3), clip=True), -2.0, 3.0), (MaxAbs("x", clip=True), -1.0, 1.0)):
        y = solve(scaler, values).forward(np.sort([*values, unseen, math.inf, -math.inf]))
        assert (y[0], y[-1]) == (low, high)
        assert (np.diff(y) >= 0).all()


def test_clip_mean_norm_at_its_fitted_ends() -> None:
    map_ = solve(MeanNorm("x", clip=True), [0.0, 0.0, 0.0, 4.0])
    assert map_.forward(np.array([-9.0, 0.0, 4.0, 9.0, math.inf])).tolist() == [-0.25, -0.25, 0.75, 0.75, 0.75]
    assert np.isnan(map_.forward(np.array([np.nan]))).all()


def test_clip_off_by_default_and_infinity_kept() -> None:
    assert solve(MinMax("x"), [0.0, 2.0]).forward(np.array([4.0, math.inf, -math.inf])).tolist() == [
        2.0,
        math.inf,
        -math.inf,
    ]


def test_ignore_nonfinite_values_in_fit() -> None:
    assert solve(MinMax("x"), [0.0, np.nan, math.inf, -math.inf, 4.0]) == solve(MinMax("x"), [0.0, 4.0])


@given(st.lists(st.floats(min_value=-1e100, max_value=1e100), min_size=2, max_size=20))
def test_invert_every_scaler(values: list[float]) -> None:
    x = np.array(values)
    span = float(np.ptp(x))
    assume(span > 1e-290)  # so that no quotient is subnormal
    for scaler in (Standard("x"), MinMax("x", range=(-3, 0.1)), MaxAbs("x"), Robust("x"), MeanNorm("x")):
        map_ = solve(scaler, values)
        away = np.abs(x - map_.center).max() + map_.scale * (1 + abs(map_.offset) / map_.gain)
        assert np.abs(map_.inverse(map_.forward(x)) - x).max() <= 10 * EPS * (
            away + np.abs(x).max()
        )  # half an eps a step


def test_scale_robustly_without_centering_or_scaling() -> None:
    values = [1.0, 2.0, 3.0, 4.0, 5.0]
    assert scaled(Robust("x"), values) == [-1.0, -0.5, 0.0, 0.5, 1.0]
    assert scaled(Robust("x", with_centering=False), values) == [0.5, 1.0, 1.5, 2.0, 2.5]
    assert scaled(Robust("x", with_scaling=False), values) == [-2.0, -1.0, 0.0, 1.0, 2.0]


def test_scale_robustly_by_the_whole_range() -> None:
    values = [1.0, 2.0, 3.0, 4.0, 9.0]
    assert scaled(Robust("x", quantile_range=(0, 100)), values) == [-0.25, -0.125, 0.0, 0.125, 0.75]
    with pytest.raises(ConfigError):
        Robust("x", quantile_range=(math.nextafter(0, -1), 100))
    with pytest.raises(ConfigError):
        Robust("x", quantile_range=(0, math.nextafter(100, 101)))


def test_refuse_robust_without_sketch() -> None:
    with pytest.raises(ConfigError, match="quantile sketch") as caught:
        Robust("x").solve(ColumnStats.of([1.0]))
    assert caught.value.exit_code == 78


SETS = {name: getattr(datasets, f"load_{name}")().data for name in ("iris", "wine", "breast_cancer", "diabetes")}
TABLES = pytest.mark.parametrize("table", SETS.values(), ids=SETS)
PAIRS: list[tuple[Scaler, Any]] = [
    (Standard("x"), preprocessing.StandardScaler()),
    (Standard("x", with_mean=False), preprocessing.StandardScaler(with_mean=False)),
    (MinMax("x"), preprocessing.MinMaxScaler()),
    (MinMax("x", range=(-3, 0.1)), preprocessing.MinMaxScaler(feature_range=(-3, 0.1))),
    (MaxAbs("x"), preprocessing.MaxAbsScaler()),
]


@TABLES
@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=lambda item: type(item).__name__)
def test_match_sklearn(table: Floats, ours: Scaler, theirs: Any) -> None:
    for x, expected in zip(table.T, theirs.fit_transform(table).T, strict=True):
        # Either side rounds numbers of the size of x over the scale, a few times, before they cancel.
        atol = 16 * EPS * (np.abs(x).max() / np.ptp(x) * np.ptp(expected) + 3)
        np.testing.assert_allclose(scaled(ours, x), expected, rtol=1e-12, atol=atol)


@TABLES
@pytest.mark.parametrize("percents", [(25.0, 75.0), (5.0, 95.0), (0.0, 100.0), (12.3, 61.8)])
def test_match_sklearn_robust(table: Floats, percents: tuple[float, float]) -> None:
    theirs = preprocessing.RobustScaler(quantile_range=percents)
    for x, expected in zip(table.T, theirs.fit_transform(table).T, strict=True):
        np.testing.assert_allclose(scaled(Robust("x", quantile_range=percents), x), expected, rtol=1e-13, atol=1e-14)


@TABLES
@pytest.mark.parametrize("percents", [(25.0, 75.0), (5.0, 95.0), (10.0, 50.0), (90.0, 99.0)])
def test_match_sklearn_robust_of_unit_variance(table: Floats, percents: tuple[float, float]) -> None:
    for with_scaling in (True, False):
        theirs = preprocessing.RobustScaler(quantile_range=percents, unit_variance=True, with_scaling=with_scaling)
        step = Robust("x", quantile_range=percents, unit_variance=True, with_scaling=with_scaling)
        for x, expected in zip(table.T, theirs.fit_transform(table).T, strict=True):
            np.testing.assert_allclose(scaled(step, x), expected, rtol=1e-13, atol=1e-14)


def test_scale_a_constant_to_unit_variance_as_sklearn() -> None:
    theirs = preprocessing.RobustScaler(unit_variance=True).fit([[3.0], [3.0]])
    map_ = Robust("x", unit_variance=True).solve(ColumnStats.of([3.0, 3.0], quantiles=True))
    assert map_.forward(np.array([3.0, 5.0])) == pytest.approx(
        theirs.transform([[3.0], [5.0]])[:, 0].tolist(), rel=1e-14
    )


@pytest.mark.parametrize("percents", [(0, 75), (25, 100), (50 + 2**-47, 50 + 2**-46)])
def test_refuse_unit_variance_without_normal_quantiles(percents: tuple[float, float]) -> None:
    Robust("x", quantile_range=percents)
    with pytest.raises(ConfigError, match=r"unit_variance: expected a quantile_range above 0 and below 100, found \["):
        Robust("x", quantile_range=percents, unit_variance=True)


@pytest.mark.parametrize(
    "values", [[1.0, 2.0, 3.0], [0.0, 28.0], [5.0], [1.0, 1.0, 9.0], list(range(11)), [-3.0, 4.0, 4.5, 9.0]]
)
def test_match_sklearn_robust_on_few_values(values: list[float]) -> None:
    x = np.array(values, dtype=float)
    expected = preprocessing.RobustScaler().fit_transform(x.reshape(-1, 1))[:, 0]
    assert scaled(Robust("x"), x) == pytest.approx(expected.tolist(), rel=1e-14)


def test_match_sklearn_robust_within_rank_error() -> None:
    x = SETS["breast_cancer"].ravel()
    stats = ColumnStats.of(x, quantiles=True)
    assert stats.quantiles is not None
    map_ = Robust("x").solve(stats)
    slack = 3 * stats.quantiles.rank_error  # stated for 99 %; three times is passed once in 1e13 fits
    low, high = (np.quantile(x, [q + sign * slack for q in (0.25, 0.5, 0.75)]) for sign in (-1, 1))
    theirs = preprocessing.RobustScaler().fit(x.reshape(-1, 1))
    assert low[1] <= map_.center <= high[1]
    assert low[2] - high[0] <= map_.scale <= high[2] - low[0]
    assert abs(map_.center - theirs.center_[0]) <= high[1] - low[1]


@TABLES
@pytest.mark.parametrize("norm", ["l1", "l2", "max"])
def test_match_sklearn_normalizer(table: Floats, norm: Any) -> None:
    y, null = UnitNorm(["*"], norm=norm).solve_row().forward(table, np.zeros(table.shape, dtype=bool))
    np.testing.assert_allclose(y, preprocessing.normalize(table, norm=norm), rtol=1e-14, atol=0)
    assert not null.any()


@TABLES
@pytest.mark.parametrize("power", [1, 1.5, 2, 3, 10, 1e3])
def test_match_numpy_power_norms(table: Floats, power: float) -> None:
    y, null = UnitNorm(["*"], norm=power).solve_row().forward(table, np.zeros(table.shape, dtype=bool))
    unit = table / np.abs(table).max(axis=1, keepdims=True)  # NumPy's own norm overflows
    np.testing.assert_allclose(y, unit / np.linalg.norm(unit, power, axis=1, keepdims=True), rtol=1e-14, atol=0)
    assert not null.any()


@pytest.mark.parametrize("norm", [0, 0.99, -3, math.inf, math.nan, True, None, [2]])
def test_refuse_what_is_no_norm(norm: Any) -> None:
    with pytest.raises(ConfigError, match="norm: expected 'l1', 'l2', 'max' or a finite number >= 1, found "):
        UnitNorm(["x", "y"], norm=norm)


@TABLES
@pytest.mark.parametrize("temperature", [1.0, 0.7, 20.0])
def test_match_scipy_softmax(table: Floats, temperature: float) -> None:
    nothing = np.zeros(table.shape, dtype=bool)
    plain, _ = Softmax(["*"], temperature=temperature).solve_row().forward(table, nothing)
    logs, _ = LogSoftmax(["*"], temperature=temperature).solve_row().forward(table, nothing)
    # Dividing by T first, scipy's way, moves a logit by up to u |x / T|, and so the exponential by as much of itself.
    rtol = 1e-12 + (0.0 if temperature == 1 else 2 * EPS * float(np.abs(table / temperature).max()))
    np.testing.assert_allclose(plain, special.softmax(table / temperature, axis=1), rtol=rtol, atol=1e-307)
    np.testing.assert_allclose(logs, special.log_softmax(table / temperature, axis=1), rtol=1e-12, atol=rtol)
