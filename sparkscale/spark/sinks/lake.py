"""What tables with transactions have in common: one transaction a run, and the run's id in the table's own history."""

from __future__ import annotations

import abc
import contextlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from pyspark.sql import DataFrame, SparkSession

from sparkscale.errors import OutputError, SparkscaleError
from sparkscale.places import is_local, local_path
from sparkscale.publish import files
from sparkscale.publish.runs import Run
from sparkscale.spark.columns import schema_of
from sparkscale.spark.session.failures import translated
from sparkscale.spark.session.retry import patiently
from sparkscale.spark.sinks.base import Sink
from sparkscale.spark.sources.catalog import Described, describe

#: Of each commit, the newest last: the id of the run that made it, ``""`` of others, and the run's record.
History: TypeAlias = Sequence[tuple[str, Mapping[str, Any]]]


class Lake(Sink):
    """A table whose format has transactions."""

    _df: DataFrame
    #: Whether :meth:`begin` could not read the history: the engine is asked.
    _unknown = False

    def begin(self, run: Run, held: contextlib.ExitStack) -> None:
        """Claim a folder of this machine; read the history of a table at a path without an engine."""
        super().begin(run, held)
        if self.output.local is not None:
            files.check_is_folder(self.output.local)
        if self.place is not None and is_local(self.place):
            self.recovered = held.enter_context(files.claimed(self.place)).recovered
        history = self._read(run) if self.output.path is not None else None
        self._unknown = history is None
        self.unchanged = None if history is None else self._record(history, run)

    def open(self, spark: SparkSession) -> None:
        """Ask the engine for the history, where :meth:`begin` could not read it."""
        super().open(spark)
        if self._unknown:
            self.unchanged = self._found()

    def published(self, run: Run) -> Mapping[str, Any] | None:
        """Ask the history of a table at a path."""
        history = self._read(run) if self.output.path is not None else None
        return None if history is None else self._record(history, run)

    def write(self, df: DataFrame) -> None:
        """Keep the result: the transaction writes and publishes it at once."""
        self._df = df

    def publish(self, record: Mapping[str, Any]) -> None:
        """Commit the transaction; again where it failed for a reason that passes, but for one that had come through."""
        files.reached("ready")
        tried: list[str] = []

        def once() -> None:
            if tried and self._found() is not None:
                return  # the attempt before this one had come through, and only its answer was lost
            with translated(f"writing {self.output.name}"):
                self._commit(self._df, json.dumps(record))

        with self._cleared():
            patiently(self.spark, once, tried)
        self.notes += tried
        files.reached("committed")

    def check_absent(self) -> None:
        """Refuse, beside what all sinks do, a folder of something else."""
        path = self.output.local
        if path is not None and self._described() is None and _has_files(path):
            cause = f"output.path: expected {self.output.format} or nothing, found another folder at {path}"
            raise OutputError("OUTPUT_EXISTS", cause, "choose another path")
        super().check_absent()

    def folder(self) -> str | None:
        """Return the table's location."""
        known = self._described()
        return known.folder if known else None

    def partitions(self) -> tuple[str, ...] | None:
        """Return the columns and functions of columns that the table says."""
        known = self._described()
        return (*known.partition_by, *known.transforms) if known else None

    def existing(self) -> Mapping[str, str] | None:
        """Return the table's columns."""
        with translated(f"looking at {self.output.name}"):
            fields = schema_of(self.spark.read.table(self._address)).fields
        return {field.name: field.type for field in fields}

    @property
    @abc.abstractmethod
    def _address(self) -> str:
        """How SQL names the table."""

    @abc.abstractmethod
    def _read(self, run: Run) -> History | None:
        """Return the history of a table at a path without an engine; None where it cannot be read so."""

    @abc.abstractmethod
    def _history(self) -> History:
        """Return the history by the engine; the table is there."""

    @abc.abstractmethod
    def _commit(self, df: DataFrame, record: str) -> None:
        """Write and publish, in one transaction that notes the run's id and record."""

    def _described(self) -> Described | None:
        with translated(f"looking at {self.output.name}"):
            return describe(self.spark, self._address)

    def _found(self) -> Mapping[str, Any] | None:
        if self._described() is None:
            return None
        with translated(f"looking at {self.output.name}"):
            return self._record(self._history(), self.run)

    def _record(self, history: History, run: Run) -> Mapping[str, Any] | None:
        """Return the record of a run whose result the table holds already; else None."""
        if not run.finished([run_id for run_id, _ in history], self.output.mode):
            return None
        record = next(record for run_id, record in reversed(history) if run_id == run.id)
        return {"run_id": run.id, **record}

    @contextlib.contextmanager
    def _cleared(self) -> Iterator[None]:
        """Leave nothing of a first write that fails: its files would be taken for something else's.

        Not of one that is interrupted: the engine may yet commit it.
        """
        path = self.output.local
        new = path is not None and not _has_files(path) and self._described() is None
        try:
            yield
        except SparkscaleError:
            if new and self._described() is None:
                shutil.rmtree(local_path(path or ""), ignore_errors=True)
            raise


def noted(text: str | None) -> Mapping[str, Any]:
    """Return a run's record as it was noted in a table; what others wrote in its place is no record."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _has_files(path: str) -> bool:
    """Whether a folder holds a file: Delta leaves empty folders of a first write that failed."""
    return is_local(path) and any(found.is_file() for found in Path(local_path(path)).rglob("*"))
