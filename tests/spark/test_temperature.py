"""Temperatures on Spark: what NumPy finds, in as many jobs as a look takes; and whole jobs."""

from __future__ import annotations

import json
import math
import uuid
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession

import sparkscale as ss
from sparkscale.config import jobfile
from sparkscale.config.jobfile import Job
from sparkscale.errors import DataError
from sparkscale.pipeline.fitted import Fitted
from sparkscale.run import job
from sparkscale.run.explain import explain
from sparkscale.spark.fit import native_losses
from sparkscale.stats.calibration import Calibration
from tests.spark.frames import MakeFrame, as_arrays, write_parquet

NAN, INF = math.nan, math.inf
NAMES = ["a", "b.1", "c"]
ROWS = 400
#: By name, a step and the weight of its pipeline.
STEPS: dict[str, tuple[Any, str | None]] = {
    "columns": (ss.Softmax(NAMES, temperature={"fit": "y"}, into="p_{column}"), None),
    "what is there": (ss.LogSoftmax(NAMES, temperature={"fit": "n"}, nulls="mask"), None),
    "weighted": (ss.Softmax(NAMES, temperature={"fit": "n"}), "w"),
    "array": (ss.Softmax("v", temperature={"fit": "n"}), None),
    "masked": (ss.Softmax("v", temperature={"fit": "n"}, mask="m"), "w"),
}


def table() -> dict[str, Any]:
    """Return scores with labels, and all that is left out."""
    rng = np.random.default_rng(0)
    label = rng.integers(0, 3, ROWS)
    x = rng.normal(0, 2, (ROWS, 3))
    x[np.arange(ROWS), label] += 2
    rows: list[list[float | None]] = x.tolist()
    rows[0][0], rows[1][1], rows[2][2], rows[3][0] = NAN, INF, -INF, None
    rows[4] = [None, None, None]
    columns: dict[str, Any] = {name: [row[n] for row in rows] for n, name in enumerate(NAMES)}
    lists: list[Any] = [*rows[:-2], [], None]
    lists[9] = [*rows[9], 0.5]
    mask: list[Any] = [
        [True, bool(number % 3) or own == 1, True][: len(row or ())]
        for number, (row, own) in enumerate(zip(lists, label, strict=True))
    ]
    mask[9], mask[10] = [True, None, True, False], None
    labels = [None if number in (5, 6) else NAMES[own] for number, own in enumerate(label)]
    places = [None if number in (5, 6) else int(own) for number, own in enumerate(label)]
    weight = rng.integers(0, 4, ROWS).astype(float).tolist()
    return columns | {"y": labels, "n": places, "v": lists, "m": mask, "w": weight}


@pytest.fixture(scope="module")
def df(frame: MakeFrame) -> DataFrame:
    return frame(table()).repartition(3).cache()


def fitted(which: str, df: DataFrame) -> Fitted:
    step, weight = STEPS[which]
    return ss.Pipeline([step], weight=weight).fit(df)


def assert_same(ours: Calibration, theirs: Calibration) -> None:
    for item in fields(Calibration):
        one, other = getattr(ours, item.name), getattr(theirs, item.name)
        assert one == (pytest.approx(other, rel=1e-9) if isinstance(other, float) else other), item.name


@pytest.mark.parametrize("most", [native_losses.MOST, 2], ids=["natively", "in Python"])
@pytest.mark.parametrize("which", list(STEPS))
def test_find_what_numpy_finds(df: DataFrame, which: str, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native_losses, "MOST", most)
    step, weight = STEPS[which]
    expected = ss.Pipeline([step], weight=weight).fit_arrays(as_arrays(table()))
    found = fitted(which, df)
    assert_same(found.calibrations[1], expected.calibrations[1])
    rows = found.calibrations[1].rows
    assert rows.unlabelled
    assert rows.nulls
    assert rows.nonfinite
    assert found.rows == expected.rows == rows.rows


def test_start_as_many_jobs_as_it_looks(spark: SparkSession, df: DataFrame) -> None:
    """A look is one aggregate, which is two jobs: the shuffle, and its result."""
    df.count()
    group = f"temperature-{uuid.uuid4().hex}"
    spark.sparkContext.setJobGroup(group, "")
    fitted("columns", df)
    spark.sparkContext.setLocalProperty("spark.jobGroup.id", None)  # type: ignore[arg-type]
    assert len(spark.sparkContext.statusTracker().getJobIdsForGroup(group)) == 3 * 2


def test_say_which_labels_name_no_class(df: DataFrame) -> None:
    two = ss.Softmax(NAMES[:2], temperature={"fit": "y"})
    with pytest.raises(DataError, match="rows with others, such as 'c'") as caught:
        ss.Pipeline([two]).fit(df)
    count = table()["y"].count("c")
    assert f"found {count} of {ROWS} rows" in str(caught.value)
    odd = df.selectExpr("v", "case when n = 1 then -1 when n = 2 then 3 else n end n")
    with pytest.raises(DataError, match=r"rows with others, such as '-1', '3'|such as '3', '-1'"):
        ss.Pipeline([ss.Softmax("v", temperature={"fit": "n"})]).fit(odd)
    with pytest.raises(DataError, match="expected rows to learn from, found none"):
        ss.Pipeline([STEPS["columns"][0]]).fit(df.where("false"))


def test_run_a_job(spark: SparkSession, here: Path) -> None:
    write_parquet(here / "in" / "part.parquet", {name: table()[name] for name in [*NAMES, "y"]})
    steps = [{"kind": "softmax", "columns": NAMES, "temperature": {"fit": "y"}, "outputs": {"confidence": "p"}}]
    parts = {"version": 1, "input": {"format": "parquet", "path": "in"}, "steps": steps, "artifact": {"path": "stats"}}
    parts["output"] = {"format": "parquet", "path": "out"}

    def loaded(command: str, **sections: Any) -> Job:
        (here / "job.yaml").write_text(json.dumps(parts | sections), encoding="utf-8")
        return jobfile.load("job.yaml", command)

    lines = list(explain(loaded("run")).lines())
    assert (
        "fit: step 1 (softmax) learns its temperature from label 'y', usually in 3 scans of its scores, at most 8"
        in lines
    )
    assert "4 columns for the fit, 4 columns for the output" in lines[0]
    report = job.run(loaded("run"), "run")
    (found,) = ss.load("stats").calibrations.values()
    assert report.to_dict()["calibrations"] == {"step 1 (softmax)": found.to_dict()}
    assert f"step 1 (softmax): {found.summary}" in list(report.lines())
    assert (report.rows, report.verified_rows) == (ROWS, ROWS)
    assert job.run(loaded("run"), "run").status == "unchanged"
    steps[0]["temperature"] = {"fit": "z"}
    with pytest.raises(DataError, match=r"temperature.fit: column 'z' is not in"):
        job.run(loaded("run", output={"format": "parquet", "path": "other"}), "run")
    assert not (here / "other").exists()
