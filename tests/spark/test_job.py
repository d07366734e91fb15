"""Whole jobs out of job files: run, fit and transform; formats, predicates, modes; and what they leave behind."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from chispa import assert_df_equality
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

import sparkscale as ss
from sparkscale.artifact import document, store
from sparkscale.config import jobfile
from sparkscale.config.data import public
from sparkscale.errors import ConfigError, DataError, InverseWarning, OutputError, SparkscaleError
from sparkscale.pipeline import applying
from sparkscale.pipeline.application import Application
from sparkscale.report.tables import Report
from sparkscale.run import job
from sparkscale.run.check_schema import check_schema
from tests.spark.frames import write_parquet

NAN, INF = math.nan, math.inf
TABLE: dict[str, Any] = {
    "id": [1, 2, 3, 4],
    "month": [1, 2, 2, 12],
    "x": [10.0, 20.0, 40.0, None],
    "a": [0.0, -INF, 5.0, 7.0],
    "b": [0.0, -INF, 5.0, None],
    "text": ["a", None, 'q"uo,te', ""],
}
STEPS = "[{kind: minmax, columns: x}, {kind: softmax, columns: [a, b], into: 'p_{column}'}]"
#: STEPS over TABLE.
EXPECTED = {**TABLE, "x": [0.0, 1 / 3, 1.0, None], "p_a": [0.5, None, 0.5, None], "p_b": [0.5, None, 0.5, None]}


def run(command: str = "run", **sections: Any) -> Report:
    """Run a job in the working folder; a section of None is left out."""
    parts = {
        "input": {"format": "parquet", "path": "in"},
        "steps": STEPS,
        "artifact": {"path": "stats"},
        "output": {"format": "parquet", "path": "out"},
    } | sections
    lines = [f"{k}: {v if isinstance(v, str) else json.dumps(v)}" for k, v in parts.items() if v is not None]
    Path("job.yaml").write_text("version: 1\n" + "\n".join(lines), encoding="utf-8")
    return job.run(jobfile.load("job.yaml"), command)


@pytest.fixture
def inputs(spark: SparkSession, here: Path) -> Path:
    """Work in a folder that holds the table as Parquet in ``in``."""
    write_parquet(here / "in" / "part.parquet", TABLE)
    return here


def read(spark: SparkSession, path: str) -> DataFrame:
    """Read a result; the working folder of the JVM is another."""
    return spark.read.parquet(str(Path(path).absolute())).orderBy("id")


def names(folder: Path) -> set[str]:
    """Return what a folder holds."""
    return {path.name for path in folder.iterdir()}


def test_run_to_parquet_and_keep_everything_else(spark: SparkSession, inputs: Path) -> None:
    report = run()
    schema = "id long, month long, x double, a double, b double, text string, p_a double, p_b double"
    expected = spark.createDataFrame(list(zip(*EXPECTED.values(), strict=True)), schema)
    assert_df_equality(read(spark, "out"), expected, allow_nan_equality=True)
    assert (report.rows, report.verified_rows, report.artifact) == (4, 4, {"path": "stats", "version": 1})
    assert report.undefined_rows == {"step 2 (softmax)": 1}
    assert "step 2 (softmax): 1 row without a softmax (every score is -inf)" in list(report.lines())
    assert names(inputs) == {"in", "out", "stats", "job.yaml"}
    assert names(inputs / "stats") == {"00000001.json"}
    assert (inputs / "out" / "_SUCCESS").exists()


@pytest.mark.parametrize(("format_", "engine"), [("csv", "pandas"), ("json", "native")])
def test_run_through_text_formats(spark: SparkSession, inputs: Path, format_: str, engine: str) -> None:
    run(output={"format": format_, "path": "text"}, engine=engine, steps="[{kind: maxabs, columns: x}]")
    source = {"format": format_, "path": "text"}
    if format_ == "json":  # which writes an infinity as a string: it is no number of JSON
        source["schema"] = "id long, month long, x double, a double, b double, text string"
    run(input=source, output={"format": "parquet", "path": "back"}, steps="[{kind: minmax, columns: [x, b]}]")
    back = read(spark, "back").toArrow().to_pydict()
    assert (back["x"], back["b"]) == ([0.0, 1 / 3, 1.0, None], [0.0, -INF, 1.0, None])
    assert back["id"] == TABLE["id"]
    if format_ == "json":  # CSV reads an empty string as a null
        assert back["text"] == TABLE["text"]


def test_read_csv_by_a_given_schema(spark: SparkSession, here: Path) -> None:
    (here / "in.csv").write_text("x;n\n1,5;7\n2,5;8\n")
    source = {"format": "csv", "path": "in.csv", "schema": "x string, n double", "options": {"sep": ";"}}
    run(input=source, steps="[{kind: minmax, columns: n}]", artifact=None)
    out = spark.read.parquet(str(here / "out"))
    assert out.toArrow().to_pydict() == {"x": ["1,5", "2,5"], "n": [0.0, 1.0]}


WHERE: list[tuple[str, list[int]]] = [
    ("{month: 2}", [2, 3]),
    ("{month: [1, 12]}", [1, 4]),
    ("{month: {ge: 2, lt: 12}, x: {gt: 20}}", [3]),
    ("{month: {ne: 2}}", [1, 4]),
    ("{b: {null: true}}", [4]),
    ("{b: {null: false}, month: {le: 2, in: [1, 2]}}", [1, 2, 3]),
    ("{text: 'q\"uo,te'}", [3]),
    ('{text: [a, "\' or 1=1 --"]}', [1]),
    ("{x: {gt: 1.5e1}}", [2, 3]),
]


@pytest.mark.parametrize(("where", "kept"), WHERE)
def test_keep_rows_by_predicates(spark: SparkSession, inputs: Path, where: str, kept: list[int]) -> None:
    source = f"{{format: parquet, path: in, where: {where}}}"
    run(input=source, steps="[{kind: maxabs, columns: a}]", self_check=0, artifact=None)
    assert read(spark, "out").toArrow()["id"].to_pylist() == kept


def test_fit_then_transform_other_data(spark: SparkSession, inputs: Path) -> None:
    report = run("fit", output=None)
    assert (report.rows, report.artifact["version"], names(inputs)) == (4, 1, {"in", "stats", "job.yaml"})
    write_parquet(inputs / "new" / "part.parquet", {**TABLE, "x": [70.0, NAN, None, -INF], "more": [0] * 4})
    for engine in ("native", "arrow", "pandas"):
        done = run("transform", input={"format": "parquet", "path": "new"}, steps=None, engine=engine,
                   output={"format": "parquet", "path": engine})  # fmt: skip
        found = read(spark, engine).toArrow().to_pydict()
        assert found["x"][::2] == [2.0, None]
        assert math.isnan(found["x"][1])
        assert found["x"][3] == -INF
        assert done.artifact == {"path": "stats", "version": 1}
    assert store.versions("stats") == [1]


@pytest.mark.parametrize("engine", ["native", "arrow", "pandas"])
@pytest.mark.parametrize("type_", ["boolean", "int", "decimal(4,2)", "float", "double"])
def test_transform_features_of_another_numeric_type(spark: SparkSession, inputs: Path, type_: str, engine: str) -> None:
    run("fit", steps="[{kind: minmax, columns: [x, month]}, {kind: softmax, columns: [a, b]}]", output=None)
    rows = spark.createDataFrame([(1, 0, 1, 1, 0), (2, 1, 0, 0, 1)], "id int, x int, month int, a int, b int")
    cast = [rows[name].cast(type_).alias(name) for name in ("x", "month", "a", "b")]
    rows.select("id", *cast).write.parquet(str(inputs / "other"))
    run("transform", steps=None, input={"format": "parquet", "path": "other"}, engine=engine)
    low = 1 / (1 + math.e)
    found = [tuple(row) for row in read(spark, "out").select("x", "month", "a", "b").collect()]
    np.testing.assert_allclose(found, [(-1 / 3, 0, 1 - low, low), (-0.3, -1 / 11, low, 1 - low)], rtol=1e-15)


def test_transform_a_name_with_a_dot_for_a_field_of_a_struct(spark: SparkSession, inputs: Path) -> None:
    frame = spark.read.parquet(str(inputs / "in"))
    frame.select("id", F.struct("x").alias("s")).write.parquet(str(inputs / "nested"))
    frame.select("id", frame["x"].alias("s.x")).write.parquet(str(inputs / "dotted"))
    step = "[{kind: minmax, columns: s.x, into: y}]"
    run("fit", steps=step, output=None, input={"format": "parquet", "path": "nested"})
    run("transform", steps=step, input={"format": "parquet", "path": "dotted"})
    assert [row["y"] for row in read(spark, "out").collect()] == EXPECTED["x"]


def test_keep_empty_arrays(spark: SparkSession, inputs: Path) -> None:
    write_parquet(inputs / "arrays" / "part.parquet", {"id": [1, 2], "v": pa.array([[], []], pa.list_(pa.float64()))})
    run(steps="[{kind: softmax, columns: v}]", input={"format": "parquet", "path": "arrays"})
    assert [row["v"] for row in read(spark, "out").collect()] == [[], []]


@pytest.mark.parametrize(("artifact", "output"), [("out", "out"), ("out/stats", "out"), ("in/stats", "out")])
def test_refuse_artifact_inside_output_or_input(inputs: Path, artifact: str, output: str) -> None:
    with pytest.raises(ConfigError, match=r"artifact\.path: '.*' overlaps") as caught:
        run(artifact={"path": artifact}, output={"format": "parquet", "path": output, "mode": "overwrite"})
    assert caught.value.exit_code == 78
    assert names(inputs) == {"in", "job.yaml"}


def test_transform_takes_the_version_that_is_named(spark: SparkSession, inputs: Path) -> None:
    run("fit")
    run("fit", input="{format: parquet, path: in, where: {id: {le: 2}}}")
    for version, ends in ((1, [0.0, 1 / 3, 1.0, None]), (2, [0.0, 1.0, 3.0, None]), (None, [0.0, 1.0, 3.0, None])):
        out = {"format": "parquet", "path": "out", "mode": "overwrite"}
        run("transform", artifact={"path": "stats", "version": version} if version else {"path": "stats"}, output=out)
        assert read(spark, "out").toArrow().to_pydict()["x"] == ends


def test_transform_empty_input_with_warning(spark: SparkSession, inputs: Path) -> None:
    run("fit")
    report = run("transform", input="{format: parquet, path: in, where: {id: 99}}")
    assert (report.rows, report.warnings) == (0, ["the input has no rows; the output is empty"])
    assert read(spark, "out").columns == list(EXPECTED)


def test_run_twice_gives_the_same_and_no_new_version(spark: SparkSession, inputs: Path) -> None:
    output = {"format": "parquet", "path": "out", "mode": "overwrite"}
    steps = "[{kind: standard, columns: [x, id]}, {kind: softmax, columns: [a, b]}]"
    first = run(output=output, steps=steps)
    data = (inputs / "stats" / "00000001.json").read_bytes()
    rows = read(spark, "out").collect()
    again = run(output=output, steps=steps)
    assert (first.status, again.status, again.rows) == ("done", "unchanged", 4)
    (inputs / "out" / "_SUCCESS").unlink()
    assert run(output=output, steps=steps).status == "unchanged"  # which is no data
    next((inputs / "out").glob("part*")).write_bytes(b"damaged")
    assert run(output=output, steps=steps).status == "done"
    assert first.artifact == again.artifact == {"path": "stats", "version": 1}
    assert first.run_id == again.run_id
    assert names(inputs / "stats") == {"00000001.json"}
    run("fit", artifact={"path": "elsewhere"}, steps=steps)
    other = (inputs / "elsewhere" / "00000001.json").read_bytes()  # of another run at another time
    assert document.content_of(other) == document.content_of(data)
    assert (inputs / "stats" / "00000001.json").read_bytes() == data
    assert repr(read(spark, "out").collect()) == repr(rows)


def test_replace_or_refuse_output(spark: SparkSession, inputs: Path) -> None:
    run()
    before = sorted((inputs / "out").rglob("*"))
    with pytest.raises(OutputError) as caught:
        run(self_check=1)
    assert caught.value.exit_code == 73
    assert sorted((inputs / "out").rglob("*")) == before
    run(output={"format": "json", "path": "out", "mode": "overwrite"})
    assert {path.suffix for path in (inputs / "out").glob("part*")} == {".json"}
    assert names(inputs) == {"in", "out", "stats", "job.yaml"}


FAILURES: dict[str, tuple[type[SparkscaleError], dict[str, Any]]] = {
    "before anything runs": (ConfigError, {"output": {"format": "parquet", "path": "in/out"}}),
    "by the schema": (DataError, {"steps": "[{kind: minmax, columns: y}]"}),
    "by the statistics": (DataError, {"steps": "[{kind: minmax, columns: a, nonfinite: error}]"}),
    "while writing": (DataError, {"steps": "[{kind: softmax, columns: [a, b], undefined: error}]", "self_check": 0}),
    "after writing": (DataError, {"input": "{format: parquet, path: in, where: {id: 9}}",
                                  "steps": "[{kind: softmax, columns: [a, b]}]"}),
}  # fmt: skip


@pytest.mark.parametrize("failure", FAILURES)
def test_leave_no_trace_of_failure(spark: SparkSession, inputs: Path, failure: str) -> None:
    run()
    kept = {path: path.read_bytes() for path in inputs.rglob("*") if path.is_file() and path.name != "job.yaml"}
    kind, sections = FAILURES[failure]
    with pytest.raises(kind):
        run(**{"output": {"format": "parquet", "path": "out", "mode": "overwrite"}, **sections})
    left = {path: path.read_bytes() for path in inputs.rglob("*") if path.is_file() and path.name != "job.yaml"}
    assert left == kept
    assert names(inputs) == {"in", "out", "stats", "job.yaml"}


def test_fail_verification_before_publishing(inputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    applied = applying.applied

    def wrong(item: Application, table: Mapping[str, Any]) -> dict[str, Any]:
        return {name: np.zeros(4) if name == "x" else y for name, y in applied(item, table).items()}

    monkeypatch.setattr(applying, "applied", wrong)
    with pytest.raises(SparkscaleError, match="column 'x', row 1 of the sample") as caught:
        run()
    assert caught.value.exit_code == 70
    assert names(inputs) == {"in", "job.yaml"}


def test_record_where_the_numbers_are_from(inputs: Path) -> None:
    run("fit", input="{format: parquet, path: in, where: {month: {ge: 1}}}")
    (about,) = store.load("stats").provenance["inputs"]
    assert about == {"format": "parquet", "path": "in", "where": {"month": {"ge": 1}}}
    assert public("s3://key:secret@host/a?token=1") == "s3://host/a"
    assert str(inputs) not in (inputs / "stats" / "00000001.json").read_text()


def test_check_schema_of_a_job(inputs: Path) -> None:
    run("fit")
    loaded = jobfile.load("job.yaml")
    assert [planned.outputs for planned in check_schema(loaded)[0].steps] == [("x",), ("p_a", "p_b")]


def test_check_the_target_and_the_engine_without_a_job(spark: SparkSession, inputs: Path) -> None:
    spark.range(1).write.format("delta").save(str(inputs / "table"))
    text = f"version: 1\ninput: {{format: parquet, path: in}}\nsteps: {STEPS}\noutput: {{format: delta, path: table}}\n"
    Path("job.yaml").write_text(text)
    with pytest.raises(OutputError, match=r"table already exists; set output\.mode: overwrite"):
        check_schema(jobfile.load("job.yaml", "check"))
    check_schema(jobfile.load("job.yaml", "check", overrides=["output.mode=overwrite"]))


def test_warn_of_a_table_unlike_that_of_the_fit(spark: SparkSession, inputs: Path) -> None:
    assert not [text for text in run(steps="[{kind: standard, columns: [month, x]}]").warnings if "first" in text]
    write_parquet(inputs / "new" / "part.parquet", {**TABLE, "x": [None, None, None, 1e5], "month": [1, 2, 2, 3]})
    new = {"format": "parquet", "path": "new"}
    warned = run("transform", steps=None, input=new, output={"format": "parquet", "path": "far"}).warnings
    assert warned == [
        "column 'x': 75% of the first 4 values is null, in the fit 25.0% was",
        "column 'x': most of the first values (1) are outside of the fit's 10 to 40; their median is 100000, "
        "8,016 std from the mean of the fit",
    ]
    df = spark.read.parquet(str(inputs / "in"))
    fitted = ss.Pipeline([ss.Softmax(["a", "b"])]).fit(df)
    with pytest.warns(InverseWarning, match="'a', 'b' keep what step 1"):
        fitted.inverse_transform(fitted.transform(df))


def test_run_again_with_robust_and_add_no_version(spark: SparkSession, inputs: Path) -> None:
    write_parquet(
        inputs / "many" / "part.parquet",
        {"id": list(range(5000)), "x": np.random.default_rng(3).normal(size=5000).tolist()},
    )
    job_of: dict[str, Any] = {"input": {"format": "parquet", "path": "many"}, "steps": "[{kind: robust, columns: x}]"}
    for number in (1, 2):
        output = {"format": "parquet", "path": f"out{number}", "mode": "overwrite"}
        assert run(**job_of, output=output).artifact["version"] == 1
    assert read(spark, "out1").collect() == read(spark, "out2").collect()
