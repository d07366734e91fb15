"""Chains on Spark: they learn what NumPy learns, in as many looks as `explain` says, and every engine agrees."""

from __future__ import annotations

import math
import uuid
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession

import sparkscale as ss
from sparkscale.errors import DataError
from sparkscale.scalers.base import Scaler
from sparkscale.spark.transform.self_check import self_check
from tests.spark.frames import MakeFrame, as_arrays, assert_alike, outputs

NAN, INF = math.nan, math.inf
CHAINS: list[list[Scaler]] = [
    [ss.Impute(value="median", missing=["null", "nan"], indicator="{column}_missing"), ss.Clip(quantiles=(1, 99)),
     ss.Log1p(undefined="null"), ss.Standard()],
    [ss.Standard(), ss.MinMax(clip=True), ss.Asinh(), ss.Robust()],
    [ss.Asinh(), ss.Impute(), ss.MaxAbs()],
]  # fmt: skip


def table() -> dict[str, Any]:
    values = np.random.default_rng(0).lognormal(2, 2, 2000).tolist()
    return {"x": [None, NAN, INF, -INF, -4.0, *values], "y": [*values, 0.0, None, None, 1e9, -1e9]}


def test_learn_what_numpy_learns(frame: MakeFrame) -> None:
    columns = table()
    df = frame(columns)
    pipeline = ss.Pipeline([ss.Chain(["x", "y"], chain, into=f"{{column}}_{n}") for n, chain in enumerate(CHAINS)])
    fitted, expected = pipeline.fit(df), pipeline.fit_arrays(as_arrays(columns))
    assert len(fitted.looks) == len(expected.looks)
    theirs = outputs(expected, df, columns, "numpy")
    for engine in ("native", "arrow", "pandas"):
        ours = outputs(fitted, df, columns, engine)
        assert list(ours) == list(theirs)
        for name, values in theirs.items():
            if name[-2:] not in ("_0", "_1"):  # a sketch of more than 1,024 values is randomized
                assert_alike(ours[name], values, ulps=2**12, floor=1.0, name=f"{name} by {engine}")
        assert self_check(df, fitted, engine, 3000).rows == 2005  # type: ignore[arg-type]


def test_invert_a_chain(frame: MakeFrame) -> None:
    columns = {"x": [0.0, 1.0, 12.5, 4e9, None, NAN]}
    fitted = ss.Pipeline([ss.Chain("x", [ss.Log1p(), ss.Standard(), ss.Asinh()])]).fit_arrays(as_arrays(columns))
    for engine in ("native", "arrow", "pandas"):
        scaled = fitted.transform(frame(columns), engine)  # type: ignore[arg-type]
        back = fitted.inverse_transform(scaled, engine).toArrow().to_pydict()  # type: ignore[arg-type]
        assert_alike(back["x"], columns["x"], ulps=2**9, floor=1.0, name=engine)


@pytest.mark.parametrize(("stages", "looks"), [
    ([ss.Impute(value=0), ss.Standard()], 0), ([ss.Log1p(), ss.Standard()], 1),
    ([ss.Log1p(), ss.Clip(limits=(0, 1)), ss.Standard(), ss.Asinh(), ss.MinMax()], 2),
])  # fmt: skip
def test_count_the_looks(spark: SparkSession, frame: MakeFrame, stages: list[Scaler], looks: int) -> None:
    """Each look is one query, which is two jobs, however many chains look."""
    df = frame({name: np.random.default_rng(0).lognormal(size=100) for name in "abc"})
    ss.Pipeline([ss.Standard("a")]).fit(df)  # what Spark does once is done
    group = str(uuid.uuid4())
    spark.sparkContext.setJobGroup(group, "counted")
    chain = ss.Chain(["a", "b", "c"], stages)
    ss.Pipeline([chain, ss.MinMax("a", into="m")]).fit(df)
    assert chain.looks == looks
    assert len(spark.sparkContext.statusTracker().getJobIdsForGroup(group)) == 2 * (1 + looks)
    spark.sparkContext._jsc.clearJobGroup()


def test_refuse_what_has_no_logarithm(frame: MakeFrame) -> None:
    df = frame({"x": [0.0, -1.0, -5.0, None], "y": [0.0, 1.0, 2.0, 3.0]})
    with pytest.raises(DataError, match=r"'x': expected values above -1 .* found 2 values of -1 or less"):
        ss.Pipeline([ss.Log1p("x"), ss.Log1p("y", into="z")]).fit(df)
    fitted = ss.Pipeline([ss.Log1p("y")]).fit(df)
    with pytest.raises(Exception, match="DATA_UNDEFINED: log1p: expected values above -1"):
        fitted.transform(df.selectExpr("x", "y - 2 as y")).collect()


def test_merge_across_engines(frame: MakeFrame) -> None:
    values = np.random.default_rng(0).lognormal(size=400)
    pipeline = ss.Pipeline([ss.Chain("x", [ss.Log1p(), ss.Standard()])])
    parts = [pipeline.fit(frame({"x": values[:100]})), pipeline.fit_arrays({"x": values[100:]})]
    whole = pipeline.fit_arrays({"x": values})
    assert ss.merge(parts).maps[0][0].forward(values) == pytest.approx(whole.maps[0][0].forward(values), rel=1e-11)  # type: ignore[attr-defined]
