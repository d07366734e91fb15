"""What every sink is: one run's transaction on a target.

A new kind of target is one new file with a subclass of :class:`Sink`: it registers by being defined.
"""

from __future__ import annotations

import abc
import contextlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from pyspark.sql import DataFrame, SparkSession

from sparkscale.config.data import Output
from sparkscale.errors import ConfigError, OutputError, Problem, nearest
from sparkscale.formats import options, registry
from sparkscale.formats.capabilities import OF_NULLS
from sparkscale.formats.judge import judge, kind_of, verdict, warning
from sparkscale.pipeline.plan import Plan
from sparkscale.publish.runs import Run
from sparkscale.spark.columns import schema_of
from sparkscale.spark.session.session import is_sail
from sparkscale.spark.sinks.schemas import differences
from sparkscale.spark.sinks.written import prepared

#: All sinks, in the order of their definition.
REGISTRY: list[type[Sink]] = []


class Sink(abc.ABC):
    """A target that a job publishes to: its whole result, at once, or nothing.

    A run calls, in this order, :meth:`begin` (without an engine), :meth:`open` (with one), :meth:`write` (again, where
    it failed for a reason that passes) and :meth:`commit`. Where it ends without a commit, :meth:`abort` comes last.
    """

    formats: ClassVar[Mapping[str, Collection[str]]]
    #: Whether writing is publishing, in one transaction of the table's format; else it is staged before.
    transactional: ClassVar[bool] = True

    def __init_subclass__(cls, formats: Mapping[str, Collection[str]] | None = None) -> None:
        """Register a sink by the names that its formats have in a job file, each with the engines that can write it."""
        super().__init_subclass__()
        if formats is not None:
            cls.formats = formats
            REGISTRY.append(cls)
            registry.WRITTEN.update(formats)

    def __init__(self, output: Output, place: str | None) -> None:
        """Describe a target; nothing is looked at yet.

        Args:
            output: of the job file, with the format that a catalog says.
            place: the path or URI, of a table that a catalog knows its location; None where that is not known.
        """
        self.output, self.place = output, place
        #: The record of the run, where it is published already.
        self.unchanged: Mapping[str, Any] | None = None
        #: What a run before this one had left, in words.
        self.recovered: Sequence[str] = ()
        #: What a user should know of how it went.
        self.notes: list[str] = []
        self.committed = False
        self.run: Run
        self.spark: SparkSession

    @classmethod
    def takes(cls, place: str | None) -> bool:  # noqa: ARG003 - a subclass's to ask
        """Whether this sink is the one of its formats for a place."""
        return True

    def begin(self, run: Run, held: contextlib.ExitStack) -> None:  # noqa: ARG002 - a subclass's to use
        """Claim the target; find without an engine whether the run is published already, where that can be.

        Args:
            run: whose transaction this is.
            held: is closed when the transaction has ended; for what lasts until then, such as a lock.
        """
        self.run = run

    def open(self, spark: SparkSession) -> None:
        """Use an engine from here on: refuse what it cannot write, and ask what :meth:`begin` could not.

        Raises:
            ConfigError: (78) for a format or an option that the engine does not have.
        """
        self.spark = spark
        engine = "sail" if is_sail(spark) else "spark"
        if engine not in self.formats[self.output.format]:
            cause = f"output.format: expected a format that {engine.capitalize()} has, found {self.output.format}"
            raise ConfigError("CONFIG_FORMAT", cause, "use parquet")
        options.check("sail" if engine == "sail" else "spark", self.output.format, "write", self.output.options)
        if self.output.rows_per_file is not None and engine == "sail":
            cause = "output.rows_per_file: expected none on Sail, which writes files of any number of rows"
            raise ConfigError("CONFIG_OPTION", cause, "leave it out, or set spark.engine: spark")

    def published(self, run: Run) -> Mapping[str, Any] | None:  # noqa: ARG002 - a subclass's to use
        """Return the record of a run that is published already; None where it is not, or only an engine could tell."""
        return None

    @abc.abstractmethod
    def write(self, df: DataFrame) -> None:
        """Write a result where no reader finds it; a second call replaces what the first wrote."""

    @abc.abstractmethod
    def publish(self, record: Mapping[str, Any]) -> None:
        """Show readers what was written, in one step, and the record of the run with it."""

    def commit(self, record: Mapping[str, Any]) -> None:
        """Publish: the only moment at which anything becomes visible. ``record`` is complete, with its ``run_id``."""
        self.publish(record)
        self.committed = True

    def abort(self) -> None:
        """Remove what was written and is not published."""
        return

    @abc.abstractmethod
    def folder(self) -> str | None:
        """Return the folder of the target, where it is one of this machine."""

    @abc.abstractmethod
    def existing(self) -> Mapping[str, str] | None:
        """Return the columns of what is there, name and type; None where there is nothing, or no columns to tell."""

    @abc.abstractmethod
    def partitions(self) -> tuple[str, ...] | None:
        """Return the columns that what is there is partitioned by; None where there is nothing."""

    def check_absent(self) -> None:
        """Raise :class:`OutputError` (73) where mode is ``error`` and there is something."""
        if self.output.mode == "error" and self.partitions() is not None:
            cause = f"output {self.output.name} already exists"
            raise OutputError("OUTPUT_EXISTS", cause, "set output.mode: overwrite, or choose another place")

    def problems(self, planned: Plan, source: str) -> list[Problem]:
        """Return what the target cannot hold of a plan's result, and where the table that is there differs from it."""
        types = planned.output_types
        names = {*self.output.partition_by, *(self._folders() & types.keys())}
        found = [problem for name in sorted(names) for problem in self._partition(name, types, source)]
        if self.output.partition_by and set(types) <= set(self.output.partition_by):
            found.append(Problem("SCHEMA_FORMAT", "output.partition_by: expected a column less than there are"))
        return found + self._judged(planned)[0] + self._differences(types)

    def warnings(self, planned: Plan) -> list[str]:
        """Return what the target changes of a plan's result, as far as that is harmless."""
        return self._judged(planned)[1]

    def lost_of_nulls(self, df: DataFrame) -> list[str]:
        """Return the columns that the target leaves out where they have no value but null."""
        if (self._engine, self.output.format) not in OF_NULLS:
            return []
        apart = self.output.partition_by
        return [field.name for field in schema_of(df).fields if field.name not in apart and field.type != "void"]

    def warnings_of_nulls(self, names: Sequence[str]) -> list[str]:
        """Return what the target changes of columns with no value but null."""
        format_ = self.output.format
        return [warning(format_, names, OF_NULLS[self._engine, format_])] if names else []

    def prepared(self, df: DataFrame) -> DataFrame:
        """Return a result as it is written: with a check of each value that the format would change in silence."""
        given = {key.lower(): value for key, value in self.output.options.items()}
        return prepared(df, self.output.format, self._folders(), given)

    def _folders(self) -> set[str]:
        """Return the columns whose values become names of folders, or text in a table's log.

        Tables with transactions keep their partitions; files are written by those of the job alone.
        """
        there = self.partitions() if self.transactional and not self.output.partition_by else None
        return {*self.output.partition_by, *(there or ())}

    def _judged(self, planned: Plan) -> tuple[list[Problem], list[str]]:
        return judge(planned, self._engine, self.output.format, tuple(self._folders()))

    @property
    def _engine(self) -> str:
        return "sail" if is_sail(self.spark) else "spark"

    def _partition(self, name: str, types: Mapping[str, str], source: str) -> list[Problem]:
        if name not in types:
            cause = f"column {name!r} of output.partition_by is neither in {source} nor made by a step"
            return [Problem("SCHEMA_MISSING", cause, nearest(name, types))]
        found = verdict(self._engine, self.output.format, kind_of(types[name]), partition=True)
        if found.kept == "refused":
            cause = f"output.partition_by: column {name!r} is {types[name]}: {found.why}"
            return [Problem("SCHEMA_TYPE", cause, found.hint)]
        return []

    def _differences(self, types: Mapping[str, str]) -> list[Problem]:
        """Compare the result with the table that it is added to."""
        there = self.partitions() if self.output.mode in ("append", "overwrite_partitions") else None
        if there is None:
            return []
        found, place = [], self.output.name
        named = self.output.partition_by or not self.transactional  # files go where the job says, a table knows
        if named and self.output.partition_by != list(there):
            cause = f"output.partition_by: expected {list(there)}, by which {place} is partitioned"
            found.append(Problem("SCHEMA_TARGET", f"{cause}, found {self.output.partition_by}", "name the same"))
        # Folders' names have no types; a table with transactions knows those of its partitions.
        untyped = () if self.transactional else there
        return found + list(differences(types, self.existing() or {}, untyped, place))
