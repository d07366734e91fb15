"""A part of the round-trip matrix on classic Spark: every type, and random tables. `scripts/roundtrip` does all of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from pyspark.sql import SparkSession

PAIRS = [("parquet", "parquet"), ("csv", "csv"), ("json + schema", "json"), ("delta", "parquet"), ("csv", "delta"),
         ("parquet", "iceberg"), ("parquet", "parquet/k"), ("parquet/k", "parquet")]  # fmt: skip


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=[" to ".join(pair) for pair in PAIRS])
def test_keep_every_type(spark: SparkSession, trips: Any, tmp_path: Path, source: str, target: str) -> None:
    kinds = list(trips.kinds.KINDS.values())
    found = trips.cells.Cells(tmp_path / "cell").judge(source, target, kinds)
    assert {name: verdict.detail for name, verdict in found.items() if verdict.word == "WRONG"} == {}
    assert sum(verdict.word in ("exact", "as text") for verdict in found.values()) > len(kinds) / 3


def test_keep_random_tables(spark: SparkSession, trips: Any, tmp_path: Path, thorough: bool) -> None:
    draw = trips.draw

    @settings(
        max_examples=25 if thorough else 5, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )  # a job is a second
    @given(draw.kinds(), draw.PAIRS)
    def trial(table: list[Any], pair: tuple[str, str]) -> None:
        assert draw.wrong(tmp_path / "cell", table, pair) == {}, f"{pair}: {table}"

    trial()
