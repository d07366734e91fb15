"""The unit norms: rows of each norm, and their length."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparkscale.maps import UnitNormMap
from tests.maps.rows import INF, NAN, Row, U, run, same

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
