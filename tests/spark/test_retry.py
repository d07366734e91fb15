"""What fails for a reason that passes is tried again, counted anew, and never done twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from sparkscale.config import jobfile
from sparkscale.errors import DataError, SparkscaleError, TemporaryError
from sparkscale.run import job
from sparkscale.spark.fit import fitting
from sparkscale.spark.session import retry
from sparkscale.spark.session.retry import patiently
from sparkscale.spark.sinks import delta, iceberg, writing
from tests.spark.frames import write_parquet
from tests.tables import independent


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for nothing between tries."""
    monkeypatch.setattr(retry, "_FIRST_WAIT", 0.0)
    monkeypatch.setattr(retry, "_LONGEST_WAIT", 0.0)


def failing(times: int, error: Exception, work: Callable[..., Any] = lambda: None, *, after: bool = False) -> Any:
    """Return what fails some times, before its work or after it, and then does it."""
    left = [error] * times

    def step(*arguments: Any, **options: Any) -> Any:
        done = work(*arguments, **options) if after or not left else None
        if left:
            raise left.pop()
        return done

    return step


LOST = TemporaryError("SPARK_LOST", "an executor is lost", "run it again")


@pytest.mark.parametrize("times", [0, 1, 2])
def test_try_again(spark: SparkSession, times: int) -> None:
    notes: list[str] = []
    patiently(spark, failing(times, LOST), notes)
    assert notes == [
        f"tried again (attempt {n} of 3) after: an executor is lost; run it again" for n in range(2, times + 2)
    ]


@pytest.mark.parametrize(("error", "tries"), [(LOST, 3), (DataError("X", "wrong data"), 1), (RuntimeError("x"), 1)])
def test_give_up(spark: SparkSession, error: Exception, tries: int) -> None:
    called: list[int] = []

    def work() -> None:
        called.append(1)
        raise error

    with pytest.raises(type(error)) as caught:
        patiently(spark, work, [])
    assert (caught.value, len(called)) == (error, tries)


def test_try_nothing_on_a_session_that_is_gone(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SparkSession, "range", failing(9, ConnectionError("gone")))
    notes: list[str] = []
    with pytest.raises(TemporaryError):
        patiently(spark, failing(1, LOST), notes)
    assert notes == []


@pytest.fixture
def run(here: Path) -> Callable[..., Any]:
    """Give a function that appends three rows to a table."""
    write_parquet(here / "in" / "a.parquet", {"x": [0.0, 1.0, 2.0]})

    def run(format_: str, **more: Any) -> Any:
        parts = {
            "version": 1,
            "input": {"format": "parquet", "path": "in"},
            "steps": [{"kind": "minmax", "columns": "x"}],
            "output": {"format": format_, "path": "out", "mode": "append"},
            "self_check": 0,
        } | more
        Path("job.yaml").write_text("\n".join(f"{key}: {json.dumps(value)}" for key, value in parts.items()))
        return job.run(jobfile.load("job.yaml", run_id="r-1"))

    return run


def test_fit_again(spark: SparkSession, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "measure", failing(1, LOST, fitting.measure))
    report = run("parquet")
    assert (report.rows, len(report.warnings)) == (3, 1)
    assert report.warnings[0].startswith("tried again (attempt 2 of 3) after: an executor is lost")


@pytest.mark.parametrize("after", [False, True])
def test_write_files_again(spark: SparkSession, run: Any, monkeypatch: pytest.MonkeyPatch, after: bool) -> None:
    monkeypatch.setattr(writing, "write", failing(1, LOST, writing.write, after=after))
    report = run("parquet")
    assert (report.rows, len(report.warnings)) == (3, 1)
    assert independent("out", "parquet")["x"].to_pylist() == [0.0, 0.5, 1.0]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(("format_", "kind"), [("delta", delta.Delta), ("iceberg", iceberg.Iceberg)])
def test_commit_once_though_its_answer_was_lost(
    spark: SparkSession, run: Any, monkeypatch: pytest.MonkeyPatch, format_: str, kind: Any, after: bool
) -> None:
    """A transaction that failed is tried again; one that came through, and whose answer was lost, is not."""
    conflict = TemporaryError("OUTPUT_CONFLICT", "another run changed the table meanwhile", "run it again")
    monkeypatch.setattr(kind, "_commit", failing(1, conflict, kind._commit, after=after))
    assert run(format_).warnings == [
        "tried again (attempt 2 of 3) after: another run changed the table meanwhile; run it again"
    ]
    assert independent("out", format_)["x"].to_pylist() == [0.0, 0.5, 1.0]


def test_say_a_conflict_in_the_end(spark: SparkSession, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    conflict = TemporaryError("OUTPUT_CONFLICT", "another run changed the table meanwhile", "run it again")
    monkeypatch.setattr(delta.Delta, "_commit", failing(3, conflict))
    with pytest.raises(SparkscaleError) as caught:
        run("delta")
    assert caught.value.exit_code == 75
