"""`update`: read the partitions that are new or changed, and save the artifact of the newest ones."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from sparkscale.artifact import store
from sparkscale.artifact.states import window, work
from sparkscale.artifact.states.commits import State
from sparkscale.artifact.states.keys import By
from sparkscale.artifact.states.states import States
from sparkscale.artifact.states.updating import Updated
from sparkscale.artifact.states.work import Rules
from sparkscale.config.jobfile import Job
from sparkscale.config.models import JobConfig
from sparkscale.errors import DataError, SparkscaleError
from sparkscale.pipeline import origin, row_steps
from sparkscale.pipeline.choosing import listed
from sparkscale.pipeline.fitted import Fitted
from sparkscale.pipeline.plan import Plan
from sparkscale.progress.progress import Progress
from sparkscale.report.updates import UpdateReport
from sparkscale.run import fit, monitoring, opening, overlap, partitions
from sparkscale.scalers.base import Scaler
from sparkscale.spark.fit.partitioned import PartitionReader
from sparkscale.spark.session.failures import translated
from sparkscale.spark.session.retry import patiently

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def update(job: Job, *, debug: bool = False, progress: Progress | None = None) -> UpdateReport:
    """Bring the states up to the input, and save the artifact of the window as a new version.

    Only partitions that are new or changed are read. Where none is, no engine starts.

    Raises:
        SparkscaleError: with its exit code. States and artifact are the old ones or the new ones then.
    """
    config = job.config
    report = UpdateReport("update", job.run_id, observe=progress.stage if progress else None)
    config.need("steps", "artifact", "states")
    overlap.check_input(config)
    assert config.states is not None  # noqa: S101 - it was needed
    assert config.artifact is not None  # noqa: S101 - it was needed
    states = States(config.states.path, quantile_error=config.states.quantile_error)
    with report.stage("find"):
        state = states.log.read()
        current = _is_current(state, config)
    if current and _is_saved(state, config, report):
        return report
    if current and not _needs_engine(config):
        assert state.pipeline is not None  # noqa: S101 - the states are current
        _save(job, states, report, state.pipeline)
        return report
    with opening.engine(job, report, debug=debug, progress=progress) as spark:
        patiently(spark, functools.partial(_with_engine, spark, job, states, report), report.warnings)
        report.warnings = list(dict.fromkeys(report.warnings))
    return report


def rules_of(config: JobConfig) -> Rules:
    """Return the window of a job, and what becomes of partitions that are gone."""
    assert config.states is not None  # noqa: S101 - the verb has asked for it
    return Rules(config.states.keep, config.states.missing)


def _is_current(state: State, config: JobConfig) -> bool:
    """Whether the states are those of the input and of the steps, as far as is known without an engine."""
    known, found = state.pipeline, partitions.found(config)
    if known is None or state.keys is None or found is None:
        return False
    same = [one.step.to_dict() for one in known.steps] == [step.to_dict() for step in config.steps]
    if not same or known.weight != config.weight or known.sketch_all != (config.sketch == "all"):
        return False
    if state.keys.names != partitions.by_of(config):
        return False
    try:
        source = found.source(state.keys, partitions.reading_of(config))
    except DataError:  # of keys that have another type now, which an engine says
        return False
    if source.fingerprints is None:
        return work.is_read(state, source, work.wanted_of(known), rules_of(config).keep)
    return work.work_of(state, source, work.wanted_of(known), rules_of(config)).nothing


def _is_saved(state: State, config: JobConfig, report: UpdateReport) -> bool:
    """Whether the artifact's newest version is that of the states; the report says so then."""
    assert config.artifact is not None  # noqa: S101 - the verb has asked for it
    assert state.pipeline is not None  # noqa: S101 - the states are current
    try:
        newest = store.resolve(config.artifact.path, "newest")
        known = store.load(config.artifact.path, newest)
    except SparkscaleError:  # there is none, or none that can be read: saving says so
        return False
    inside = window.window_of(state, rules_of(config).keep)
    if window.digest_in(known.provenance) != window.digest_of(state, inside, state.pipeline):
        return False
    report.status, report.rows = "unchanged", known.rows
    report.partitions["kept"] = len(inside)
    report.artifact = {"path": config.artifact.path, "version": newest}
    return True


def _needs_engine(config: JobConfig) -> bool:
    """Whether an artifact of known states needs an engine: a step looks at the data again, or metrics are written."""
    looks = any(isinstance(step, Scaler) and step.looks for step in config.steps)
    learns = any(row_steps.label(step) is not None for step in config.steps)
    return looks or learns or config.metrics is not None


def _with_engine(spark: SparkSession, job: Job, states: States, report: UpdateReport) -> None:
    """Find the partitions, then read: what is written in between has another fingerprint next time."""
    config = job.config
    with report.stage("read"):
        found = partitions.found(config) or partitions.asked(spark, config)
        opened = opening.opened(spark, config, None)
    report.warnings += [*opened.plan.warnings, *partitions.notes(config, found)]
    types = {field.name: field.type for field in opened.plan.schema.fields}
    by = By.of(partitions.by_of(config), types)
    reader = PartitionReader(opened.df, opened.plan, by, config.statistics.reproducible, states.k)
    with opening.explained(opened, config):
        with report.stage("fit"), translated("fitting"):
            source = found.source(by, partitions.reading_of(config))
            state, done = states.brought_up(source, reader, rules_of(config))
        assert state.pipeline is not None  # noqa: S101 - the states were brought up
        _tell(report, by, done, state.pipeline)
        if done.unchanged and _is_saved(state, config, report):
            return
        _save(job, states, report, state.pipeline, reader)


def _coarser(fitted: Fitted, config: JobConfig) -> list[str]:
    """Return a warning where the window holds sketches of a larger error than the job asks for."""
    assert config.states is not None  # noqa: S101 - the verb has asked for it
    asked = config.states.quantile_error
    sketches = {name: stats.quantiles for name, stats in fitted.stats.items() if stats.quantiles is not None}
    errors = {name: round(sketch.rank_error, 4) for name, sketch in sketches.items()}
    coarse = {name: error for name, error in errors.items() if error > asked}
    if not coarse:
        return []
    found = f"the quantiles of {listed(list(coarse))} have a rank error of {max(coarse.values())}, not {asked}"
    why = "some partitions were read with a larger states.quantile_error"
    return [f"{found}: {why}; to read them again, choose another states.path, else wait until they leave the window"]


def _tell(report: UpdateReport, by: By, done: Updated, planned: Plan) -> None:
    named = {name: [by.named(key) for key in getattr(done, name)] for name in ("read", "extended", "dropped")}
    known = planned.features
    columns = list(dict.fromkeys(known[name].whole for name in done.features))
    report.partitions = {**report.partitions, **named, "kept": done.kept, "columns": columns}


def _save(job: Job, states: States, report: UpdateReport, planned: Plan, reader: PartitionReader | None = None) -> None:
    """Save the artifact of the newest states, if its statistics are what the job expects."""
    artifact = job.config.artifact
    assert artifact is not None  # noqa: S101 - the verb has asked for it
    monitoring.check_columns(job, planned)
    keep, base = rules_of(job.config).keep, monitoring.baseline_of(job)
    spark = None if reader is None else reader.df.sparkSession

    def approved(fitted: Fitted) -> Fitted:
        monitoring.judge(fitted, base, job, report, spark)
        return origin.stamped(fitted, job.run_id)

    with report.stage("save"):
        state, fitted, version = states.save(
            artifact.path, keep=keep, reader=reader, about=fit.about(job), approved=approved
        )
    report.learned(fitted)
    report.warnings += _coarser(fitted, job.config)
    fit.saved(artifact.path, version, report)
    if reader is None:
        report.partitions["kept"] = len(window.window_of(state, keep))
