"""Maps: the affine map and its inverse, every row of the softmax table, unit norms, and the JSON form."""

from __future__ import annotations

import base64
import itertools
import json
import math
import struct
import sys
import warnings
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import special

from sparkscale import maps
from sparkscale.errors import DataError
from sparkscale.maps import Affine, Piecewise, RowMap, SoftmaxMap, Undefined, UnitNormMap, nonzero

#: The unit roundoff of a double: one correctly rounded operation is off by no more than this, relatively.
U = Fraction(1, 2**53)
INF, NAN = math.inf, math.nan
#: Far from under- and overflow, where the bounds below hold; 0 is in.
sizes = st.floats(min_value=1e-60, max_value=1e60)
numbers = st.one_of(st.just(0.0), sizes, sizes.map(lambda x: -x))
scores = st.floats(min_value=-700, max_value=700)
#: Half floats: different ones are at least 2**-24 apart, far more than an error of exp can turn around.
coarse = st.floats(width=16, allow_nan=False, allow_infinity=False)
Row = list[float | None]


def run(map_: RowMap, *rows: Row) -> list[Row]:
    """Run a row map over rows of scores, None where a score is null."""
    x = np.array([[NAN if score is None else score for score in row] for row in rows], dtype=np.float64)
    null = np.array([[score is None for score in row] for row in rows], dtype=bool)
    x.flags.writeable = null.flags.writeable = False  # the input is never mutated
    y, gone = map_.forward(x, null)
    return [
        [None if g else v for v, g in zip(*pair, strict=True)] for pair in zip(y.tolist(), gone.tolist(), strict=True)
    ]


def same(found: list[Row], *expected: Row) -> bool:
    """Compare to the last bit, sign of zero and NaN included."""
    return repr(found) == repr(list(expected))


def test_map_affine_by_its_formula() -> None:
    map_ = Affine(center=10.0, scale=4.0, gain=8.0, offset=-3.0)
    assert map_.forward(np.array([10.0, 12.0, 6.0])).tolist() == [-3.0, 1.0, -11.0]
    assert map_.inverse(np.array([-3.0, 1.0, -11.0])).tolist() == [10.0, 12.0, 6.0]


@given(st.lists(st.floats(min_value=-5.0, max_value=5.0), min_size=1), st.floats(min_value=0.1, max_value=3.0))
def test_map_affine_divides_at_large_offset(z: list[float], std: float) -> None:
    x = 1e9 + np.array(z)
    y = Affine(center=1e9, scale=std).forward(x)
    for value, found in zip(x.tolist(), y.tolist(), strict=True):
        exact = (Fraction(value) - 10**9) / Fraction(std)
        assert abs(Fraction(found) - exact) <= abs(exact) * U * Fraction(21, 10)  # two roundings, and their product


@pytest.mark.parametrize("prescale", [1.0, 0.5])
def test_map_affine_keeps_nan_and_infinity(prescale: float) -> None:
    map_ = Affine(center=3.0, scale=2.0, gain=5.0, offset=1.0, prescale=prescale)
    for values in (map_.forward, map_.inverse):
        assert repr(values(np.array([NAN, INF, -INF])).tolist()) == repr([NAN, INF, -INF])


def test_map_affine_clips_infinity_to_ends_and_keeps_nan() -> None:
    map_ = Affine(center=1.0, scale=2.0, clip=(-1.0, 0.5))
    assert repr(map_.forward(np.array([INF, -INF, NAN, 9.0, -9.0, 1.5])).tolist()) == repr(
        [0.5, -1.0, NAN, 0.5, -1.0, 0.25]
    )


def test_map_affine_leaves_input_alone() -> None:
    x = np.array([1.0, 2.0, 3.0])
    x.flags.writeable = False
    map_ = Affine.spanning(1.0, 3.0, center=1.0, onto=(-3.0, 0.1), clip=(-3.0, 0.1))
    assert map_.inverse(map_.forward(x)).tolist() == pytest.approx([1.0, 2.0, 3.0])


@given(x=st.lists(numbers, min_size=1), center=numbers, scale=sizes, gain=sizes, offset=numbers)
def test_invert_affine_within_its_roundings(
    x: list[float], center: float, scale: float, gain: float, offset: float
) -> None:
    map_ = Affine(center=center, scale=scale, gain=gain, offset=offset)
    back = map_.inverse(map_.forward(np.array(x)))
    for value, found in zip(x, back.tolist(), strict=True):
        # Six roundings in the unit of x - center, those of the two sums with offset, and that of the last sum.
        away, moved = abs(Fraction(value) - Fraction(center)), abs(Fraction(offset)) * Fraction(scale) / Fraction(gain)
        assert abs(Fraction(found) - Fraction(value)) <= (8 * away + 2 * moved + abs(Fraction(value))) * U * Fraction(
            11, 10
        )


def test_invert_clipped_map_is_lossy_at_ends_only() -> None:
    map_ = Affine.spanning(0.0, 4.0, center=0.0, clip=(0.0, 1.0))
    assert map_.inverse(map_.forward(np.array([-9.0, 1.0, 4.0, 9.0]))).tolist() == [0.0, 1.0, 4.0, 4.0]


def test_invert_map_beyond_double_by_halves() -> None:
    map_ = Affine.spanning(-1.7e308, 1.7e308, center=-1.7e308)
    assert map_.prescale == 0.5
    assert map_.inverse(np.array([0.0, 0.25, 0.5, 1.0])).tolist() == [-1.7e308, -0.85e308, 0.0, 1.7e308]


@pytest.mark.parametrize(
    ("center", "prescale"), [(2.0**970, 0.5), (-(2.0**970), 0.5), (math.nextafter(2.0**970, 0), 1)]
)
def test_halve_from_the_first_center_that_overflows(center: float, prescale: float) -> None:
    high = center + 2.0**969
    map_ = Affine.spanning(center, high, center=center)
    assert map_.prescale == prescale
    for x in (-1.7976931348623157e308, 1.7976931348623157e308):
        exact = (Fraction(x) - Fraction(center)) / (Fraction(high) - Fraction(center))
        assert abs(Fraction(map_.forward(np.array([x])).item()) - exact) <= abs(exact) * 3 * U  # two roundings


def test_add_the_remainder_of_the_center_back() -> None:
    map_ = Affine(center=1.0, center_lo=2.0**-53)
    assert map_.inverse(np.array([-1.0])).tolist() == [2.0**-53]
    assert map_.forward(np.array([2.0**-53])).tolist() == [-1.0]
    assert map_.forward(np.array([1.0])).tolist() == [-(2.0**-53)]


def test_invert_without_an_overflow_on_the_way() -> None:
    map_ = Affine.spanning(0.0, 1.7e308, center=0.0, onto=(0.0, 1.5))
    assert map_.inverse(np.array([1.4])).tolist() == pytest.approx([1.7e308 / 1.5 * 1.4], rel=4e-16)
    map_ = Affine.spanning(0.0, 1e300, center=0.0, onto=(0.0, 1.5))
    assert map_.inverse(np.array([5e-324])).tolist() == pytest.approx([5e-324 * 1e300 / 1.5], rel=4e-16)


any_scale = st.floats(min_value=0, exclude_min=True, allow_infinity=False)
any_finite = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def spanning(draw: Any) -> Affine:
    """Give any map that a scaler can make: any range of the data onto any range."""
    low, high = sorted(draw(st.tuples(any_finite, any_finite)))
    start, end = sorted(draw(st.tuples(any_finite, any_finite)))
    onto = (start, end) if start < end else (0.0, 1.0)
    center = draw(st.sampled_from([low, high, 0.0, low / 2 + high / 2]))
    lo = draw(st.sampled_from([0.0, 0.3, -0.5])) * math.ulp(center)
    return Affine.spanning(low, high, center=center, center_lo=(lo, 0), onto=onto)


def exact(map_: Affine, x: float) -> Fraction:
    """Return the map's value by its formula, in rational numbers."""
    f = Fraction
    away = (f(x) - f(map_.center)) * f(map_.prescale) - f(map_.center_lo)
    return (away / f(map_.scale) * f(map_.gain) + f(map_.offset)) * f(map_.postscale)


def exact_inverse(map_: Affine, y: float) -> tuple[Fraction, Fraction]:
    """Return the inverse by its formula, and the size of what the subtraction of the offset may cancel."""
    f = Fraction
    slope = f(map_.scale) / f(map_.gain) / f(map_.prescale)
    away = (f(y) / f(map_.postscale) - f(map_.offset)) * slope
    return away + f(map_.center_lo) / f(map_.prescale) + f(map_.center), abs(away)


LARGEST, LEAST = Fraction(sys.float_info.max), Fraction(5e-324)


@settings(max_examples=500)
@given(spanning(), any_finite)
def test_lose_no_finite_result_forward(map_: Affine, x: float) -> None:
    expected = exact(map_, x)
    found = float(map_.forward(np.array([x]))[0])
    assume(map_.pin is None or map_.pin[0] != x)
    if abs(expected) > LARGEST:
        assert abs(found) >= LARGEST * (1 - 8 * U)
        return
    assert math.isfinite(found)
    size = max(abs(expected), Fraction(map_.addend))
    assert abs(Fraction(found) - expected) <= 4 * 2 * U * size + 3 * LEAST


@settings(max_examples=500)
@given(spanning(), any_finite)
def test_lose_no_finite_result_in_the_inverse(map_: Affine, y: float) -> None:
    expected, away = exact_inverse(map_, y)
    found = float(map_.inverse(np.array([y]))[0])
    assume(map_.pin is None or map_.pin[1] != y)
    if abs(expected) > LARGEST:
        assert abs(found) >= LARGEST * (1 - 16 * U)
        return
    assert math.isfinite(found)
    assert abs(Fraction(found) - expected) <= 4 * 2 * U * (away + abs(expected)) + 3 * LEAST


@settings(max_examples=300)
@given(any_scale, any_scale)
def test_balance_scale_and_gain_exactly(scale: float, gain: float) -> None:
    for divisor, factor in (Affine(scale=scale, gain=gain).balanced, Affine(scale=scale, gain=gain).inverse_balanced):
        assert Fraction(factor) / Fraction(divisor) == Fraction(gain) / Fraction(scale)


HOSTILE_NUMBERS = [
    NAN,
    INF,
    -INF,
    0.0,
    -0.0,
    5e-324,
    -1e-310,
    2.2e-308,
    1.0,
    -745.2,
    1e154,
    1e308,
    -1.7e308,
    sys.float_info.max,
]
HOSTILE_MAPS: list[maps.Map] = [
    Affine(center=1e308, scale=5e-324), Affine(center=-1e308, scale=1e-300, gain=1e300, offset=1e308, clip=(0.0, 1.0)),
    Affine.spanning(-1.7e308, 1.7e308, center=-1.7e308, onto=(-1.7e308, 1.7e308)), Affine(scale=1e308, gain=1e-308), Undefined(),
    Affine(prescale=maps.FINE, scale=1e-290, center=1e-310, center_lo=1e-290),
    *(SoftmaxMap(log=log, nulls=nulls, undefined=undefined, temperature=t)  # type: ignore[arg-type]
      for log in (False, True) for nulls in ("null", "mask") for undefined in ("null", "zeros", "uniform") for t in (1.0, 5e-324, 1.7e308)),
    *(UnitNormMap(norm=norm) for norm in ("l1", "l2", "max")),  # type: ignore[arg-type]
]  # fmt: skip


@pytest.mark.parametrize("map_", HOSTILE_MAPS, ids=repr)
def test_warn_of_nothing_whatever_the_caller_asked_numpy_for(map_: Any) -> None:
    with np.errstate(all="raise"), warnings.catch_warnings():
        warnings.simplefilter("error")
        if not map_.by_row:
            map_.forward(np.array(HOSTILE_NUMBERS))
            map_.inverse(np.array(HOSTILE_NUMBERS))
            return
        rows = np.array(list(itertools.product(HOSTILE_NUMBERS, repeat=3)))
        null = np.random.default_rng(0).random(rows.shape) < 0.2
        for mask in (null, np.zeros_like(null), np.ones_like(null)):
            map_.forward(rows, mask)
            map_.forward(rows[:, :1], mask[:, :1])


def test_map_pinned_value_both_ways() -> None:
    map_ = Affine(scale=3.0, pin=(2.0, 0.1))
    assert map_.forward(np.array([2.0, 3.0])).tolist() == [0.1, 1.0]
    assert map_.inverse(np.array([0.1, 1.0])).tolist() == [2.0, 3.0]


def test_map_undefined_to_nan() -> None:
    for way in (Undefined().forward, Undefined().inverse):
        assert np.isnan(way(np.array([1.0, INF]))).all()
    for way in (Undefined().apply, Undefined().unapply):
        assert way(np.array([[1.0], [INF]]), np.zeros((2, 1), dtype=bool))[1].all()


def test_know_which_inverse_loses_nothing() -> None:
    held = [Affine(clip=(0.0, 1.0)), Undefined(), SoftmaxMap(), UnitNormMap()]
    assert [map_.lossless for map_ in (Affine(), *held)] == [True, False, False, False, False]
    assert [map_.invertible for map_ in (Affine(), *held)] == [True, True, True, False, False]


@pytest.mark.parametrize(("scale", "expected"), [(0.0, 1.0), (NAN, 1.0), (5e-324, 5e-324), (INF, INF), (2.5, 2.5)])
def test_replace_zero_scale_by_one(scale: float, expected: float) -> None:
    assert nonzero(scale) == expected


EXACT: list[tuple[dict[str, Any], Row, Row]] = [
    ({}, [1000.0, 0.0, 0.0], [1.0, 0.0, 0.0]),
    ({}, [-INF, 0.0], [0.0, 1.0]),
    ({}, [INF, 0.0], [1.0, 0.0]),
    ({}, [INF, INF, 0.0], [0.5, 0.5, 0.0]),
    ({}, [INF, -INF], [1.0, 0.0]),
    ({}, [1e308, -1e308], [1.0, 0.0]),
    ({}, [-1e308, -1e308], [0.5, 0.5]),
    ({}, [7.0], [1.0]),
    ({}, [-INF, -INF], [None, None]),
    ({"undefined": "zeros"}, [-INF, -INF], [0.0, 0.0]),
    ({"undefined": "uniform"}, [-INF] * 4, [0.25] * 4),
    ({}, [1.0, NAN, INF], [NAN, NAN, NAN]),
    ({"undefined": "zeros"}, [NAN, -INF], [NAN, NAN]),
    ({}, [1.0, None, 3.0], [None, None, None]),
    ({}, [None, NAN], [None, None]),
    ({}, [None, -INF], [None, None]),
    ({"undefined": "error"}, [None, -INF], [None, None]),
    ({"nulls": "mask"}, [0.0, None, 0.0], [0.5, None, 0.5]),
    ({"nulls": "mask"}, [None, 5.0], [None, 1.0]),
    ({"nulls": "mask"}, [None, NAN, 1.0], [None, NAN, NAN]),
    ({"nulls": "mask"}, [None, -INF], [None, None]),
    ({"nulls": "mask"}, [None, INF, INF], [None, 0.5, 0.5]),
    ({"nulls": "mask", "undefined": "uniform"}, [None, -INF, -INF], [None, 0.5, 0.5]),
    ({"nulls": "mask", "undefined": "zeros"}, [None, -INF], [None, 0.0]),
    ({"nulls": "mask", "undefined": "error"}, [None, None], [None, None]),
    ({"nulls": "mask", "undefined": "uniform"}, [None, None], [None, None]),
    ({"temperature": 1e-300}, [1.0, 2.0], [0.0, 1.0]),
    ({"temperature": 1e308}, [1e300, 0.0], [0.5 + 2.5e-9, 0.5 - 2.5e-9]),
    ({"temperature": 5e-324}, [0.0, 0.0], [0.5, 0.5]),
    ({"temperature": 5e-324}, [5e-324, 0.0], [0.7310585786300049, 0.2689414213699951]),
    ({"temperature": 5e-324}, [1e-323, 5e-324], [0.7310585786300049, 0.2689414213699951]),
    ({"temperature": 1e-323}, [0.0, 1e-323], [0.2689414213699951, 0.7310585786300049]),
    ({"temperature": 2e-308}, [2e-308, 0.0, -INF], [0.7310585786300049, 0.2689414213699951, 0.0]),
    ({"temperature": 1.7e308}, [0.85e308, -0.85e308], [0.7310585786300049, 0.2689414213699951]),
    ({"temperature": 1.7e308}, [5e-324, 0.0], [0.5, 0.5]),
    ({"temperature": 1.5}, [1.5e308, -1.5e308], [1.0, 0.0]),
    ({"log": True, "temperature": 5e-324}, [5e-324, 0.0], [-0.31326168751822286, -1.3132616875182228]),
    ({"log": True}, [0.0, -40.0], [-4.248354255291589e-18, -40.0]),
    ({"log": True}, [-40.0, 0.0], [-40.0, -4.248354255291589e-18]),
    ({"log": True}, [-5.0, -45.0], [-4.248354255291589e-18, -40.0]),
    ({"log": True, "temperature": 2.0}, [0.0, -80.0], [-4.248354255291589e-18, -40.0]),
    ({"log": True, "nulls": "mask"}, [0.0, None, -40.0], [-4.248354255291589e-18, None, -40.0]),
    ({"log": True, "nulls": "mask"}, [None, None], [None, None]),
    ({"log": True}, [0.0, -700.0], [-9.859676543759770e-305, -700.0]),
    ({"log": True}, [INF, -INF], [0.0, -INF]),
    ({"log": True}, [7.0], [0.0]),
    ({"log": True, "temperature": 4.0}, [1e308, -1e308], [0.0, -5e307]),
    ({"log": True}, [1000.0, 1.0], [0.0, -999.0]),
    ({"log": True}, [0.0, 0.0], [-math.log(2), -math.log(2)]),
    ({"log": True}, [INF, INF, 0.0], [-math.log(2), -math.log(2), -INF]),
    ({"log": True}, [-INF, 0.0], [-INF, 0.0]),
    ({"log": True, "undefined": "zeros"}, [-INF, -INF], [-INF, -INF]),
    ({"log": True, "undefined": "uniform"}, [-INF, -INF], [-math.log(2), -math.log(2)]),
    ({"log": True, "nulls": "mask"}, [None, 3.0, NAN], [None, NAN, NAN]),
    ({"log": True, "nulls": "mask"}, [None, 3.0], [None, 0.0]),
]


@pytest.mark.parametrize(("options", "row", "expected"), EXACT)
def test_map_softmax_row(options: dict[str, Any], row: Row, expected: Row) -> None:
    (found,) = run(SoftmaxMap(**options), row)
    if options.get("temperature", 1.0) != 1.0 or -40.0 in row or -45.0 in row or -700.0 in row:
        assert [value is None for value in found] == [value is None for value in expected]
        ours, theirs = ([value for value in side if value is not None] for side in (found, expected))
        assert ours == pytest.approx(theirs, rel=1e-15, abs=0)
    else:
        assert same([found], expected)


def test_map_softmax_published_row() -> None:
    (found,) = run(SoftmaxMap(), [2.0, 1.0, 0.1])
    assert found == pytest.approx([0.6590011388859679, 0.24243297070471392, 0.09856589040931818], rel=2e-16 * 3)


def test_map_softmax_rows_apart() -> None:
    rows: list[Row] = [[0.0, 0.0], [None, 1.0], [NAN, 1.0], [-INF, -INF], [INF, 1.0]]
    assert same(run(SoftmaxMap(), *rows), [0.5, 0.5], [None, None], [NAN, NAN], [None, None], [1.0, 0.0])


@pytest.mark.parametrize("undefined", ["null", "zeros", "uniform", "error"])
def test_leave_row_of_nulls_beside_others(undefined: Any) -> None:
    found = run(SoftmaxMap(nulls="mask", undefined=undefined), [None, None], [1.0, 1.0])
    assert same(found, [None, None], [0.5, 0.5])


@pytest.mark.parametrize("under", [NAN, INF, 1e308, 0.0])
def test_mask_whatever_stands_under_a_null(under: float) -> None:
    x, null = np.array([[under, 2.0, 2.0]]), np.array([[True, False, False]])
    y, gone = SoftmaxMap(nulls="mask", nonfinite="error").forward(x, null)
    assert (y[~gone].tolist(), gone.tolist()) == ([0.5, 0.5], null.tolist())


@pytest.mark.parametrize("map_", [SoftmaxMap(), SoftmaxMap(undefined="error"), UnitNormMap()])
@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
def test_map_rows_without_scores(map_: RowMap, shape: tuple[int, int]) -> None:
    y, null = map_.forward(np.empty(shape), np.zeros(shape, dtype=bool))
    assert (y.shape, null.shape) == (shape, shape)


def test_refuse_undefined_softmax_and_count_it() -> None:
    with pytest.raises(DataError, match="found 2 rows without one") as caught:
        run(SoftmaxMap(undefined="error"), [-INF, -INF], [0.0, 0.0], [-INF, -INF])
    assert (caught.value.code, caught.value.exit_code) == ("DATA_UNDEFINED", 65)


@pytest.mark.parametrize("map_", [SoftmaxMap(nonfinite="error", nulls="mask"), UnitNormMap(nonfinite="error")])
@pytest.mark.parametrize("bad", [NAN, INF, -INF])
def test_refuse_nonfinite_score_but_not_null(map_: RowMap, bad: float) -> None:
    run(map_, [None, 1.0])
    with pytest.raises(DataError) as caught:
        run(map_, [None, bad])
    assert (caught.value.code, caught.value.exit_code) == ("DATA_NONFINITE", 65)


@given(st.lists(scores, min_size=1, max_size=200), st.floats(min_value=0.1, max_value=10))
def test_sum_softmax_to_one(row: list[float], temperature: float) -> None:
    (found,) = run(SoftmaxMap(temperature=temperature), list(row))
    # The total of k weights is off by (k - 1) u (Jeannerod and Rump, 2013), each quotient by u and half the least
    # double; to first order that is k u, and the second order is below 2 (k u)**2 for k u < 1/2.
    k = len(row)
    bound = k * U + 2 * (k * U) ** 2 + k * Fraction(5e-324)
    assert abs(sum((Fraction(p or 0.0) for p in found), Fraction(0)) - 1) <= bound


@given(st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=20), st.integers(-(10**9), 10**9), st.booleans())
def test_shift_softmax_changes_nothing(row: list[int], shift: int, log: bool) -> None:
    plain, moved = [float(score) for score in row], [float(score + shift) for score in row]  # exact
    assert same(run(SoftmaxMap(log=log), list(plain)), *run(SoftmaxMap(log=log), list(moved)))


@given(st.lists(coarse, min_size=2, max_size=30), st.booleans())
def test_keep_order_of_scores(row: list[float], log: bool) -> None:
    (found,) = run(SoftmaxMap(log=log), list(row))
    ordered = [value for _, value in sorted(zip(row, np.array(found, dtype=float).tolist(), strict=True))]
    assert ordered == sorted(ordered)


@given(st.lists(scores, min_size=1, max_size=30), st.floats(min_value=0.5, max_value=10))
def test_match_scipy_softmax(row: list[float], temperature: float) -> None:
    x = np.array(row)
    (found,), (logs,) = (
        run(SoftmaxMap(temperature=temperature), list(row)),
        run(SoftmaxMap(temperature=temperature, log=True), list(row)),
    )
    # x / T rounds before the maximum is taken from it: 3 u max|x / T|, at most 1400 here, is below 5e-13.
    np.testing.assert_allclose(np.array(found, float), special.softmax(x / temperature), rtol=1e-12, atol=5e-324)
    # SciPy takes the logarithm of the whole sum, where p is near 1 that of 1 + a number known to k u.
    np.testing.assert_allclose(np.array(logs, float), special.log_softmax(x / temperature), rtol=1e-12, atol=5e-13)


@given(st.lists(scores, min_size=1, max_size=30), st.booleans())
def test_match_exact_log_softmax(row: list[float], ties: bool) -> None:
    row = [*row, max(row)] if ties else row
    (found,) = run(SoftmaxMap(log=True), list(row))
    first, *others = sorted(row, reverse=True)
    gap = first - others[0] if others else 0.0
    with localcontext(prec=40 + int(gap)):  # digits: the logarithm of 1 + exp(-gap) is about exp(-gap)
        top = Decimal(max(row))
        total = sum(((Decimal(score) - top).exp() for score in row), Decimal(0)).ln()
        expected = [float(Decimal(score) - top - total) for score in row]
    # Weights below 1e-308 are subnormal or nothing.
    np.testing.assert_allclose(np.array(found, float), expected, rtol=1e-13, atol=1e-307)


NORMS: list[tuple[str, Row, Row]] = [
    ("l2", [3.0, -4.0], [0.6, -0.8]),
    ("l1", [1.0, -3.0], [0.25, -0.75]),
    ("max", [1.0, -4.0], [0.25, -1.0]),
    ("l1 l2 max", [0.0, -0.0], [0.0, -0.0]),
    ("l1 l2 max", [1.0, NAN, INF], [NAN, NAN, NAN]),
    ("l1 l2 max", [1.0, None], [None, None]),
    ("l1 l2 max", [None, NAN], [None, None]),
    ("l1 l2 max", [INF, 5.0], [1.0, 0.0]),
    ("l1", [INF, -INF, 1.0], [0.5, -0.5, 0.0]),
    ("l2", [INF, -INF, INF, INF, 0.0], [0.5, -0.5, 0.5, 0.5, 0.0]),
    ("max", [INF, -INF, 1.0], [1.0, -1.0, 0.0]),
    ("l1", [1.5e308, 1.5e308], [0.5, 0.5]),
    ("l2", [1e308] * 4, [0.5] * 4),
    ("l2", [5e-324] * 4, [0.5] * 4),
    ("l2", [3e-200, 4e-200], [0.6, 0.8]),
    ("max", [5e-324, -1e-323], [0.5, -1.0]),
]
#: The same for p-norms: 8 = 2**3.
POWERS: list[tuple[float, Row, Row]] = [
    (3.0, [1.0, -2.0], [1 / 9 ** (1 / 3), -2 / 9 ** (1 / 3)]),
    (3.0, [1e308, -1e308] * 4, [0.5, -0.5] * 4),
    (3.0, [5e-324] * 8, [0.5] * 8),
    (3.0, [3e-200, 1e200], [0.0, 1.0]),
    (3.0, [INF, -INF, *[INF] * 6, 1.0], [0.5, -0.5, *[0.5] * 6, 0.0]),
    (3.0, [0.0, -0.0], [0.0, -0.0]),
    (3.0, [1.0, NAN], [NAN, NAN]),
    (3.0, [1.0, None], [None, None]),
    (1.5, [8.0, 8.0], [0.5 ** (2 / 3)] * 2),
    (1.0, [1.0, -3.0], [0.25, -0.75]),
    (1e308, [2.0, -4.0], [0.5, -1.0]),
]


@pytest.mark.parametrize(("norms", "row", "expected"), NORMS)
def test_map_unit_norm_row(norms: str, row: Row, expected: Row) -> None:
    for norm in norms.split():
        assert same(run(UnitNormMap(norm=norm), row), expected)  # type: ignore[arg-type]


@pytest.mark.parametrize(("power", "row", "expected"), POWERS)
def test_map_row_by_its_power_norm(power: float, row: Row, expected: Row) -> None:
    (found,) = run(UnitNormMap(norm=power), row)
    assert [x is None for x in found] == [x is None for x in expected]
    np.testing.assert_allclose(np.array(found, float), np.array(expected, float), rtol=4e-16, atol=0)


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20).filter(any),
    st.sampled_from([1, 2]),
)
def test_map_unit_norm_to_length_one(row: list[float], order: int) -> None:
    (found,) = run(UnitNormMap(norm="l1" if order == 1 else "l2"), list(row))
    length = sum((abs(Fraction(value or 0.0)) ** order for value in found), Fraction(0))
    assert abs(length - 1) <= order * (len(row) + 4) * U


pairs = st.tuples(numbers, numbers)
policies = st.sampled_from(["keep", "error"])
clips = st.none() | pairs.map(lambda pair: (min(pair), max(pair)))
prescales = st.sampled_from([1.0, 0.5, maps.FINE])
masks, undefined = st.sampled_from(["null", "mask"]), st.sampled_from(["null", "zeros", "uniform", "error"])
MAPS = st.one_of(
    st.builds(
        Affine,
        numbers,
        sizes,
        sizes,
        numbers,
        prescales,
        clips,
        st.none() | pairs,
        numbers,
        st.sampled_from([1.0, 2.0]),
    ),
    st.just(Undefined()),
    st.builds(SoftmaxMap, policies, sizes, masks, undefined, st.booleans()),
    st.builds(UnitNormMap, policies, st.sampled_from(["l1", "l2", "max"]) | st.floats(1, 1e300)),
    st.builds(Piecewise.through, st.lists(numbers, min_size=2).map(sorted), st.sampled_from(["uniform", "normal"])),
)


@given(MAPS)
def test_round_trip_map(map_: maps.Map) -> None:
    text = json.dumps(map_.to_dict(), allow_nan=False)
    back = maps.from_dict(json.loads(text))
    assert back == map_
    assert json.dumps(back.to_dict()) == text
    assert map_.formula


def base64_of(knots: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(knots)}d", *knots)).decode()


def test_write_knots_as_base64_of_doubles() -> None:
    assert Piecewise.through([1.0, 2.5, 1e300]).to_dict()["knots"] == base64_of([1.0, 2.5, 1e300])


AFFINE, SOFTMAX, UNIT = Affine().to_dict(), SoftmaxMap().to_dict(), UnitNormMap().to_dict()
PIECEWISE = Piecewise.through([1.0, 2.0]).to_dict()
#: Per map, the values that each of these fields must refuse.
JUNK: list[tuple[dict[str, Any], str, list[Any]]] = [
    (
        AFFINE,
        "center center_lo scale gain offset prescale postscale",
        [None, "1", True, [1.0], [1.0, 2.0], {}, NAN, INF, -INF, 10**400],
    ),
    (AFFINE, "scale gain prescale", [0.0, -0.0, -1.0]),
    (AFFINE, "prescale", [0.25, 2.0]),
    (AFFINE, "postscale", [0.5, 0.0, -1.0, 4.0]),
    (
        AFFINE,
        "clip pin",
        [0, "", "ab", {}, [], [1], [1, 2, 3], ["0", "1"], [None, 1], [[1], 2], [NAN, 1.0], [0.0, INF]],
    ),
    (AFFINE, "clip pin", [[False, True], [10**400, 1]]),
    (AFFINE, "clip", [[5.0, -5.0]]),
    (SOFTMAX, "temperature", [0.0, -1.0, NAN, INF, None, "1", True, 10**400, [1.0, 2.0]]),
    (SOFTMAX, "nulls undefined nonfinite", ["no", None, True, 1, [], {}]),
    (SOFTMAX, "log", ["yes", None, 1, 0.0, []]),
    (UNIT, "norm nonfinite", ["l3", None, 0.5, ["l2"]]),
    (UNIT, "norm", [0, -1.0, NAN, INF, True, 10**400, "3", [2.0]]),
    (PIECEWISE, "output", ["no", None, True, 1, []]),
    (
        PIECEWISE,
        "knots",
        [None, 1, "", "?", "AAAA", [1.0, 2.0], *map(base64_of, ([], [1.0], [2.0, 1.0], [0.0, INF], [NAN, 1.0]))],
    ),
]
HOSTILE: list[Any] = [
    *(good | {name: value} for good, names, values in JUNK for name in names.split() for value in values),
    *(None, [1], "affine", {}, {"kind": ["affine"]}, {"kind": "pickle"}, {"kind": "affine"}, {"kind": "affine", 1: 2}),
    *(AFFINE | {"more": 1.0}, {k: v for k, v in AFFINE.items() if k != "pin"}, {"kind": "undefined", "more": 1}),
]


@pytest.mark.parametrize("data", HOSTILE, ids=range(len(HOSTILE)))
def test_refuse_hostile_map(data: Any) -> None:
    with pytest.raises(DataError) as caught:
        maps.from_dict(data)
    assert (caught.value.code, caught.value.exit_code) == ("ARTIFACT_INVALID", 65)


@pytest.mark.parametrize("fields", [{"clip": [0.0, 1.0]}, {"pin": [0.0, 1.0]}, {"clip": {0.0: 1, 1.0: 2}}])
def test_refuse_pair_that_is_no_tuple(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected two numbers or none in clip and pin"):
        Affine(**fields)


def test_print_formula() -> None:
    halved = Affine(center=2.0, scale=4.0, gain=3.0, offset=-1.0, prescale=0.5, clip=(0.0, 1.0))
    assert Affine(center=2.0, scale=4.0).formula == "(x - 2.0) / 4.0"
    far = Affine(center=1e9, center_lo=-0.25, scale=2.0, gain=3.0, offset=-1e308, postscale=2.0)
    assert far.formula == "((x - 1000000000.0 - -0.25) / 2.0 * 3.0 + -1e+308) * 2.0"
    assert halved.formula == "clip((x * 0.5 - 1.0) / 4.0 * 3.0 + -1.0, 0.0, 1.0)"
    assert SoftmaxMap(temperature=0.7, log=True).formula == "log_softmax(x / 0.7)"
    assert (SoftmaxMap().formula, UnitNormMap(norm="l1").formula, Undefined().formula) == (
        "softmax(x)",
        "x / l1(x)",
        "null",
    )
    assert UnitNormMap(norm=3.0).formula == "x / norm(x, 3.0)"


def test_allow_more_ulps_for_more_scores() -> None:
    assert SoftmaxMap().ulps_of(100) > SoftmaxMap().ulps_of(2) > 0
