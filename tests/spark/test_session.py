"""Settings of a session: a job sets those that values depend on, in a session of its user too, and restores them."""

from __future__ import annotations

import contextlib
import json
import struct
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from sparkscale.config import jobfile
from sparkscale.config.models import Spark
from sparkscale.run import job
from sparkscale.spark.session import kept
from sparkscale.spark.session.session import session
from tests.processes import assert_done, python
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


def test_keep_one_session_for_several_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[object] = []

    def begun(config: Spark, name: str, formats: set[str], stack: contextlib.ExitStack, *, debug: bool) -> object:
        log.append(sorted(formats))
        monkeypatch.setattr(SparkSession, "getActiveSession", lambda: log)
        stack.callback(log.append, "stopped")
        return log

    @contextlib.contextmanager
    def watch(found: object) -> Iterator[None]:
        assert found is log
        yield
        log.append("watched")

    monkeypatch.setattr(SparkSession, "getActiveSession", lambda: None)
    monkeypatch.setattr("sparkscale.spark.session.session._begun", begun)
    with kept.kept({"delta"}):
        for name in ("first", "second"):
            with session(Spark(), name, formats={"csv"}, watch=watch) as found:  # type: ignore[arg-type]
                assert found is log
    assert log == [["csv", "delta"], "watched", "watched", "stopped"]


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


#: Reads a file in a session of our own, and prints its first value, or the code of the error.
READ = """
import sys
from sparkscale.config.data import Input
from sparkscale.config.models import Spark
from sparkscale.errors import SparkscaleError
from sparkscale.spark.session.failures import translated
from sparkscale.spark.session.session import session
from sparkscale.spark.sources.read import read
with session(Spark(master="local[1]"), "test") as spark:
    for place in sys.argv[1:]:
        try:
            df, _ = read(spark, Input(format="parquet", path=place))
            with translated("reading"):
                print(df.head()[0])
        except SparkscaleError as error:
            print(error.code)
"""


def test_stop_at_a_flipped_bit_of_a_page(tmp_path: Path) -> None:
    table = pa.table({"x": [1.0, 2.0]})
    pq.write_table(table, tmp_path / "a.parquet", compression="none", use_dictionary=False, write_page_checksum=True)
    flipped = (tmp_path / "a.parquet").read_bytes().replace(struct.pack("<dd", 1, 2), struct.pack("<dd", 3, 2), 1)
    (tmp_path / "b.parquet").write_bytes(flipped)
    assert pq.read_table(tmp_path / "b.parquet")["x"][0].as_py() == 3.0  # nothing but the checksum says otherwise
    done = python("-c", READ, str(tmp_path / "a.parquet"), str(tmp_path / "b.parquet"), cwd=tmp_path)
    assert_done(done)
    assert done.stdout.split() == ["1.0", "INPUT_DAMAGED"]
