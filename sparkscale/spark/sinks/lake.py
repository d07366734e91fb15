"""Delta Lake and Iceberg: one transaction a run, and the run's id in the table's own history."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sparkscale.errors import DataError, OutputError, SparkscaleError
from sparkscale.places import is_local, local_path
from sparkscale.publish import files
from sparkscale.publish.runs import Run
from sparkscale.spark.columns import schema_of
from sparkscale.spark.session.failures import translated
from sparkscale.spark.session.retry import patiently
from sparkscale.spark.session.session import is_sail
from sparkscale.spark.sinks.sink import Frame, Sink
from sparkscale.spark.sources.catalog import Described, describe, quoted, tick
from sparkscale.spark.sources.deltalog import metadata
from sparkscale.spark.sources.read import place_of, texts

_RUN, _RECORD = "sparkscale.run-id", "sparkscale.run"
_APP = "sparkscale/"


@dataclass(frozen=True)
class _Lake(Sink):
    """A table whose format has transactions. ``_address`` is how SQL names it."""

    @property
    def _address(self) -> str:
        raise NotImplementedError

    def check_absent(self) -> None:
        """Refuse, beside what all sinks do, a folder of something else."""
        path = self.output.local
        if path is not None and self._described() is None and _has_files(path):
            cause = f"output.path: expected {self.output.format} or nothing, found another folder at {path}"
            raise OutputError("OUTPUT_EXISTS", cause, "take another path")
        super().check_absent()

    def _described(self) -> Described | None:
        with translated(f"looking at {self.output.name}"):
            return describe(self.spark, self._address)

    def folder(self) -> str | None:
        known = self._described()
        return known.folder if known else None

    def partitions(self) -> tuple[str, ...] | None:
        known = self._described()
        return (*known.partition_by, *known.transforms) if known else None

    def existing(self) -> Mapping[str, str] | None:
        with translated(f"looking at {self.output.name}"):
            fields = schema_of(self.spark.read.table(self._address)).fields
        return {field.name: field.type for field in fields}

    def finished(self, run: Run) -> Mapping[str, Any] | None:
        if self._described() is None:
            return None
        with translated(f"looking at {self.output.name}"):
            history = self._history()
        if not run.finished([run_id for run_id, _ in history], self.output.mode):
            return None
        record = next(record for run_id, record in reversed(history) if run_id == run.id)
        return {"run_id": run.id, **record}

    def _history(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Return each commit, the newest last: the id of the run that made it, ``""`` of others, and its record."""
        raise NotImplementedError

    def publish(self, frame: Frame, run: Run, record: Mapping[str, Any], ready: Callable[[], None]) -> None:
        df = frame()
        ready()
        files.reached("ready")

        def once() -> None:
            if self.notes and self.finished(run) is not None:
                return  # the attempt before this one had come through, and only its answer was lost
            with translated(f"writing {self.output.name}"):
                self._commit(df, run, json.dumps(record))

        with self._cleared():
            patiently(self.spark, once, self.notes)
        files.reached("committed")

    @contextlib.contextmanager
    def _cleared(self) -> Iterator[None]:
        """Leave nothing of a first write that fails: its files would be taken for something else's."""
        path = self.output.local
        new = path is not None and not _has_files(path) and self._described() is None
        try:
            yield
        except SparkscaleError:
            if new and self._described() is None:
                shutil.rmtree(local_path(path or ""), ignore_errors=True)
            raise

    def _commit(self, df: DataFrame, run: Run, record: str) -> None:
        raise NotImplementedError


@dataclass(frozen=True)
class Delta(_Lake):
    """A Delta table. Its log holds ``txn`` (sparkscale/<run id>) and, as ``userMetadata``, the run's record."""

    @property
    def _address(self) -> str:
        if self.output.table is not None:
            return quoted(self.output.table)
        return f"delta.{tick(place_of(self.spark, self.output.path or '', whole=True))}"

    def _described(self) -> Described | None:
        path = self.output.local
        if path is not None and not any(Path(local_path(path), "_delta_log").glob("*.*")):
            return None
        if path is not None and is_sail(self.spark):  # which cannot describe a table at a path
            folder = Path(local_path(path)).absolute()
            return Described("delta", str(folder), tuple(metadata(folder)["partitionColumns"]))
        return super()._described()

    def _history(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Read the log's own JSON, which Delta keeps for 30 days; what is older, its own check of ``txn`` knows."""
        known = self._described()
        if known is None or known.location is None or is_sail(self.spark):  # which keeps no `txn`
            return []
        log = self.spark.read.text(place_of(self.spark, f"{known.location}/_delta_log") + "/*.json")
        app, note = F.get_json_object("value", "$.txn.appId"), F.get_json_object("value", "$.commitInfo.userMetadata")
        commits: dict[str, dict[str, str]] = {}
        for row in log.select("_metadata.file_name", app.alias("app"), note.alias("note")).collect():
            commit = commits.setdefault(row["file_name"], {})
            commit |= {key: row[key] for key in ("app", "note") if row[key] is not None}
        return [_commit_of(commits[name]) for name in sorted(commits)]

    def _commit(self, df: DataFrame, run: Run, record: str) -> None:
        mode, known = self.output.mode, self._described()
        options = {"userMetadata": record, **self._rows(), **texts(self.output.options)}
        if not is_sail(self.spark):
            # Delta takes a version of an app once. An id that was given is done once; a digest's may be wanted again.
            options |= {"txnAppId": _APP + run.id, "txnVersion": "1" if run.given else str(time.time_ns() // 10**6)}
        if mode == "overwrite":
            options["overwriteSchema"] = "true"
        if mode == "overwrite_partitions":
            # Not `replaceWhere`: that is a text of SQL, and has to know the partitions before they are written.
            options["partitionOverwriteMode"] = "dynamic"
        partition_by = self.output.partition_by or list(known.partition_by if known else ())
        writer = df.write.format("delta").mode("overwrite" if mode == "overwrite_partitions" else mode)
        writer = writer.options(**options).partitionBy(*partition_by)
        if self.output.table is not None and known is None:
            writer.saveAsTable(self._address)
        else:  # a table that is there is its log: over `saveAsTable`, Spark's catalog refuses some that it holds itself
            writer.save(place_of(self.spark, (known.location if known else None) or self.output.path or "", whole=True))

    def _rows(self) -> dict[str, str]:
        return {"maxRecordsPerFile": str(self.output.rows_per_file)} if self.output.rows_per_file else {}


def _commit_of(known: Mapping[str, str]) -> tuple[str, Mapping[str, Any]]:
    app = known.get("app", "")
    run_id = app.removeprefix(_APP) if app.startswith(_APP) else ""
    return run_id, _record(known.get("note") if run_id else None)


def _record(text: str | None) -> Mapping[str, Any]:
    """Return a run's record as it was noted; what others wrote in its place is no record."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


@dataclass(frozen=True)
class Iceberg(_Lake):
    """An Iceberg table. The summary of a snapshot holds the run's id and record.

    A path is the table of that name in a Hadoop catalog of the folder around it, which this session is told of.
    """

    @property
    def _address(self) -> str:
        if self.output.table is not None:
            return quoted(self.output.table)
        path = place_of(self.spark, self.output.path or "", whole=True).rstrip("/")
        around, _, name = path.rpartition("/")
        catalog = f"sparkscale_{hashlib.sha256(around.encode()).hexdigest()[:8]}"
        settings = {"": "org.apache.iceberg.spark.SparkCatalog", ".type": "hadoop", ".warehouse": around or "/"}
        # Another session's commits are seen at once, not after half a minute.
        for key, value in (settings | {".cache-enabled": "false"}).items():
            self.spark.conf.set(f"spark.sql.catalog.{catalog}{key}", value)
        return f"{catalog}.{tick(name)}"

    def _history(self) -> list[tuple[str, Mapping[str, Any]]]:
        summary = F.col("summary")
        wanted = summary[_RUN].alias("run_id"), summary[_RECORD].alias("record")
        rows = self.spark.read.table(f"{self._address}.snapshots").orderBy("committed_at").select(*wanted).collect()
        return [(row["run_id"] or "", _record(row["record"])) for row in rows]

    def _commit(self, df: DataFrame, run: Run, record: str) -> None:
        known, mode = self._described(), self.output.mode
        notes = {f"snapshot-property.{_RUN}": run.id, f"snapshot-property.{_RECORD}": record}
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


def _has_files(path: str) -> bool:
    """Whether a folder holds a file: Delta leaves empty folders of a first write that failed."""
    return is_local(path) and any(found.is_file() for found in Path(local_path(path)).rglob("*"))
