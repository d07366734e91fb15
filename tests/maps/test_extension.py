"""A map is an extension point: one that is defined here alone is known to artifacts and to the NumPy engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import sparkscale as ss
from sparkscale import maps
from sparkscale.artifact import document
from sparkscale.errors import DataError
from sparkscale.maps.base import KINDS, Floats
from sparkscale.scalers.base import Scaler
from sparkscale.stats.column import ColumnStats
from tests.toys import define_maps


@pytest.fixture(autouse=True)
def _kinds(registry: object) -> Iterator[None]:
    """Forget the kinds of maps that a test defines."""
    known = dict(KINDS)
    yield
    KINDS.clear()
    KINDS.update(known)


TABLE: dict[str, Any] = {
    "x": [1.0, None, -3.0],
    "a": [1.0, 0.0, 5.0],
    "b": [3.0, 2.0, None],
    "s": [[1.0, 3.0], [4.0], None],
}


def test_map_forward_and_back_by_numpy() -> None:
    *_, double, center = define_maps()
    fitted = ss.Pipeline([double("x"), center(["a", "b"]), center("s")]).fit_arrays(TABLE)
    out = fitted.transform_arrays(TABLE)
    assert {name: out[name].tolist() for name in "xab"} == {
        "x": [2.0, None, -6.0], "a": [-1.0, -1.0, None], "b": [1.0, 1.0, None],
    }  # fmt: skip
    assert [None if row is None else row.tolist() for row in out["s"]] == [[-1.0, 1.0], [0.0], None]
    with pytest.warns(ss.InverseWarning, match="keep"):
        back = fitted.inverse_transform_arrays(out)
    assert back["x"].tolist() == TABLE["x"]
    assert back["a"] is out["a"]
    assert "x: x * 2.0" in repr(fitted)


def test_keep_in_an_artifact() -> None:
    *_, double, center = define_maps()
    fitted = ss.Pipeline([double("x"), center(["a", "b"])]).fit_arrays(TABLE)
    loaded = document.load(document.dump(fitted))
    assert loaded.maps == fitted.maps
    (map_,), _ = fitted.maps
    assert maps.from_dict(json.loads(json.dumps(map_.to_dict()))) == map_


def test_refuse_a_kind_that_is_not_defined() -> None:
    with pytest.raises(DataError, match="'doubling'"):
        maps.from_dict({"kind": "doubling", "times": 2.0})


def test_need_no_inverse() -> None:
    @dataclass(frozen=True)
    class Sign(maps.ColumnMap, kind="sign"):
        invertible = False

        def forward(self, x: Floats) -> Floats:
            return np.sign(x)

        @property
        def formula(self) -> str:
            return "sign(x)"

    class TakeSign(Scaler, kind="take_sign"):
        formula = "sign(x)"

        def solve(self, stats: ColumnStats) -> Sign:  # noqa: ARG002 - of any column
            return Sign()

    fitted = ss.Pipeline([TakeSign("x"), ss.MaxAbs("a")]).fit_arrays(TABLE)
    with pytest.warns(ss.InverseWarning, match="column 'x' keeps"):
        back = fitted.inverse_transform_arrays(fitted.transform_arrays(TABLE))
    assert (back["x"].tolist(), back["a"].tolist()) == ([1.0, None, -1.0], TABLE["a"])
