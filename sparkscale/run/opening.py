"""How every verb begins: check the places in the job file, start an engine, read the input, make the plan."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sparkscale.artifact import store
from sparkscale.config.jobfile import Job
from sparkscale.config.models import JobConfig
from sparkscale.config.predicates import conditions
from sparkscale.config.where import Condition, Where
from sparkscale.errors import ConfigError, DataError, shown
from sparkscale.formats.texttypes import Decided, Wanted
from sparkscale.pipeline.choosing import listed
from sparkscale.pipeline.fitted import Fitted
from sparkscale.pipeline.plan import Plan, plan
from sparkscale.pipeline.schema import Schema
from sparkscale.pipeline.sketching import with_sketches
from sparkscale.progress.progress import Progress
from sparkscale.report.tables import Report
from sparkscale.scalers.base import Scaler
from sparkscale.spark.columns import schema_of
from sparkscale.spark.session import lakes, memory
from sparkscale.spark.session.session import is_sail, session
from sparkscale.spark.session.watch import watched
from sparkscale.spark.sinks.base import Sink
from sparkscale.spark.sinks.transaction import look
from sparkscale.spark.sources import csvproblems, filetypes, partitions
from sparkscale.spark.sources.narrowing import narrowed
from sparkscale.spark.sources.pruning import pruned
from sparkscale.spark.sources.read import partitioned_by, read

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@dataclass(frozen=True)
class Opened:
    """A job's input, read lazily, and its plan."""

    df: DataFrame
    plan: Plan
    #: The artifact to apply; None if the job fits.
    known: Fitted | None = None
    #: What the values of a text input decided of its columns' types.
    decided: Decided | None = None
    #: The columns that the input is partitioned by.
    partitions: Sequence[str] = ()


@dataclass(frozen=True)
class Applied:
    """An artifact that a job applies, and which one it is: its path and, of a folder, the version."""

    fitted: Fitted
    about: dict[str, Any]


def report_of(job: Job, command: str, progress: Progress | None) -> Report:
    """Return the empty report of a run."""
    return Report(command, job.run_id, observe=progress.stage if progress else None)


@contextlib.contextmanager
def engine(job: Job, report: Report, *, debug: bool, progress: Progress | None = None) -> Iterator[SparkSession]:
    """Give the session of a run, timed and named in its report."""
    watch = functools.partial(watched, progress) if progress else contextlib.nullcontext
    config = job.config
    with contextlib.ExitStack() as stack:
        with report.stage("start"):
            opened = session(config.spark, config.name, formats=lakes.of_job(config), debug=debug, watch=watch)
            spark = stack.enter_context(opened)
            report.engine = engine_name(spark)
        yield spark


@contextlib.contextmanager
def looked_at(job: Job, *, debug: bool) -> Iterator[tuple[SparkSession, Sink | None]]:
    """Give a session and the job's target for reading only."""
    config = job.config
    with session(config.spark, config.name, formats=lakes.of_job(config), debug=debug) as spark:
        yield spark, look(spark, config.output) if config.output else None


def engine_name(spark: SparkSession) -> str:
    """Return the engine and its version, for people. Sail reports Spark's version number."""
    return f"Sail (Spark {spark.version} protocol)" if is_sail(spark) else f"Spark {spark.version}"


def load(config: JobConfig) -> Applied:
    """Return the artifact that a job applies, and which one it is.

    Raises:
        ConfigError: (78) where the job file has steps that are not the artifact's.
    """
    assert config.artifact is not None  # noqa: S101 - the verb has asked for it
    path = config.artifact.path
    number = store.locate(path, config.artifact.version)
    known = store.load(path, number)
    ours, theirs = [step.to_dict() for step in config.steps], [item.step.to_dict() for item in known.steps]
    if config.steps and ours != theirs:
        raise ConfigError(
            "CONFIG_ARTIFACT",
            f"the steps of the job file differ from those that {path} was fitted with",
            "leave them out to apply the artifact's own, or fit again",
        )
    if config.steps and config.weight != known.weight:
        cause = f"expected weight {shown(known.weight)}, with which {path} was fitted, "
        hint = "leave out steps and weight to apply the artifact, or fit again"
        raise ConfigError("CONFIG_ARTIFACT", f"{cause}found {shown(config.weight)}", hint)
    return Applied(known, {"path": path} | ({} if number is None else {"version": number}))


def opened(spark: SparkSession, config: JobConfig, sink: Sink | None, known: Fitted | None = None) -> Opened:
    """Read the input and report every problem of its schema together: predicates, steps, and the output's format."""
    source = config.input.name
    wanted = _wanted(config, known)
    df, where, told, decided = _read(spark, config, known, wanted)
    apart = partitioned_by(df, config.input)
    folders = sink.output.partition_by if sink is not None else ()
    schema = replace(schema_of(df), partitions=frozenset((*apart, *folders)))
    predicates, problems = conditions(where, schema, source)
    try:
        planned = _planned(config, known, schema)
        if sink is not None:
            problems += sink.problems(planned, source)
            told += sink.warnings(planned)
    except DataError as error:
        problems += csvproblems.hinted(partitions.hinted(error.problems, df, config.input), spark, config.input)
    if problems:
        raise DataError.of(problems)
    if is_sail(spark) and config.input.format == "csv":
        told += _emptied(schema)
    if decided is not None and sink is not None and sink.output.format == "csv":
        kept, more = _kept(decided, planned, _numbers(decided, planned, where, sink.output.partition_by))
        if kept != decided:
            df, where, _, decided = _read(spark, config, known, replace(wanted, decided=kept), decided)
            predicates, _ = conditions(where, schema, source)
        told += more
    planned = replace(planned, warnings=(*planned.warnings, *told))
    return Opened(narrowed(df, predicates), planned, known and known.on(planned), decided, apart)


@contextlib.contextmanager
def to_fit(spark: SparkSession, job: Job, report: Report, sink: Sink | None = None) -> Iterator[Opened]:
    """Read the input that a job fits on, timed; its warnings are in the report, and what fails inside names it."""
    with report.stage("read"):
        read_ = opened(spark, job.config, sink)
    report.warnings += read_.plan.warnings
    with explained(read_, job.config):
        yield read_


@contextlib.contextmanager
def explained(opened: Opened, config: JobConfig) -> Iterator[None]:
    """Name what fails inside the block, while the input is read: memory that ran out, a value that is no number."""
    with csvproblems.named(opened.df.sparkSession, config.input), memory.accounted(opened.df):
        yield


def _planned(config: JobConfig, known: Fitted | None, schema: Schema) -> Plan:
    if known:
        return known.plan(schema, config.policy, config.input.name)
    return with_sketches(plan(config.steps, schema, config.input.name, config.weight), config.sketch)


def _read(
    spark: SparkSession, config: JobConfig, known: Fitted | None, wanted: Wanted, before: Decided | None = None
) -> tuple[DataFrame, Where, list[str], Decided | None]:
    """Read the input; returns the conditions that are left for :func:`narrowed`, and warnings.

    Numbers of the types ``before`` that are wanted as text now are compared as the numbers that they are.
    """
    try:
        df, decided = read(spark, config.input, wanted)
        df, told = filetypes.judged(df, config.input)
    except DataError as error:
        if error.code == "SCHEMA_HEADER":
            raise DataError.of(csvproblems.hinted(error.problems, spark, config.input)) from error
        raise filetypes.explained(error, config.input, "sail" if is_sail(spark) else "spark") from error
    if known:
        df = partitions.as_fitted(df, config.input, known)
    numbers = before.fractions - decided.fractions if before and decided else ()
    return *pruned(df, config.input, numbers), told, decided


def _numbers(decided: Decided, planned: Plan, where: Where, folders: Collection[str]) -> set[str]:
    """Return the columns, beside those of the steps, that a job needs as the numbers that they are."""
    nan = {name for name, rule in where.items() if isinstance(rule, Condition) and "nan" in rule.parts}
    quoted = decided.quoted.intersection(folders)  # as text, "" is no null: no folder's name
    return {*nan, *quoted, *([planned.weight] if planned.weight else [])}


def _kept(decided: Decided, planned: Plan, used: Collection[str]) -> tuple[Decided, list[str]]:
    """Return text for numbers that pass from text to text; warn of those that the job needs as numbers.

    So 1.50 stays 1.50. The plan has them as numbers all the same: an artifact does not depend on the output's format.
    """
    key = planned.schema.key
    taken = {key(column.name) for step in planned.steps for column in step.read}
    needed = {key(name) for name in used}
    through = {name for name in decided.fractions if key(name) not in taken}
    odd = sorted(name for name in through if key(name) in needed)
    kind = "columns" if len(odd) > 1 else "column"
    told = (
        f"{kind} {listed(odd)}: a number such as 1.50 or 1e3 is written as 1.5 or 1000.0; "
        "to keep the text, leave it out of weight and output.partition_by, and nan out of its condition"
    )
    return decided.as_text(through.difference(odd)), [told] if odd else []


def _wanted(config: JobConfig, known: Fitted | None) -> Wanted:
    """Return what decides the types of texts beside the values: the names in the steps, the types of an artifact."""
    if known is None:
        named = (selector for step in config.steps for selector in step.selectors if isinstance(selector, str))
        keys = (name for step in config.steps if isinstance(step, Scaler) for name in step.key)
        return Wanted(frozenset([*named, *keys, *([config.weight] if config.weight else [])]))
    named = (column.name for step in known.steps for column in step.read)
    return Wanted(frozenset(named), {field.name: field.type for field in known.columns})


def _emptied(schema: Schema) -> Iterator[str]:
    names = [field.name for field in schema.fields if field.type == "string"]
    if names:
        kind = "columns" if len(names) > 1 else "column"
        yield f"csv, {kind} {listed(names)}: Sail reads a quoted empty text as null"
