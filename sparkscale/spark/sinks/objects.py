"""Files in an object store, announced when they are complete (`sparkscale.publish.announce`)."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from pyspark.sql import DataFrame

from sparkscale.config.data import Output
from sparkscale.formats.registry import WRITTEN
from sparkscale.places import is_local
from sparkscale.publish import announce
from sparkscale.publish.announce import Announced, partition_of
from sparkscale.publish.runs import Run
from sparkscale.spark.columns import schema_of
from sparkscale.spark.session.failures import translated
from sparkscale.spark.sinks import writing
from sparkscale.spark.sinks.base import Sink
from sparkscale.spark.sources import read


class Objects(Sink, formats={name: WRITTEN[name] for name in writing.FORMATS}):
    """Files below a prefix of each run's own."""

    transactional = False

    def __init__(self, output: Output, place: str | None) -> None:
        """Describe the place; what is announced there is read by :meth:`begin`, or :meth:`open`."""
        super().__init__(output, place)
        self._announced: Announced | None = None
        self._wrote = False

    @classmethod
    def takes(cls, place: str | None) -> bool:
        """Whether a place is not on this machine."""
        return place is not None and not is_local(place)

    def begin(self, run: Run, held: contextlib.ExitStack) -> None:
        """Find the record of the run in the newest announcement."""
        super().begin(run, held)
        announce.check_place(self._uri, self.output.name)
        self.unchanged = self.published(run)

    def published(self, run: Run) -> Mapping[str, Any] | None:
        """Ask the newest announcement."""
        return self._table.finished(run, self.output.mode)

    def write(self, df: DataFrame) -> None:
        """Write below the run's prefix, anew."""
        self._wrote = True
        self._table.clear(self.run.id)
        writing.write(df, self.output, self._table.place(self.run.id))

    def publish(self, record: Mapping[str, Any]) -> None:
        """Announce what was written."""
        self._table.announce(self.output.mode, record)

    def abort(self) -> None:
        """Delete what was written; before that, the prefix may be that of the same run, started twice."""
        if self._wrote:
            self._table.discard(self.run.id)

    def folder(self) -> str | None:
        """Return None: it is not on this machine."""
        return None

    def partitions(self) -> tuple[str, ...] | None:
        """Return the keys in the names of the announced files."""
        if not self._table.number:
            return None
        parts = next((partition_of(name) for name in self._table.table.files), "")
        return tuple(part.partition("=")[0] for part in parts.split("/") if "=" in part)

    def existing(self) -> Mapping[str, str] | None:
        """Return the columns by Spark; of texts, whose types it would guess, the names alone."""
        if not self._table.table.files:
            return None
        format_ = self.output.format
        with translated(f"looking at {self.output.name}"):
            reader = self.spark.read.format(format_).options(**read.FORMATS[format_])
            fields = schema_of(read.of_announced(reader, self._uri, self._table.table)).fields
        return {field.name: "" if format_ in ("csv", "json") else field.type for field in fields}

    @property
    def _uri(self) -> str:
        return self.place or ""

    @property
    def _table(self) -> Announced:
        """What is announced; read once."""
        if self._announced is None:
            self._announced = Announced.of(self._uri)
        return self._announced
