"""Settings of a session: a job sets those that values depend on, in a session of its user too, and restores them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from sparkscale.config import jobfile
from sparkscale.config.models import Spark
from sparkscale.run import job
from sparkscale.spark.session.session import session
from tests.spark.frames import write_parquet

ZONE, TIMES = "spark.sql.session.timeZone", "spark.sql.parquet.outputTimestampType"
OTHERS = {
    ZONE: "Asia/Tokyo",
    TIMES: "INT96",
    "spark.sql.sources.partitionColumnTypeInference.enabled": "true",
    "spark.sql.ansi.enabled": "false",
    "spark.sql.files.ignoreCorruptFiles": "true",
}


@pytest.fixture
def unsettled(spark: SparkSession) -> Iterator[SparkSession]:
    """Give the session with settings that change values."""
    before = {key: spark.conf.get(key) for key in OTHERS}
    for key, value in OTHERS.items():
        spark.conf.set(key, value)
    yield spark
    for key, value in before.items():
        spark.conf.set(key, value or "")


def values(spark: SparkSession) -> dict[str, str | None]:
    return {key: spark.conf.get(key) for key in OTHERS}


def test_set_and_restore(unsettled: SparkSession) -> None:
    with session(Spark(), "test") as spark:
        assert values(spark) == {
            ZONE: "UTC",
            TIMES: "TIMESTAMP_MICROS",
            "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
            "spark.sql.ansi.enabled": "true",
            "spark.sql.files.ignoreCorruptFiles": "false",
        }
    assert values(unsettled) == OTHERS


def test_restore_after_a_failure(unsettled: SparkSession) -> None:
    with pytest.raises(ZeroDivisionError), session(Spark(), "test"):
        raise ZeroDivisionError
    assert values(unsettled) == OTHERS


def test_leave_what_the_job_file_names(unsettled: SparkSession) -> None:
    with session(Spark(conf={ZONE: "Asia/Tokyo"}), "test") as spark:
        assert (spark.conf.get(ZONE), spark.conf.get(TIMES)) == ("Asia/Tokyo", "TIMESTAMP_MICROS")


def test_write_no_int96_in_a_session_of_the_user(unsettled: SparkSession, here: Path) -> None:
    write_parquet(here / "in" / "zip=00501" / "a.parquet", {"x": [1.0, 2.0]})
    parts = {
        "version": 1,
        "input": {"format": "parquet", "path": "in"},
        "steps": [{"kind": "maxabs", "columns": "x"}],
        "output": {"format": "parquet", "path": "out"},
    }
    Path("job.yaml").write_text("\n".join(f"{key}: {json.dumps(value)}" for key, value in parts.items()))
    job.run(jobfile.load("job.yaml"))
    assert pq.read_table("out").to_pydict() == {"x": [0.5, 1.0], "zip": ["00501", "00501"]}
    assert values(unsettled) == OTHERS
