"""What all sinks have in common: files, Delta and Iceberg, at a path or in a catalog."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pyspark.sql import DataFrame, SparkSession

from sparkscale.config.models import Output
from sparkscale.errors import OutputError, Problem, nearest
from sparkscale.formats.capabilities import OF_NULLS, judge, kind_of, verdict, warning
from sparkscale.pipeline.plan import Plan
from sparkscale.publish.runs import Run
from sparkscale.spark.columns import ref, schema_of
from sparkscale.spark.session.session import is_sail
from sparkscale.spark.sinks.written import prepared

Frame: TypeAlias = Callable[[], DataFrame]


@dataclass(frozen=True)
class Sink(abc.ABC):
    """A target that a job publishes to: its whole result, at once, or nothing."""

    spark: SparkSession
    output: Output
    #: What a user should know of how it went.
    notes: list[str] = field(default_factory=list, compare=False, kw_only=True)

    #: Whether writing is publishing, in one transaction of the table's format; else it is staged before.
    transactional = True

    @abc.abstractmethod
    def finished(self, run: Run) -> Mapping[str, Any] | None:
        """Return the record of a run that is published already; else None."""

    @abc.abstractmethod
    def folder(self) -> str | None:
        """Return the folder of the target, where it is one of this machine."""

    @abc.abstractmethod
    def existing(self) -> Mapping[str, str] | None:
        """Return the columns of what is there, name and type; None where there is nothing, or no columns to tell."""

    @abc.abstractmethod
    def partitions(self) -> tuple[str, ...] | None:
        """Return the columns that what is there is partitioned by; None where there is nothing."""

    @abc.abstractmethod
    def publish(self, frame: Frame, run: Run, record: Mapping[str, Any], ready: Callable[[], None]) -> None:
        """Write a DataFrame and publish it.

        Args:
            frame: makes the DataFrame, anew for each try.
            run: that it is of.
            record: of the run, read when ``ready`` has returned.
            ready: is called, and may refuse, before anything can be seen.
        """

    def check_absent(self) -> None:
        """Raise :class:`OutputError` (73) where mode is ``error`` and there is something."""
        if self.output.mode == "error" and self.partitions() is not None:
            cause = f"expected nothing at {self.output.name}, found a table"
            raise OutputError("OUTPUT_EXISTS", cause, "take another mode, as overwrite, or another place")

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
        options = {key.lower(): value for key, value in self.output.options.items()}
        return prepared(df, self.output.format, self._folders(), options)

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
        """Hold the result against the table that it is added to."""
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


def differences(
    types: Mapping[str, str], there: Mapping[str, str], partition_by: tuple[str, ...], place: str
) -> list[Problem]:
    """Return where the columns of a result are not those of the table that it is added to.

    The types of ``partition_by`` are left out: in plain files they are the names of folders, which have none.
    """
    if not there:
        return []
    more = types.keys() - there.keys()
    found = [Problem("SCHEMA_TARGET", f"{place} has no column {name!r}", nearest(name, there)) for name in more]
    for name in there.keys() - types.keys():
        cause = f"column {name!r} of {place} is not in the result"
        found.append(Problem("SCHEMA_TARGET", cause, "add it, or take mode: overwrite"))
    for name in types.keys() & there.keys() - set(partition_by):
        if there[name] not in ("", types[name]):
            cause = f"column {name!r} of {place}: expected {there[name]}, the result has {types[name]}"
            hint = "cast it (a partition of the input by input.partitions), or take mode: overwrite"
            found.append(Problem("SCHEMA_TARGET", cause, hint))
    return sorted(found, key=str)


def gathered(df: DataFrame, partition_by: list[str], pinned: set[str]) -> DataFrame:
    """Bring the rows of each partition together, so that a partition is a few files and not one for each task.

    Spark's ``REBALANCE`` shuffles by the partitions' columns, splits what is larger than
    ``spark.sql.adaptive.advisoryPartitionSizeInBytes`` (64 MB) and joins what is smaller. Where the input was narrowed
    to one partition (``pinned``), and where there are none, no row is moved: files are as many as Spark's tasks, which
    it makes of 128 MB of the input each, and of many small files together.
    """
    if not partition_by or set(partition_by) <= pinned:
        return df
    columns = [ref(name) for name in partition_by]
    return df.repartition(*columns) if is_sail(df.sparkSession) else df.hint("rebalance", *columns)
