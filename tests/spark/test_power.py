"""Power transforms on Spark: they find the exponents that NumPy finds, in as many scans, and every engine agrees."""

from __future__ import annotations

import math
import uuid
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession

import sparkscale as ss
from sparkscale.errors import DataError
from sparkscale.spark.fit import behind
from sparkscale.spark.transform.self_check import self_check
from tests.spark.frames import MakeFrame, as_arrays, assert_alike

NAN, INF = math.nan, math.inf
ENGINES = ("native", "arrow", "pandas")
COLUMNS = ["skewed", "narrow", "negative", "sides", "tiny"]


def steps(*, thorough: bool) -> list[Any]:
    """Return every form of the step over every shape of column; without ``thorough``, each form over some of them."""
    if not thorough:
        return [
            ss.Power("tiny", into="{column}_0"),
            ss.Chain("negative", [ss.Impute(value="median"), ss.Power(standardize=False)], into="{column}_2"),
        ]
    return [
        ss.Power(COLUMNS, into="{column}_0"),
        ss.Power(COLUMNS, standardize=False, into="{column}_1"),
        ss.Power(["skewed", "narrow"], method="box_cox", undefined="null", into="{column}_2"),
        ss.Power("skewed", method="box_cox", undefined="null", standardize=False, into="{column}_3"),
        ss.Chain(COLUMNS, [ss.Impute(value="median"), ss.Power(), ss.Standard()], into="{column}_4"),
    ]


def table() -> dict[str, Any]:
    random = np.random.default_rng(0)
    return {
        "skewed": [None, NAN, INF, -INF, 0.0, *random.lognormal(2, 2, 400).tolist()],
        "narrow": [None, NAN, INF, -0.0, 1.0, *(1e6 + random.exponential(size=400)).tolist()],
        "negative": [None, NAN, -INF, 5.0, -1e9, *(-random.exponential(size=400)).tolist()],
        "sides": [None, NAN, INF, -INF, 5e-324, *random.standard_t(3, 400).tolist()],
        "tiny": [None, NAN, INF, -INF, 1e-300, *(1e-300 * random.exponential(size=400)).tolist()],
    }


def test_find_the_exponents_of_numpy(frame: MakeFrame, thorough: bool) -> None:
    columns = table()
    df, pipeline = frame(columns), ss.Pipeline(steps(thorough=thorough))
    fitted, expected = pipeline.fit(df), pipeline.fit_arrays(as_arrays(columns))
    for ours, theirs in zip(fitted.maps, expected.maps, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            assert exponent_of(one) == pytest.approx(exponent_of(other), rel=1e-6, abs=1e-6)
    for engine in ENGINES:
        assert self_check(df, fitted, engine, 405).rows == 405  # type: ignore[arg-type]


def exponent_of(map_: Any) -> float:
    (found,) = [part.exponent for part in getattr(map_, "maps", (map_,)) if hasattr(part, "exponent")]
    return float(found)


def test_agree_on_values_that_the_fit_has_not_seen(frame: MakeFrame, thorough: bool) -> None:
    """The self check compares within what two logarithms may be apart: so it must pass for any value."""
    fitted = ss.Pipeline(steps(thorough=thorough)).fit_arrays(as_arrays(table()))
    random = np.random.default_rng(1)
    any_size = (10.0 ** random.uniform(-320, 300, 300) * random.choice([-1, 1], 300)).tolist()
    unseen = [None, NAN, INF, -INF, 0.0, -0.0, 1.0, -1.0, 1e6, 1e6 + 1, 5e5, 2e6, 1e-300, 1e300, -1e300, *any_size]
    df = frame(dict.fromkeys(COLUMNS, unseen))
    for engine in ENGINES:
        assert self_check(df, fitted, engine, 400).rows == 315  # type: ignore[arg-type]


def test_invert_in_every_engine(frame: MakeFrame) -> None:
    columns = {name: [x for x in values if x is None or not 0 < abs(x) < 1e-300] for name, values in table().items()}
    pipeline = ss.Pipeline([ss.Power(["negative", "narrow"]), ss.Power("sides", standardize=False)])
    pipeline_of_ratios = ss.Pipeline([ss.Power("x", method="box_cox")])
    rows = {name: [*columns[name][-300:], None, NAN, INF] for name in ("negative", "narrow", "sides")}
    for one, given in ((pipeline, rows), (pipeline_of_ratios, {"x": [1.0, 5.0, 80.0, None, NAN, INF]})):
        fitted = one.fit_arrays(as_arrays(given))
        for engine in ENGINES:
            scaled = fitted.transform(frame(given), engine)  # type: ignore[arg-type]
            back = fitted.inverse_transform(scaled, engine).toArrow().to_pydict()  # type: ignore[arg-type]
            for name, values in given.items():
                assert_alike(back[name], values, ulps=2**14, floor=1.0, name=f"{name} by {engine}")


def test_give_nan_for_what_no_value_gives(frame: MakeFrame) -> None:
    maps = {"y": ss.Power("y", standardize=False), "b": ss.Power("b", method="box_cox", standardize=False)}
    values = 1 / np.array([1.0, 2.0, 3.0, 5.0, 9.0])
    fitted = ss.Pipeline([maps["y"], maps["b"]]).fit_arrays({"y": 1 / values**4, "b": values**3})
    given = {name: [None, NAN, INF, 1e9, -1e9, -1 / exponent_of(map_), 0.1]
             for name, (map_,) in zip("yb", fitted.maps, strict=True)}  # fmt: skip
    expected = fitted.inverse_transform_arrays(as_arrays(given))
    for engine in ("native", "pandas"):
        found = fitted.inverse_transform(frame(given), engine).toArrow().to_pydict()  # type: ignore[arg-type]
        for name in "yb":
            assert_alike(found[name], expected[name].tolist(), ulps=16, name=f"{name} by {engine}")


def test_scan_once_a_round(spark: SparkSession, frame: MakeFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scan is one query, which is two jobs, however many columns and steps look."""
    rounds: list[int] = []
    measure = behind.measure
    monkeypatch.setattr(
        behind, "measure", lambda *given, **keep: rounds.append(len(given[-1])) or measure(*given, **keep)
    )
    random = np.random.default_rng(0)
    df = frame({name: random.lognormal(size=200) for name in "abc"})
    ss.Pipeline([ss.Standard("a")]).fit(df)  # what Spark does once is done
    group = str(uuid.uuid4())
    spark.sparkContext.setJobGroup(group, "counted")
    ss.Pipeline([ss.Power(["a", "b"]), ss.Chain("c", [ss.Power()], into="d")]).fit(df)
    jobs = len(spark.sparkContext.statusTracker().getJobIdsForGroup(group))
    spark.sparkContext._jsc.clearJobGroup()
    assert jobs == 2 * (1 + len(rounds))
    assert len(rounds) <= ss.Power().looks
    assert rounds[:2] == [3, 6]  # the logarithm of each column, then two exponents


def test_refuse_what_box_cox_does_not_define(frame: MakeFrame) -> None:
    df = frame({"x": [0.0, -1.0, 5.0, None], "y": [0.5, 1.0, 2.0, 3.0]})
    with pytest.raises(DataError, match=r"'x': expected values above 0 .* found 2 values of 0 or less"):
        ss.Pipeline([ss.Power(["x", "y"], method="box_cox")]).fit(df)
    fitted = ss.Pipeline([ss.Power("y", method="box_cox")]).fit(df)
    with pytest.raises(Exception, match="DATA_UNDEFINED: box_cox: expected values above 0"):
        fitted.transform(df.selectExpr("x", "y - 2 as y")).collect()
