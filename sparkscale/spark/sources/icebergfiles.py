"""The files of an Iceberg table by its own metadata: of which partition each is. No data file is listed or read."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql.types import StructType

from sparkscale.artifact.states.keys import NULL
from sparkscale.formats.folders import Texts, digest
from sparkscale.spark.columns import ref


def partitions(spark: SparkSession, address: str, by: Sequence[str]) -> Mapping[Texts, str] | None:
    """Return the partitions of a table, each with a fingerprint of its files, those of deletes included.

    None where the table is not partitioned by these columns themselves, or not in one way throughout.

    Args:
        spark: the session.
        address: how SQL names the table.
        by: the columns of the key.
    """
    files = spark.read.table(f"{address}.files")
    names = files.columns
    offset = [ref("content_offset")] if "content_offset" in names else []
    if "partition" not in names:
        return None
    struct = files.schema["partition"].dataType
    if not isinstance(struct, StructType) or not set(by) <= set(struct.names):
        return None
    found: dict[Texts, list[str]] = {}
    specs = set()
    values = [ref("partition", name) for name in by]
    for row in files.select(ref("spec_id"), ref("file_path"), ref("content"), *values, *offset).collect():
        spec, path, content, *rest = row
        specs.add(spec)
        key = tuple(map(_text, rest[: len(by)]))
        found.setdefault(key, []).append("\0".join(map(str, (path, content, *rest[len(by) :]))))
    return {key: digest(states) for key, states in found.items()} if len(specs) <= 1 else None


def _text(value: Any) -> str:
    """Return a value of a partition as a folder's name would have it."""
    if value is None:
        return NULL
    return value.isoformat() if isinstance(value, datetime.date) else str(value)
