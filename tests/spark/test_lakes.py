"""Every format that a data lake holds: written, read back by an independent reader, run again, changed in part."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import deltalake
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.dataset
import pyarrow.json
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from sparkscale.config import jobfile
from sparkscale.config.tables import quoted
from sparkscale.errors import ConfigError, DataError, InputMissingError, OutputError, SparkscaleError
from sparkscale.publish import files
from sparkscale.report.tables import Report
from sparkscale.run import job, opening
from sparkscale.spark.sources import icebergtypes
from sparkscale.spark.sources.catalog import describe
from tests.spark.frames import write_parquet
from tests.tables import independent, newest_metadata

STEPS = [{"kind": "minmax", "columns": "x"}]


@pytest.fixture
def inputs(spark: SparkSession, here: Path) -> Path:
    """Work in a folder with an input of three months, and of their second version."""
    months = [m for m in (1, 2, 3) for _ in range(4)]
    write_parquet(here / "in" / "a.parquet", {"x": [float(i) for i in range(12)], "month": months, "v": [1] * 12})
    write_parquet(here / "again" / "a.parquet", {"x": [0.0, 4.0], "month": [2, 2], "v": [2] * 2})
    return here


def run(output: dict[str, Any], source: str | dict[str, Any] = "in", command: str = "run", **more: Any) -> Report:
    """Run a job that scales ``x``."""
    run_id = more.pop("run_id", None)
    given = source if isinstance(source, dict) else {"format": "parquet", "path": source}
    parts = {"version": 1, "input": given, "steps": STEPS, "self_check": 0, "output": output} | more
    Path("job.yaml").write_text("\n".join(f"{key}: {json.dumps(value)}" for key, value in parts.items()))
    return job.run(jobfile.load("job.yaml", command, run_id=run_id), command)


#: Targets by name: the output's format and place; `{n}` makes each test's table its own.
TARGETS: dict[str, dict[str, str]] = {
    "parquet": {"format": "parquet", "path": "out"},
    "orc": {"format": "orc", "path": "out"},
    "csv": {"format": "csv", "path": "out"},
    "json": {"format": "json", "path": "out"},
    "parquet table": {"table": "default.files_{n}"},
    "orc table": {"format": "orc", "table": "spark_catalog.default.orc_{n}"},
    "delta": {"format": "delta", "path": "deep/er/out dé"},
    "delta table": {"format": "delta", "table": "default.delta_{n}"},
    "iceberg": {"format": "iceberg", "path": "deep/er/out 1"},
    "iceberg table": {"format": "iceberg", "table": "lake.db.`t {n}`"},
}


#: One of each way to publish: an exchange, texts, a catalog's files, and the two formats with transactions.
SOME = pytest.mark.parametrize("target", ["parquet", "csv", "orc table", "delta", "iceberg table"], indirect=True)


@pytest.fixture(params=TARGETS)
def target(request: pytest.FixtureRequest, spark: SparkSession) -> dict[str, str]:
    """Give each kind of target in turn."""
    number = f"{abs(hash(request.node.nodeid)):x}"
    return {key: value.replace("{n}", number) for key, value in TARGETS[request.param].items()}


Reader = Callable[[dict[str, str]], dict[str, list[Any]]]


@pytest.fixture
def back(spark: SparkSession) -> Reader:
    """Give a function that reads a target without Spark: x, month and v, in the order of month, v and x."""

    def read(target: dict[str, str]) -> dict[str, list[Any]]:
        place, format_ = target.get("path"), target.get("format", "parquet")
        if place is None:
            known = describe(spark, quoted(target["table"]))
            assert known is not None
            assert known.folder is not None
            place, format_ = known.folder, known.provider
        table = independent(place, format_).select(["x", "month", "v"])
        return dict(table.sort_by([("month", "ascending"), ("v", "ascending"), ("x", "ascending")]).to_pydict())

    return read


WHOLE = {"x": [i / 11 for i in range(12)], "month": [1] * 4 + [2] * 4 + [3] * 4, "v": [1] * 12}
MIXED = {
    "x": [0, 1 / 11, 2 / 11, 3 / 11, 0, 1, *(i / 11 for i in range(8, 12))],
    "month": [1] * 4 + [2] * 2 + [3] * 4, "v": [1] * 4 + [2] * 2 + [1] * 4,
}  # fmt: skip


def assert_holds(found: dict[str, list[Any]], expected: dict[str, list[Any]]) -> None:
    np.testing.assert_allclose(found["x"], expected["x"], rtol=1e-15)
    assert (found["month"], found["v"]) == (expected["month"], expected["v"])


def test_publish_in_every_mode(inputs: Path, target: dict[str, str], back: Reader) -> None:
    """Create, refuse, append, replace a partition and replace all: each means the same in every format."""
    output = {**target, "partition_by": ["month"]}
    assert run(output).status == "done"
    assert_holds(back(target), WHOLE)
    assert run(output).status == "unchanged"
    with pytest.raises(OutputError, match="already exists") as caught:
        run(output, "again")
    assert caught.value.exit_code == 73
    parts = {**output, "mode": "overwrite_partitions"}
    assert run(parts, "again").status == "done"
    assert_holds(back(target), MIXED)
    assert run(parts, "again").status == "unchanged"
    added = run({**output, "mode": "append"}, "again")
    assert (added.status, added.rows) == ("done", 2)
    more = {key: MIXED[key][:4] + sorted(MIXED[key][4:6] * 2) + MIXED[key][6:] for key in MIXED}
    assert_holds(back(target), more)
    assert run({**output, "mode": "append"}, "again").status == "unchanged"
    assert_holds(back(target), more)
    assert run({**output, "mode": "overwrite"}).status == "done"
    assert_holds(back(target), WHOLE)
    assert {path.name for path in inputs.iterdir()} <= {"in", "again", "job.yaml", "out", "deep"}
    assert not list(inputs.rglob("_sparkscale-*"))


@SOME
def test_do_a_given_run_once(inputs: Path, target: dict[str, str], back: Reader) -> None:
    """An id that a scheduler gave runs a single time, whatever came after it; one by content runs again when asked."""
    output = {**target, "mode": "overwrite"}
    by_content = [run(output, source).status for source in ("in", "again", "in", "in")]
    assert by_content == ["done", "done", "done", "unchanged"]
    given = [run(output, source, run_id=run_id).status for source, run_id in
             (("in", "a"), ("again", "b"), ("in", "a"), ("in", "b"))]  # fmt: skip
    assert given == ["done", "done", "unchanged", "unchanged"]
    assert back(target)["v"] == [2, 2]


@SOME
@pytest.mark.parametrize("published", [False, True])
def test_finish_after_a_lost_reply(
    inputs: Path, target: dict[str, str], back: Reader, monkeypatch: pytest.MonkeyPatch, published: bool
) -> None:
    """Fail just before or after publishing: the next run finds what there is, and does the rest."""
    output = {**target, "partition_by": ["month"]}
    run(output)
    failing = ("published", "committed") if published else ("complete", "ready")

    def reached(step: str) -> None:
        if step in failing:
            raise RuntimeError("the reply is lost")

    with monkeypatch.context() as patch:
        patch.setattr(files, "reached", reached)
        with pytest.raises(RuntimeError):
            run({**output, "mode": "append"}, "again")
    assert len(back(target)["v"]) == (14 if published else 12)
    assert run({**output, "mode": "append"}, "again").status == ("unchanged" if published else "done")
    assert len(back(target)["v"]) == 14


DIFFERENT = [
    ({"into": "y"}, "has no column 'y'"),
    ({"dtype": "float32"}, "column 'x' of .*: expected double, the result has float"),
]


@SOME
@pytest.mark.parametrize(("changed", "said"), DIFFERENT)
def test_refuse_to_add_other_columns(
    inputs: Path, target: dict[str, str], back: Reader, changed: dict[str, str], said: str
) -> None:
    mode = "append" if "into" in changed else "overwrite_partitions"
    output = {**target, "partition_by": ["month"]}
    run(output)
    before = back(target)
    if "dtype" in changed and target.get("format") in ("csv", "json"):
        assert run({**output, "mode": mode}, "again", steps=[STEPS[0] | changed]).status == "done"  # texts have no type
        return
    with pytest.raises(DataError, match=said) as caught:
        run({**output, "mode": mode}, "again", steps=[STEPS[0] | changed])
    assert (caught.value.code, caught.value.exit_code) == ("SCHEMA_TARGET", 65)
    with pytest.raises(DataError, match=r"expected \['month'\], by which"):
        run({**output, "mode": mode, "partition_by": ["v"]}, "again")
    assert back(target) == before


@SOME
def test_replace_columns_by_overwrite(inputs: Path, target: dict[str, str], back: Reader) -> None:
    run({**target, "partition_by": ["month"]})
    steps = [STEPS[0] | {"into": "y"}]
    if "table" in target and target.get("format") not in ("delta", "iceberg"):
        with pytest.raises(DataError, match="has no column 'y'"):
            run({**target, "mode": "overwrite", "partition_by": ["month"]}, steps=steps)
        return
    run({**target, "mode": "overwrite", "partition_by": ["month"]}, steps=steps)
    assert back(target)["x"] == [float(i) for i in range(12)]


def test_refuse_folder_of_something_else(inputs: Path) -> None:
    (inputs / "out").mkdir()
    (inputs / "out" / "precious").write_text("x")
    for format_ in ("delta", "iceberg"):
        for mode in ("error", "overwrite", "append"):
            with pytest.raises(OutputError, match=f"expected {format_} or nothing, found another folder") as caught:
                run({"format": format_, "path": "out", "mode": mode})
            assert caught.value.exit_code == 73
    assert [path.name for path in (inputs / "out").iterdir()] == ["precious"]


def test_refuse_table_of_another_format(inputs: Path) -> None:
    run({"format": "delta", "table": "default.a_delta"})
    with pytest.raises(ConfigError, match=r"expected delta, which the table default\.a_delta is of, found parquet"):
        run({"format": "parquet", "table": "default.a_delta", "mode": "overwrite"})
    with pytest.raises(ConfigError, match="is also the input"):
        run({"table": "`default`.a_delta", "mode": "overwrite"}, {"table": "default.a_delta"})
    known = describe(SparkSession.active(), "default.a_delta")
    assert known is not None
    for output in ({"format": "delta", "path": known.folder}, {"format": "parquet", "path": f"{known.folder}/below"}):
        with pytest.raises(ConfigError, match=r"output: .* overlaps the input"):
            run(output, {"table": "default.a_delta"})
    with pytest.raises(ConfigError, match=r"expected db\.name for files in Spark's own catalog"):
        run({"table": "lake.db.files"})
    with pytest.raises(ConfigError, match="expected a name of letters, digits and _"):
        run({"table": "default.`odd name`"})


@pytest.mark.parametrize("format_", ["delta", "iceberg"])
def test_read_a_table_as_it_was(spark: SparkSession, inputs: Path, format_: str) -> None:
    run({"format": format_, "path": "t"})
    run({"format": format_, "path": "t", "mode": "overwrite"}, "again")
    if format_ == "delta":
        old: dict[str, Any] = {"version": 0}
        wrong: dict[str, Any] = {"version": 7}
    else:
        old = {"snapshot": json.loads(newest_metadata("t").read_text())["snapshots"][0]["snapshot-id"]}
        wrong = {"tag": "nightly"}
    source = {"format": format_, "path": "t"}
    assert run({"format": "parquet", "path": "now"}, source).rows == 2
    assert run({"format": "parquet", "path": "then"}, {**source, **old}).rows == 12
    for missing in (wrong, {"timestamp": "2001-01-01 10:00:00"}):
        with pytest.raises(InputMissingError) as caught:
            run({"format": "parquet", "path": "never"}, {**source, **missing})
        assert (caught.value.code, caught.value.exit_code) == ("INPUT_VERSION", 66)


def test_read_a_tag_and_a_table_by_name(spark: SparkSession, inputs: Path) -> None:
    run({"format": "iceberg", "table": "lake.db.tagged"})
    spark.sql("ALTER TABLE lake.db.tagged CREATE TAG `nightly`")
    run({"format": "iceberg", "table": "lake.db.tagged", "mode": "append"}, "again")
    assert run({"format": "parquet", "path": "all"}, {"table": "lake.db.tagged"}).rows == 14
    assert run({"format": "parquet", "path": "tag"}, {"table": "lake.db.tagged", "tag": "nightly"}).rows == 12
    run({"format": "delta", "table": "default.named"})
    run({"format": "delta", "table": "default.named", "mode": "append"}, "again")
    assert run({"format": "parquet", "path": "first"}, {"table": "default.named", "version": 0}).rows == 12
    with pytest.raises(InputMissingError) as caught:
        run({"format": "parquet", "path": "never"}, {"table": "default.nowhere"})
    assert caught.value.exit_code == 66
    with pytest.raises(ConfigError) as wrong:
        run({"format": "parquet", "path": "never"}, {"table": "nocatalog.db.nowhere"})
    assert wrong.value.code == "CONFIG_TABLE"


def test_read_what_others_wrote(spark: SparkSession, here: Path) -> None:
    table = pa.table({"x": [1.0, 3.0, None], "month": [1, 2, 2]})
    deltalake.write_deltalake(str(here / "d"), table, partition_by=["month"])
    for source in ({"format": "delta", "path": "d"}, {"format": "iceberg", "path": str(of_pyiceberg(here, table))}):
        run({"format": "parquet", "path": "out", "mode": "overwrite"}, source)
        found = pyarrow.dataset.dataset("out").to_table().sort_by("x").to_pydict()
        assert (found["x"], found["month"]) == ([0.0, 1.0, None], [1, 2, 2])


@pytest.mark.parametrize("by", ["path", "table"])
def test_read_the_null_partitions_of_delta(spark: SparkSession, here: Path, by: str) -> None:
    """In a table's log "" is null, whoever writes it; Spark reads it as a text."""
    table = pa.table({"x": [1.0, 3.0, 5.0, 7.0], "store": ["", None, "a", "b"]})
    deltalake.write_deltalake(str(here / "d"), table, partition_by=["store"])
    source: dict[str, Any] = {"format": "delta", "path": "d"}
    if by == "table":
        spark.sql(f"CREATE TABLE default.stores USING delta LOCATION '{here}/d'")
        source = {"table": "default.stores"}
    run({"format": "parquet", "path": "out"}, source, self_check=10)
    found = pyarrow.dataset.dataset("out").to_table().sort_by("x").to_pydict()
    assert found["store"] == [None, None, "a", "b"]
    run({"format": "parquet", "path": "some"}, source | {"where": {"store": {"null": True}}})
    assert pyarrow.dataset.dataset("some").to_table().num_rows == 2
    run({"format": "parquet", "path": "one"}, source | {"where": {"store": "a"}})
    assert pyarrow.dataset.dataset("one").to_table().to_pydict() == {"x": [0.0], "store": ["a"]}


def of_pyiceberg(here: Path, table: pa.Table, by: str = "") -> Path:
    """Write an Iceberg table; return the newest file of its metadata, as this catalog keeps no pointer beside it."""
    from pyiceberg.catalog.sql import SqlCatalog

    (here / "w").mkdir()
    catalog = SqlCatalog("c", uri=f"sqlite:///{here}/catalog.db", warehouse=f"file://{here}/w")
    catalog.create_namespace("db")
    made = catalog.create_table("db.t", table.schema)
    if by:
        with made.update_spec() as spec:
            spec.add_identity(by)
    made.append(table)
    return max((here / "w" / "db" / "t" / "metadata").glob("*.json"))


def test_name_the_columns_of_iceberg_that_spark_cannot_read(spark: SparkSession, here: Path) -> None:
    at = pa.array([dt.time(8, 15), None])
    table = pa.table(
        {"x": [1.0, 3.0], "opened": at, "calls": pa.array([[dt.time(9)], None], pa.list_(pa.time64("us")))}
    )
    newest = of_pyiceberg(here, table)
    assert refused(newest) == [
        f"{newest}: column {name!r} is time: Spark cannot read this type" for name in ("opened", "calls")
    ]
    assert icebergtypes.columns(newest.parent.parent) == [
        ("x", "double", False), ("opened", "time", False), ("calls", "time", False)]  # fmt: skip


def test_name_the_partition_of_iceberg_that_spark_cannot_read(spark: SparkSession, here: Path) -> None:
    table = pa.table({"x": [1.0, 3.0], "code": pa.array([b"ab", b"cd"], pa.binary(2)), "other": pa.array([b"e", None])})
    newest = of_pyiceberg(here, table, "code")
    assert refused(newest) == [f"{newest}: column 'code' is fixed[2]: Spark's Iceberg fails on partitions of this type"]
    assert icebergtypes.columns(newest)[1:] == [("code", "fixed[2]", True), ("other", "binary", False)]
    for damaged in (
        "{",
        "[1]",
        "{}",
        '{"schemas": [{}]}',
        '{"schema": {"fields": [{"name": "x", "id": 1, "type": 1}]}}',
    ):
        newest.write_text(damaged, encoding="utf-8")
        assert icebergtypes.columns(newest) == []


def refused(metadata: Path) -> list[str]:
    """Run a job on an Iceberg table, which is refused; return what is wrong with it."""
    with pytest.raises(DataError) as caught:
        run({"format": "parquet", "path": "out"}, {"format": "iceberg", "path": str(metadata)})
    assert not Path("out").exists()
    assert {problem.code for problem in caught.value.problems} == {"SCHEMA_TYPE"}
    return [problem.cause for problem in caught.value.problems]


@pytest.mark.parametrize("format_", ["delta", "iceberg"])
def test_keep_a_table_its_own_partitions(inputs: Path, format_: str) -> None:
    run({"format": format_, "path": "t", "partition_by": ["month"]})
    run({"format": format_, "path": "t", "mode": "overwrite"}, "again")
    with pytest.raises(DataError, match=r"expected \['month'\], by which t is partitioned, found \['v'\]"):
        run({"format": format_, "path": "t", "mode": "append", "partition_by": ["v"]})
    if format_ == "delta":
        assert deltalake.DeltaTable("t").metadata().partition_columns == ["month"]
    else:
        newest = json.loads(newest_metadata("t").read_text())
        assert [field["name"] for field in newest["partition-specs"][newest["default-spec-id"]]["fields"]] == ["month"]


def test_note_the_run_in_the_table(inputs: Path) -> None:
    run({"format": "delta", "path": "d"}, run_id="r-1", artifact={"path": "stats"})
    run({"format": "iceberg", "path": "i"}, run_id="r-1", artifact={"path": "stats"})
    note = json.loads(deltalake.DeltaTable("d").history()[0]["userMetadata"])
    newest = json.loads(newest_metadata("i").read_text())
    summary = newest["snapshots"][-1]["summary"]
    expected = {"run_id": "r-1", "command": "run", "mode": "error", "artifact": {"path": "stats", "version": 1}}
    assert expected.items() <= note.items()
    assert expected.items() <= json.loads(summary["sparkscale.run"]).items()
    assert summary["sparkscale.run-id"] == "r-1"
    assert deltalake.DeltaTable("d").transaction_version("sparkscale/r-1") == 1


def test_count_before_a_transaction_and_refuse(inputs: Path) -> None:
    write_parquet(inputs / "null" / "a.parquet", {"a": [None, None], "b": [None, None]})
    table = pa.table({"a": pa.array([None, None], "float64"), "b": pa.array([None, None], "float64")})
    pa.parquet.write_table(table, "null/a.parquet")
    for format_ in ("delta", "iceberg"):
        with pytest.raises(DataError, match="expected scores in 'a', 'b', found only nulls"):
            run({"format": format_, "path": "t"}, "null", steps=[{"kind": "softmax", "columns": ["a", "b"]}])
        assert not (inputs / "t").exists()


def test_write_few_files(inputs: Path) -> None:
    """Three months out of twenty tasks are three files, and not sixty; a limit of rows makes more of them."""
    for part in range(20):
        write_parquet(inputs / "many" / f"{part}.parquet", {"x": [1.0 * part] * 3, "month": [1, 2, 3], "v": [1] * 3})
    options = {"spark.sql.files.openCostInBytes": "134217728"}
    spark = SparkSession.active()
    before = {key: spark.conf.get(key) for key in options}
    try:
        for key, value in options.items():
            spark.conf.set(key, value)
        assert spark.read.parquet(str(inputs / "many")).rdd.getNumPartitions() == 20
        for format_ in ("parquet", "delta", "iceberg"):
            run({"format": format_, "path": f"few {format_}", "partition_by": ["month"]}, "many")
            found = [path for path in (inputs / f"few {format_}").rglob("*.parquet") if "_delta_log" not in path.parts]
            assert len(found) == 3
        for format_ in ("parquet", "delta"):
            run({"format": format_, "path": f"more {format_}", "partition_by": ["month"], "rows_per_file": 8}, "many")
            assert len(list((inputs / f"more {format_}").glob("month*/*.parquet"))) == 9
    finally:
        for key, value in before.items():
            spark.conf.set(key, str(value))


def test_push_predicates_down(spark: SparkSession, inputs: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A predicate on a partition's column reads no other folder; others reach the Parquet reader."""
    run({"format": "parquet", "path": "parts", "partition_by": ["month"]})
    source = {"format": "parquet", "path": "parts", "where": {"month": 2, "x": {"ge": 0.5}}}
    Path("job.yaml").write_text(json.dumps({"version": 1, "input": source, "steps": STEPS}))
    config = jobfile.load("job.yaml", "fit").config
    df = opening.opened(spark, config, None).df
    df.explain("formatted")
    plan = capfd.readouterr().out
    assert "PartitionFilters: [isnotnull(month" in plan
    assert "PushedFilters: [IsNotNull(x), GreaterThanOrEqual(x,0.5)]" in plan
    read = {Path(row[0]).parent.name for row in df.select(F.input_file_name()).distinct().collect()}
    assert (read, df.count()) == ({"month=2"}, 2)


WRONG: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    (
        {"format": "parquet", "path": "in", "version": 1},
        {},
        "parquet has no version to read; only delta and iceberg have one",
    ),
    ({"format": "delta", "path": "in", "tag": "a"}, {}, "delta has no tag to read; use version or timestamp"),
    ({"format": "iceberg", "path": "in", "snapshot": 1, "tag": "a"}, {}, "expected one of snapshot, tag, found 2"),
    ({"format": "delta", "path": "in", "timestamp": "noon"}, {}, "expected a time such as 2026-01-31 12:00:00"),
    ({"format": "delta", "path": "in", "schema": "x double"}, {}, "a delta table has its own schema"),
    ({"path": "in"}, {}, "a path needs a format; add one"),
    ({"format": "parquet"}, {}, "expected either 'path' or 'table', found neither"),
    ({"format": "parquet", "path": "in", "table": "a.b"}, {}, "expected either 'path' or 'table', found both"),
    ({"table": "a..b"}, {}, "expected a name such as db.name"),
    ({"table": "a; drop table b"}, {}, "expected a name such as db.name"),
    ({}, {"mode": "overwrite_partitions"}, "mode: overwrite_partitions needs partition_by"),
    ({}, {"partition_by": ["month", "month"]}, "partition_by names column 'month' twice"),
    ({}, {"rows_per_file": 0}, "expected at least 1"),
    ({}, {"format": "iceberg", "path": "s", "rows_per_file": 5}, "Iceberg sizes its files itself"),
]


@pytest.mark.parametrize(("source", "output", "said"), WRONG)
def test_refuse_what_a_format_does_not_have(
    here: Path, source: dict[str, Any], output: dict[str, Any], said: str
) -> None:
    with pytest.raises(SparkscaleError, match=said.replace("(", r"\(")) as caught:
        run({"format": "parquet", "path": "out"} | output, source or "in")
    assert caught.value.exit_code == 78
