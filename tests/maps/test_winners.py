"""What a softmax says of a row: label, confidence, margin and entropy, against NumPy and SciPy."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from sparkscale.maps import SoftmaxMap
from sparkscale.maps.base import Floats
from sparkscale.maps.winners import FACTS, Winners

INF, NAN = math.inf, math.nan
Row = list[float | None]


def facts(row: Row, **fields: Any) -> list[float | None]:
    """Return the facts of one row, None for a null."""
    x = np.array([[NAN if score is None else score for score in row]])
    null = np.array([[score is None for score in row]], dtype=bool).reshape(x.shape)
    y, gone = Winners(map=SoftmaxMap(**fields)).apply(x, null)
    return [None if g else v for v, g in zip(y[0].tolist(), gone[0].tolist(), strict=True)]


NOTHING = [None] * 4
LOG2, LOG3 = math.log(2), math.log(3)
#: Fields, scores, and label, confidence, margin, entropy.
TABLE: list[tuple[dict[str, Any], Row, list[float | None]]] = [
    ({}, [1000.0, 0.0, 0.0], [0, 1.0, 1.0, 0.0]),
    ({}, [-INF, 0.0], [1, 1.0, 1.0, 0.0]),
    ({}, [0.0, LOG2, LOG2, -INF], [1, 0.4, 0.0, math.log(5) - 0.8 * LOG2]),
    ({}, [0.0, -0.0], [0, 0.5, 0.0, LOG2]),
    ({}, [INF, 0.0, INF], [0, 0.5, 0.0, LOG2]),
    ({}, [7.0], [0, 1.0, 1.0, 0.0]),
    ({}, [], NOTHING),
    ({}, [-INF, -INF], NOTHING),
    ({"undefined": "zeros"}, [-INF, -INF], NOTHING),
    ({"undefined": "uniform"}, [-INF] * 3, [0, 1 / 3, 0.0, LOG3]),
    ({"undefined": "uniform"}, [-INF], [0, 1.0, 1.0, 0.0]),
    ({"log": True}, [0.0, 0.0], [0, 0.5, 0.0, LOG2]),
    ({}, [1.0, NAN, INF], [None, NAN, NAN, NAN]),
    ({}, [NAN, None], NOTHING),
    ({}, [1.0, None], NOTHING),
    ({"nulls": "mask"}, [None, 0.0, 0.0], [1, 0.5, 0.0, LOG2]),
    ({"nulls": "mask"}, [None, 5.0, None], [1, 1.0, 1.0, 0.0]),
    ({"nulls": "mask"}, [None, None], NOTHING),
    ({"nulls": "mask"}, [None, -INF], NOTHING),
    ({"nulls": "mask", "undefined": "uniform"}, [None, -INF, -INF], [1, 0.5, 0.0, LOG2]),
    ({"nulls": "mask"}, [None, NAN, 1.0], [None, NAN, NAN, NAN]),
    ({"temperature": 0.5}, [0.0, LOG2 / 2], [1, 2 / 3, 1 / 3, LOG3 - 2 / 3 * LOG2]),
]


@pytest.mark.parametrize(("fields", "row", "expected"), TABLE)
def test_tell_every_row_of_the_table(fields: dict[str, Any], row: Row, expected: list[float | None]) -> None:
    found = facts(row, **fields)
    assert [type(x) for x in found] == [type(x) if x is None else float for x in expected]
    assert found[0] == expected[0]
    for ours, right in zip(found[1:], expected[1:], strict=True):
        assert ours == (None if right is None else pytest.approx(right, rel=4e-16, abs=0, nan_ok=True))


def exact(row: list[float]) -> list[Decimal]:
    """Return confidence, margin and entropy in 700 digits: 1 - 1e-304 takes as many."""
    with localcontext() as context:
        context.prec = 700
        weights = [(Decimal(x) - Decimal(max(row))).exp() for x in row]
        shares = sorted((w / sum(weights) for w in weights), reverse=True)
        entropy = -sum((p * p.ln() for p in shares if p), Decimal(0))
        return [shares[0], shares[0] - shares[1], entropy]


@pytest.mark.parametrize("row", [
    [0.0, -40.0], [0.0, -700.0], [1.0, 1.0 - 2.0**-52], [0.0, -1e-9, -1e-9], [3.0, 1.0, 2.0, 2.0], [-36.0, -0.5, -37.0],
])  # fmt: skip
def test_tell_small_numbers_to_the_last_digits(row: list[float]) -> None:
    for found, right in zip(facts(row)[1:], exact(row), strict=True):
        assert found is not None
        assert abs(Decimal(found) - right) <= right * Decimal("2e-15")


scores = st.one_of(st.floats(-30, 30), st.integers(-3, 3).map(float), st.just(-INF))


@given(st.integers(1, 7).flatmap(lambda k: st.lists(st.lists(scores, min_size=k, max_size=k), min_size=1)))
def test_agree_with_numpy_and_scipy(rows: list[list[float]]) -> None:
    x = np.array(rows)
    y, gone = Winners().apply(x, np.zeros(x.shape, dtype=bool))
    defined = (x > -INF).any(axis=1)
    assert (gone == ~defined[:, None]).all()
    assert_facts_of(x[defined], y[defined])


@settings(max_examples=5)
@given(st.integers(0, 2**32 - 1))
def test_agree_over_a_thousand_classes(seed: int) -> None:
    x = np.random.default_rng(seed).normal(0, 5, (20, 1000)).round(1)
    assert_facts_of(x, Winners().apply(x, np.zeros(x.shape, dtype=bool))[0])


def assert_facts_of(x: Floats, y: Floats) -> None:
    p = special.softmax(x, axis=1)
    ordered = np.sort(np.concatenate([p, np.zeros((len(p), 1))], axis=1), axis=1)
    assert y[:, 0].tolist() == x.argmax(axis=1).tolist()
    np.testing.assert_allclose(y[:, 1], p.max(axis=1), rtol=1e-14)
    np.testing.assert_allclose(y[:, 2], ordered[:, -1] - ordered[:, -2], rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(y[:, 3], special.entr(p).sum(axis=1), rtol=1e-13, atol=1e-14)


def test_tell_only_what_is_asked_for() -> None:
    x = np.array([[0.0, 1.0, 1.0]])
    whole = Winners().apply(x, x > 2)[0]
    for fact in FACTS:
        assert Winners(facts=(fact,)).apply(x, x > 2)[0].tolist() == whole[:, [FACTS.index(fact)]].tolist()


def test_doubt_what_the_softmax_doubts() -> None:
    x = np.array([[0.25, 0.75]])
    assert Winners().doubt(x, x > 2) == SoftmaxMap().doubt(x, x > 2) != ""
