"""What all maps share: no warning, which inverse loses nothing, and the formula."""

from __future__ import annotations

import itertools
import sys
import warnings
from typing import Any

import numpy as np
import pytest

from sparkscale import maps
from sparkscale.maps import Affine, SoftmaxMap, Undefined, UnitNormMap
from tests.maps.rows import INF, NAN

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


def test_map_undefined_to_nan() -> None:
    for way in (Undefined().forward, Undefined().inverse):
        assert np.isnan(way(np.array([1.0, INF]))).all()
    for way in (Undefined().apply, Undefined().unapply):
        assert way(np.array([[1.0], [INF]]), np.zeros((2, 1), dtype=bool))[1].all()


def test_know_which_inverse_loses_nothing() -> None:
    held = [Affine(clip=(0.0, 1.0)), Undefined(), SoftmaxMap(), UnitNormMap()]
    assert [map_.lossless for map_ in (Affine(), *held)] == [True, False, False, False, False]
    assert [map_.invertible for map_ in (Affine(), *held)] == [True, True, True, False, False]


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
