"""`update` on Spark: real flights by month, of which only what changed is read, against a fit of the same window."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import deltalake
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.json
import pyarrow.orc
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

import sparkscale as ss
from sparkscale.config import jobfile
from sparkscale.errors import ConfigError, DataError
from sparkscale.run import job, opening
from tests.artifact.states.tables import assert_same
from tests.samples import script

COLUMNS = ["dep_delay", "arr_delay", "distance"]


@pytest.fixture(scope="module")
def months(tmp_path_factory: pytest.TempPathFactory) -> dict[int, pa.Table]:
    """Give the flights of each month."""
    folder = tmp_path_factory.mktemp("flights")
    script("sample_data").write_flights(folder / "flights", 3000)
    whole = pq.read_table(folder / "flights")
    return {number: whole.filter(pc.equal(whole["month"], number)).drop_columns(["month"]) for number in range(1, 8)}


def put(table: pa.Table, key: str, format_: str = "parquet") -> Path:
    path = Path("in") / key / f"part.{format_}"
    path.parent.mkdir(parents=True, exist_ok=True)
    if format_ == "json":
        rows = table.select(COLUMNS).to_pandas().to_json(orient="records", lines=True)
        path.write_text(rows, encoding="utf-8")
    else:
        write = {"parquet": pq.write_table, "csv": pyarrow.csv.write_csv, "orc": pyarrow.orc.write_table}[format_]
        write(table.select(COLUMNS), path)  # type: ignore[operator]
    return path


def load(command: str, steps: str, overrides: Any = ()) -> jobfile.Job:
    text = f"""
version: 1
input: {{format: parquet, path: in, partitions: month int}}
artifact: {{path: out/{"fit" if command == "fit" else "stats"}}}
states: {{path: out/states, by: [month], keep: 3}}
steps: {steps}
"""
    Path("job.yaml").write_text(text, encoding="utf-8")
    return jobfile.load("job.yaml", command, overrides=overrides)


STEPS = "[{kind: standard, columns: [dep_delay, arr_delay]}, {kind: robust, columns: distance}]"


def update(steps: str = STEPS, *overrides: str) -> Any:
    return job.run(load("update", steps, overrides), "update")


def assert_like_a_fit(steps: str, window: list[int], *overrides: str) -> None:
    """Compare the newest artifact with a fit of the window at once."""
    job.run(load("fit", steps, [f"input.where.month={window}", *overrides]), "fit")
    assert_same(ss.load("out/stats").stats, ss.load("out/fit").stats)


def spoil(path: Path) -> None:
    """Damage the data of a Parquet file, and leave its footer, size and time as they are."""
    known, content = path.stat(), bytearray(path.read_bytes())
    content[4:400] = bytes(396)
    path.write_bytes(content)
    os.utime(path, ns=(known.st_atime_ns, known.st_mtime_ns))


def test_read_what_changed_alone(
    spark: SparkSession, here: Path, months: dict[int, pa.Table], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = {number: put(months[number], f"month={number:02d}") for number in (1, 2, 3, 4)}
    report = update()
    assert report.partitions["read"] == [{"month": 2}, {"month": 3}, {"month": 4}]
    assert_like_a_fit(STEPS, [2, 3, 4])

    sound = {number: path.read_bytes() for number, path in whole.items()}
    for path in whole.values():
        spoil(path)
    put(months[5], "month=05")
    report = update()
    assert report.to_dict()["partitions"] == {
        "read": [{"month": 5}], "kept": 2, "dropped": [], "extended": [], "columns": []}  # fmt: skip
    assert report.artifact == {"path": "out/stats", "version": 2}
    with pytest.raises(DataError):  # that they are damaged shows once they are read
        update("[{kind: standard, columns: [distance, arr_delay]}, {kind: maxabs, columns: dep_delay}]", "states.path=out/other")  # fmt: skip
    for number, path in whole.items():
        known = path.stat()
        path.write_bytes(sound[number])
        os.utime(path, ns=(known.st_atime_ns, known.st_mtime_ns))
    assert_like_a_fit(STEPS, [3, 4, 5])

    with monkeypatch.context() as patched:
        patched.setattr(opening, "engine", lambda *_, **__: pytest.fail("an engine was asked for"))
        assert update().status == "unchanged"
        ss.States("out/states").drop("month=4")
        report = update(STEPS, "states.keep=2")  # month 4 is out, and months 3 and 5 have states
        assert (report.status, report.artifact["version"], report.rows) == (
            "done",
            3,
            months[3].num_rows + months[5].num_rows,
        )


def test_read_rewritten_partitions_and_new_columns(
    spark: SparkSession, here: Path, months: dict[int, pa.Table]
) -> None:
    paths = {number: put(months[number], f"month={number:02d}") for number in (2, 3, 4, 5)}
    update(STEPS, "states.keep=4")
    paths[3].unlink()
    paths[3].parent.rmdir()
    power = f"{STEPS[:-1]}, {{kind: power, columns: arr_delay, into: p}}, {{kind: minmax, columns: sched, into: s}}]"
    for number in (2, 4, 5):
        table, known = months[number if number != 4 else 7], paths[number].stat()
        pq.write_table(table.select(COLUMNS).append_column("sched", table["sched_dep_time"]), paths[number])
        if number == 5:  # its size differs, so that it is read again as well
            os.utime(paths[number], ns=(known.st_atime_ns, known.st_mtime_ns))
    report = update(power)
    assert report.partitions["dropped"] == [{"month": 3}]
    assert report.partitions["read"] == [{"month": 2}, {"month": 4}, {"month": 5}]
    assert_like_a_fit(power, [2, 4, 5])
    exponents = [ss.load(f"out/{name}").maps[2][0].to_dict()["maps"][0]["exponent"] for name in ("stats", "fit")]
    assert exponents[0] == pytest.approx(exponents[1], rel=1e-6)


@pytest.mark.parametrize("format_", ["csv", "json"])
def test_read_texts(spark: SparkSession, here: Path, months: dict[int, pa.Table], format_: str) -> None:
    schema = "dep_delay double, arr_delay double, distance double, month int"
    options = [f"input={{format: {format_}, path: in, schema: '{schema}'}}"]
    for number in (1, 2):
        put(months[number], f"month={number:02d}", format_)
    assert len(update(STEPS, *options).partitions["read"]) == 2
    put(months[3], "month=03", format_)
    assert update(STEPS, *options).partitions["read"] == [{"month": 3}]
    assert_like_a_fit(STEPS, [1, 2, 3], *options)


def test_sketch_with_the_error_asked_for(spark: SparkSession, here: Path, months: dict[int, pa.Table]) -> None:
    """A smaller error later reads no old partition again, and the report says what error the window has."""
    steps, coarse = "[{kind: robust, columns: distance}]", "states.quantile_error=0.013"
    put(months[1], "month=01")
    assert update(steps, coarse).warnings == []
    stats = ss.load("out/stats").stats
    assert_same(stats, ss.Pipeline([ss.Robust("distance")]).fit_arrays({"distance": months[1]["distance"]}).stats)
    assert stats["distance"].quantiles.rank_error == pytest.approx(0.013, abs=5e-5)  # type: ignore[union-attr]
    put(months[2], "month=02")
    report = update(steps)
    assert report.partitions["read"] == [{"month": 2}]
    assert report.warnings == [
        "the quantiles of 'distance' have a rank error of 0.013, not 0.0027: some partitions were read with a larger "
        "states.quantile_error; to read them again, choose another states.path, else wait until they leave the window"]  # fmt: skip


def test_update_by_dataframe(spark: SparkSession, here: Path, months: dict[int, pa.Table]) -> None:
    for number in (1, 2):
        put(months[number], f"year=2013/month={number}")
    pipeline, states = ss.Pipeline([ss.Standard(COLUMNS)]), ss.States("states")
    by = ["year", "month"]

    def table() -> Any:
        return spark.read.parquet(str(here / "in"))

    assert states.update(table(), pipeline, by).read == [(2013, 1), (2013, 2)]
    put(months[3], "year=2014/month=1")
    assert states.update(table(), pipeline, by).read == [(2014, 1)]
    assert states.update(table(), pipeline, by).unchanged
    assert_same(states.merged().stats, pipeline.fit(table()).stats)
    narrowed = table().where("distance > 500")
    assert len(states.update(narrowed, pipeline, by, keep=2).read) == 2  # another query, other states
    assert_same(states.merged(2).stats, pipeline.fit(narrowed.where("not (year = 2013 and month = 1)")).stats)


def test_update_by_dataframe_of_text(spark: SparkSession, here: Path) -> None:
    """What a reader takes for null is in no plan, so text is read again."""
    for day, x in ((1, -99), (2, 3)):
        Path(f"in/day={day}").mkdir(parents=True)
        Path(f"in/day={day}/a.csv").write_text(f"x\n{x}\n5\n", encoding="utf-8")
    pipeline, states = ss.Pipeline([ss.Standard("x")]), ss.States("states")

    def stats(**options: str) -> Any:
        reader = spark.read.options(header=True, **options).schema("x int, day int")
        assert states.update(reader.csv(str(here / "in")), pipeline, ["day"]).read == [(1,), (2,)]
        return states.merged().stats["x"]

    assert (stats().min, stats(nullValue="-99").min) == (-99, 3)


def test_update_by_a_null_partition_of_delta(spark: SparkSession, here: Path) -> None:
    """ "" in a table's log is null, in the key of a state as in the rows."""
    table = pa.table({"x": [1.0, 3.0, 5.0], "store": ["", None, "a"]})
    deltalake.write_deltalake("in", table, partition_by=["store"])
    options = ["input={format: delta, path: in}", "states.by=[store]"]
    report = update("[{kind: standard, columns: x}]", *options)
    assert report.partitions["read"] == [{"store": None}, {"store": "a"}]
    stats = ss.load("out/stats").stats["x"]
    assert (stats.rows, stats.min, stats.max) == (3, 1.0, 5.0)
    assert update("[{kind: standard, columns: x}]", *options).status == "unchanged"


def test_update_what_tells_nothing_of_its_partitions(
    spark: SparkSession, here: Path, months: dict[int, pa.Table]
) -> None:
    whole = pa.concat_tables(months[n].append_column("month", pa.array([n] * len(months[n]))) for n in (1, 2))
    Path("in").mkdir()
    pq.write_table(whole, "in/a.parquet")
    steps = "[{kind: standard, columns: distance}]"
    whole_input = "input={format: parquet, path: in}"
    report = update(steps, whole_input)
    assert report.partitions["read"] == [{"month": 1}, {"month": 2}]
    assert report.warnings == [
        "all partitions are read whenever one of its files changes: the input has no folders named by month"]  # fmt: skip
    assert update(steps, whole_input).status == "unchanged"


@pytest.mark.parametrize(("overrides", "cause"), [
    (["states.by=[mouth]"], "by: column 'mouth' is not in the input; did you mean 'month'?"),
    (["states.by=[distance]"], "by: expected text, whole numbers or dates, but column 'distance' is double"),
    (["input.partitions=month date"], "month"),
    (["states.path=in/states"], "overlaps the input"),
    (["states.path=out/stats"], "overlaps the artifact"),
    (["steps=[{kind: softmax, columns: [distance, dep_delay]}]"], "states: expected a step that learns from the data"),
])  # fmt: skip
def test_refuse_and_write_nothing(
    spark: SparkSession, here: Path, months: dict[int, pa.Table], overrides: list[str], cause: str
) -> None:
    place = months[1].schema.get_field_index("distance")
    put(months[1].set_column(place, "distance", pc.cast(months[1]["distance"], pa.float64())), "month=01")
    with pytest.raises((DataError, ConfigError), match=cause.replace("?", r"\?")):
        update("[{kind: standard, columns: distance}]", *overrides)
    assert not Path("out").exists()


@pytest.mark.parametrize("kind", ["delta", "iceberg", "catalog"])
def test_read_tables(spark: SparkSession, here: Path, kind: str) -> None:
    """A table shows its partitions by its own log or metadata, or by its folders."""
    name = {"delta": "", "iceberg": "lake.db.update", "catalog": "update_by_month"}[kind]

    def write(months: list[int], *, new: bool) -> None:
        table = pa.table({"distance": [float(number) for number in months], "month": pa.array(months, pa.int32())})
        if kind == "delta":
            deltalake.write_deltalake("in", table, partition_by=["month"], mode="append")
        elif kind == "iceberg":
            writer = spark.createDataFrame(table).writeTo(name)
            writer.partitionedBy(F.col("month")).create() if new else writer.append()
        else:
            frame = spark.createDataFrame(table).write.mode("append").format("parquet").partitionBy("month")
            frame.saveAsTable(name)

    where = "{format: delta, path: in}" if kind == "delta" else f"{{table: {name}}}"
    where = where.replace("{table", "{format: iceberg, table") if kind == "iceberg" else where
    options = [f"input={where}"]
    steps = "[{kind: standard, columns: distance}]"
    write([1, 1, 2], new=True)
    report = update(steps, *options)
    assert (report.partitions["read"], report.warnings) == ([{"month": 1}, {"month": 2}], [])
    write([2, 2, 3], new=False)
    report = update(steps, *options)
    assert (report.partitions["read"], report.partitions["kept"]) == ([{"month": 2}, {"month": 3}], 1)
    stats = ss.load("out/stats").stats["distance"]
    assert (stats.rows, stats.min, stats.max, stats.mean) == (6, 1.0, 3.0, 11 / 6)
    assert update(steps, *options).status == "unchanged"
    assert ss.load("out/stats").rows == 6
