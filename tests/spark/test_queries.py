"""How many queries a fit runs: one a group of columns, one more over the ill-conditioned; a transform, none."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession

import sparkscale as ss
from sparkscale.spark import scan
from tests.spark.frames import MakeFrame


def learn(df: DataFrame, *columns: str) -> None:
    ss.Pipeline([ss.Standard(list(columns))]).fit(df)


@pytest.fixture
def jobs(spark: SparkSession) -> Iterator[Callable[[], int]]:
    """Give a function that tells how many Spark jobs this test has started."""
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


#: An aggregate by group is two jobs under adaptive execution: the shuffle, and the result.
QUERY = 2


@pytest.mark.parametrize(("columns", "queries"), [(1, 1), (64, 1), (65, 2), (130, 3)])
def test_count_one_query_a_group(wide: DataFrame, jobs: Callable[[], int], columns: int, queries: int) -> None:
    learn(wide, *[f"c{j}" for j in range(columns)])
    assert jobs() == QUERY * queries


def test_count_one_more_query_for_ill_conditioned_and_nonfinite(
    wide: DataFrame, jobs: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    scanned: list[list[str]] = []
    parts = scan._parts
    monkeypatch.setattr(
        scan, "_parts", lambda df, group, *a, **k: scanned.append([c.name for c in group]) or parts(df, group, *a, **k)
    )
    learn(wide, "c1", "far", "c2", "farther", "holes")
    assert jobs() == QUERY * 2
    assert scanned == [["c1", "far", "c2", "farther", "holes"], ["far", "farther", "holes"]]


def test_count_sketches_in_the_same_scan(wide: DataFrame, jobs: Callable[[], int]) -> None:
    ss.Pipeline([ss.Robust([f"c{j}" for j in range(20)]), ss.Standard(["c0", "c1"], into="{column}_z")]).fit(wide)
    assert jobs() == QUERY + 1  # sketches of the partitions are merged behind a shuffle of their own


def test_start_no_job_to_transform(wide: DataFrame, jobs: Callable[[], int]) -> None:
    names = [f"c{j}" for j in range(10)]
    fitted = ss.Pipeline([ss.Softmax(names, into="p_{column}"), ss.UnitNorm(names, into="u_{column}")]).fit(wide)
    affine = ss.Pipeline([ss.Standard(names), ss.MinMax(names, into="m_{column}")])
    known = affine.fit_arrays({name: np.array([1.0, 2.0]) for name in names})
    for engine in ("native", "pandas"):
        fitted.transform(wide, engine=engine)  # type: ignore[arg-type]
        known.transform(wide, engine=engine)  # type: ignore[arg-type]
    known.inverse_transform(known.transform(wide))
    assert jobs() == 0
