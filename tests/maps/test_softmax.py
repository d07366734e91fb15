"""The softmax map: every row of its table, its laws, and SciPy."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from sparkscale.errors import DataError
from sparkscale.maps import RowMap, SoftmaxMap, UnitNormMap
from tests.maps.rows import INF, NAN, Row, U, run, same

scores = st.floats(min_value=-700, max_value=700)
#: Half floats: different ones are at least 2**-24 apart, far more than an error of exp can turn around.
coarse = st.floats(width=16, allow_nan=False, allow_infinity=False)
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


def test_allow_more_ulps_for_more_scores() -> None:
    assert SoftmaxMap().ulps_of(100) > SoftmaxMap().ulps_of(2) > 0
