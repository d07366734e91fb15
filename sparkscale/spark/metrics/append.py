"""Appends what a run measured, once per run id: its rows in long form, as one Arrow table."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from sparkscale.config.monitoring import Metrics
from sparkscale.monitor.rows import Row
from sparkscale.spark.metrics import delta, parquet

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SCHEMA = pa.schema(
    [
        pa.field("run", pa.string(), nullable=False),
        pa.field("time", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("feature", pa.string(), nullable=False),
        pa.field("measure", pa.string(), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("bound", pa.float64()),
        pa.field("threshold", pa.float64()),
        pa.field("verdict", pa.string(), nullable=False),
    ]
)
#: By format: ``append(path, name, table, spark)``, which does nothing if the name was appended before.
FORMATS: dict[str, Callable[[str, str, pa.Table, SparkSession], None]] = {
    "parquet": parquet.append,
    "delta": delta.append,
}


def append(metrics: Metrics, run_id: str, part: str, rows: Sequence[Row], spark: SparkSession) -> None:
    """Append the rows of a part of a run (such as ``fit``); if that part was appended before, nothing happens.

    Raises:
        AccessError: (77), StorageError: (74), OutputError: (73) where the place refuses.
    """
    now = datetime.datetime.now(datetime.UTC)
    columns = {
        "run": [run_id] * len(rows),
        "time": [now] * len(rows),
        **{name: [getattr(row, name) for row in rows] for name in SCHEMA.names[2:]},
    }
    FORMATS[metrics.format](metrics.path, f"{run_id}-{part}", pa.table(columns, schema=SCHEMA), spark)
