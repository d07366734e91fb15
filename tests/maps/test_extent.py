"""What happens to a value: counted by numbers to compare with, against what the map makes of each value."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparkscale.errors import DataError
from sparkscale.maps import (
    Affine,
    AsinhMap,
    BoxCoxMap,
    Chained,
    ColumnMap,
    Fill,
    IsMissing,
    Limit,
    Log1pMap,
    Piecewise,
    SignedLogMap,
    SoftmaxMap,
    Undefined,
    UnitNormMap,
    YeoJohnsonMap,
)
from sparkscale.maps.by_group import family_of
from sparkscale.maps.extent import ALL, EVENTS, NONE, Extent, greatest, least
from sparkscale.maps.winners import Winners

INF, NAN, MAX = math.inf, math.nan, float(np.finfo(float).max)


def held(low: float, high: float, onto: tuple[float, float] = (0.0, 1.0)) -> Affine:
    return Affine.spanning(low, high, center=low, onto=onto, clip=onto)


def met(map_: ColumnMap, x: float | None) -> set[str]:
    """Say what a map does to one value, by what it gives: the definition, one map of a chain after the other."""
    found: set[str] = set()
    for one in map_.maps if isinstance(map_, Chained) else [map_]:
        given = x
        match one:
            case Affine(clip=(low, high)) if x is not None and not math.isnan(x):
                y = float(one._forward(np.array([x]))[0])
                found |= {"clipped_low"} if y < low else {"clipped_high"} if y > high else set()
            case Limit() if x is not None:
                found |= {"clipped_low"} if one.low is not None and x < one.low else set()
                found |= {"clipped_high"} if one.high is not None and x > one.high else set()
            case Piecewise() if x is not None:
                found |= {"clipped_low"} if x < one.values[0] else {"clipped_high"} if x > one.values[-1] else set()
        try:
            y, null = one.apply(np.array([[NAN if x is None else x]]), np.array([[x is None]]))
        except DataError:
            return {"undefined"}
        x = None if null[0, 0] else float(y[0, 0])
        if x is None and given is not None and not math.isnan(given):
            return {"undefined"}
    return found


MAPS = [
    Affine(3.0, 2.0),
    held(-3.0, 7.0),
    held(0.0, 3.0, (-1.0, 1.0)),
    held(0.1, 0.7, (0.1, 0.3)),
    held(1e9, 1e9 + 1),
    held(-MAX, MAX),
    held(5e-324, 1.5e-323),
    held(2.0, 2.0),
    Affine(10.0, 0.3, clip=(-3.0, 3.0)),
    Affine(clip=(-1e300, INF if False else 1e300)),
    Limit(-1.0, 2.5),
    Limit(low=0.0),
    Limit(high=-INF if False else -3.0),
    Log1pMap(undefined="null"),
    Log1pMap(undefined="error"),
    BoxCoxMap(0.4, undefined="null"),
    BoxCoxMap(-1.3, 5.0),
    YeoJohnsonMap(1.7),
    AsinhMap(),
    SignedLogMap(),
    Undefined(),
    Fill(3.0),
    Fill(-2.0, ("null", "nan")),
    IsMissing(),
    Piecewise.through([-1.0, -1.0, 0.5, 2.0]),
    Piecewise.through([0.0, 1.0], "normal"),
]
CHAINS = [
    Chained((Fill(-1.0), Log1pMap(undefined="null"), Affine(0.5, 0.25, clip=(-1.0, 2.0)))),
    Chained((Fill(9.0, ("null", "nan")), Limit(-1.0, 5.0), Affine(1.0, 2.0))),
    Chained((Fill(-9.0, ("nan",)), Limit(-1.0, 5.0), Limit(0.0, 7.0))),
    Chained((Affine(1.0, 3.0), Log1pMap(undefined="null"))),
    Chained((Affine(1.0, 3.0), Log1pMap(), AsinhMap(), Limit(-0.5, 0.5))),
    Chained((AsinhMap(), held(-2.0, 3.0, (-1.0, 1.0)))),
    Chained((SignedLogMap(), Affine(0.5, 0.1, clip=(-3.0, 3.0)))),
    Chained((Limit(-5.0, 0.5), Log1pMap(undefined="null"))),
    Chained((Limit(0.0, 1.0), Limit(2.0, 3.0))),
    Chained((Limit(0.0, 1.0), Limit(-3.0, -2.0))),
    Chained((Affine(2.0, 2.0), Undefined(), Fill(1.0))),
    Chained((Piecewise.through([-1.0, 0.0, 2.0]), Limit(0.1, 0.9))),
    Chained((Affine(2.0, 2.0), IsMissing())),
    Chained((BoxCoxMap(0.0, undefined="null"), Limit(-1.0, 1.0))),
]


def neighbours(x: float) -> list[float]:
    return [math.nextafter(x, -INF), x, math.nextafter(x, INF)]


def values_of(map_: ColumnMap) -> list[float | None]:
    """Return values everywhere, and around each bound."""
    extent = map_.extent
    assert extent is not None
    around = [y for end in (*extent.defined, *extent.whole) if math.isfinite(end) for y in neighbours(end)]
    plain = [
        -INF,
        -MAX,
        -1e9,
        -3.5,
        -1.0,
        -0.5,
        -5e-324,
        -0.0,
        0.0,
        5e-324,
        0.3,
        0.5,
        1.0,
        2.0,
        2.5,
        7.0,
        9.0,
        1e9,
        MAX,
        INF,
    ]
    return [None, NAN, *plain, *around]


@pytest.mark.parametrize("map_", [*MAPS, *CHAINS], ids=lambda map_: f"{map_.formula[:60]}")
def test_count_what_the_map_does_to_each_value(map_: ColumnMap) -> None:
    extent = map_.extent
    assert extent is not None
    given = values_of(map_)
    x, null = np.array([NAN if v is None else v for v in given]), np.array([v is None for v in given])
    found = extent.found(x, null)
    assert set(found) == set(extent.events)
    for number, value in enumerate(given):
        assert {name for name in found if found[name][number]} == met(map_, value), value


def test_count_nothing_of_plain_maps() -> None:
    assert [map_.extent for map_ in (Affine(3.0, 2.0), AsinhMap(), Fill(3.0), IsMissing(), YeoJohnsonMap(2.0))] == [
        Extent()
    ] * 5
    assert Extent().events == ()
    assert Chained((Fill(1.0), Affine(1.0, 2.0))).extent == Extent()
    assert Extent(NONE, null=frozenset({"clipped_low"})).events == ("undefined", "clipped_low")


class Bend(ColumnMap):
    """``x**2``, which is not increasing."""

    def forward(self, x: np.ndarray) -> np.ndarray:
        return x * x


def test_say_nothing_behind_a_map_that_is_not_increasing() -> None:
    assert Chained((Bend(), Affine(1.0, 2.0))).extent == Extent()
    assert Chained((Bend(), Limit(0.0, 1.0))).extent is None
    assert Chained((Limit(0.0, 1.0), Bend())).extent == Limit(0.0, 1.0).extent
    assert Chained((Chained((Bend(), Limit(0.0, 1.0))).maps[0], Affine(), Limit(0.0, 1.0))).extent is None


@given(st.floats(), st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_find_the_first_and_last_double(near: float, bound: float, other: float) -> None:
    assert least(lambda x: x >= bound, near=near) == bound
    assert greatest(lambda x: x <= bound, near=near) == bound
    assert least(lambda x: x > bound) == (INF if bound in (INF, MAX) else math.nextafter(bound, INF))
    low, high = min(bound, other), max(bound, other)
    assert least(lambda x: x >= bound, (low, high)) == max(bound, low)
    assert greatest(lambda x: x < -INF, (low, high)) == -INF
    assert least(lambda x: x >= low, NONE) == INF
    assert least(lambda x: x >= -INF, ALL) == -INF


def test_count_rows_without_a_softmax() -> None:
    null = np.array([[False, False], [True, False], [False, False], [True, True], [False, False]])
    x = np.array([[-INF, -INF], [NAN, -INF], [-INF, 0.0], [NAN, NAN], [-INF, NAN]])
    assert SoftmaxMap().undefined_rows(x, null).tolist() == [True, False, False, False, False]
    masks = SoftmaxMap(nulls="mask", undefined="uniform")
    assert masks.undefined_rows(x, null).tolist() == [True, True, False, False, False]
    assert Winners(map=masks).undefined_rows(x, null).tolist() == [True, True, False, False, False]
    assert not UnitNormMap().undefined_rows(x, null).any()
    assert SoftmaxMap().undefined_rows(np.empty((3, 0)), np.empty((3, 0), bool)).tolist() == [False] * 3


def test_know_every_event() -> None:
    assert set(EVENTS) == {"undefined", "clipped_low", "clipped_high"}


@pytest.mark.parametrize(
    "maps", [[Limit(0.0, 1.0), Limit(None, 2.0)], [Affine(0.0, scale, clip=(0.0, 1.0)) for scale in (1.0, 2.0)]]
)
def test_meet_nothing_in_nulls(maps: list[ColumnMap]) -> None:
    """The value under a null counts as nothing."""
    extent = maps[0].extent
    assert extent is not None
    alone = extent.found(np.array([-9.0, 9.0, 9.0]), np.array([True, True, False]))
    assert {name: where.tolist() for name, where in alone.items()} == {
        "clipped_low": [False, False, False], "clipped_high": [False, False, True]}  # fmt: skip
    found = family_of(maps).met(np.array([[-9.0], [9.0], [9.0]]), np.array([[True], [True], [False]]), np.zeros(3, int))
    assert {name: where.tolist() for name, where in found.items()} == {
        "clipped_low": [False, False, False], "clipped_high": [False, False, True]}  # fmt: skip
