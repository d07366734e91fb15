"""The search for a maximum: few evaluations, for any concave function."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from sparkscale.scalers.peak import next_place

TOLERANCE = 1e-11


def climb(f: Callable[[float], float], first: list[float], low: float, high: float) -> tuple[float, int]:
    """Return the best place, and how many evaluations it took."""
    known = {x: f(x) for x in first}
    while (place := next_place(known, low, high, TOLERANCE)) is not None:
        assert low <= place <= high
        known[place] = f(place)
    return max(known, key=known.__getitem__), len(known)


@pytest.mark.parametrize(("f", "top", "most"), [
    (lambda x: -((x - 0.3) ** 2), 0.3, 5),
    (lambda x: -((x - 40) ** 2), 40.0, 12),
    (lambda x: -math.cosh(x + 1.5), -1.5, 10),
    (lambda x: -math.log(math.cosh(5 * (x - 2))), 2.0, 16),
])  # fmt: skip
def test_find_the_top(f: Callable[[float], float], top: float, most: int) -> None:
    place, evaluations = climb(f, [-0.6, 0.0, 0.6], -100.0, 100.0)
    assert f(place) >= f(top) - TOLERANCE
    assert evaluations <= most


def test_end_where_no_concave_function_has_more() -> None:
    """Values that are equal up to their rounding: polynomials through them promise anything."""
    known = {-2.5: -0.09, 0.0: 0.0, 1e-9: 0.0, 5e-6: -4.8e-13, 1e-3: -4.7e-8, 0.5: -0.02}
    assert next_place(known, -100.0, 100.0, TOLERANCE) is None


def test_end_at_the_ends() -> None:
    assert climb(lambda x: x - x * x / 1e6, [0.0, 1.0, -1.0], -5.0, 7.0)[0] == 7.0
    assert climb(lambda x: -x, [-1.0, 0.0, 1.0], -1.0, 1.0) == (-1.0, 3)
    assert climb(lambda x: -((x + 0.9) ** 2), [-1.0, 0.0, 1.0], -1.0, 1.0)[0] == pytest.approx(-0.9)


def test_pass_by_places_without_a_value() -> None:
    assert next_place({0.0: -math.inf, 1.0: -math.inf}, 0.0, 1.0, TOLERANCE) is None
    place, _ = climb(lambda x: math.log(x) - x if x > 0 else -math.inf, [-1.0, 0.0, 3.0], -1.0, 9.0)
    assert place == pytest.approx(1.0, abs=1e-5)
