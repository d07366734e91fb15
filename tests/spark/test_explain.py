"""`sparkscale explain`: what a job would do, held against what it does."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql.classic.dataframe import DataFrame

import sparkscale as ss
from sparkscale.cli import environment
from sparkscale.config import jobfile
from sparkscale.errors import DataError
from sparkscale.report.explained import Explained
from sparkscale.run import explain as explaining
from sparkscale.run.check_schema import check_schema
from sparkscale.spark.sources.catalog import hadoop_table
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


def job(**sections: Any) -> jobfile.Job:
    parts = {"version": 1, "input": {"format": "parquet", "path": "in it"}, "steps": STEPS} | sections
    Path("job.yaml").write_text("\n".join(f"{key}: {json.dumps(value)}" for key, value in parts.items()))
    return jobfile.load("job.yaml", "check")


def explain(**sections: Any) -> Explained:
    return explaining.explain(job(**sections))


def test_tell_what_is_read_and_by_how_many_queries(spark: SparkSession, inputs: Path, snapshot: Any) -> None:
    found = explain()
    size = sum(path.stat().st_size for path in (inputs / "in it").iterdir())
    assert found.reading == {"name": "in it", "files": 2, "bytes": size, "columns": 74, "fit_columns": 71}
    assert found.fit == {
        "features": 71, "sketches": 1, "queries": 7, "by_partition": False, "weight": None, "labels": {}, "looks": {}}  # fmt: skip
    assert found.writing == {}
    json.dumps(found.to_dict())
    snapshot("\n".join(found.lines()).replace(f"{size:,} bytes", "SIZE bytes"))


def test_say_how_often_a_weighted_fit_looks(spark: SparkSession, inputs: Path, snapshot: Any) -> None:
    steps = [
        {"kind": "standard", "columns": "*"},
        {"columns": "x0", "chain": [{"kind": "asinh"}, {"kind": "standard"}]},
    ]
    steps[1]["into"] = "c"
    found = explain(steps=steps, weight="month")
    df, group = spark.read.parquet(str(inputs / "in it")), "weighted"
    spark.sparkContext.setJobGroup(group, "")
    ss.Pipeline([ss.Standard("*")], weight="month").fit(df)
    jobs = len(spark.sparkContext.statusTracker().getJobIdsForGroup(group))
    assert (found.fit["features"], found.fit["weight"], found.reading["fit_columns"]) == (73, "month", 74)
    assert found.fit["queries"] == 1 + 7 + 5 == jobs / 2  # a job of Spark for the partitions, one for the whole
    snapshot("\n".join(line for line in found.lines() if line.startswith("fit: ")))


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


@pytest.mark.parametrize(("columns", "expected"), [(128, "native"), (129, "arrow")])
def test_leave_many_columns_of_a_row_to_numpy(spark: SparkSession, here: Path, columns: int, expected: str) -> None:
    write_parquet(here / "in it" / "a.parquet", {f"x{i}": [1.0, 2.0] for i in range(columns)})
    steps = [{"kind": "softmax", "columns": "x*", "into": "p_{column}"}, {"kind": "standard", "columns": "x*"}]
    softmax, standard = explain(steps=steps).steps
    assert (softmax.engine, standard.engine) == (expected, "native")
    assert ("NumPy is faster than expressions of 129 columns" in softmax.why) == (expected == "arrow")
    df = spark.read.parquet(str(here / "in it"))
    made = ss.Pipeline([ss.Softmax("x*", into="p_{column}")]).fit(df).transform(df)
    plan = made._jdf.queryExecution().executedPlan().toString()  # type: ignore[operator]
    assert ("ArrowEvalPython" in plan) == (expected == "arrow")


@pytest.mark.parametrize("command", [explaining.explain, partial(check_schema, debug=False)])
def test_ask_for_columns_as_often_for_many(
    spark: SparkSession, here: Path, monkeypatch: pytest.MonkeyPatch, command: Any
) -> None:
    asked: list[str] = []

    def count(columns: int) -> int:
        write_parquet(here / "in it" / "a.parquet", {f"x{i}": [1.0, 2.0] for i in range(columns)})
        with monkeypatch.context() as patched:
            patched.setattr(DataFrame, "columns", property(lambda self: (asked.append("columns"), names(self))[1]))
            patched.setattr(DataFrame, "schema", property(lambda self: (asked.append("schema"), schema(self))[1]))
            asked.clear()
            command(job(steps=[{"kind": "standard", "columns": "x*"}]))
        return len(asked)

    names, schema = DataFrame.columns.fget, DataFrame.schema.func
    assert 0 < count(3) == count(12)  # which one query aggregates


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
    assert all(
        step.formula in line
        for step, line in zip(found.steps, [line for line in found.lines() if line.startswith("step ")], strict=True)
    )


PARTITIONED = {
    "parquet": {"format": "parquet", "path": "parts", "partitions": "month int"},
    "delta": {"format": "delta", "path": "parts"},
    "iceberg": {"format": "iceberg", "path": "parts"},
    "a table of iceberg": {"table": "lake.db.parts"},
    "a table": {"table": "parts"},
}


@pytest.mark.parametrize("name", PARTITIONED)
def test_leave_partitions_out_of_patterns_and_say_that_the_output_has_none(
    spark: SparkSession, inputs: Path, name: str
) -> None:
    source = PARTITIONED[name]
    made = spark.read.parquet(str(inputs / "in it")).select("x0", "s0", "month").repartition(1)
    if "path" in source and source["format"] != "iceberg":
        made.write.format(source["format"]).partitionBy("month").save(str(inputs / "parts"))
    elif "path" in source:
        made.writeTo(hadoop_table(spark, str(inputs / "parts"))).partitionedBy("month").create()
    else:
        spark.sql(f"DROP TABLE IF EXISTS {source['table']}")
        kind = "iceberg" if "lake" in source["table"] else "parquet"
        made.write.format(kind).partitionBy("month").saveAsTable(source["table"])
    steps = [{"kind": "standard", "columns": {"dtype": "numeric"}}]
    found = explain(input=source, steps=steps, output={"format": "parquet", "path": "out"})
    assert found.steps[0].inputs == ["x0", "s0"]
    line = "input is partitioned by month; output is not (to keep them, set output.partition_by)"
    assert line in list(found.lines())
    loaded = jobfile.load("job.yaml", "check")
    assert list(check_schema(loaded)[1].notes()) == [line]
    same = explain(input=source, steps=steps, output={"format": "parquet", "path": "out", "partition_by": ["month"]})
    assert same.partitions == ""
    assert explain(input=source, steps=steps).partitions == ""


def test_start_from_a_job_that_scales_no_id_label_or_partition(spark: SparkSession, inputs: Path) -> None:
    names = ["id", "user_id", "label", "target", "price", "score_a", "score_b", "month"]
    write_parquet(inputs / "in" / "part.parquet", {name: [1, 2, 3] for name in names})
    spark.read.parquet(str(inputs / "in")).write.partitionBy("month").parquet(str(inputs / "data" / "my_table"))
    Path("job.yaml").write_text(Path(environment.__file__).with_name("starter.yaml").read_text())
    first, second = explaining.explain(jobfile.load("job.yaml", "check")).steps
    assert (first.inputs, second.inputs) == (["price"], ["score_a", "score_b"])
