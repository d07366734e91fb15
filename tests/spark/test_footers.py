"""The fit against the Parquet footers: agreement over types and layouts, and real defects on either side."""

from __future__ import annotations

import math
import os
import struct
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

import sparkscale as ss
from sparkscale.errors import DataError, InternalError
from sparkscale.pipeline.fitted import Fitted
from sparkscale.spark.fit import scan
from sparkscale.spark.sources import footers
from sparkscale.spark.sources.footers import check_footers
from tests.spark.test_job import run

NAN, INF = math.nan, math.inf
COLUMNS: dict[str, Any] = {
    "double": pa.array([1.5, None, -2.25, 1234567.0]),
    "zeros": pa.array([-0.0, 0.0, 0.0, 1.0]),
    "holes": pa.array([NAN, 1.0, None, 7.0]),
    "infinite": pa.array([-INF, 1.0, 2.0, INF]),
    "float": pa.array([0.1, 0.2, None, 0.7], pa.float32()),
    "byte": pa.array([-128, 127, None, 1], pa.int8()),
    "long": pa.array([2**63 - 1, -(2**63), 5, 0]),
    "flag": pa.array([True, None, False, True]),
    "few": pa.array([Decimal("-1.25"), None, Decimal("3.10"), Decimal(0)], pa.decimal128(5, 2)),
    "many": pa.array([Decimal(f"{10**22 + i}.000001") for i in range(4)], pa.decimal128(38, 6)),
    "a.b": pa.array([1.0, 2.0, 3.0, 4.0]),
    "nothing": pa.array([None] * 4, pa.float64()),
}
ALL = pa.table({**COLUMNS, "s": pa.array([{"x": 1.0}, None, {"x": None}, {"x": 4.0}])})


def put(path: Path, table: pa.Table = ALL, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, **options)
    return path


def later() -> float:
    return time.time() + 60


def fit(spark: SparkSession, path: Path, *names: str) -> tuple[Any, Fitted]:
    df = spark.read.parquet(str(path))
    return df, ss.Pipeline([ss.MaxAbs([*names], empty="null", into="{column}!")]).fit(df)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"row_group_size": 1},
        {"write_statistics": False},
        {"write_statistics": ["double"]},
        {"store_decimal_as_integer": True, "use_dictionary": False},
        {"version": "1.0", "data_page_version": "2.0"},
    ],
)
def test_agree_with_files_of_every_type(spark: SparkSession, tmp_path: Path, options: dict[str, Any]) -> None:
    put(tmp_path / "in" / "1.parquet", **options)
    put(tmp_path / "in" / "2.parquet", ALL.slice(0, 0), **options)
    df, fitted = fit(spark, tmp_path / "in", *COLUMNS, "s.x")
    assert check_footers(df, fitted, later())


@pytest.mark.parametrize("folder", ["a b%20c", "k=1", "k=__HIVE_DEFAULT_PARTITION__", "ümlaut+%"])
def test_find_files_of_any_name(spark: SparkSession, tmp_path: Path, folder: str) -> None:
    put(tmp_path / folder / "é 1%.parquet")
    (tmp_path / folder / "_hidden.parquet").write_bytes(b"no Parquet")
    df, fitted = fit(spark, tmp_path if "=" in folder else tmp_path / folder, "double")
    assert check_footers(df, fitted, later())


def test_leave_out_columns_that_a_file_lacks(spark: SparkSession, tmp_path: Path) -> None:
    put(tmp_path / "1.parquet", pa.table({"x": [1.0, 2.0], "y": [1.0, 5.0]}))
    put(tmp_path / "2.parquet", pa.table({"x": [3.0]}))
    df = spark.read.option("mergeSchema", "true").parquet(str(tmp_path))
    assert check_footers(df, ss.Pipeline([ss.MaxAbs(["x", "y"])]).fit(df), later())


DEFECTS = {
    "a rounded value": (lambda x: x + F.lit(1.0), "double", "min -1.25, the footers of the Parquet files say -2.25"),
    "nulls as zeros": (
        lambda x: F.coalesce(x, F.lit(0.0)),
        "double",
        "nulls 0, the footers of the Parquet files say 1",
    ),
    "NaN as null": (lambda x: F.when(~F.isnan(x), x), "holes", "nulls 2, the footers of the Parquet files say 1"),
    "a wrong cast": (lambda x: x * F.lit(1 + 2.0**-52), "many", "min "),
    "a flag upside down": (lambda x: F.lit(2.0) - x, "flag", "min 1.0, the footers of the Parquet files say 0.0"),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_find_wrong_engine(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, defect: str) -> None:
    wrong, name, said = DEFECTS[defect]
    right = scan.feature
    monkeypatch.setattr(scan, "feature", lambda *of: wrong(right(*of)))
    df, fitted = fit(spark, put(tmp_path / "1.parquet"), name)
    with pytest.raises(InternalError, match=f"column '{name}': the engine found {said}") as caught:
        check_footers(df, fitted, later())
    assert (caught.value.code, caught.value.exit_code) == ("SELF_CHECK", 70)


def test_find_rows_that_an_engine_left_out(spark: SparkSession, tmp_path: Path) -> None:
    df = spark.read.parquet(str(put(tmp_path / "1.parquet")))
    fitted = ss.Pipeline([ss.MaxAbs("zeros")]).fit(df.where("zeros < 1"))
    with pytest.raises(InternalError, match="the engine found rows 3, the footers of the Parquet files say 4"):
        check_footers(df, fitted, later())


@pytest.mark.parametrize("why", ["changed since", "too many files", "too many chunks", "gone", "rows of the driver"])
def test_compare_nothing_where_it_cannot_be(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    path = put(tmp_path / "1.parquet")
    df, fitted = fit(spark, path, "double")
    other = put(tmp_path / "other.parquet", ALL.slice(0, 2))
    if why == "changed since":
        other.replace(path)
        os.utime(path, (later(), later()))
    elif why == "gone":
        path.unlink()
    elif why == "rows of the driver":
        df = spark.createDataFrame([(1.0,)], "double double")
    else:
        monkeypatch.setattr(footers, "FILES" if why == "too many files" else "CHUNKS", 0)
    assert not check_footers(df, fitted, later() - 30)


def wrong_footer(path: Path) -> None:
    """Write a file whose statistics say another maximum than its pages hold."""
    put(path, pa.table({"x": [1.0, 1234567.0, 3.0]}), use_dictionary=False)
    data = path.read_bytes()
    start = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    told, lie = struct.pack("<d", 1234567.0), struct.pack("<d", 1234568.0)
    assert told in data[start:]
    path.write_bytes(data[:start] + data[start:].replace(told, lie))


@pytest.mark.parametrize("command", ["fit", "run"])
def test_publish_nothing_where_files_say_otherwise(here: Path, command: str) -> None:
    wrong_footer(here / "in" / "1.parquet")
    steps = "[{kind: maxabs, columns: x}]"
    with pytest.raises(DataError, match=r"column 'x': the footers .* max 1234568.0, their pages 1234567.0") as caught:
        run(command, steps=steps)
    assert (caught.value.code, caught.value.exit_code) == ("DATA_DAMAGED", 65)
    assert {path.name for path in here.iterdir()} == {"in", "job.yaml"}
    where = {"format": "parquet", "path": "in", "where": {"x": {"ge": 0}}}
    assert run(command, steps=steps, input=where).status == "done"


def test_skip_the_comparison_on_request(spark: SparkSession, here: Path) -> None:
    wrong_footer(here / "in" / "1.parquet")
    assert run(steps="[{kind: maxabs, columns: x}]", self_check=0).status == "done"
