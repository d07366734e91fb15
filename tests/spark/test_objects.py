"""The sink of object stores, on a local folder by the same client: what a transaction leaves there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from sparkscale.config.data import Output
from sparkscale.publish.announce import Announced
from sparkscale.publish.runs import Run
from sparkscale.spark.sinks.objects import Objects
from sparkscale.spark.sinks.transaction import _begun


@contextlib.contextmanager
def begun(folder: Path, run_id: str, spark: SparkSession) -> Iterator[Objects]:
    """Begin a transaction on a folder, and open it."""
    output = Output.model_validate({"format": "parquet", "path": "s3://bucket/out", "mode": "append"})
    with _begun(Objects(output, str(folder)), Run(run_id)) as sink:
        assert isinstance(sink, Objects)
        sink.open(spark)
        yield sink


def names(folder: Path) -> list[str]:
    """Return what is announced."""
    return sorted(name.partition("/")[0] for name in Announced.of(str(folder)).table.files)


def test_announce_by_a_commit_and_ask_without_an_engine(spark: SparkSession, tmp_path: Path) -> None:
    with begun(tmp_path, "a", spark) as sink:
        sink.write(spark.range(3).coalesce(1))
        assert names(tmp_path) == []
        sink.commit({"run_id": "a", "rows": 3})
    assert names(tmp_path) == ["00000001-a"]
    again = Objects(sink.output, str(tmp_path))
    with contextlib.ExitStack() as held:
        again.begin(Run("a"), held)
    assert again.unchanged == {"run_id": "a", "rows": 3}


def test_leave_nothing_of_a_run_that_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    def work() -> None:
        with begun(tmp_path, "a", spark) as sink:
            sink.write(spark.range(2))
            assert list(tmp_path.glob("00000001-a/*.parquet"))
            raise RuntimeError("refused")

    with pytest.raises(RuntimeError, match="refused"):
        work()
    assert not list(tmp_path.glob("00000001-a/*"))


def test_leave_the_files_of_the_same_run_started_twice(spark: SparkSession, tmp_path: Path) -> None:
    with begun(tmp_path, "a", spark) as first:
        first.write(spark.range(2))
        with begun(tmp_path, "a", spark):
            pass  # which is refused before it writes
        first.commit({"run_id": "a"})
    assert set(names(tmp_path)) == {"00000001-a"}
    assert all((tmp_path / name).exists() for name in Announced.of(str(tmp_path)).table.files)
