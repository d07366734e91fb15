"""What a job would do: columns, queries, what is read, and the engine and formula of each step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote

import numpy as np

from sparkscale.config.jobfile import Job
from sparkscale.config.models import JobConfig
from sparkscale.maps import Map
from sparkscale.pipeline.fitted import Engine
from sparkscale.pipeline.plan import Plan
from sparkscale.pipeline.planned import PlannedStep
from sparkscale.pipeline.schema import Column
from sparkscale.places import is_local, local_path
from sparkscale.report.explained import Explained, ExplainedStep
from sparkscale.run import opening
from sparkscale.run.opening import Applied, Opened
from sparkscale.scalers.base import RowStep, Scaler
from sparkscale.scalers.learning import learned, learned_row
from sparkscale.spark import joins
from sparkscale.spark.fit import fitting
from sparkscale.spark.sinks.base import Sink
from sparkscale.spark.transform import grouped
from sparkscale.spark.transform.engines import choose
from sparkscale.stats.column import ColumnStats
from sparkscale.stats.losses import Scored

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

#: Statistics of two values, to see the form of a scaler's map, which does not depend on the numbers.
_VALUES = np.array([0.5, 1.0])
_SOME = ColumnStats.of(_VALUES, quantiles=True)
#: Labelled rows, for the same end.
_LABELLED = Scored(np.eye(2), np.zeros((2, 2), dtype=bool), np.arange(2), np.ones(2))
#: What is said of a fit that a job does not make.
_NO_FIT: dict[str, Any] = {
    "features": 0, "sketches": 0, "queries": 0, "by_partition": False, "weight": None, "labels": {}, "looks": {},
}  # fmt: skip


def explain(job: Job, *, debug: bool = False) -> Explained:
    """Say what a run (or, of a job without steps, a transform) would do; starts a session, and no job on the data."""
    applied = None if job.config.steps else opening.load(job.config)
    with opening.looked_at(job, debug=debug) as (spark, sink):
        opened = opening.opened(spark, job.config, sink, applied.fitted if applied else None)
        return explained(opened, job.config, sink, applied)


def explained(opened: Opened, config: JobConfig, sink: Sink | None, applied: Applied | None) -> Explained:
    """Return what a job would do with its input, of which it applies an artifact or fits; starts no Spark job."""
    ways = _joins(opened, config.engine)
    spark = opened.df.sparkSession
    return Explained(
        _reading(opened, config, fits=applied is None),
        _fit(opened, config) if applied is None else _NO_FIT,
        [_step(step, config.engine, spark, ways.get(n, "")) for n, step in enumerate(opened.plan.steps, 1)],
        _writing(sink, config) if sink else {},
        _apart(opened, sink),
        dict(opened.decided.types) if opened.decided else {},
        applied.about if applied else {},
        _states(opened.plan, config),
    )


def _weight(planned: Plan) -> Column | None:
    """Return the column that weighs the rows of a fit; None if no step learns from them."""
    return planned.weight_column if planned.features or planned.labels else None


def _reading(opened: Opened, config: JobConfig, *, fits: bool) -> dict[str, Any]:
    """Return what is read: files, their size, and how many columns."""
    df, planned, weight = opened.df, opened.plan, _weight(opened.plan)
    keys = (key for group in planned.grouped.values() for key in group.keys)
    learning = [column for number in planned.labels for column in planned.steps[number - 1].inputs]
    beside = [*keys, *learning, *planned.labels.values(), *([weight] if weight else [])]
    own = {column.path[0] for column in (*planned.features.values(), *beside)} if fits else set()
    files = df.inputFiles()
    return {
        "name": config.input.name,
        "files": len(files),
        "bytes": _bytes(files),
        "columns": len(df.columns),
        "fit_columns": len(own),
    }


def _fit(opened: Opened, config: JobConfig) -> dict[str, Any]:
    """Return what a fit computes, and by how many queries."""
    planned, weight = opened.plan, _weight(opened.plan)
    labels = {
        f"step {number} ({(step := cast('RowStep', planned.steps[number - 1].step)).kind})": (label.name, *step.looks)
        for number, label in planned.labels.items()
    }
    looks = fitting.first_looks(opened.df, planned, reproducible=config.statistics.reproducible)
    if not looks.queries:
        return {**_NO_FIT, "labels": labels}
    return {
        "features": len(planned.features),
        "sketches": len(planned.quantile_features),
        "queries": looks.queries,
        "by_partition": not looks.whole,
        "weight": weight.name if weight else None,
        "labels": labels,
        "looks": {step.kind: step.looks for step in _scalers(planned) if step.looks},
    }


def _states(planned: Plan, config: JobConfig) -> dict[str, Any]:
    """Return how `update` keeps statistics by partition, and the kinds of steps that look at the whole window again."""
    if config.states is None:
        return {}
    again = [step.kind for step in _scalers(planned) if step.looks]
    again += [planned.steps[number - 1].step.kind for number in planned.labels]
    return {**config.states.model_dump(), "looks": again}


def _step(planned: PlannedStep, engine: Engine, spark: SparkSession, join: str) -> ExplainedStep:
    step, width = planned.step, len(planned.mapped) if planned.step.by_row else 1
    chosen = choose(_map(planned), engine, spark, width)
    inputs = [column.name for column in planned.inputs]
    formula = f"{step.formula} by {', '.join(planned.by)}" if planned.by else step.formula
    if any(own[0].position is not None for own in planned.features):
        formula += " by position" if planned.by_position else " of all elements"
    why = f"{chosen.why}; the groups' parameters come by {join}" if join else chosen.why
    return ExplainedStep(step.kind, formula, inputs, list(planned.outputs), chosen.engine, why)


def _joins(opened: Opened, engine: Engine) -> dict[int, str]:
    """Return how the parameters of each step by group reach the rows; before a fit their size is not known."""
    if opened.known is None:
        way = f"broadcast up to {joins.BROADCAST:,} bytes of them, else by a shuffle, and sorted back"
        return {number: way for number, planned in enumerate(opened.plan.steps, 1) if planned.by}
    spark = opened.df.sparkSession
    items = [item for item in opened.known.applications if item.groups]
    return grouped.ways([(item, choose(item.map, engine, spark).engine) for item in items])


def _map(planned: PlannedStep) -> Map:
    step = planned.step
    if isinstance(step, RowStep):
        return learned_row(step.learn_row(), lambda ask: _LABELLED.losses(ask.betas, ask.binned, ask.derivatives))[0]
    return learned(
        cast("Scaler", step).learn(_SOME), lambda ask: ColumnStats.of(ask.map.forward(_VALUES), quantiles=True)
    )


def _scalers(planned: Plan) -> Iterator[Scaler]:
    return (step.step for step in planned.steps if isinstance(step.step, Scaler))


def _writing(sink: Sink, config: JobConfig) -> dict[str, Any]:
    output = sink.output
    how = "staged, then put into place in one step" if not sink.transactional else "one transaction"
    if output.partition_by:
        moved = "a shuffle brings the rows of a partition together"
        how += f", by {', '.join(output.partition_by)}" + (
            "" if set(output.partition_by) <= config.input.pinned else f": {moved}"
        )
    return {"name": output.name, "format": output.format, "mode": output.mode, "how": how}


def _apart(opened: Opened, sink: Sink | None) -> str:
    """Say that the output is not partitioned as the input is; nothing where it is, or where there is no output."""
    if sink is None:
        return ""
    ours = sink.output.partition_by or (sink.partitions() if sink.transactional else None) or ()
    if not opened.partitions or list(ours) == list(opened.partitions):
        return ""
    unlike = "output is not (to keep them, set output.partition_by)"
    output = f"output is partitioned by {', '.join(ours)}" if ours else unlike
    return f"input is partitioned by {', '.join(opened.partitions)}; {output}"


def _bytes(files: Sequence[str]) -> int | None:
    """Return the size of files on this machine; None if one is elsewhere."""
    if not all(map(is_local, files)):
        return None
    places = (Path(local_path(unquote(file))) for file in files)
    return sum(place.stat().st_size for place in places if place.exists())
