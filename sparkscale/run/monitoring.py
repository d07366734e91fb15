"""What a fit is checked for before anything is published or saved, and where that is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sparkscale.artifact import store
from sparkscale.artifact.baseline import Baseline
from sparkscale.config.jobfile import Job
from sparkscale.config.origins import Keys
from sparkscale.config.redaction import hidden
from sparkscale.errors import ConfigError, DataError, InputMissingError, Problem, nearest
from sparkscale.monitor import drift as drifting
from sparkscale.monitor import expectations
from sparkscale.monitor.facts import facts
from sparkscale.monitor.patterns import chosen
from sparkscale.monitor.rows import Drift, Row
from sparkscale.pipeline.audit import Audit
from sparkscale.pipeline.choosing import listed
from sparkscale.pipeline.fitted import Fitted
from sparkscale.pipeline.plan import Plan
from sparkscale.report.tables import Report

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class RefusedError(DataError):
    """The statistics are not what the job expects: nothing was published or saved.

    Attributes:
        report: of the run, with everything that was measured.
    """

    report: Report


def baseline_of(job: Job) -> Baseline | None:
    """Return the baseline of a job, before this run saves anything; None if there is none yet.

    Raises:
        InputMissingError: (66) for a baseline that the job file names and that is not there.
    """
    config = job.config
    if config.drift is None:
        return None
    own = config.drift.baseline.path is None
    path = config.artifact.path if own and config.artifact else config.drift.baseline.path or ""
    try:
        return Baseline.at(path, config.drift.baseline.version)
    except InputMissingError:
        if own and not isinstance(config.drift.baseline.version, int) and not _versions(path):
            return None
        raise


def _versions(path: str) -> list[int]:
    try:
        return store.versions(path)
    except InputMissingError:
        return []


def check_columns(job: Job, planned: Plan) -> None:
    """Refuse names and patterns in `expect` and `drift` that choose none of the features.

    Raises:
        ConfigError: (78) with the file and line of each.
    """
    problems = [
        _unmatched(job, at, pattern, planned)
        for at, pattern in _patterns(job)
        if not chosen([pattern], planned.features)
    ]
    if problems:
        raise ConfigError.of(problems)


def _patterns(job: Job) -> Iterator[tuple[Keys, str]]:
    """Yield every name and pattern, and its place in the job file."""
    for number, rule in enumerate(job.config.expect):
        if rule.model_fields_set - {"rows", "on_fail"}:
            several = not isinstance(rule.columns, str)
            yield from (
                (("expect", number, "columns", *((n,) if several else ())), pattern)
                for n, pattern in enumerate(rule.patterns)
            )
    if job.config.drift is not None:
        yield from ((("drift", "columns", pattern), pattern) for pattern in job.config.drift.columns)


def _unmatched(job: Job, at: Keys, pattern: str, planned: Plan) -> Problem:
    column = planned.schema.find(pattern)
    names = list(planned.features)
    hint = nearest(pattern, names) or f"the features are {listed(names)}"
    if column is not None:
        hint = f"no step learns statistics of {column.name!r} ({column.type}); {hint}"
    cause = f"{job.origins.place(at)}: expected a feature of the steps, but {pattern!r} matches none"
    return Problem("CONFIG_VALUE", cause, hint)


def judge(fitted: Fitted, base: Baseline | None, job: Job, report: Report, spark: SparkSession | None) -> None:
    """Compare a fit with the job's expectations and baseline; write the metrics first, whatever the verdict.

    Args:
        fitted: what was learned; it is neither saved nor applied yet.
        base: the baseline; None if there is none.
        job: whose expectations, thresholds and metrics these are.
        report: where rows and warnings are noted.
        spark: to write metrics; None writes none.

    Raises:
        RefusedError: (65) with every violation.
    """
    config = job.config
    if not config.expect and config.drift is None and config.metrics is None:
        return
    with report.stage("monitor"):
        expected = [one for rule in config.expect for one in rule.expectations]
        judged = expectations.judge(expected, fitted.stats, fitted.rows)
        found, problems = _drift(fitted, base, job, report)
        report.expect, report.drift = [row.to_dict() for row in judged], found.to_dict()
        if spark is not None:
            record([rows_of(fitted.rows), *facts(fitted.stats), *judged, *found], "fit", job, spark)
    problems += [Problem("EXPECT_FAILED", str(row)) for row in judged if row.verdict == "error"]
    report.warnings += [f"expected otherwise: {row}" for row in judged if row.verdict == "warn"]
    _refuse(problems, report)


def rows_of(rows: int | None) -> Row:
    """Return the number of rows of a run, as metrics have it."""
    return Row(expectations.TABLE, "rows", None if rows is None else float(rows), None, None, "none")


def rows_of_audit(audit: Audit | None) -> list[Row]:
    """Return the counts of a transform, as metrics have them: of each output, none of them judged."""
    counts = audit.measures() if audit else ()
    return [Row(output, f"audit.{name}", float(count), None, None, "none") for output, name, count in counts if output]


def record(rows: Sequence[Row], part: str, job: Job, spark: SparkSession) -> None:
    """Append a part of what a run measured to the job's metrics, if it has any; once per run id and part."""
    if job.config.metrics is not None and rows:
        from sparkscale.spark.metrics.append import append

        append(job.config.metrics, job.run_id, part, rows, spark)


def _drift(fitted: Fitted, base: Baseline | None, job: Job, report: Report) -> tuple[Drift, list[Problem]]:
    """Return the measures, and what ends the run; everything else is a warning."""
    config = job.config.drift
    if config is None:
        return Drift(), []
    if base is None:
        report.warnings.append("drift: there is no earlier version to compare with; the next run has this one")
        return Drift(), []
    report.baseline = hidden(base.to_dict(), job.secrets)
    found = drifting.compare_shared(fitted.stats, base.fitted.stats, config.limits)
    report.warnings += [f"drift: {note}" for note in found.notes]
    problems = [Problem("DRIFT", f"drift: {row}") for row in found.errors]
    if lacking := fitted.stats.keys() - base.fitted.stats.keys():
        hint = "fit once without drift, or set drift.on_fail: warn, to make a baseline that has it"
        error = drifting.lacks(lacking, base.fitted.stats.keys() - fitted.stats.keys())
        problems.append(Problem(error.code, f"drift: {error.cause}", hint))
    told = [f"drift: {row}" for row in found.warnings]
    if config.on_fail == "warn":
        told, problems = [problem.cause for problem in problems] + told, []
    report.warnings += told
    return found, problems


def _refuse(problems: Sequence[Problem], report: Report) -> None:
    if problems:
        report.status = "refused"
        hint = "nothing was published or saved"
        error = RefusedError.of([Problem(one.code, one.cause, one.hint or hint) for one in problems])
        assert isinstance(error, RefusedError)  # noqa: S101 - of its own class
        error.report = report
        raise error
