"""A folder of files on this machine, at a path or of a table in Spark's own catalog.

Staged and published by `sparkscale.publish.files`.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Mapping
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from sparkscale.config.data import Output
from sparkscale.config.tables import quoted
from sparkscale.errors import Problem
from sparkscale.formats.registry import WRITTEN
from sparkscale.places import is_local
from sparkscale.publish import files, manifest
from sparkscale.publish.runs import Run
from sparkscale.spark.columns import schema_of
from sparkscale.spark.session.failures import translated
from sparkscale.spark.sinks import writing
from sparkscale.spark.sinks.base import Sink
from sparkscale.spark.sinks.schemas import differences
from sparkscale.spark.sources import read
from sparkscale.spark.sources.catalog import describe, repair
from sparkscale.spark.sources.read import texts

#: Options of a writer that a reader of its files needs as well.
_SHARED = ("sep", "delimiter", "encoding", "charset", "quote", "escape", "header", "lineSep", "multiLine")


class Files(Sink, formats={name: WRITTEN[name] for name in writing.FORMATS}):
    """A folder that is written beside its target, and then put into its place."""

    transactional = False

    def __init__(self, output: Output, place: str | None) -> None:
        """Describe the folder; nobody has claimed it yet."""
        super().__init__(output, place)
        self._claim = files.unclaimed(place or "")

    @classmethod
    def takes(cls, place: str | None) -> bool:
        """Whether a place is on this machine."""
        return place is not None and is_local(place)

    def begin(self, run: Run, held: contextlib.ExitStack) -> None:
        """Claim the folder, and find the record of the run in its manifest."""
        super().begin(run, held)
        if self.output.local is not None:
            files.check_is_folder(self.output.local)
        self._claim = held.enter_context(files.claimed(self._claim.output))
        self.recovered = self._claim.recovered
        self.unchanged = self.published(run)
        if self.unchanged is None and self.output.local is not None:
            files.check_target(self.output.local, self.output.mode)

    def open(self, spark: SparkSession) -> None:
        """Update the catalog for a table that is already published: a crash may have come before that."""
        super().open(spark)
        if self.unchanged is not None:
            self._register()

    def published(self, run: Run) -> Mapping[str, Any] | None:
        """Ask the manifest."""
        return self._claim.finished(run, self.output.mode)

    def write(self, df: DataFrame) -> None:
        """Write to the staging folder, anew."""
        shutil.rmtree(self._claim.new, ignore_errors=True)
        writing.write(df, self.output, str(self._claim.new))

    def publish(self, record: Mapping[str, Any]) -> None:
        """Put what was staged into the target's place, and tell the catalog of a table."""
        self._claim.publish(self.output.mode, record)
        self._register()

    def folder(self) -> str | None:
        """Return the folder that the claim is for."""
        return str(self._claim.target)

    def partitions(self) -> tuple[str, ...] | None:
        """Return the keys of the folders' names."""
        target = self._claim.target
        return manifest.partition_keys(target) if target.exists() else None

    def existing(self) -> Mapping[str, str] | None:
        """Return the columns by Spark; of texts, whose types it would guess, the names alone."""
        format_, target = self.output.format, self._claim.target
        if self.output.table is None and next(manifest.data_files(target), None) is None:
            return None
        with translated(f"looking at {self.output.name}"):
            if self.output.table is not None:
                fields = schema_of(self.spark.read.table(quoted(self.output.table))).fields
            else:
                shared = {key: value for key, value in texts(self.output.options).items() if key in _SHARED}
                reader = self.spark.read.format(format_).options(**read.FORMATS[format_], **shared)
                fields = schema_of(reader.load(read.place_of(self.spark, str(target)))).fields
        return {field.name: "" if format_ in ("csv", "json") else field.type for field in fields}

    def _differences(self, types: Mapping[str, str]) -> list[Problem]:
        """Find, beside what all sinks find, that a catalog has other columns, and that CSV has another order."""
        if self.output.mode == "overwrite" and self._is_cataloged():
            return list(differences(types, self.existing() or {}, self.partitions() or (), self.output.name))
        found = super()._differences(types)
        if found or self.output.format != "csv" or self.output.mode not in ("append", "overwrite_partitions"):
            return found
        folders = set(self.output.partition_by) | set(self.partitions() or ())
        there = (self.existing() or {}) if self._claim.target.exists() else {}
        ours, theirs = ([name for name in names if name not in folders] for names in (types, there))
        if theirs and ours != theirs:
            cause = f"expected the columns of {self.output.name} in their order, {theirs}, found {ours}"
            found.append(Problem("SCHEMA_TARGET", cause, "CSV goes by position; reorder the input's columns"))
        return found

    def _is_cataloged(self) -> bool:
        return self.output.table is not None and describe(self.spark, quoted(self.output.table)) is not None

    def _register(self) -> None:
        """Update the catalog: that the table exists, its partitions, and that its files have changed."""
        if self.output.table is None:
            return
        name = quoted(self.output.table)
        with translated(f"updating the catalog for {self.output.name}"):
            if not self._is_cataloged():
                self.spark.catalog.createTable(name, path=str(self._claim.target), source=self.output.format)
            if self.partitions():
                repair(self.spark, name)
            self.spark.catalog.refreshTable(name)
