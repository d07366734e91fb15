"""Iceberg. The summary of a table's snapshot holds the run's id and record."""

from __future__ import annotations

import importlib.util
import io
import re

import obstore
from obstore.exceptions import BaseError
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sparkscale.artifact import clients
from sparkscale.config.tables import quoted, tick
from sparkscale.errors import DataError, SparkscaleError
from sparkscale.formats.registry import WRITTEN
from sparkscale.publish.runs import Run
from sparkscale.spark.columns import schema_of
from sparkscale.spark.sinks.lake import History, Lake, noted
from sparkscale.spark.sources.catalog import Described, hadoop_table
from sparkscale.spark.sources.read import place_of, texts

_RUN, _RECORD = "sparkscale.run-id", "sparkscale.run"
_METADATA = re.compile(r"metadata/v(\d+)(?:\.gz)?\.metadata\.json")


class Iceberg(Lake, formats={"iceberg": WRITTEN["iceberg"]}):
    """An Iceberg table, at a path or in a catalog.

    A path is the table of that name in a Hadoop catalog of the folder around it, which the session gets.
    """

    @property
    def _address(self) -> str:
        if self.output.table is not None:
            return quoted(self.output.table)
        return hadoop_table(self.spark, place_of(self.spark, self.output.path or "", whole=True))

    def _read(self, run: Run) -> History | None:  # noqa: ARG002 - the snapshots of all runs stand in one file
        """Read the newest metadata file by the package `pyiceberg`, where there is one.

        The newest is the one of the highest number: a writer that stopped may have left the table's hint behind it.
        """
        path = self.output.path or ""
        if importlib.util.find_spec("pyiceberg") is None or not clients.reaches(path):
            return None
        from pyiceberg.exceptions import ValidationError
        from pyiceberg.serializers import Compressor, FromByteStream

        try:
            opened = clients.opened(path)
            names = [item["path"] for item in obstore.list_with_delimiter(opened, "metadata")["objects"]]
            numbers = {int(match[1]): name for name in names if (match := _METADATA.fullmatch(name))}
            if not numbers:
                return None if names else []
            newest = numbers[max(numbers)]
            data = io.BytesIO(bytes(obstore.get(opened, newest).bytes()))
            known = FromByteStream.table_metadata(data, compression=Compressor.get_compressor(newest))
        except FileNotFoundError:
            return []
        except (BaseError, OSError, ValidationError, SparkscaleError):  # metadata newer than the package, a store's no
            return None
        snapshots = sorted(known.snapshots or (), key=lambda snapshot: snapshot.timestamp_ms)
        notes = [snapshot.summary.additional_properties if snapshot.summary else {} for snapshot in snapshots]
        return [(found.get(_RUN, ""), noted(found.get(_RECORD))) for found in notes]

    def _history(self) -> History:
        summary = F.col("summary")
        wanted = summary[_RUN].alias("run_id"), summary[_RECORD].alias("record")
        rows = self.spark.read.table(f"{self._address}.snapshots").orderBy("committed_at").select(*wanted).collect()
        return [(row["run_id"] or "", noted(row["record"])) for row in rows]

    def _commit(self, df: DataFrame, record: str) -> None:
        known, mode = self._described(), self.output.mode
        notes = {f"snapshot-property.{_RUN}": self.run.id, f"snapshot-property.{_RECORD}": record}
        writer = df.writeTo(self._address).options(**notes, **texts(self.output.options))
        partition_by = [F.col(tick(name)) for name in self.output.partition_by or (known.partition_by if known else ())]
        if known is None or (mode == "overwrite" and not self._same(df, known)):
            writer = writer.using("iceberg")
            writer = writer.partitionedBy(*partition_by) if partition_by else writer
            writer.create() if mode == "error" or known is None else writer.createOrReplace()
        elif mode == "append":
            writer.append()
        elif mode == "overwrite_partitions":
            writer.overwritePartitions()
        elif mode == "overwrite":
            writer.overwrite(F.lit(True))  # noqa: FBT003 - every row
        else:
            writer.create()

    def _same(self, df: DataFrame, known: Described) -> bool:
        """Whether a result has a table's columns, and nobody asks for other partitions: then it keeps its own."""
        wanted = self.output.partition_by
        there = self.existing() or {}
        result = {field.name: field.type for field in schema_of(df).fields}
        if result == there and (not wanted or (wanted == list(known.partition_by) and not known.transforms)):
            return True
        if known.transforms and not wanted:
            cause = f"the columns of {self.output.name} change, and it is partitioned by {', '.join(known.transforms)}"
            raise DataError("SCHEMA_TARGET", cause, "say output.partition_by, or change the table first")
        return False
