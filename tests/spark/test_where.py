"""`input.where` and NaN: like null, it satisfies no comparison, however the table is laid out."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from tests import wheres


@pytest.mark.parametrize("column", ["x", "s.x"])
def test_keep_rows_by_number_and_nan(spark: SparkSession, tmp_path: Path, column: str) -> None:
    made = wheres.tables(tmp_path)
    for layout in ("groups of 1", "groups of 3", "no statistics"):
        found = {str(rule): wheres.kept(spark, *made[layout], column, rule) for rule, _ in wheres.CASES}
        assert found == {str(rule): rows for rule, rows in wheres.CASES}, layout


@pytest.mark.parametrize("format_", ["csv", "orc", "delta"])
def test_keep_the_same_rows_of_other_formats(spark: SparkSession, tmp_path: Path, format_: str) -> None:
    made = wheres.tables(tmp_path)
    place = tmp_path / format_
    if format_ == "csv":
        place = made["csv"][1]
    else:
        spark.read.parquet(str(made["groups of 9"][1])).orderBy(F.col("row")).write.format(format_).save(str(place))
    found = {str(rule): wheres.kept(spark, format_, place, "f", rule) for rule, _ in wheres.CASES}
    assert found == {str(rule): rows for rule, rows in wheres.CASES}
