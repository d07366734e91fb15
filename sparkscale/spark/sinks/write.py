"""Sinks: files, staged and published by `sparkscale.publish.files`; and which sink an output is."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.csv
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession

from sparkscale.config.models import FILES, Output
from sparkscale.errors import ConfigError, Problem
from sparkscale.formats import options
from sparkscale.places import is_local
from sparkscale.publish import manifest
from sparkscale.publish.announce import Announced, partition_of
from sparkscale.publish.files import Claim
from sparkscale.publish.runs import Run
from sparkscale.spark.columns import schema_of
from sparkscale.spark.session.failures import translated
from sparkscale.spark.session.retry import patiently
from sparkscale.spark.session.session import is_sail
from sparkscale.spark.sinks.lake import Delta, Iceberg
from sparkscale.spark.sinks.sink import Frame, Sink, differences
from sparkscale.spark.sources import read
from sparkscale.spark.sources.catalog import Described, default_location, describe, quoted, repair
from sparkscale.spark.sources.read import texts

#: Spark's own patterns cut a timestamp after its milliseconds.
_TIMES = {
    "timestampFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX",
    "timestampNTZFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSS",
}
FORMATS: Mapping[str, Mapping[str, str]] = {
    "parquet": {"compression": "zstd"},
    "csv": {
        "header": "true",
        "escape": '"',  # RFC 4180; Spark's backslash is understood by Spark alone
        "ignoreLeadingWhiteSpace": "false",  # else Spark takes the white space off the ends of every string
        "ignoreTrailingWhiteSpace": "false",
        **_TIMES,
    },
    "json": {"ignoreNullFields": "false", **_TIMES},
    "orc": {"compression": "zstd"},
}
#: Options of a writer that a reader of its files needs as well.
_SHARED = ("sep", "delimiter", "encoding", "charset", "quote", "escape", "header", "lineSep", "multiLine")


def sink_of(spark: SparkSession, output: Output, claim: Callable[[str], Claim]) -> Sink:
    """Return the sink of an output.

    Args:
        spark: the session.
        output: of the job file; what a catalog knows of a table goes over its format.
        claim: gives the claim of a local folder.
    """
    read.check_format(spark, "output.format", output.format)
    options.check("sail" if is_sail(spark) else "spark", output.format, "write", output.options)
    if output.rows_per_file is not None and is_sail(spark):
        cause = "output.rows_per_file: expected none on Sail, which writes files of any number of rows"
        raise ConfigError("CONFIG_OPTION", cause, "leave it out, or set spark.engine: spark")
    if output.table is None:
        return _of(spark, output, output.path or "", claim)
    with translated(f"looking at {output.name}"):
        known = describe(spark, quoted(output.table))
        output = _as_cataloged(output, known)
        location = known.location if known else None
        if location is None and output.format in FILES:
            location = default_location(spark, output.table or "")
    return _of(spark, output, location, claim)


def _as_cataloged(output: Output, known: Described | None) -> Output:
    """Return the output with the format that the catalog says; of a new table, Parquet where none is said."""
    found = known.provider if known else "parquet" if output.format == "table" else output.format
    if output.format not in ("table", found):
        cause = f"output.format: expected {found}, which the table {output.name} is of, found {output.format}"
        raise ConfigError("CONFIG_FORMAT", cause, "leave the format out")
    if found not in (*FILES, "delta", "iceberg"):
        cause = f"expected a table of a format that can be written, {output.name} is of {found or 'no known one'}"
        raise ConfigError("CONFIG_FORMAT", cause, "take another table")
    return output.model_copy(update={"format": found})


def _of(spark: SparkSession, output: Output, place: str | None, claim: Callable[[str], Claim]) -> Sink:
    own = claim(place) if place is not None and is_local(place) else None
    if output.format == "delta":
        if output.mode == "overwrite_partitions" and is_sail(spark):
            cause = "output.mode: Sail's Delta cannot replace single partitions; it would replace the whole table"
            raise ConfigError("CONFIG_MODE", cause, "set spark.engine: spark, output.format: parquet, or another mode")
        return Delta(spark, output)
    if output.format == "iceberg":
        return Iceberg(spark, output)
    if own is not None:
        return Files(spark, output, own)
    if output.path is None:
        cause = f"output.table: expected a table of files on this machine, {output.name} is at {place}"
        raise ConfigError("CONFIG_OUTPUT", cause, "take a table of format delta or iceberg")
    return Objects(spark, output, Announced.of(output.path))


@dataclass(frozen=True)
class Files(Sink):
    """A folder of files, at a path or of a table in Spark's own catalog."""

    claim: Claim

    transactional = False

    def finished(self, run: Run) -> Mapping[str, Any] | None:
        """Return the record in the folder's manifest."""
        record = self.claim.finished(run, self.output.mode)
        if record is not None:
            self._register()  # a crash may have come between publishing and this
        return record

    def folder(self) -> str | None:
        """Return the folder that the claim is for."""
        return str(self.claim.target)

    def partitions(self) -> tuple[str, ...] | None:
        """Return the keys of the folders' names."""
        return manifest.partition_keys(self.claim.target) if self.claim.target.exists() else None

    def existing(self) -> Mapping[str, str] | None:
        """Return the columns by Spark; of texts, whose types it would guess, the names alone."""
        format_, target = self.output.format, self.claim.target
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
        there = (self.existing() or {}) if self.claim.target.exists() else {}
        ours, theirs = ([name for name in names if name not in folders] for names in (types, there))
        if theirs and ours != theirs:
            cause = f"expected the columns of {self.output.name} in their order, {theirs}, found {ours}"
            found.append(Problem("SCHEMA_TARGET", cause, "CSV goes by position; reorder the input's columns"))
        return found

    def publish(self, frame: Frame, run: Run, record: Mapping[str, Any], ready: Callable[[], None]) -> None:
        """Write to the staging folder; when all is well, put it into the target's place."""
        assert record["run_id"] == run.id  # noqa: S101 - the manifest takes it from the record
        with self.claim.staged(self.output.mode, record) as staging:

            def fresh() -> None:
                shutil.rmtree(staging, ignore_errors=True)
                write(frame(), self.output, staging)

            patiently(self.spark, fresh, self.notes)
            ready()
        self._register()

    def _is_cataloged(self) -> bool:
        return self.output.table is not None and describe(self.spark, quoted(self.output.table)) is not None

    def _register(self) -> None:
        """Tell the catalog of the table: that it is there, its partitions, and that its files are others."""
        if self.output.table is None:
            return
        name = quoted(self.output.table)
        with translated(f"telling the catalog of {self.output.name}"):
            if not self._is_cataloged():
                self.spark.catalog.createTable(name, path=str(self.claim.target), source=self.output.format)
            if self.partitions():
                repair(self.spark, name)
            self.spark.catalog.refreshTable(name)


@dataclass(frozen=True)
class Objects(Sink):
    """Files in an object store, announced when they are complete."""

    table: Announced

    transactional = False

    def finished(self, run: Run) -> Mapping[str, Any] | None:
        """Return the record in the newest announcement."""
        return self.table.finished(run, self.output.mode)

    def folder(self) -> str | None:
        """Return None: it is not on this machine."""
        return None

    def partitions(self) -> tuple[str, ...] | None:
        """Return the keys in the names of the announced files."""
        if not self.table.number:
            return None
        parts = next((partition_of(name) for name in self.table.table.files), "")
        return tuple(part.partition("=")[0] for part in parts.split("/") if "=" in part)

    def existing(self) -> Mapping[str, str] | None:
        """Return the columns by Spark; of texts, whose types it would guess, the names alone."""
        if not self.table.table.files:
            return None
        format_, path = self.output.format, self.output.path or ""
        with translated(f"looking at {self.output.name}"):
            reader = self.spark.read.format(format_).options(**read.FORMATS[format_])
            fields = schema_of(read.of_announced(reader, path, self.table.table)).fields
        return {field.name: "" if format_ in ("csv", "json") else field.type for field in fields}

    def publish(self, frame: Frame, run: Run, record: Mapping[str, Any], ready: Callable[[], None]) -> None:
        """Write below a prefix of the run's own; when all is well, announce it."""
        assert record["run_id"] == run.id  # noqa: S101 - the manifest takes it from the record
        with self.table.staged(self.output.mode, record) as prefix:
            write(frame(), self.output, prefix)
            ready()


def write(df: DataFrame, output: Output, path: str) -> None:
    """Write a DataFrame as files to ``path``, which must not exist; one pass over the data."""
    chosen = {**FORMATS[output.format], **texts(output.options)}
    if output.rows_per_file is not None:
        chosen["maxRecordsPerFile"] = str(output.rows_per_file)
    with translated(f"writing {output.name}"):
        df.write.format(output.format).options(**chosen).partitionBy(*output.partition_by).mode("error").save(path)
        if is_local(path) and not Path(path).exists():
            _write_nothing(df, output, Path(path))


def _write_nothing(df: DataFrame, output: Output, path: Path) -> None:
    """Write a table without rows: Sail makes no folder of one, and readers want its columns all the same."""
    path.mkdir()
    if output.partition_by:
        return
    part, columns = path / f"part-00000.{output.format}", df.limit(0).toArrow()
    if output.format == "parquet":
        pq.write_table(columns, part, compression="zstd")
    elif output.format == "csv":
        pyarrow.csv.write_csv(columns, part)
    else:
        part.touch()
