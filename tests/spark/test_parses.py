"""Texts that a type holds exactly, and those that it does not, on Spark."""

from __future__ import annotations

from pathlib import Path

from pyspark.sql import SparkSession

from sparkscale.config.models import Spark
from sparkscale.spark.session.session import session
from tests import parses


def test_read_texts_exactly_or_stop(spark: SparkSession, tmp_path: Path, thorough: bool) -> None:
    formats = parses.FORMATS if thorough else ("csv",)
    with session(Spark(), "parses") as settled:
        assert settled is spark
        assert parses.wrong(settled, tmp_path, formats=formats) == []
