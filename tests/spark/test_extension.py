"""A scaler that a user defines, in Spark: every engine gives the same numbers, and `explain` shows it."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

import sparkscale as ss
from sparkscale.config import jobfile
from sparkscale.run.explain import explain
from sparkscale.scalers.base import Scaler, Step
from tests import toys
from tests.spark.frames import MakeFrame, assert_alike, outputs, write_parquet

VALUES = [1.0, None, 3.0, math.nan, math.inf, -math.inf, 9.0, 5e-324, -1.7e308]


@pytest.fixture
def toy(registry: dict[str, type[Step]]) -> type[Scaler]:
    """Define the toy, for one test."""
    return toys.define()


def test_agree_in_every_engine(frame: MakeFrame, toy: type[Scaler]) -> None:
    steps = [toy("x", times=3.0, into="low"), toy("x", end="max", into="high", dtype="float32")]  # type: ignore[call-arg]
    fitted = ss.Pipeline(steps).fit(frame({"x": [1.0, 3.0, None, 9.0]}))
    table = {"x": VALUES}
    df = frame(table)
    expected = outputs(fitted, df, table, "numpy")
    assert (expected["low"][0], expected["low"][6], expected["high"][2]) == (0.0, 1 / 3, -0.75)
    for engine in ("native", "arrow", "pandas"):
        found = outputs(fitted, df, table, engine)
        for name in ("low", "high"):
            assert_alike(found[name], expected[name], name=f"{name} by {engine}")


def test_explain_a_scaler_of_ones_own(spark: SparkSession, here: Path, toy: type[Scaler]) -> None:
    write_parquet(here / "in" / "a.parquet", {"x": VALUES})
    steps = [{"kind": "toy", "columns": "x", "end": "max"}]
    content = {"version": 1, "input": {"format": "parquet", "path": "in"}, "steps": steps}
    Path("job.yaml").write_text(json.dumps(content))
    found = explain(jobfile.load("job.yaml", "check"))
    assert [(step.kind, step.formula) for step in found.steps] == [("toy", "(x - end) / (times * (max - min))")]
    assert any("toy of x: (x - end) / (times * (max - min)); native" in line for line in found.lines())
