"""Schema drift in whole jobs: an artifact of one table, applied to tables that are not quite like it, in every format."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

import sparkscale as ss
from sparkscale.artifact import store
from sparkscale.cli import entry
from sparkscale.config import jobfile
from sparkscale.errors import DataError
from sparkscale.pipeline.schema_drift import Policy
from sparkscale.report.tables import Report
from sparkscale.run import job
from sparkscale.run.check_schema import check_schema
from sparkscale.spark.columns import schema_of
from tests.spark.frames import write_parquet

X, N = [0.0, 0.5, 2.0], [1, 2, 4]
#: The columns of the table as they were in the fit; all values are ones that each type below holds.
WAS = {"id": "id bigint", "x": "x double", "n": "n int", "name": "name string"}
STEPS = [ss.MinMax("x"), ss.MaxAbs("n", into="n_1")]
SCALED = {"x": [0.0, 0.25, 1.0], "n_1": [0.25, 0.5, 1.0]}

#: By kind of difference, the columns of a table that has it, and the warning.
TABLES: dict[str, tuple[list[str], str]] = {
    "extra": ([*WAS.values(), "more int"], "expected the columns of the fit, found others in new: 'more' (int)"),
    "dropped": (["x double", "n int"], "expected the columns of the fit, found new without 'id' (bigint), 'name' (string)"),
    "reordered": (["n int", "id bigint", "x double", "name string"], "expected the order of the fit, found 'n' before 'id' in new"),
    "case": (["id bigint", "X double", "N int", "name string"], "columns 'x', 'n': expected the case of the fit, found 'X', 'N' in new"),
    "widened": (["id bigint", "x double", "n bigint", "name string"], "column 'n': expected int as in the fit, found bigint in new"),
    "narrowed": (["id bigint", "x float", "n int", "name string"], "column 'x': expected double as in the fit, found float in new"),
    "retyped": (["id bigint", "x double", "n float", "name string"], "column 'n': expected int as in the fit, found float in new"),
}  # fmt: skip
FORMATS = [(format_, kind) for format_ in ("parquet", "csv") for kind in TABLES]
FORMATS += [(format_, kind) for format_ in ("orc", "json") for kind in ("reordered", "case", "narrowed")]


@pytest.fixture
def place(spark: SparkSession, here: Path) -> Path:
    """Work in a folder with an artifact in ``stats``."""
    ss.Pipeline(STEPS).fit(make(spark, list(WAS.values()))).save("stats")
    return here


def make(spark: SparkSession, columns: list[str]) -> DataFrame:
    """Return a table of three rows with columns of these names and types."""
    values: dict[str, list[Any]] = {"id": [1, 2, 3], "x": X, "n": N, "name": ["a", "b", "c"]}
    by_name = [values.get(column.split()[0].lower(), [7] * 3) for column in columns]
    rows = spark.createDataFrame([tuple(map(str, row)) for row in zip(*by_name, strict=True)])
    wanted = zip(rows.columns, (column.split() for column in columns), strict=True)
    return rows.select(*[rows[name].cast(type_).alias(alias) for name, (alias, type_) in wanted])


def config(format_: str, columns: list[str], **sections: Any) -> jobfile.Job:
    """Return a job that applies the artifact to ``new``, with the schema in the job file where the format has none."""
    source = {"format": format_, "path": "new"}
    if format_ in ("csv", "json"):
        source["schema"] = ", ".join(columns)
    output = {"format": "parquet", "path": "out"}
    parts = {"version": 1, "input": source, "artifact": {"path": "stats"}, "output": output} | sections
    Path("job.yaml").write_text("\n".join(f"{key}: {json.dumps(value)}" for key, value in parts.items()))
    return jobfile.load("job.yaml")


def apply(spark: SparkSession, format_: str, columns: list[str], **sections: Any) -> Report:
    """Write a table of these columns and apply the artifact to it."""
    save(make(spark, columns), format_)
    return job.run(config(format_, columns, **sections), "transform")


def save(df: DataFrame, format_: str) -> None:
    path = str(Path("new").absolute())
    df.coalesce(1).write.format(format_).option("header", format_ == "csv").save(path)


@pytest.mark.parametrize(("format_", "kind"), FORMATS)
def test_apply_to_a_table_that_differs(spark: SparkSession, place: Path, format_: str, kind: str) -> None:
    columns, said = TABLES[kind]
    report = apply(
        spark, format_, columns, schema_drift={kind: "warn"}, engine="pandas" if format_ == "orc" else "auto"
    )
    assert report.warnings == [f"{said} ({kind})"]
    assert (report.rows, report.verified_rows) == (3, 3)
    out = spark.read.parquet(str(place / "out"))
    names = [column.split()[0] for column in columns]
    assert out.columns == [*names, "n_1"]
    found = out.toArrow().to_pydict()
    assert {name.lower(): found[name] for name in found if name.lower() in SCALED} == SCALED
    assert found["N" if kind == "case" else "n"] == N


@pytest.mark.parametrize("format_", ["parquet", "csv", "json", "orc"])
def test_refuse_every_difference_at_once(spark: SparkSession, place: Path, format_: str) -> None:
    columns = ["name string", "X float", "n bigint", "more int"]
    source = {"where": {"nam": "a", "more": {"ge": "one"}}, "format": format_, "path": "new"}
    if format_ in ("csv", "json"):
        source["schema"] = ", ".join(columns)
    with pytest.raises(DataError) as caught:
        apply(spark, format_, columns, schema_drift="error", input=source)
    assert [(problem.code, problem.cause.rpartition(" ")[2]) for problem in caught.value.problems] == [
        ("SCHEMA_MISSING", "new"), ("SCHEMA_TYPE", "'one'"),
        *(("SCHEMA_DRIFT", f"({kind})") for kind in ("case", "narrowed", "widened", "dropped", "extra", "reordered")),
    ]  # fmt: skip
    assert {path.name for path in place.iterdir()} == {"new", "stats", "job.yaml"}


@pytest.mark.parametrize(("columns", "code", "said"), [
    (["n int"], "SCHEMA_MISSING", "column 'x' is not in new; its columns are 'n'"),
    (["n int", "xx double"], "SCHEMA_MISSING", "column 'x' is not in new; renamed to 'xx'? rename it back, or fit again"),
    (["n int", "x string"], "SCHEMA_TYPE", "expected numbers, but column 'x' is string"),
    (["n int", "x array<string>"], "SCHEMA_TYPE", "expected numbers, but column 'x' is array<string>"),
])  # fmt: skip
def test_refuse_under_every_policy(spark: SparkSession, place: Path, columns: list[str], code: str, said: str) -> None:
    df = make(spark, [column.replace("array<string>", "string") for column in columns])
    save(df.selectExpr("n", "array(x) x") if "array" in columns[-1] else df, "parquet")
    for action in ("error", "ignore"):
        with pytest.raises(DataError) as caught:
            check_schema(
                config("parquet", columns, schema_drift={"extra": "ignore", "dropped": "ignore", "narrowed": action})
            )
        ((found, text),) = [(problem.code, str(problem)) for problem in caught.value.problems]
        assert found == code
        assert said in text


def test_do_by_default_what_users_want(spark: SparkSession, place: Path) -> None:
    report = apply(spark, "parquet", ["more int", "n bigint", "x float"])
    assert report.warnings == ["column 'x': expected double as in the fit, found float in new (narrowed)"]


def test_show_differences_in_a_check(spark: SparkSession, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(make(spark, ["x float", "n bigint"]), "parquet")
    config("parquet", [])
    with pytest.raises(SystemExit) as ended:
        entry.main(["check", "--schema", "--config", "job.yaml"])
    said = capsys.readouterr().err.splitlines()
    assert ended.value.code == 0
    assert "warning: column 'x': expected double as in the fit, found float in new (narrowed)" in said
    assert not any("widened" in line for line in said)
    with pytest.raises(SystemExit) as ended:
        entry.main(["check", "--schema", "--config", "job.yaml", "--set", "schema_drift.widened=error"])
    assert ended.value.code == 65
    assert capsys.readouterr().err.splitlines()[-1] == (
        "sparkscale: error[SCHEMA_DRIFT] column 'n': expected int as in the fit, found bigint in new (widened); "
        "cast to int, fit again, or set schema_drift: {widened: warn} in the job file (exit 65)"
    )


def test_learn_anew_what_a_run_or_fit_reads(spark: SparkSession, place: Path) -> None:
    save(make(spark, ["X float", "more int"]), "parquet")
    known = config("parquet", [], schema_drift="error", steps=[{"kind": "minmax", "columns": "X"}])
    assert job.run(known, "run").warnings == []
    assert [column.name for column in store.load("stats", 2).columns] == ["X", "more"]


def test_apply_a_field_of_a_struct_in_another_case(spark: SparkSession, here: Path) -> None:
    write_parquet(here / "old" / "a.parquet", {"p": [{"age": 1.0}, {"age": 3.0}]})
    write_parquet(here / "new" / "a.parquet", {"P": [{"Age": 2.0}, {"Age": None}]})
    ss.Pipeline([ss.MinMax("p.age", into="age_1")]).fit(spark.read.parquet(str(here / "old"))).save("stats")
    report = job.run(config("parquet", [], schema_drift={"case": "warn"}), "transform")
    assert report.warnings == ["column 'p.age': expected the case of the fit, found 'P.Age' in new (case)"]
    assert spark.read.parquet(str(here / "out")).toArrow().to_pydict()["age_1"] == [0.5, None]


# --- in Python ---------------------------------------------------------------------------------------------------


def test_warn_where_the_library_is_called(spark: SparkSession) -> None:
    fitted = ss.Pipeline(STEPS).fit(make(spark, list(WAS.values())))
    df = make(spark, ["n bigint", "x float", "more int"])
    with pytest.warns(ss.SchemaDriftWarning) as caught:
        scaled = fitted.transform(df)
    ((text, file),) = [(str(warning.message), warning.filename) for warning in caught]
    assert text == "column 'x': expected double as in the fit, found float in the input (narrowed)"
    assert file == __file__
    assert issubclass(ss.SchemaDriftWarning, UserWarning)
    assert scaled.toArrow().to_pydict() == {"n": N, "x": SCALED["x"], "more": [7] * 3, "n_1": SCALED["n_1"]}
    with warnings.catch_warnings():
        warnings.simplefilter("error", ss.SchemaDriftWarning)
        with pytest.raises(ss.SchemaDriftWarning):
            fitted.transform(df)


@pytest.mark.parametrize("engine", ["native", "arrow", "pandas"])
def test_cast_in_python_what_has_another_type(spark: SparkSession, engine: Any) -> None:
    fitted = ss.Pipeline(STEPS).fit(make(spark, list(WAS.values())))
    flags = make(spark, ["x double", "n int"]).selectExpr("x > 0.1 as x", "n")
    with pytest.warns(ss.SchemaDriftWarning, match=r"found boolean in the input \(narrowed\)$"):
        scaled = fitted.transform(flags, engine=engine)
    assert scaled.toArrow().to_pydict() == {"x": [0.0, 0.5, 0.5], "n": N, "n_1": SCALED["n_1"]}


def test_raise_what_may_not_pass_in_python(spark: SparkSession) -> None:
    fitted = ss.Pipeline(STEPS).fit(make(spark, list(WAS.values())))
    with pytest.raises(DataError, match=r"^column 'x': expected the case of the fit, found 'X' in the input") as caught:
        fitted.transform(make(spark, ["X double", "n int"]))
    assert (caught.value.code, caught.value.exit_code) == ("SCHEMA_DRIFT", 65)


def test_keep_whether_a_column_may_hold_nulls(spark: SparkSession) -> None:
    sure = spark.range(3).selectExpr("id", "double(id) as x")
    fitted = ss.Pipeline([ss.MinMax("x")]).fit(sure)
    assert [(c.name, c.type, c.nullable) for c in fitted.columns] == [("id", "bigint", False), ("x", "double", False)]
    maybe = sure.selectExpr("id", "nullif(x, 9.0) as x")
    assert fitted.transform(maybe).schema["x"].nullable
    found = fitted.plan(schema_of(maybe), Policy(nullability="warn")).warnings
    assert found == ("column 'x': expected not null as in the fit, found nullable in the input (nullability)",)
    assert fitted.plan(schema_of(sure), Policy.of("error")).warnings == ()


def test_read_columns_of_a_case_sensitive_table(spark: SparkSession) -> None:
    fitted = ss.Pipeline([ss.MinMax("ab")]).fit(spark.range(5).selectExpr("id as ab"))
    spark.conf.set("spark.sql.caseSensitive", "true")
    try:
        both = spark.range(2).selectExpr("id as Ab", "id + 1 as ab", "id as AB")
        assert fitted.transform(both).toArrow().to_pydict() == {"Ab": [0, 1], "ab": [0.25, 0.5], "AB": [0, 1]}
        with pytest.raises(DataError, match="only in case, found 'Ab', 'AB'; rename the one you mean"):
            fitted.transform(both.drop("ab"))
    finally:
        spark.conf.unset("spark.sql.caseSensitive")
