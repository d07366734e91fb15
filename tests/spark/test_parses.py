"""Texts that a type holds exactly, and those that it does not, on Spark."""

from __future__ import annotations

from pathlib import Path

from pyspark.sql import SparkSession

from tests import parses


def test_read_texts_exactly_or_stop(spark: SparkSession, tmp_path: Path) -> None:
    assert parses.wrong(spark, tmp_path) == []
