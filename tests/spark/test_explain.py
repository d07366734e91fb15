"""`sparkscale explain`: what a job would do, held against what it does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from sparkscale.config import jobfile
from sparkscale.errors import DataError
from sparkscale.run import explain as explaining
from sparkscale.run.explain import Explained
from tests.samples import NEEDED
from tests.spark.frames import write_parquet


@pytest.fixture
def inputs(here: Path) -> Path:
    """Work in a folder with a table of 70 features, three scores and a month, in two files."""
    table = {f"x{i}": [float(i), 1.0, 2.0] for i in range(70)} | {f"s{i}": [1.0, 2.0, 3.0] for i in range(3)}
    for part in "ab":
        write_parquet(here / "in it" / f"{part}.parquet", {**table, "month": [1, 2, 2]})
    return here


STEPS = [
    {"kind": "standard", "columns": "x*"},
    {"kind": "robust", "columns": "month", "into": "m"},
    {"kind": "softmax", "columns": "s*", "into": "p_{column}"},
]


def explain(**sections: Any) -> Explained:
    parts = {"version": 1, "input": {"format": "parquet", "path": "in it"}, "steps": STEPS} | sections
    Path("job.yaml").write_text("\n".join(f"{key}: {json.dumps(value)}" for key, value in parts.items()))
    return explaining.explain(jobfile.load("job.yaml", "check"))


def test_tell_what_is_read_and_by_how_many_queries(spark: SparkSession, inputs: Path) -> None:
    found = explain()
    size = sum(path.stat().st_size for path in (inputs / "in it").iterdir())
    assert found.reading == {"name": "in it", "files": 2, "bytes": size, "columns": 74, "fit_columns": 71}
    assert found.fit == {"features": 71, "sketches": 1, "queries": 7, "by_partition": False, "looks": {}}
    assert found.writing == {}
    json.dumps(found.to_dict())
    assert list(found.lines())[1].startswith("fit: 71 features, 1 with a quantile sketch, in 7 queries; ")


@pytest.mark.parametrize(
    ("engine", "expected"), [("auto", "native"), ("native", "native"), ("arrow", "arrow"), ("pandas", "pandas")]
)
def test_tell_engine_and_formula_of_each_step(spark: SparkSession, inputs: Path, engine: str, expected: str) -> None:
    standard, robust, softmax = explain(engine=engine).steps
    assert (standard.kind, standard.formula, standard.engine) == ("standard", "(x - mean) / std", expected)
    assert (robust.inputs, robust.outputs) == (["month"], ["m"])
    assert softmax.outputs == ["p_s0", "p_s1", "p_s2"]
    assert softmax.formula == "exp(x_i / T) / sum_j exp(x_j / T)"
    assert ("job file" in softmax.why) == (engine != "auto")


def test_tell_how_it_publishes(spark: SparkSession, inputs: Path) -> None:
    output = {"format": "parquet", "path": "out", "mode": "overwrite_partitions", "partition_by": ["month"]}
    assert "by month: a shuffle brings the rows of a partition together" in explain(output=output).writing["how"]
    where = {"format": "parquet", "path": "in it", "where": {"month": 2}}
    assert explain(output=output, input=where).writing["how"] == "staged, then put into place in one step, by month"
    where["where"] = {"month": {"ge": 2}}
    assert "a shuffle" in explain(output=output, input=where).writing["how"]
    assert explain(output={"format": "delta", "path": "out"}).writing["how"] == "one transaction"
    assert {path.name for path in inputs.iterdir()} == {"in it", "job.yaml"}


def test_tell_what_is_wrong(spark: SparkSession, inputs: Path) -> None:
    with pytest.raises(DataError, match="'y'"):
        explain(steps=[{"kind": "standard", "columns": "y"}])


def test_have_a_formula_for_every_step(spark: SparkSession, inputs: Path) -> None:
    from sparkscale.scalers.base import REGISTRY

    steps = [{"kind": kind, "columns": "s*", "into": f"{kind}_{{column}}", **NEEDED.get(kind, {})} for kind in REGISTRY]
    found = explain(steps=steps)
    assert {step.kind: step.formula for step in found.steps} == {kind: cls.formula for kind, cls in REGISTRY.items()}
    assert all(step.formula in line for step, line in zip(found.steps, list(found.lines())[2:], strict=True))
