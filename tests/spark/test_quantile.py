"""Ranks on Spark: a map without a native form, alone, and as the first stage of a chain whose next stage looks behind it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import sparkscale as ss
from sparkscale.errors import ConfigError
from sparkscale.scalers.base import Scaler, Step
from sparkscale.spark.transform.self_check import self_check
from tests.spark.frames import MakeFrame, as_arrays, assert_alike, outputs

NAN, INF = math.nan, math.inf
ENGINES = ("auto", "arrow", "pandas")
CHAINS: list[list[Scaler]] = [
    [ss.Impute(value="median", missing=["null", "nan"]), ss.Quantile(knots=50)],
    [ss.Quantile(), ss.Standard()],
    [ss.Clip(limits=(0, None)), ss.Quantile(output="normal"), ss.Clip(limits=(-2, 2)), ss.MinMax()],
]


def table() -> dict[str, Any]:
    values = np.random.default_rng(0).lognormal(2, 2, 900)
    return {
        "x": [None, NAN, INF, -INF, -4.0, *values.tolist()],
        "y": [*np.round(values).tolist(), 0.0, None, None, 1e9, -1e9],
    }


def steps() -> list[Step]:
    made: list[Step] = [
        ss.Quantile(["x", "y"], output=output, into=f"{output}_{{column}}") for output in ("uniform", "normal")
    ]  # type: ignore[arg-type]
    made += [ss.Quantile("y", knots=7, dtype="float32", into="few")]
    return made + [ss.Chain(["x", "y"], chain, into=f"{{column}}_{n}") for n, chain in enumerate(CHAINS)]


def test_learn_what_numpy_learns(frame: MakeFrame) -> None:
    columns = table()
    df, pipeline = frame(columns), ss.Pipeline(steps())
    fitted, expected = pipeline.fit(df), pipeline.fit_arrays(as_arrays(columns))
    alone = slice(3)
    assert fitted.maps[alone] == expected.maps[alone]  # up to 1,024 values a sketch holds all of them
    assert [look.map for look in fitted.looks][:2] == [look.map for look in expected.looks][:2]
    theirs = outputs(expected, df, columns, "numpy")
    for engine in ENGINES:
        ours = outputs(fitted, df, columns, engine)
        assert list(ours) == list(theirs)
        for name, values in theirs.items():
            assert_alike(ours[name], values, ulps=2**12, floor=1.0, name=f"{name} by {engine}")
        assert self_check(df, fitted, engine, 2000).rows == 905  # type: ignore[arg-type]


def test_invert_in_every_engine(frame: MakeFrame) -> None:
    columns = {"x": [3.0, 1.0, 12.5, 4e9, None, NAN], "y": [1.0, 1.0, 2.0, 5.0, 5.0, 9.0]}
    df = frame(columns)
    fitted = ss.Pipeline([ss.Quantile("x"), ss.Chain("y", [ss.Quantile(output="normal"), ss.Standard()])]).fit(df)
    for engine in ENGINES:
        back = fitted.inverse_transform(fitted.transform(df, engine), engine).toArrow().to_pydict()  # type: ignore[arg-type]
        assert back["x"][:5] == columns["x"][:5]
        assert math.isnan(back["x"][5])
        assert back["y"] == pytest.approx(columns["y"], rel=1e-12)


def test_have_no_native_form(frame: MakeFrame) -> None:
    df = frame({"x": [1.0, 2.0, 3.0]})
    fitted = ss.Pipeline([ss.Chain("x", [ss.Quantile(), ss.Standard()])]).fit(df)
    with pytest.raises(ConfigError, match=r"engine: native: the map 'rank\(x\) among 3 knots .*' has no native form"):
        fitted.transform(df, "native")


def test_keep_within_the_stated_rank_error(frame: MakeFrame) -> None:
    x = np.random.default_rng(0).permutation(40_000).astype(float)
    fitted = ss.Pipeline([ss.Quantile("x")]).fit(frame({"x": x}).repartition(3))
    off = np.abs(fitted.transform_arrays({"x": x})["x"] - x / (len(x) - 1))
    assert np.mean(off <= 0.0027 + 1 / 999) > 0.9
    assert off.max() <= 3 * 0.0027 + 1 / 999


def test_merge_across_engines(frame: MakeFrame) -> None:
    values = np.random.default_rng(0).lognormal(size=400)
    pipeline = ss.Pipeline([ss.Quantile("x", output="normal")])
    parts = [pipeline.fit(frame({"x": values[:100]})), pipeline.fit_arrays({"x": values[100:]})]
    assert ss.merge(parts).maps == pipeline.fit_arrays({"x": values}).maps
