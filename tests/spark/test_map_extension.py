"""A map that is defined here alone goes by every engine, with a native form and without."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

import sparkscale as ss
from sparkscale.config import models
from sparkscale.errors import ConfigError, InternalError
from sparkscale.maps.base import KINDS
from sparkscale.pipeline.fitted import Fitted
from sparkscale.run import explain
from sparkscale.run.opening import Applied, Opened
from sparkscale.spark.columns import schema_of
from sparkscale.spark.transform import engines, native
from sparkscale.spark.transform.layers import Stages
from sparkscale.spark.transform.self_check import self_check
from tests.spark.frames import MakeFrame, assert_alike, outputs
from tests.toys import Maps, define_maps

NAN, INF = math.nan, math.inf


@pytest.fixture
def toys(registry: object) -> Iterator[Maps]:
    """Define two kinds of maps and of steps; forget them, and their native forms, afterwards."""
    known = [(kinds, dict(kinds)) for kinds in (KINDS, native.FORMS)]
    yield define_maps()
    for kinds, before in known:
        kinds.clear()
        kinds.update(before)  # type: ignore[arg-type]


@pytest.fixture
def steps(toys: Maps) -> list[Any]:
    return [toys.Double("x"), toys.Center(["x", "y"], into="{column}_c"), toys.Center("s", into="s_c")]


def define_forms(toys: Maps) -> None:
    """Define the native forms of both."""

    class DoublingForm(native.ColumnForm[Any], of=toys.Doubling):
        def forward(self, x: Column) -> Column:
            return x * F.lit(self.map.times)

        def inverse(self, y: Column) -> Column:
            return y / F.lit(self.map.times)

    class CenteringForm(native.RowForm[Any], of=toys.Centering):
        def forward(self, x: native.Scores, stages: Stages) -> native.Scores:
            count = stages.keep(x.count(lambda score: score.isNotNull() | score.isNull()))
            mean = stages.keep(x.sum(lambda score: score, nulls=False) / F.when(count > F.lit(0.0), count))
            return x.map(lambda score: score - mean)


TABLE: dict[str, Any] = {
    "x": [1.0, None, -3.0, NAN, INF, 0.5], "y": [4.0, 1.0, None, 2.0, 0.0, 0.25],
    "s": [[1.0, 3.0], [4.0], None, [], [None, 2.0], [NAN, 1.0]],
}  # fmt: skip


def assert_all_alike(fitted: Fitted, frame: MakeFrame, names: tuple[str, ...]) -> None:
    df = frame(TABLE)
    expected = outputs(fitted, df, TABLE, "numpy")
    assert expected["x"][:3] == [2.0, None, -6.0]
    assert expected["s_c"][0] == [-1.0, 1.0]
    for engine in names:
        found = outputs(fitted, df, TABLE, engine)
        for name in expected:
            assert_alike(found[name], expected[name], ulps=2, name=f"{name} by {engine}")
        scaled = fitted.transform(df, engine=engine)  # type: ignore[arg-type]
        back = fitted.inverse_transform(scaled, engine=engine).toArrow().to_pydict()  # type: ignore[arg-type]
        assert_alike(back["x"], TABLE["x"], name=f"back by {engine}")
        assert self_check(df, fitted, engine, 10).rows == 6  # type: ignore[arg-type]


def test_go_by_the_udf_engines_without_a_native_form(frame: MakeFrame, steps: list[Any]) -> None:
    fitted = ss.Pipeline(steps).fit(frame(TABLE))
    assert_all_alike(fitted, frame, ("auto", "arrow", "pandas"))
    for call in (fitted.transform, fitted.inverse_transform):
        with pytest.raises(ConfigError, match=r"engine: native: the map .* has no native form; set engine: auto"):
            call(frame(TABLE), engine="native")


def test_go_by_every_engine_with_a_native_form(frame: MakeFrame, toys: Maps, steps: list[Any]) -> None:
    define_forms(toys)
    fitted = ss.Pipeline([*steps, ss.MinMax("y")]).fit(frame(TABLE))
    assert_all_alike(fitted, frame, ("auto", "native", "arrow", "pandas"))
    plan = fitted.transform(frame(TABLE))._jdf.queryExecution().executedPlan().toString()
    assert "ArrowEvalPython" not in plan


def test_mix_engines_in_one_select(frame: MakeFrame, steps: list[Any]) -> None:
    fitted = ss.Pipeline([*steps, ss.MinMax("y"), ss.Softmax(["x", "y"], into="{column}_p")]).fit(frame(TABLE))
    assert_all_alike(fitted, frame, ("auto",))


def test_check_a_native_form(frame: MakeFrame, toys: Maps, steps: list[Any]) -> None:
    class Wrong(native.ColumnForm[Any], of=toys.Doubling):
        def forward(self, x: Column) -> Column:
            return x * F.lit(2.5)

    with pytest.raises(
        InternalError, match=r"column 'x', row 0 of the sample: the engine gave 2.5, the NumPy kernels 2"
    ):
        self_check(frame(TABLE), ss.Pipeline(steps).fit(frame(TABLE)), "auto", 10)


def explained(fitted: Fitted, df: DataFrame) -> list[tuple[str, str]]:
    """Return the engine of each step, and why, as `explain` says them."""
    parts = {"version": 1, "input": {"format": "parquet", "path": "in"}}
    planned = fitted.plan(schema_of(df))
    applied = Applied(fitted, {"path": "stats", "version": 1})
    found = explain.explained(Opened(df, planned), models.JobConfig.model_validate(parts), None, applied)
    return [(step.engine, step.why) for step in found.steps]


def test_choose_an_engine_and_say_why(
    frame: MakeFrame, toys: Maps, steps: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    df = frame(TABLE)
    fitted = ss.Pipeline([*steps, ss.MinMax("y")]).fit(df)
    arrow = ("arrow", "it has no native form, and Arrow UDFs are the fastest way into Python")
    native_ = ("native", "Spark's own expressions, without Python workers")
    assert explained(fitted, df) == [arrow] * 3 + [native_]
    monkeypatch.setattr(engines, "version_of", lambda _: "4.0.1")
    pandas = ("pandas", "it has no native form, and Arrow UDFs need Spark 4.1 or newer, found 4.0.1")
    assert explained(fitted, df) == [pandas] * 3 + [native_]
    assert_all_alike(fitted, frame, ("auto",))
    define_forms(toys)
    assert explained(fitted, df) == [native_] * 4
