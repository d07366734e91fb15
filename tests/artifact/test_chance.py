"""Fits of equal data keep their version, whatever their sketches throw; fits of other data do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sparkscale as ss
from sparkscale.artifact import store
from sparkscale.artifact.chance import same_but_for_chance, settled

X = np.random.default_rng(1).normal(size=50_000)
STEPS = [ss.Robust("x", into="r"), ss.Standard("x")]


def fit(x: Any = X, steps: Any = STEPS) -> ss.Fitted:
    return ss.Pipeline(steps).fit_arrays({"x": x})


def test_keep_the_version_of_equal_data(tmp_path: Path) -> None:
    place = str(tmp_path / "stats")
    first = settled(fit(), place)
    first.save(place)
    for _ in range(5):
        again = fit()
        assert again.maps[0] != first.maps[0]  # by chance
        kept = settled(again, place)
        assert kept.maps == first.maps
        assert kept.save(place) == 1
    assert store.versions(place) == [1]


@pytest.mark.parametrize("other", [
    fit(np.append(X[:-1], 0.0)), fit(X[:-1]), fit(X, [ss.Robust("x", into="r"), ss.Standard("x", ddof=1)]),
    fit(X, STEPS[:1]), fit(X, [ss.Robust("x", into="s"), ss.Standard("x")]),
], ids=["a value", "a row", "a field", "fewer steps", "a name"])  # fmt: skip
def test_add_a_version_for_another_fit(other: ss.Fitted) -> None:
    assert not same_but_for_chance(fit(), other)
    assert not same_but_for_chance(other, fit())


def test_tell_other_data_of_the_same_moments() -> None:
    skewed = np.random.default_rng(2).integers(0, 2**20, 4000).astype(float)
    skewed[:2000] /= 4.0
    data = np.concatenate([skewed, [0.0, 2.0**20]])
    mirrored = 2.0**20 - data
    one, other = fit(data, STEPS[:1]), fit(mirrored, STEPS[:1])
    alike = ss.Fitted(other.steps, other.columns, {"x": one.stats["x"].with_quantiles(other.stats["x"].quantiles)},
                      other.maps, other.rows, one.provenance)  # fmt: skip
    assert not same_but_for_chance(one, alike)
