"""How many queries a fit runs, and how: by groups of columns, more over the ill-conditioned; a transform, none."""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

import sparkscale as ss
from sparkscale.errors import DataError, InternalError
from sparkscale.maps import Affine
from sparkscale.pipeline.fitted import Engine
from sparkscale.spark.columns import schema_of
from sparkscale.spark.fit import queries, scan
from sparkscale.spark.fit.queries import is_columnar, together
from sparkscale.spark.transform import native
from sparkscale.spark.transform import self_check as checking
from sparkscale.spark.transform.native.affine import AffineForm
from sparkscale.spark.transform.self_check import self_check
from tests.spark.frames import MakeFrame, write_parquet


def learn(df: DataFrame, *columns: str) -> None:
    ss.Pipeline([ss.Standard(list(columns))]).fit(df)


@pytest.fixture
def jobs(spark: SparkSession) -> Iterator[Callable[[], int]]:
    """Give a function that counts the Spark jobs that this test has started."""
    group = str(uuid.uuid4())
    spark.sparkContext.setJobGroup(group, "counted")
    yield lambda: len(spark.sparkContext.statusTracker().getJobIdsForGroup(group))
    spark.sparkContext._jsc.clearJobGroup()


@pytest.fixture(scope="module")
def wide(frame: MakeFrame) -> DataFrame:
    """Give 130 well-conditioned columns, two that are not, and one with NaN and infinities."""
    rng = np.random.default_rng(3)
    columns = {f"c{j}": rng.normal(j, 1 + j, 50) for j in range(130)}
    holes = [np.nan, np.inf, *rng.normal(1e9, 1.0, 48)]
    df = frame(columns | {"far": rng.normal(1e9, 1.0, 50), "farther": rng.normal(1e12, 1.0, 50), "holes": holes})
    learn(df, "c0")  # what Spark does once (the footer of the file) is done
    return df


#: An aggregate is two jobs under adaptive execution: the shuffle, and the result.
QUERY = 2


@pytest.mark.parametrize(("columns", "count"), [(1, 1), (12, 1), (13, 2), (130, 11)])
def test_count_narrow_queries_over_columns(wide: DataFrame, jobs: Callable[[], int], columns: int, count: int) -> None:
    learn(wide, *[f"c{j}" for j in range(columns)])
    assert jobs() == QUERY * count


@pytest.mark.parametrize(("columns", "count"), [(12, 1), (13, 1), (64, 1), (65, 2), (130, 3)])
@pytest.mark.parametrize("why", ["rows", "cluster", "wide"])
def test_count_few_queries_where_each_costs(
    wide: DataFrame,
    jobs: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
    why: str,
    columns: int,
    count: int,
) -> None:
    if why == "cluster":
        monkeypatch.setattr(queries, "merges_in_order", lambda _: False)
    if why == "wide":
        monkeypatch.setattr(queries, "WIDE", 100)
    learn(wide.sample(0.9, 1) if why == "rows" else wide, *[f"c{j}" for j in range(columns)])
    assert jobs() == QUERY * count


def test_aggregate_whole_on_a_cluster_where_bits_need_not_be_equal(
    wide: DataFrame, jobs: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "merges_in_order", lambda _: False)
    names = [f"c{j}" for j in range(13)]
    exact = ss.Pipeline([ss.Standard(names)]).fit(wide)
    assert jobs() == QUERY  # all of them, by partition
    fast = ss.Pipeline([ss.Standard(names)]).fit(wide, reproducible=False)
    assert jobs() == QUERY + 2 * QUERY  # as many a query as Spark compiles
    for name, known in exact.stats.items():
        found = fast.stats[name]
        assert (found.rows, found.min, found.max) == (known.rows, known.min, known.max)
        assert found.mean == pytest.approx(known.mean, rel=1e-12)
        assert found.std == pytest.approx(known.std, rel=1e-12)


def test_count_one_more_query_for_ill_conditioned_and_nonfinite(
    wide: DataFrame, jobs: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    scanned: list[list[str]] = []
    parts = scan.parts
    monkeypatch.setattr(
        scan, "parts", lambda df, q, *a, **k: scanned.append([c.name for c in q.columns]) or parts(df, q, *a, **k)
    )
    learn(wide, "c1", "far", "c2", "farther", "holes")
    assert jobs() == QUERY * 2
    assert scanned == [["c1", "far", "c2", "farther", "holes"], ["far", "farther", "holes"]]


def sketch(df: DataFrame) -> None:
    ss.Pipeline([ss.Robust([f"c{j}" for j in range(12)]), ss.Standard(["c0", "c1"], into="{column}_z")]).fit(df)


def test_count_sketches_in_a_query_of_their_own(wide: DataFrame, jobs: Callable[[], int]) -> None:
    sketch(wide)
    assert jobs() == QUERY + QUERY


def test_count_sketches_in_the_same_scan_of_rows(wide: DataFrame, jobs: Callable[[], int]) -> None:
    sketch(wide.sample(0.9, 1))
    assert jobs() == QUERY + 1  # sketches of the partitions are merged behind a shuffle of their own


def test_refuse_a_table_that_differs_from_reading_to_reading(wide: DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    sketches = scan.sketches
    monkeypatch.setattr(scan, "sketches", lambda df, group: sketches(df.limit(49), group))
    with pytest.raises(DataError, match=r"column 'c0': expected 50 values once more, found 49.*cache or write"):
        sketch(wide)


def test_start_no_job_to_transform(wide: DataFrame, jobs: Callable[[], int]) -> None:
    names = [f"c{j}" for j in range(10)]
    fitted = ss.Pipeline([ss.Softmax(names, into="p_{column}"), ss.UnitNorm(names, into="u_{column}")]).fit(wide)
    affine = ss.Pipeline([ss.Standard(names), ss.MinMax(names, into="m_{column}")])
    known = affine.fit_arrays({name: np.array([1.0, 2.0]) for name in names})
    for engine in ("native", "arrow", "pandas"):
        fitted.transform(wide, engine=engine)  # type: ignore[arg-type]
        known.transform(wide, engine=engine)  # type: ignore[arg-type]
    known.inverse_transform(known.transform(wide))
    assert jobs() == 0


@pytest.mark.parametrize("engine", ["native", "arrow", "pandas"])
def test_verify_by_the_first_partition_of_many(
    spark: SparkSession, wide: DataFrame, jobs: Callable[[], int], engine: Engine
) -> None:
    names = ["c0", "c1", "c2"]
    fitted = ss.Pipeline([ss.Standard(names), ss.Softmax(names, into="p_{column}")]).fit(wide)
    many = spark.range(0, 600, numPartitions=6).select(
        *[(F.col("id") + j).cast("double").alias(n) for j, n in enumerate(names)]
    )
    before = jobs()
    assert self_check(many, fitted, engine, 100).rows == 100
    assert jobs() == before + 1
    tracker, group = spark.sparkContext.statusTracker(), spark.sparkContext.getLocalProperty("spark.jobGroup.id")
    newest = tracker.getJobInfo(max(tracker.getJobIdsForGroup(group)))
    assert [tracker.getStageInfo(stage).numTasks for stage in newest.stageIds] == [1]  # 6 have 100 rows each
    assert self_check(many, fitted, engine, 10_000).rows == 600


def test_verify_many_columns_by_several_queries(
    wide: DataFrame, jobs: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["c0", "c1", "c2", "c3", "c4"]
    fitted = ss.Pipeline([ss.Standard(names), ss.Softmax(names[:3], into="p_{column}")]).fit(wide)
    far = wide.select([(F.col(name) + 1e9).alias(name) for name in names])
    whole = self_check(far, fitted, "auto", 100)
    assert len(whole.unlike) == 5
    monkeypatch.setattr(checking, "_AT_ONCE", 2)
    before = jobs()
    assert self_check(far, fitted, "auto", 100) == whole
    assert jobs() == before + 4  # two columns, two, one, and a row map of three
    last = fitted.maps[0][4]

    class Wrong(native.ColumnForm[Affine]):
        def forward(self, x: Column) -> Column:
            y = AffineForm(self.map).forward(x)
            return y + 1.0 if self.map == last else y

    monkeypatch.setitem(native.FORMS, Affine, Wrong)
    with pytest.raises(InternalError, match="column 'c4', row 0"):
        self_check(wide, fitted, "native", 100)


# --- what the engine's plan shows -----------------------------------------------------------------------------------


def written(df: DataFrame, folder: Path, form: str) -> DataFrame:
    df.write.format(form).mode("overwrite").save(str(folder / form))
    return df.sparkSession.read.format(form).schema(df.schema).load(str(folder / form))


def partitioned(df: DataFrame, folder: Path) -> DataFrame:
    df.withColumn("part", F.lit(3)).write.partitionBy("part").mode("overwrite").parquet(str(folder / "partitioned"))
    return df.sparkSession.read.parquet(str(folder / "partitioned")).where("part = 3")


COLUMNAR: dict[str, Callable[[DataFrame, Path], DataFrame]] = {
    "parquet": lambda df, _: df,
    "orc": lambda df, folder: written(df, folder, "orc"),
    "filtered and computed": lambda df, _: df.where("c0 > 0").withColumn("c1", F.sqrt("c2") + 1),
    "several tables": lambda df, _: df.union(df),
    "partitioned": partitioned,
    "cached, of rows": lambda df, folder: written(df, folder, "csv").cache(),
}
ROWS: dict[str, Callable[[DataFrame, Path], DataFrame]] = {
    "csv": lambda df, folder: written(df, folder, "csv"),
    "json": lambda df, folder: written(df, folder, "json"),
    "columns and rows": lambda df, folder: df.union(written(df, folder, "csv")),
    "joined": lambda df, _: df.join(df.select("c9"), "c9"),
    "grouped": lambda df, _: df.groupBy("c0").agg(F.max("c1").alias("c1")),
    "sorted": lambda df, _: df.orderBy("c0"),
    "by Python": lambda df, _: df.mapInArrow(lambda batches: batches, df.schema),
    "of the driver": lambda df, _: df.sparkSession.createDataFrame([(1.0, 2.0)], "c0 double, c1 double"),
}


@pytest.mark.parametrize(
    ("shape", "expected"), [*dict.fromkeys(COLUMNAR, True).items(), *dict.fromkeys(ROWS, False).items()]
)
def test_tell_columns_from_rows(
    wide: DataFrame, jobs: Callable[[], int], tmp_path: Path, shape: str, expected: bool
) -> None:
    df = (COLUMNAR | ROWS)[shape](wide.select(*[f"c{j}" for j in range(10)]), tmp_path)
    before = jobs()
    assert is_columnar(df, list(schema_of(df).columns())) is expected
    assert jobs() == before
    df.unpersist()


def test_print_nothing_of_the_plan(wide: DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    learn(wide, *[f"c{j}" for j in range(20)])
    assert capsys.readouterr() == ("", "")


# --- the order of merging, and queries in flight --------------------------------------------------------------------


def test_merge_partitions_in_their_order_however_they_finish(spark: SparkSession, tmp_path: Path) -> None:
    nulls = np.ma.MaskedArray(np.full(2_000_000, 1e16), mask=np.arange(2_000_000) > 0)  # takes longest
    files = [nulls, *[np.ma.MaskedArray([1.0], mask=False)] * 30]
    for number, data in enumerate(files):
        write_parquet(tmp_path / f"{number:03d}.parquet", {"x": data})
    spark.conf.set("spark.sql.files.openCostInBytes", 1 << 30)  # a partition for each file
    try:
        df = spark.read.parquet(str(tmp_path))
        assert df.rdd.getNumPartitions() == len(files)
        sums = [
            row[0]
            for row in df.groupBy(F.spark_partition_id().alias("p"))
            .agg(F.sum("x"))
            .orderBy("p")
            .select("sum(x)")
            .collect()
        ]
        known = ss.Pipeline([ss.Standard("x")]).fit(df).stats["x"]
    finally:
        spark.conf.unset("spark.sql.files.openCostInBytes")
    total = 0.0
    for part in sums:
        total += part
    assert total in {1e16, 1e16 + 30}  # the largest first or last
    assert known.mean == pytest.approx(total / 31, rel=1e-16, abs=0)


def test_stop_the_other_query_of_one_that_fails(spark: SparkSession) -> None:
    running, ended = threading.Event(), threading.Event()

    def endless() -> Any:
        try:
            running.set()
            return spark.range(1 << 60).agg(F.sum(F.sqrt("id"))).collect()
        finally:
            ended.set()

    def failing() -> Any:
        running.wait(60)
        while not spark.sparkContext.statusTracker().getActiveJobsIds():
            pass
        raise ValueError("of the first")

    with pytest.raises(ValueError, match="of the first"):
        together(spark, [failing, endless, failing])
    assert ended.wait(60)


def test_give_results_in_the_order_of_calls(spark: SparkSession) -> None:
    first = threading.Event()
    calls: list[Callable[[], int]] = [lambda: (first.wait(60) and 1) or 0, lambda: first.set() or 2, lambda: 3]
    assert together(spark, calls) == [1, 2, 3]
    assert together(spark, []) == []


@pytest.mark.parametrize(("aggregates", "buffers"), [(scan.plain, scan.PLAIN), (scan.finite, scan.FINITE)])
def test_stay_below_what_the_jvm_compiles(spark: SparkSession, aggregates: Any, buffers: int) -> None:
    """HotSpot compiles no method of more than 8,000 bytes: as many columns as a query may have fit."""
    names = [f"c{number}" for number in range(queries.BUFFERS // buffers)]
    df = spark.range(5).select(*[F.nullif(F.col("id").cast("double"), F.lit(1.0)).alias(name) for name in names])
    wanted = [one for name in names for one in aggregates(F.col(name), F.col(name) - 3.0).values()]
    spark.conf.set("spark.sql.adaptive.enabled", "false")  # else code is made when the query runs
    try:
        plan = df.agg(F.count(F.lit(1)), *wanted)._jdf.queryExecution().executedPlan()
        code = spark._jvm.org.apache.spark.sql.execution.debug.package.codegenString(plan)  # type: ignore[union-attr]
    finally:
        spark.conf.unset("spark.sql.adaptive.enabled")
    sizes = [int(size) for size in re.findall(r"maxMethodCodeSize:(\d+)", code)]
    assert len(sizes) == 2
    assert max(sizes) < 8000, sizes
