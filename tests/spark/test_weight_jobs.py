"""Jobs with a weight: what is read, refused before anything is written, published and applied."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession

from sparkscale.artifact import store
from sparkscale.config import jobfile
from sparkscale.errors import ConfigError, DataError
from sparkscale.report.tables import Report
from sparkscale.run import job
from tests.spark.frames import write_parquet

X, W = np.array([1.0, 2.0, 4.0, 9.0]), np.array([1.5, 0.0, 3.0, 2.25])
MEAN = np.average(X, weights=W)
SCALED = (X - MEAN) / np.sqrt(np.average((X - MEAN) ** 2, weights=W))


@pytest.fixture
def inputs(here: Path) -> Path:
    write_parquet(here / "in" / "part.parquet", {"x": X, "w": W})
    return here


def run(command: str = "run", **sections: Any) -> Report:
    """Run a job that scales ``x`` by ``w``, with sections that are other."""
    parts: dict[str, Any] = {"version": 1, "input": {"format": "parquet", "path": "in"}, "weight": "w"}
    parts |= {"steps": [{"kind": "standard", "columns": "*"}], "artifact": {"path": "stats"}}
    parts |= {"output": {"format": "parquet", "path": "out", "mode": "overwrite"}}
    kept = {key: value for key, value in (parts | sections).items() if value is not None}
    Path("job.yaml").write_text(json.dumps(kept))
    return job.run(jobfile.load("job.yaml", command), command)


def read(spark: SparkSession, path: str, format_: str = "parquet") -> dict[str, Any]:
    df = spark.read.format(format_).option("header", "true").load(str(Path(path).absolute()))
    return df.orderBy("w").toArrow().to_pydict()


@pytest.mark.parametrize("format_", ["parquet", "delta"])
def test_publish_every_row(spark: SparkSession, inputs: Path, format_: str) -> None:
    report = run(output={"format": format_, "path": "out"})
    assert (report.rows, report.verified_rows) == (4, 4)
    out, order = read(spark, "out", format_), np.argsort(W)
    np.testing.assert_allclose(out["x"], SCALED[order], rtol=1e-13)
    assert out["w"] == W[order].tolist()
    fitted = store.load("stats")
    assert (fitted.rows, fitted.weight, list(fitted.stats)) == (3, "w", ["x"])


def test_transform_a_table_without_the_weight(spark: SparkSession, inputs: Path) -> None:
    run("fit", output=None)
    write_parquet(inputs / "new" / "part.parquet", {"x": X, "w_": W})
    source = {"format": "parquet", "path": "new"}
    report = run("transform", input=source, steps=None, weight=None, schema_drift="warn")
    assert len(report.warnings) == 2  # w is dropped, w_ extra: never that the weight is missing
    found = spark.read.parquet(str(inputs / "out")).toArrow()["x"].to_pylist()
    np.testing.assert_allclose(sorted(found), SCALED, rtol=1e-13)
    run("transform", input=source, schema_drift="ignore")
    with pytest.raises(ConfigError, match="expected weight 'w', with which stats was fitted, found null") as caught:
        run("transform", input=source, weight=None)
    assert caught.value.exit_code == 78


def test_write_nothing_of_bad_weights(spark: SparkSession, inputs: Path) -> None:
    write_parquet(inputs / "in" / "more.parquet", {"x": X, "w": [None, -1.0, np.nan, 2.0]})
    for command in ("fit", "run"):
        with pytest.raises(DataError, match=r"weight 'w'.* found 1 null, 1 NaN, 1 negative in 8 rows") as caught:
            run(command)
        assert caught.value.exit_code == 65
    assert {path.name for path in inputs.iterdir()} == {"in", "job.yaml"}


def test_weigh_by_a_column_of_text(spark: SparkSession, here: Path) -> None:
    """A number that passes from text to text keeps its form, unless the job needs it as a number."""
    (here / "in.csv").write_text("x,w,y\n1,1.50,1.50\n2,0.0,2.50\n4,3.00,3.5\n9,2.25,4.00\n")
    sections = {"input": {"format": "csv", "path": "in.csv"}, "output": {"format": "csv", "path": "out"}}
    report = run(**sections, steps=[{"kind": "standard", "columns": "x"}])
    assert any(warning.startswith("column 'w': a number such as 1.50") for warning in report.warnings)
    out = read(spark, "out", "csv")
    np.testing.assert_allclose([float(x) for x in out["x"]], SCALED[np.argsort(W)], rtol=1e-13)
    assert out["y"] == ["2.50", "1.50", "4.00", "3.5"]
    assert out["w"] == ["0.0", "1.5", "2.25", "3.0"]


def test_say_what_is_wrong_with_the_weights_column(spark: SparkSession, inputs: Path) -> None:
    with pytest.raises(DataError, match="weight: column 'ww' is not in in; did you mean 'w'"):
        run(weight="ww")
