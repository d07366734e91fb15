"""The jobs: read -> plan -> fit -> transform -> verify -> write -> save -> publish -> report."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F

from sparkscale import publish, store
from sparkscale.artifact import Application, Fitted
from sparkscale.config import JobConfig, public
from sparkscale.errors import ConfigError, DataError
from sparkscale.jobfile import Job
from sparkscale.maps import Softmax
from sparkscale.plan import Plan, bind, plan
from sparkscale.predicates import conditions
from sparkscale.redaction import hidden
from sparkscale.report import Report
from sparkscale.spark import fit as fitting
from sparkscale.spark import write as sinks
from sparkscale.spark.columns import feature, schema_of, scores
from sparkscale.spark.failures import translated
from sparkscale.spark.read import check_exists, check_format, narrowed, read
from sparkscale.spark.session import is_sail, session
from sparkscale.spark.transform import transform
from sparkscale.spark.verify import verify


def run(job: Job, command: str = "run", *, debug: bool = False) -> Report:
    """Do what ``command`` says: ``fit``, ``transform``, or both (``run``).

    Nothing is written at the target, and no version is added to the store, before all that could
    fail on the data has passed. Raises :class:`~sparkscale.errors.SparkscaleError`.
    """
    config, report = job.config, Report(command, job.run_id)
    _check(config, command)
    with contextlib.ExitStack() as stack:
        with report.stage("start"):
            spark = stack.enter_context(session(config.spark, config.name, debug=debug))
            report.engine = engine_name(spark)
        with report.stage("read"):
            df, planned, known = _plan(spark, config, command)
        fitted = known or _fit(df, planned, job, report)
        if command == "fit":
            _save(fitted, config, report)
        else:
            _write(df, fitted, job, command, report)
    return report


def check_schema(job: Job, *, debug: bool = False) -> Plan:
    """Read the input's schema and hold the steps against it; starts a session, and no job on the data."""
    command = "run" if job.config.steps else "transform"
    with session(job.config.spark, job.config.name, debug=debug) as spark:
        return _plan(spark, job.config, command)[1]


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
    source = ("the input", config.input.path)
    if config.artifact is not None:
        publish.check_outside("artifact.path", config.artifact.path, *source)
    if config.output is not None and command != "fit":
        publish.check_apart("output.path", config.output.path, *source)
        if config.artifact is not None:  # which would go with the old output
            publish.check_outside("artifact.path", config.artifact.path, "the output", config.output.path)
        publish.check_target(config.output.path, config.output.mode)


def _plan(spark: SparkSession, config: JobConfig, command: str) -> tuple[DataFrame, Plan, Fitted | None]:
    """Read the input and find every problem of its schema at once: predicates, steps, and the output's format."""
    df = read(spark, config.input)
    schema, source = schema_of(df), public(config.input.path)
    known = _load(config) if command == "transform" else None
    predicates, problems = conditions(config.input.where, schema, source)
    try:
        planned = bind(known.steps, schema, source) if known else plan(config.steps, schema, source)
        if config.output is not None and command != "fit":
            check_format(spark, "output.format", config.output.format)
            problems += sinks.problems(planned, config.output, source)
    except DataError as error:
        problems += error.problems
    if problems:
        raise DataError.of(problems)
    return narrowed(df, predicates), planned, known and dataclasses.replace(known, steps=planned.steps)


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
    about: dict[str, object] = {"format": source.format, "path": public(source.path)}
    where = source.model_dump(mode="json", by_alias=True, exclude_none=True)["where"]
    about = hidden({**about, "where": where} if where else about, job.secrets)
    with report.stage("fit"), translated("fitting"):
        fitted = fitting.fit_planned(df, planned, [about])
    report.rows = fitted.rows
    report.warnings += fitted.warnings
    return fitted


def _save(fitted: Fitted, config: JobConfig, report: Report) -> None:
    if config.artifact is not None:
        with report.stage("save"):
            version = fitted.save(config.artifact.path)
        report.artifact = {"path": config.artifact.path, "version": version}


def _write(df: DataFrame, fitted: Fitted, job: Job, command: str, report: Report) -> None:
    """Transform, verify, write to staging, save the artifact, publish."""
    config = job.config
    assert config.output is not None  # noqa: S101 - _check has seen to it
    if config.verify:
        with report.stage("verify"):
            sample = verify(df, fitted, config.engine, config.verify)
        report.verified_rows = sample.rows
        report.warnings += sample.warnings
    with publish.staged(config.output.path, config.output.mode) as staging:
        with report.stage("write"):
            counted = _Counted.of(df, fitted)
            sinks.write(transform(counted.df, fitted, config.engine, config.input.path), config.output, staging)
        _judge(counted.counts(), fitted, command, report)
        if command == "run":
            _save(fitted, config, report)
    report.output = {"path": config.output.path, "format": config.output.format}
    if config.output.format == "json" and is_sail(df.sparkSession):
        report.warnings.append("Sail's JSON has NaN and infinities as null, and leaves nulls out; Parquet keeps them")


@dataclass(frozen=True)
class _Counted:
    """A DataFrame whose rows are counted while it is written; by a scan of its own where the engine cannot."""

    df: DataFrame
    plain: DataFrame
    counts_of: Sequence[SparkColumn]
    observation: Observation | None

    @classmethod
    def of(cls, df: DataFrame, fitted: Fitted) -> _Counted:
        wanted = [F.count(F.lit(1)).alias("rows"), *(c for item in _row_items(fitted) for c in _row_counts(item))]
        if not is_sail(df.sparkSession):
            observation = Observation("sparkscale")
            return cls(df.observe(observation, *wanted), df, wanted, observation)
        return cls(df, df, wanted, None)

    def counts(self) -> dict[str, int]:
        """Return the counts; to be called when the DataFrame has been written."""
        with translated("counting rows"):
            if self.observation is not None:
                return dict(self.observation.get)
            return self.plain.agg(*self.counts_of).collect()[0].asDict()


def _row_items(fitted: Fitted) -> list[Application]:
    return [item for item in fitted.applications if item.map.by_row]


def _row_counts(item: Application) -> list[SparkColumn]:
    """Count the rows that hold a score at all, or are an empty array, and those that have no softmax."""
    array = scores(item.inputs[0]) if item.over_array else F.array(*[feature(column) for column in item.inputs])
    top = F.array_max(array)
    undefined = top == F.lit(-float("inf"))
    if not (isinstance(item.map, Softmax) and item.map.nulls == "mask"):
        undefined = undefined & ~F.exists(array, lambda score: score.isNull())
    return [
        F.count(F.when(top.isNotNull() | (F.size(array) == 0), 1)).alias(f"scored_{item.step}"),
        F.count(F.when(undefined, 1)).alias(f"undefined_{item.step}"),
    ]


def _judge(counts: dict[str, int], fitted: Fitted, command: str, report: Report) -> None:
    """Stop before publishing where there are no rows to learn from, or a row step had no score to work on."""
    report.rows = counts["rows"]
    if not report.rows and command == "run":
        raise DataError("DATA_NO_ROWS", "expected rows in the input, found none", "check the input and its 'where'")
    if not report.rows:
        report.warnings.append("the input has no rows; the output is empty")
        return
    for item in _row_items(fitted):
        step = fitted.steps[item.step - 1].step
        label = f"step {item.step} ({step.kind})"
        if not counts[f"scored_{item.step}"] and step.empty == "error":
            names = ", ".join(repr(column.name) for column in item.inputs)
            raise DataError(
                "DATA_EMPTY",
                f"{label}: expected scores in {names}, found only nulls in {report.rows} rows",
                "leave the step out, or take empty: null",
            )
        if isinstance(item.map, Softmax):
            report.undefined_rows[label] = counts[f"undefined_{item.step}"]
