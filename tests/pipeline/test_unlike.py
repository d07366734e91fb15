"""A sample that is not like the table of the fit: what is null now, and what is far away."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import sparkscale as ss
from sparkscale.pipeline.unlike import unlike

NAN = float("nan")
FITTED = ss.Pipeline([ss.Standard(["x", "holes"])]).fit_arrays(
    {"x": np.array([0.0, 1.0, 2.0, 3.0, 4.0]), "holes": np.ma.array([1.0] * 5, mask=[1, 1, 1, 0, 0])}
)


@pytest.mark.parametrize(("x", "found"), [
    ([0.0, 4.0, None, None], []),
    ([None, None, None, 2.0], ["column 'x': 75% of the first 4 values is null, in the fit 0.0% was"]),
    ([2.0, 100.0, 4002.0 * 2**0.5, None], [
        "column 'x': most of the first values (3) are outside of the fit's 0 to 4; "
        "their median is 100, 69 std from the mean of the fit"]),
    ([-1.0, 2.0], []),
    ([NAN, NAN, 2.0], []),
    ([None, NAN], []),
    ([], []),
])  # fmt: skip
def test_tell_what_is_not_like_the_fit(x: list[Any], found: list[str]) -> None:
    column = np.ma.array([0.0 if value is None else value for value in x], mask=[value is None for value in x])
    assert list(unlike(FITTED, {"x": column, "holes": np.ma.array([1.0] * len(x), mask=True)})) == found


def test_compare_arrays_by_position_or_as_a_whole() -> None:
    apart = ss.Pipeline([ss.Standard("e")]).fit_arrays({"e": np.array([[0.0, 0.0, 10.0], [1.0, 1.0, 20.0]])})
    shifted = np.array([[9.0, 9.0, 15.0], [8.0, 8.0, 11.0]])
    assert list(unlike(apart, {"e": shifted})) == [
        "column 'e.0': most of the first values (2) are outside of the fit's 0 to 1; "
        "their median is 8.5, 16 std from the mean of the fit; the same at 1 more position of 'e'"
    ]
    gone = np.empty(3, dtype=object)
    gone[:] = [None, None, [0.5, 0.5, 15.0]]
    assert list(unlike(apart, {"e": gone})) == [
        "column 'e.0': 67% of the first 3 values is null, in the fit 0.0% was; the same at 2 more positions of 'e'"
    ]
    together = ss.Pipeline([ss.Standard("e", over="all")]).fit_arrays({"e": np.array([[0.0, 0.0], [1.0, 20.0]])})
    assert list(unlike(together, {"e": shifted})) == []
    assert list(unlike(together, {"e": shifted + 30})) == [
        "column 'e': most of the first values (6) are outside of the fit's 0 to 20; "
        "their median is 39, 4 std from the mean of the fit"
    ]
