"""The affine map: its formula, its inverse, and no finite result lost on the way."""

from __future__ import annotations

import math
import sys
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sparkscale.maps import Affine, nonzero
from tests.maps.rows import INF, NAN, U, numbers, sizes


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


def test_map_pinned_value_both_ways() -> None:
    map_ = Affine(scale=3.0, pin=(2.0, 0.1))
    assert map_.forward(np.array([2.0, 3.0])).tolist() == [0.1, 1.0]
    assert map_.inverse(np.array([0.1, 1.0])).tolist() == [2.0, 3.0]


@pytest.mark.parametrize(("scale", "expected"), [(0.0, 1.0), (NAN, 1.0), (5e-324, 5e-324), (INF, INF), (2.5, 2.5)])
def test_replace_zero_scale_by_one(scale: float, expected: float) -> None:
    assert nonzero(scale) == expected


@pytest.mark.parametrize("fields", [{"clip": [0.0, 1.0]}, {"pin": [0.0, 1.0]}, {"clip": {0.0: 1, 1.0: 2}}])
def test_refuse_pair_that_is_no_tuple(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected two numbers or none in clip and pin"):
        Affine(**fields)
