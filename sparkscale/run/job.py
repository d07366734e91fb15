"""The jobs: read -> plan -> fit -> transform -> verify -> write -> save -> publish -> report."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sparkscale.artifact import store
from sparkscale.config.jobfile import Job
from sparkscale.config.models import FILES, Condition, JobConfig, Where
from sparkscale.config.predicates import conditions
from sparkscale.config.redaction import hidden
from sparkscale.errors import ConfigError, DataError
from sparkscale.formats.texttypes import Decided, Wanted
from sparkscale.pipeline.fitted import Fitted
from sparkscale.pipeline.plan import Plan, listed, plan
from sparkscale.pipeline.schema import Schema
from sparkscale.places import check_apart, check_outside
from sparkscale.progress.progress import Progress
from sparkscale.publish import files
from sparkscale.publish.files import Claim
from sparkscale.report.tables import Report
from sparkscale.run import explain as explaining
from sparkscale.run.explain import Explained
from sparkscale.spark.columns import schema_of
from sparkscale.spark.fit import fitting
from sparkscale.spark.session import lakes
from sparkscale.spark.session.failures import translated
from sparkscale.spark.session.retry import patiently
from sparkscale.spark.session.session import is_sail, session
from sparkscale.spark.session.watch import watched
from sparkscale.spark.sinks import write as sinks
from sparkscale.spark.sinks.sink import Sink, gathered
from sparkscale.spark.sources import filetypes, partitions
from sparkscale.spark.sources.catalog import describe, quoted
from sparkscale.spark.sources.footers import check_footers
from sparkscale.spark.sources.pruning import pruned
from sparkscale.spark.sources.read import check_exists, narrowed, read
from sparkscale.spark.transform.counts import Counted, judge, of_nulls
from sparkscale.spark.transform.self_check import self_check
from sparkscale.spark.transform.transform import transform

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def run(job: Job, command: str = "run", *, debug: bool = False, progress: Progress | None = None) -> Report:
    """Do what ``command`` says: ``fit``, ``transform``, or both (``run``).

    Nothing is written at the target, and no version is added to the store, before all that could
    fail on the data has passed. A run that has finished before changes nothing. ``progress`` is told how far it is.
    Raises :class:`~sparkscale.errors.SparkscaleError`.
    """
    config, report = job.config, Report(command, job.run_id, observe=progress.stage if progress else None)
    watch = functools.partial(watched, progress) if progress else contextlib.nullcontext
    opened = functools.partial(session, formats=_formats(config), debug=debug, watch=watch)
    _check(config, command)
    with contextlib.ExitStack() as stack:

        @functools.cache
        def claim(folder: str) -> Claim:
            claim = stack.enter_context(files.claimed(folder))
            report.recovered += claim.recovered
            return claim

        if command != "fit" and _has_finished(job, claim, report):
            return report
        with report.stage("start"):
            spark = stack.enter_context(opened(config.spark, config.name))
            report.engine = engine_name(spark)
        with report.stage("read"):
            sink = None if command == "fit" else _sink(spark, job, claim, report)
            if report.status == "unchanged":
                return report
            df, planned, known, _ = _plan(spark, config, command, sink)
        report.warnings += planned.warnings
        fitted = known or _fit(df, planned, job, report)
        if sink is None:
            _save(fitted, config, report)
        else:
            _write(df, fitted, job, report, sink)
    return report


def _has_finished(job: Job, claim: Callable[[str], Claim], report: Report) -> bool:
    """Claim a local target; of plain files, find without an engine whether the run has finished, and if it can."""
    output = job.config.output
    assert output is not None  # noqa: S101 - _check has seen to it
    if output.local is None:
        return False
    files.check_is_folder(output.local)
    own = claim(output.local)
    if output.format not in FILES:
        return False
    record = own.finished(job.run, output.mode)
    if record is None:
        files.check_target(output.local, output.mode)
        return False
    report.output = {"path": output.name, "format": output.format}
    report.unchanged(record)
    return True


def _sink(spark: SparkSession, job: Job, claim: Callable[[str], Claim], report: Report) -> Sink:
    """Open the target, and find whether the run has finished, and if it can."""
    output = job.config.output
    assert output is not None  # noqa: S101 - _check has seen to it
    sink = sinks.sink_of(spark, output, claim)
    report.output = {"path": output.name, "format": sink.output.format}
    _check_tables(spark, job.config, sink)
    record = sink.finished(job.run)
    if record is not None:
        report.unchanged(record)
    else:
        sink.check_absent()
    return sink


def _check_tables(spark: SparkSession, config: JobConfig, sink: Sink) -> None:
    """Refuse a target that overlaps the input, where a catalog alone knows where they are."""
    source, target = config.input.path, config.output.path if config.output else None
    if config.input.table is not None:
        with translated(f"looking at {config.input.name}"):
            known = describe(spark, quoted(config.input.table))
        source = known.location if known else None
    if source is not None and (target or sink.folder()) is not None and not (config.input.path and target):
        check_apart("output", target or sink.folder() or "", "the input", source)


def _formats(config: JobConfig) -> set[str]:
    places = [place for place in (config.input, config.output) if place is not None]
    return {place.format for place in places}.union(*(lakes.of_path(place.path) for place in places))


def check_schema(job: Job, *, debug: bool = False) -> tuple[Plan, str]:
    """Compare the steps with the input's schema; says which types the values of a text input decided.

    Starts a session, and no job on the data but for CSV without a schema, whose values are read once.
    """
    command = "run" if job.config.steps else "transform"
    with session(job.config.spark, job.config.name, formats=_formats(job.config), debug=debug) as spark:
        output = job.config.output
        sink = sinks.sink_of(spark, output, files.unclaimed) if output else None
        _, planned, _, decided = _plan(spark, job.config, command, sink)
        return planned, explaining.types_of(decided.types) if decided else ""


def explain(job: Job, *, debug: bool = False) -> Explained:
    """Say what a run (or, of a job without steps, a transform) would do; starts a session, and no job on the data."""
    config = job.config
    command = "run" if config.steps else "transform"
    with session(config.spark, config.name, formats=_formats(config), debug=debug) as spark:
        sink = sinks.sink_of(spark, config.output, files.unclaimed) if config.output else None
        df, planned, _, decided = _plan(spark, config, command, sink)
        found = explaining.explain(df, planned, config, sink, fits=command == "run")
        return replace(found, types=dict(decided.types) if decided else {})


def folder_of(job: Job, *, debug: bool = False) -> str | None:
    """Return the folder of an output that is a table of a catalog, where it is one of this machine."""
    output = job.config.output
    assert output is not None  # noqa: S101 - the caller has seen to it
    with session(job.config.spark, job.config.name, formats=_formats(job.config), debug=debug) as spark:
        return sinks.sink_of(spark, output, files.unclaimed).folder()


def engine_name(spark: SparkSession) -> str:
    """Return the engine and its version, for people: Sail speaks Spark's protocol, and Spark's version number."""
    return f"Sail (Spark {spark.version} protocol)" if is_sail(spark) else f"Spark {spark.version}"


def _check(config: JobConfig, command: str) -> None:
    """Refuse what can be refused before a session is started."""
    if command == "fit":
        config.need("steps", "artifact")
    elif command == "transform":
        config.need("artifact", "output")
    else:
        config.need("steps", "output")
    check_exists(config.input)
    source = config.input.path
    if config.artifact is not None and source is not None:
        check_outside("artifact.path", config.artifact.path, "the input", source)
    output = config.output
    if output is None or command == "fit":
        return
    both = output.table is not None and config.input.table is not None
    if both and quoted(output.table or "") == quoted(config.input.table or ""):
        cause = f"output.table: expected a table apart from the input, found {output.table} as both"
        raise ConfigError("CONFIG_OVERLAP", cause, "take another table")
    if output.path is not None and output.format in FILES and not store.reaches(output.path):
        cause = f"output.path: expected a path of this machine, s3, gs, az or abfs for plain files, found {output.name}"
        raise ConfigError("CONFIG_OUTPUT", cause, "take format: delta or iceberg, which publish at once anywhere")
    if output.path is not None and source is not None:
        check_apart("output.path", output.path, "the input", source)
    if output.path is not None and config.artifact is not None:  # which would go with the old output
        check_outside("artifact.path", config.artifact.path, "the output", output.path)


def _plan(
    spark: SparkSession, config: JobConfig, command: str, sink: Sink | None
) -> tuple[DataFrame, Plan, Fitted | None, Decided | None]:
    """Read the input and find every problem of its schema at once: predicates, steps, and the output's format."""
    source = config.input.name
    known = _load(config) if command == "transform" else None
    wanted = _wanted(config, known)
    df, where, told, decided = _opened(spark, config, known, wanted)
    schema = schema_of(df)
    predicates, problems = conditions(where, schema, source)
    try:
        planned = known.plan(schema, config.policy, source) if known else plan(config.steps, schema, source)
        if sink is not None:
            problems += sink.problems(planned, source)
            told += sink.warnings(planned)
    except DataError as error:
        problems += partitions.hinted(error.problems, df, config.input)
    if problems:
        raise DataError.of(problems)
    if is_sail(spark) and config.input.format == "csv":
        told += _emptied(schema)
    if decided is not None and sink is not None and sink.output.format == "csv":
        nan = {name for name, rule in where.items() if isinstance(rule, Condition) and "nan" in rule.parts}
        kept, more = _kept(decided, planned, {*nan, *sink.output.partition_by})
        if kept != decided:
            df, where, _, decided = _opened(spark, config, known, replace(wanted, decided=kept), decided)
            predicates, _ = conditions(where, schema, source)
        told += more
    planned = replace(planned, warnings=(*planned.warnings, *told))
    return narrowed(df, predicates), planned, known and known.on(planned), decided


def _opened(
    spark: SparkSession, config: JobConfig, known: Fitted | None, wanted: Wanted, before: Decided | None = None
) -> tuple[DataFrame, Where, list[str], Decided | None]:
    """Read the input; returns the conditions that are left for :func:`narrowed`, and warnings.

    Numbers of the types ``before`` that are wanted as text now are compared as the numbers that they are.
    """
    try:
        df, decided = read(spark, config.input, wanted)
        df, told = filetypes.judged(df, config.input)
    except DataError as error:
        raise filetypes.explained(error, config.input, "sail" if is_sail(spark) else "spark") from error
    if known:
        df = partitions.as_fitted(df, config.input, known)
    numbers = before.fractions - decided.fractions if before and decided else ()
    return *pruned(df, config.input, numbers), told, decided


def _kept(decided: Decided, planned: Plan, used: Collection[str]) -> tuple[Decided, list[str]]:
    """Return text for numbers that pass from text to text; warn of those that the job needs as numbers.

    So 1.50 stays 1.50. The plan has them as numbers all the same: an artifact does not depend on the output's format.
    """
    key = planned.schema.key
    taken = {key(column.name) for step in planned.steps for column in step.inputs}
    needed = {key(name) for name in used}
    through = {name for name in decided.fractions if key(name) not in taken}
    odd = sorted(name for name in through if key(name) in needed)
    kind = "columns" if len(odd) > 1 else "column"
    told = (
        f"{kind} {listed(odd)}: a number such as 1.50 or 1e3 is written as 1.5 or 1000.0; "
        "to keep the text, leave it out of output.partition_by, and nan out of its condition"
    )
    return decided.as_text(through.difference(odd)), [told] if odd else []


def _wanted(config: JobConfig, known: Fitted | None) -> Wanted:
    """Return what decides the types of texts beside the values: the names in the steps, the types of an artifact."""
    if known is None:
        named = (selector for step in config.steps for selector in step.selectors if isinstance(selector, str))
        return Wanted(frozenset(named))
    named = (column.name for step in known.steps for column in step.inputs)
    return Wanted(frozenset(named), {field.name: field.type for field in known.columns})


def _emptied(schema: Schema) -> Iterator[str]:
    names = [field.name for field in schema.fields if field.type == "string"]
    if names:
        kind = "columns" if len(names) > 1 else "column"
        yield f"csv, {kind} {listed(names)}: Sail reads a quoted empty text as null"


def _load(config: JobConfig) -> Fitted:
    assert config.artifact is not None  # noqa: S101 - _check has seen to it
    known = store.load(config.artifact.path, config.artifact.version)
    ours, theirs = [step.to_dict() for step in config.steps], [item.step.to_dict() for item in known.steps]
    if config.steps and ours != theirs:
        raise ConfigError(
            "CONFIG_ARTIFACT",
            f"the steps of the job file are not those that {config.artifact.path} was fitted with",
            "leave them out to apply the artifact's own, or fit again",
        )
    return known


def _fit(df: DataFrame, planned: Plan, job: Job, report: Report) -> Fitted:
    source = job.config.input
    about: dict[str, object] = {"format": source.format, "path": source.name, **source.as_of}
    where = source.model_dump(mode="json", by_alias=True, exclude_none=True)["where"]
    about = hidden({**about, "where": where} if where else about, job.secrets)
    done: list[Fitted] = []
    began = time.time()

    def once() -> None:
        with translated("fitting"):
            done.append(fitting.fit_planned(df, planned, [about], reproducible=job.config.statistics.reproducible))

    with report.stage("fit"):
        patiently(df.sparkSession, once, report.warnings)
        fitted = done[-1]
        if job.config.self_check and source.format == "parquet" and source.local and not source.where:
            check_footers(df, fitted, since=began)
    report.rows = fitted.rows
    report.warnings += fitted.warnings
    return fitted


def _save(fitted: Fitted, config: JobConfig, report: Report) -> None:
    if config.artifact is not None:
        with report.stage("save"):
            version = fitted.save(config.artifact.path)
        report.artifact = {"path": config.artifact.path, "version": version}


def _write(df: DataFrame, fitted: Fitted, job: Job, report: Report, sink: Sink) -> None:
    """Transform, verify, write, save the artifact, publish."""
    config = job.config
    if config.self_check:
        with report.stage("self_check"):
            sample = self_check(df, fitted, config.engine, config.self_check)
        report.verified_rows = sample.rows
        report.warnings += sample.warnings
    counted: list[Counted] = []
    record: dict[str, Any] = {"run_id": job.run_id, "command": report.command, "mode": sink.output.mode}

    def frame() -> DataFrame:
        # A transaction writes and publishes at once: what it has to be judged by is counted before.
        present = sink.lost_of_nulls(df)
        counted.append(Counted.of(df, fitted, apart=sink.transactional, rows=report.rows, present=present))
        result = sink.prepared(transform(counted[-1].df, fitted, config.engine))
        return gathered(result, sink.output.partition_by, config.input.pinned)

    def ready() -> None:
        counts = counted[-1].counts()
        judge(counts, fitted, report)
        report.warnings += sink.warnings_of_nulls(of_nulls(counts))
        if report.command == "run":
            _save(fitted, config, report)
        record.update(rows=report.rows, artifact=hidden(report.artifact, job.secrets))

    with report.stage("write"):
        sink.publish(frame, job.run, record, ready)
    report.warnings += sink.notes
