"""Jobs that check their statistics: one that passes, one that is refused, and the metrics that both leave."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset
import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from sparkscale.artifact import store
from sparkscale.config import jobfile
from sparkscale.errors import ConfigError, InputMissingError
from sparkscale.report.tables import Report
from sparkscale.run import check_data, job
from sparkscale.run.check_schema import check_schema
from sparkscale.run.monitoring import RefusedError
from tests.spark.frames import write_parquet

ROWS = 500
X = np.random.default_rng(5).normal(10, 2, ROWS)
HOLES = np.ma.array(np.arange(float(ROWS)), mask=np.arange(ROWS) % 10 == 0)


@pytest.fixture
def inputs(spark: SparkSession, here: Path) -> Path:
    """Work in a folder with a good day and a bad one, whose `x` has moved and whose `holes` have grown."""
    bad = np.ma.array(HOLES.data, mask=np.arange(ROWS) % 4 < 2)
    for name, x, holes in (("good", X, HOLES), ("bad", X + 4, bad)):
        texts = ["a"] * ROWS
        write_parquet(here / name / "part.parquet", {"x": x, "holes": holes, "text": texts})
    return here


def loaded(command: str, **sections: Any) -> jobfile.Job:
    """Load a job that scales two columns, with sections that are other."""
    parts: dict[str, Any] = {"version": 1, "input": {"format": "parquet", "path": "good"}}
    parts |= {"steps": [{"kind": "standard", "columns": ["x", "holes"]}], "artifact": {"path": "stats"}}
    parts |= {
        "output": {"format": "parquet", "path": "out", "mode": "overwrite"},
        "drift": {},
        "self_check": 0,
        "audit": True,
    }
    parts |= {"metrics": {"path": "metrics"}, "expect": [{"columns": "*", "nulls": {"le": 0.2}}, {"rows": {"ge": 10}}]}
    kept = {key: value for key, value in (parts | sections).items() if value is not None}
    Path("job.yaml").write_text(json.dumps(kept, indent=1))
    return jobfile.load("job.yaml", command)


def run(command: str = "run", **sections: Any) -> Report:
    return job.run(loaded(command, **sections), command)


def metrics(path: str = "metrics") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pyarrow.dataset.dataset(path, format="parquet").to_table().to_pylist()
    return found


def bad(**sections: Any) -> dict[str, Any]:
    return {"input": {"format": "parquet", "path": "bad"}, **sections}


def test_refuse_a_bad_day_and_publish_nothing(inputs: Path) -> None:
    first = run()
    assert (first.status, first.baseline, first.drift) == ("done", {}, [])
    assert "drift: there is no earlier version to compare with; the next run has this one" in first.warnings
    assert [row["verdict"] for row in first.expect] == ["ok", "ok", "ok"]
    assert all(stats.quantiles is not None for stats in store.load("stats").stats.values())
    published = sorted(path.name for path in Path("out").glob("*.parquet"))

    with pytest.raises(RefusedError) as caught:
        run(**bad())
    causes = [problem.cause for problem in caught.value.problems]
    assert caught.value.exit_code == 65
    assert "column 'holes': expected nulls at most 0.2, found 0.5" in causes
    assert [cause for cause in causes if cause.startswith("drift: column 'x': mean_shift")]
    assert [cause for cause in causes if cause.startswith("drift: column 'holes': null_rate 0.4 is above 0.05")]
    assert caught.value.report.baseline == {"path": "stats", "version": 1}
    assert next(iter(caught.value.report.lines())).startswith("expectations: 1 error, 0 warnings of 3 checks")
    assert sorted(path.name for path in Path("out").glob("*.parquet")) == published
    assert store.versions("stats") == [1]

    rows = metrics()
    assert len({row["run"] for row in rows}) == 2
    counted = {(row["feature"], row["measure"]): row["value"] for row in rows if row["run"] == first.run_id}
    assert (counted["holes", "audit.nulls"], counted["holes", "nulls"]) == (ROWS / 10, 0.1)
    refused = [row for row in rows if row["run"] == caught.value.report.run_id]
    by_name = {(row["feature"], row["measure"]): row for row in refused}
    assert by_name["*", "rows"]["value"] == ROWS
    assert by_name["x", "mean"]["value"] == pytest.approx((X + 4).mean(), rel=1e-12)
    assert by_name["x", "mean"]["verdict"] == "none"
    assert (by_name["holes", "null_rate"]["value"], by_name["holes", "null_rate"]["verdict"]) == (0.4, "error")
    assert (by_name["holes", "expect.nulls.le"]["threshold"], by_name["holes", "expect.nulls.le"]["verdict"]) == (
        0.2,
        "error",
    )
    with pytest.raises(RefusedError):
        run(**bad())
    assert metrics() == rows  # the same run: nothing is appended
    assert not [path for path in Path("metrics").iterdir() if path.name.startswith(".")]


def test_check_data_and_save_nothing(inputs: Path) -> None:
    assert run("fit").status == "done"
    count = len(metrics())
    with pytest.raises(RefusedError):
        check_data.check_data(loaded("check", **bad()))
    warned = check_data.check_data(loaded("check", **bad(drift={"on_fail": "warn"}, expect=None)))
    assert any(text.startswith("drift: column 'x': ks ") for text in warned.warnings)
    assert (len(metrics()), store.versions("stats"), Path("out").exists()) == (count, [1], False)

    steps = [{"kind": "standard", "columns": ["x", "holes"]}, {"kind": "minmax", "columns": "wide"}]
    write_parquet(inputs / "wide" / "part.parquet", {"x": X, "holes": HOLES, "wide": X})
    wide = {"input": {"format": "parquet", "path": "wide"}, "steps": steps, "expect": None, "metrics": None}
    with pytest.raises(RefusedError, match="expected a baseline with feature 'wide'"):
        run("fit", **wide)
    with pytest.raises(InputMissingError):
        run("fit", drift={"baseline": {"path": "elsewhere"}})
    assert store.versions("stats") == [1]


def test_name_the_line_of_a_pattern_that_matches_nothing(inputs: Path) -> None:
    expect = [{"columns": ["x", "holse"], "nulls": {"le": 1}}, {"columns": "text", "max": {"le": 1}}]
    job_ = loaded("run", expect=expect, drift={"columns": {"y*": {"ks": "off"}}})
    for command in (lambda: job.run(job_), lambda: check_schema(job_)):
        with pytest.raises(ConfigError) as caught:
            command()
        causes = [str(problem) for problem in caught.value.problems]
        assert [text.partition(": expected")[0].rpartition(": ")[2] for text in causes] == [
            "expect[0].columns[1]",
            "expect[1].columns",
            "drift.columns.y*",
        ]
        assert "job.yaml:" in causes[0]
        assert causes[0].endswith("but 'holse' matches none; did you mean 'holes'?")
        assert "no step learns statistics of 'text' (string)" in causes[1]
    assert sorted(path.name for path in Path().iterdir()) == ["bad", "good", "job.yaml"]


def test_append_metrics_to_delta_once(spark: SparkSession, inputs: Path) -> None:
    sections: dict[str, Any] = {"metrics": {"path": "metrics", "format": "delta"}, "drift": None}
    for _ in range(2):
        assert run("fit", **sections).status == "done"
    table = DeltaTable("metrics")
    assert table.version() == 0
    rows = table.to_pyarrow_table()
    assert rows.schema.field("value").type == pa.float64()
    assert rows.schema.field("time").type == pa.timestamp("us", tz="UTC")
    found = {(row["feature"], row["measure"]): row["value"] for row in rows.to_pylist()}
    assert found["x", "std"] == pytest.approx(X.std(), rel=1e-12)
    assert found["holes", "nulls"] == 0.1
