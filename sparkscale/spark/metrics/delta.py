"""Metrics as a Delta table, whose log holds ``txn`` (sparkscale-metrics/<run id>-<part>): such a part is there once."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import pyarrow as pa

from sparkscale.errors import OutputError, UnfitEnvironmentError
from sparkscale.places import local_path
from sparkscale.spark.session.failures import translated
from sparkscale.spark.session.session import is_sail
from sparkscale.spark.sources.read import place_of

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_APP = "sparkscale-metrics/"


def append(path: str, name: str, table: pa.Table, spark: SparkSession) -> None:
    """Commit the table in one transaction; a second one of the same name changes nothing.

    By Spark, or on Sail, which keeps no ``txn``, by the package `deltalake`.
    """
    if is_sail(spark):
        _by_deltalake(path, name, table)
        return
    with translated(f"writing metrics to {path}"):
        options = {"txnAppId": _APP + name, "txnVersion": "1"}
        made = spark.createDataFrame(table).coalesce(1)
        made.write.format("delta").mode("append").options(**options).save(place_of(spark, path, whole=True))


def _by_deltalake(path: str, name: str, table: pa.Table) -> None:
    if importlib.util.find_spec("deltalake") is None:
        cause = "metrics.format: delta on Sail needs the package deltalake, which is not installed"
        raise UnfitEnvironmentError("ENV_PACKAGE", cause, "pip install 'sparkscale[lakes]', or use format: parquet")
    from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
    from deltalake.exceptions import DeltaError

    place = local_path(path)
    try:
        if DeltaTable.is_deltatable(place) and DeltaTable(place).transaction_version(_APP + name) is not None:
            return
        once = CommitProperties(app_transactions=[Transaction(_APP + name, 1)])
        write_deltalake(place, table, mode="append", commit_properties=once)
    except (DeltaError, OSError) as error:
        cause = f"writing metrics to {path}: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
        raise OutputError("OUTPUT_FAILED", cause) from error
