"""The counters of an audit on classic Spark: those of NumPy, from the pass that writes, and no job more."""

from __future__ import annotations

import json
import math
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

import sparkscale as ss
from sparkscale.config import jobfile
from sparkscale.pipeline.audit import Audit
from sparkscale.report.tables import Report
from sparkscale.run import job
from sparkscale.spark import joins
from sparkscale.spark.columns import schema_of
from sparkscale.spark.transform.auditing import Counters
from sparkscale.spark.transform.counts import Counted
from sparkscale.spark.transform.transform import transform
from tests.spark.frames import MakeFrame, as_arrays, write_parquet

INF, NAN = float("inf"), float("nan")
RAW = [None, NAN, INF, -INF, -5.0, -1.0, -0.999, 0.0, 0.1, 0.25, 1.0, 3.0, 9.0, 1e300]
COUNT = len(RAW)
ARRAYS = [
    [1.0, 2.0], None, [None, INF], [NAN], [], [-INF, -INF], [-INF, None], [3.0, NAN, -INF], [None], [INF, NAN, None],
    [0.0], [-INF], [1.0, None, NAN], [2.0, 3.0],
]  # fmt: skip
TABLE: dict[str, Any] = {
    "x": RAW,
    "y": [None, INF, 0.2, -INF, NAN, *reversed(RAW[4:13])],
    "n": [*range(3), None, *range(COUNT - 4)],
    "v": ARRAYS,
    "m": [None if row is None else [score is None or not math.isnan(score) for score in row] for row in ARRAYS],
}
FIT = {"x": [-1.0, 0.0, 1.0, 3.0], "y": [0.1, 0.2, 0.3, 0.9], "n": [1, 2, 3, 5], "v": [[1.0]] * 4, "m": [[True]] * 4}
STEPS = [
    ss.MinMax(["x", "n"], clip=True, into="{column}_minmax"),
    ss.MinMax(["x", "y"], range=(-1, 1), clip=True, dtype="float32", into="{column}_both"),
    ss.Clip("x", limits=(None, 0.25), into="x_top"),
    ss.Log1p("x", undefined="null", into="x_log"),
    ss.Power("y", method="box_cox", undefined="null", into="y_power"),
    ss.Quantile("x", into="x_rank"),
    ss.Chain("x", [ss.Impute(value=-7), ss.Log1p(undefined="null"), ss.Standard(), ss.Clip(limits=(-1, 0.2))], into="x_chain"),
    ss.Chain("n", [ss.Impute(value=99), ss.Standard(), ss.Clip(limits=(-1, 1))], into="n_chain"),
    ss.Softmax(["x", "y"], into="p_{column}", outputs={"label": "winner"}),
    ss.LogSoftmax(["x", "n", "y"], nulls="mask", undefined="zeros", into="q_{column}"),
    ss.UnitNorm(["n", "y"], into="u_{column}"),
    ss.Softmax("v", into="v_p"),
    ss.Softmax("v", mask="m", into="v_masked"),
]  # fmt: skip


def fitted() -> ss.Fitted:
    """Fit all steps on good data."""
    kinds = {"x": float, "y": float}
    return ss.Pipeline(STEPS).fit_arrays({name: np.array(FIT[name]) if name in kinds else FIT[name] for name in FIT})


def audit_of(df: DataFrame, one: ss.Fitted, engine: Any = "auto") -> Audit | None:
    """Count while a result is written."""
    here = one.on(one.plan(schema_of(df)))
    counted = Counted.of(df, here, apart=False, rows=None, audit={})
    transform(counted.df, here, engine).write.format("noop").mode("overwrite").save()
    return counted.audit()


def test_count_as_numpy_does(frame: MakeFrame) -> None:
    one = fitted()
    expected = one.audit_arrays(as_arrays(TABLE))
    assert audit_of(frame(TABLE).repartition(3), one) == expected
    kinds = {count.kind for count in expected.maps if count.counts.get("clipped_low") or count.counts.get("undefined")}
    assert kinds == {"minmax", "log1p", "power", "quantile", "chain", "softmax", "log_softmax"}
    assert {"clipped_high"} <= {name for count in expected.maps for name, number in count.counts.items() if number}


def test_count_nothing_that_types_rule_out(spark: SparkSession, frame: MakeFrame) -> None:
    df = frame(TABLE).select(F.col("n").cast("decimal(9,2)").alias("n"), F.lit(2).alias("x"))
    one = ss.Pipeline([ss.MinMax(["n", "x"], clip=True), ss.Standard("n", into="z")]).fit_arrays(
        {"n": [1, 5], "x": [3, 4]}
    )
    counted = Counted.of(df, one.on(one.plan(schema_of(df))), apart=False, rows=None, audit={})
    assert counted.counters is not None
    assert len(counted.counters.wanted) == 5  # nulls of n, and two ends of each min-max
    found = audit_of(df, one)
    assert found is not None
    assert [dict(one.counts) for one in found.maps] == [
        {"nulls": 1, "nans": 0, "infinite": 0, "clipped_low": 2, "clipped_high": 4},
        {"nulls": 0, "nans": 0, "infinite": 0, "clipped_low": 14, "clipped_high": 0},
        {"nulls": 1, "nans": 0, "infinite": 0},
    ]


BY = [
    ss.MinMax(["x", "n"], clip=True, by="k", into="{column}_minmax"),
    ss.MinMax("y", clip=True, range=(-1, 1), by=["k", "n"], unseen="null", into="y_both"),
    ss.Clip("x", quantiles=(20, 80), by="k", unseen="null", min_rows=2, into="x_top"),
    ss.Standard("x", by="k", into="x_plain"),
    ss.Chain("x", [ss.Impute(value="max"), ss.MinMax(clip=True), ss.Clip(limits=(0.2, None))], by="k", into="x_chain"),
    ss.Chain("y", [ss.Impute(value=-9), ss.Log1p(undefined="null"), ss.Clip(limits=(None, 0.7))], into="y_log"),
    ss.Chain("x", [ss.Impute(value="min"), ss.Log1p(undefined="null"), ss.Clip(limits=(None, 0.7))], by="k", into="x_log"),
    ss.Chain("x", [ss.Log1p(undefined="null"), ss.Impute(value=9), ss.Clip(limits=(None, 0.7))], by="k", into="x_late"),
    ss.Quantile("x", by="k", into="x_rank"),
]  # fmt: skip


def test_count_by_group_as_numpy_does(frame: MakeFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    fit = {"x": np.array(FIT["x"] * 3), "y": np.array(FIT["y"] * 3), "n": FIT["n"] * 3, "k": list("aabb" * 2 + "acbb")}
    table = {**TABLE, "k": [["a", "b", "c", "new", None][i % 5] for i in range(COUNT)]}
    one = ss.Pipeline(BY).fit_arrays(as_arrays(fit))
    expected = one.audit_arrays(as_arrays(table))
    df = frame(table).repartition(2)
    here = one.on(one.plan(schema_of(df)))
    counted = Counted.of(df, here, apart=False, rows=None, audit={})
    assert counted.df.columns == df.columns
    counted.df.write.format("noop").mode("overwrite").save()
    found = counted.audit()
    assert found is not None
    assert found.maps[:-1] == expected.maps[:-1]
    told = {name for count in expected.maps for name, number in count.counts.items() if number}
    assert {"unseen", "clipped_low", "clipped_high", "undefined"} <= told
    inputs = ("nulls", "nans", "infinite", "unseen")  # of a map that has no native form
    assert found.maps[-1].counts == {name: expected.maps[-1].counts[name] for name in inputs}
    monkeypatch.setattr(joins, "BROADCAST", 0)  # a shuffle would change the order of rows
    without = {outputs.outputs: set(names) for outputs, names in Counters.of(df, here, {}).names}
    assert without.pop(("y_log",)) == {*inputs[:3], "undefined", "clipped_high"}
    assert all(names == set(inputs[:3]) for names in without.values())


RNG = np.random.default_rng(31)
WIDTH = np.array([1.0, 10.0, 1e-9, 1e200])
VECTORS = np.abs(RNG.normal(0, 1, (50, 4))) * WIDTH
EMBEDDED: list[Any] = (RNG.normal(1, 1.5, (300, 4)) * WIDTH).tolist()
for place, odd in enumerate([None, NAN, INF, -INF, 0.0, -0.0] * 20):
    EMBEDDED[2 * place][place // 6 % 4] = odd
EMBEDDED[3] = EMBEDDED[30] = None
EMBEDDED[5], EMBEDDED[50] = [None] * 4, [NAN] * 4
RAGGED = [None if row is None else row[: number % 5] for number, row in enumerate(EMBEDDED)]
OVER_ARRAYS = [
    ss.MinMax("x", clip=True, into="minmax"),
    ss.MinMax("x", clip=True, dtype="float32", over="all", into="minmax_all"),
    ss.Clip("x", limits=(None, 1), into="top"),
    ss.Clip("x", quantiles=(10, 50), into="middle"),
    ss.Quantile("x", knots=9, into="rank"),
    ss.Log1p("x", undefined="null", into="log"),
    ss.Standard("x", into="plain"),
    ss.Chain("x", [ss.Impute(value="median"), ss.Clip(limits=(None, 1e100))], into="filled"),  # of one position too high
    ss.Chain("x", [ss.Impute(value=0.1, missing=["nan"]), ss.Log1p(undefined="null"), ss.Clip(limits=(0.2, 0.7))], into="logs"),
    ss.Chain("x", [ss.Impute(value=-7), ss.Log1p(undefined="null"), ss.Clip(limits=(-0.5, 0.7))], into="never"),
    ss.Chain("x", [ss.Clip(limits=(5, None)), ss.Clip(limits=(None, 3))], into="both"),
    ss.MinMax("r", clip=True, over="all", into="ragged"),
    ss.Chain("r", [ss.Impute(value=99), ss.Clip(limits=(0, 5))], over="all", into="ragged_filled"),
]  # fmt: skip


@pytest.mark.parametrize("type_", ["array<double>", "array<float>"])
def test_count_rows_of_elements_as_numpy_does(frame: MakeFrame, type_: str) -> None:
    one = ss.Pipeline(OVER_ARRAYS).fit_arrays({"x": VECTORS, "r": VECTORS})
    df = frame({"x": EMBEDDED, "r": RAGGED}).repartition(2)
    df = df.select(F.col("x").cast(type_).alias("x"), F.col("r").cast(type_).alias("r"))
    table = as_arrays(
        {name: [row[0] for row in df.select(F.col(name).cast("array<double>")).collect()] for name in "xr"}
    )
    expected = one.audit_arrays(table)
    assert audit_of(df, one, "arrow") == expected
    told = {name for count in expected.maps for name, number in count.counts.items() if number}
    assert told == {"nulls", "nans", "infinite", "clipped_low", "clipped_high", "undefined"}


def test_count_rows_of_elements_by_hand(frame: MakeFrame) -> None:
    """The counts of NumPy itself, with a position of no values, and one without an end beside one with it."""
    rows = [
        [0.5, 1.0, 2.0],
        [9.0, -9.0, None],
        [NAN, 9.0, NAN],
        [1.0, None, 1.0],
        None,
        [INF, -INF, -INF],
        [1.0, 1.0, INF],
    ]
    fit = {"x": [[0.0, 0.0, None], [2.0, 3.0, None]]}
    one = ss.Pipeline([ss.MinMax("x", clip=True, empty="null")]).fit_arrays(fit)
    found = audit_of(frame({"x": rows}), one)
    assert found is not None
    x = np.array([[NAN] * 3 if row is None else [NAN if v is None else v for v in row] for row in rows])
    with np.errstate(invalid="ignore"):
        expected = {
            "nulls": 3, "nans": 1, "infinite": 2,
            "clipped_low": np.sum((x[:, :2] < 0).any(axis=1)),
            "clipped_high": np.sum((x[:, :2] > [2, 3]).any(axis=1)),
            "undefined": np.sum(~np.isnan(x[:, 2])),
        }  # fmt: skip
    assert found.maps[0].counts == expected
    assert (expected["clipped_low"], expected["clipped_high"], expected["undefined"]) == (2, 3, 4)


def nodes(expression: Any) -> int:
    """Count the nodes of an expression in the JVM."""
    children = expression.children()
    return 1 + sum(nodes(children.apply(place)) for place in range(children.size()))


def test_say_768_positions_in_a_few_expressions(spark: SparkSession, frame: MakeFrame) -> None:
    sizes = {}
    for width in (8, 768):
        x = np.random.default_rng(3).normal(0, 1, (5, width))
        step = ss.Chain("x", [ss.Log1p(undefined="null"), ss.Clip(quantiles=(20, 80))])
        one = ss.Pipeline([step, ss.MinMax("x", clip=True, into="m")]).fit_arrays({"x": np.abs(x)})
        df = frame({"x": x.tolist()})
        counters = Counters.of(df, one.on(one.plan(schema_of(df))), {})
        assert len(counters.wanted) == 3 + 3 + 2
        plan = df.agg(*counters.columns)._jdf.queryExecution().optimizedPlan()
        found = plan.expressions()
        sizes[width] = sum(nodes(found.apply(place)) for place in range(found.size()))
    assert sizes[768] == sizes[8] < 300


@pytest.fixture
def inputs(spark: SparkSession, here: Path) -> Path:
    """Work in a folder with an artifact of all steps, and the table as Parquet."""
    write_parquet(here / "in" / "part.parquet", TABLE)
    fitted().save(str(here / "stats"))
    return here


def run(spark: SparkSession, **sections: Any) -> tuple[Report, int]:
    """Transform the table by a job; return its report, and how many Spark jobs that took."""
    parts = {
        "version": 1,
        "input": {"format": "parquet", "path": "in"},
        "artifact": {"path": "stats"},
        "output": {"format": "parquet", "path": "out"},
        "self_check": 0,
        "audit": True,
    }
    Path("job.yaml").write_text(json.dumps(parts | sections), encoding="utf-8")
    group = str(uuid.uuid4())
    spark.sparkContext.setJobGroup(group, "counted")
    report = job.run(jobfile.load("job.yaml", "transform"), "transform")
    jobs = len(spark.sparkContext.statusTracker().getJobIdsForGroup(group))
    spark.sparkContext._jsc.clearJobGroup()
    return report, jobs


def test_count_in_the_pass_that_writes(spark: SparkSession, inputs: Path) -> None:
    _, before = run(spark, audit=False, output={"format": "parquet", "path": "plain"})
    report, jobs = run(spark)
    expected = fitted().audit_arrays(as_arrays(TABLE))
    assert (report.audit, jobs) == (expected, before)
    written = json.loads((inputs / "out" / "_sparkscale" / "manifest.json").read_text())["runs"]
    assert written[-1]["audit"] == report.to_dict()["audit"] == expected.to_list()
    assert "audit" not in json.loads((inputs / "plain" / "_sparkscale" / "manifest.json").read_text())["runs"][-1]
    assert any(line.startswith("audit: clipped low: ") for line in report.lines())
    again, _ = run(spark)
    assert (again.status, again.audit) == ("unchanged", expected)


@pytest.mark.parametrize("format_", ["delta", "iceberg"])
def test_count_in_the_transaction(spark: SparkSession, inputs: Path, format_: str) -> None:
    place = {"format": format_, "path": "out", "mode": "append"}
    report, _ = run(spark, output=place)
    assert report.audit == fitted().audit_arrays(as_arrays(TABLE))


def test_count_no_rows(spark: SparkSession, inputs: Path) -> None:
    report, _ = run(spark, input={"format": "parquet", "path": "in", "where": {"x": {"gt": 1e301, "lt": 1e302}}})
    assert report.audit is not None
    assert report.audit.rows == 0
    assert {count for one in report.audit.maps for count in one.counts.values()} == {0}
