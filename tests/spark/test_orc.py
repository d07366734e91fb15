"""ORC as an input: dates of either calendar, and timestamps in any zone of the JVM."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import orc
from pyspark.sql import SparkSession

from sparkscale.config import jobfile
from sparkscale.errors import DataError
from sparkscale.run import job
from sparkscale.spark.sources.orc import jvm_zone

OLD, NEW = datetime.date(1, 1, 1), datetime.date(1582, 10, 15)
NOON = datetime.datetime(2026, 1, 31, 12)  # noqa: DTZ001 - as ORC has it


def write(folder: Path, **columns: Any) -> None:
    folder.mkdir(exist_ok=True)
    orc.write_table(pa.table({"x": [1.0, 2.0], **columns}), folder / "a.orc")


def run(**source: str) -> list[str]:
    sections = {
        "version": 1,
        "input": source or {"format": "orc", "path": "in"},
        "steps": [{"kind": "minmax", "columns": "x"}],
        "output": {"format": "parquet", "path": "out", "mode": "overwrite"},
    }
    Path("job.yaml").write_text(json.dumps(sections))
    return list(job.run(jobfile.load("job.yaml")).warnings)


def made(name: str) -> list[Any]:
    return pq.read_table("out")[name].to_pylist()


@contextmanager
def zone(spark: SparkSession, name: str) -> Iterator[None]:
    """Set the zone of the JVM itself."""
    zones = spark._jvm.java.util.TimeZone  # type: ignore[union-attr]
    before = zones.getDefault()
    zones.setDefault(zones.getTimeZone(name))
    try:
        yield
    finally:
        zones.setDefault(before)


@pytest.mark.parametrize("type_", [pa.date32(), pa.timestamp("us")], ids=str)
def test_refuse_an_old_date_of_another_writer(spark: SparkSession, here: Path, type_: pa.DataType) -> None:
    write(here / "in", d=pa.array([None, OLD], pa.date32()).cast(type_))
    with pytest.raises(DataError, match="column 'd': expected dates from 1582-10-15 on") as caught:
        run()
    assert caught.value.code == "DATA_CALENDAR"
    assert not (here / "out").exists()


@pytest.mark.parametrize("values", [[NEW, None], [datetime.date(9999, 12, 31), datetime.date(1970, 1, 1)]], ids=str)
def test_keep_dates_of_one_calendar(spark: SparkSession, here: Path, values: list[Any]) -> None:
    write(here / "in", d=pa.array(values, pa.date32()))
    assert run() == []
    assert made("d") == values


def test_keep_old_dates_of_a_java_writer(spark: SparkSession, here: Path) -> None:
    spark.createDataFrame([(1.0, OLD), (2.0, None)], "x double, d date").coalesce(1).write.orc(str(here / "in"))
    run()
    assert made("d") == [OLD, None]


def test_warn_of_dates_within(spark: SparkSession, here: Path) -> None:
    write(here / "in", d=pa.array([[NEW], None], pa.list_(pa.date32())))
    (warning,) = run()
    assert warning.startswith("input column 'd', array<date>: dates before 1582-10-15")
    assert made("d") == [[NEW], None]


def test_keep_timestamps_where_the_jvm_is_in_utc(spark: SparkSession, here: Path) -> None:
    write(here / "in", t=pa.array([NOON, None], pa.timestamp("us")))
    with zone(spark, "Etc/UTC"):
        assert jvm_zone(spark) == "Etc/UTC"
        (warning,) = run()
    assert warning.startswith("input column 't': ORC's timestamp has no time zone")
    assert made("t") == [NOON.replace(tzinfo=datetime.UTC), None]


@pytest.mark.parametrize("type_", [pa.timestamp("us"), pa.list_(pa.timestamp("us"))], ids=["flat", "within"])
def test_refuse_timestamps_where_the_jvm_is_elsewhere(spark: SparkSession, here: Path, type_: pa.DataType) -> None:
    write(here / "in", t=pa.array([[NOON], None] if pa.types.is_list(type_) else [NOON, None], type_), n=["a", "b"])
    with zone(spark, "America/St_Johns"), pytest.raises(DataError, match="its JVM, America/St_Johns") as caught:
        run()
    assert (caught.value.code, caught.value.exit_code) == ("SCHEMA_TYPE", 65)
    assert "'t'" in str(caught.value)
    assert "'n'" not in str(caught.value)


@pytest.mark.parametrize("more", [{}, {"format": "orc"}], ids=["of some format", "orc"])
def test_judge_a_table_of_a_catalog(spark: SparkSession, here: Path, more: dict[str, str]) -> None:
    spark.createDataFrame([(1.0, NOON), (2.0, None)], "x double, t timestamp").write.mode("overwrite").format(
        "orc"
    ).saveAsTable("default.orc_in")
    with zone(spark, "America/St_Johns"), pytest.raises(DataError, match="its JVM, America/St_Johns"):
        run(table="default.orc_in", **more)
    with zone(spark, "Etc/UTC"):
        assert run(table="default.orc_in", **more) == []  # Spark wrote it, as an instant
    assert made("t")[1] is None


def test_ask_no_zone_without_timestamps(spark: SparkSession, here: Path) -> None:
    write(here / "in", d=pa.array([NEW, None], pa.date32()))
    with zone(spark, "America/St_Johns"):
        assert run() == []
    assert made("d") == [NEW, None]
