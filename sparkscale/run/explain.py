"""What a job would do: columns, queries, what is read, and the engine and formula of each step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
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
from sparkscale.places import is_local, local_path
from sparkscale.report.tables import artifact_text
from sparkscale.report.words import counted
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


@dataclass(frozen=True)
class ExplainedStep:
    """A step: the columns that it reads and writes, its formula, and which engine says it."""

    kind: str
    formula: str
    inputs: Sequence[str]
    outputs: Sequence[str]
    engine: str
    why: str


@dataclass(frozen=True)
class Explained:
    """What a job would do."""

    reading: dict[str, Any]
    fit: dict[str, Any]
    steps: Sequence[ExplainedStep]
    writing: dict[str, Any]
    #: How the partitions of input and output differ, for people; empty where they do not.
    partitions: str = ""
    #: The types that the values of a text input decided.
    types: Mapping[str, str] = field(default_factory=dict)
    #: The artifact that it applies; empty where it fits.
    artifact: Mapping[str, Any] = field(default_factory=dict)
    #: How `update` keeps statistics by partition, and the kinds of steps that look at the whole window again.
    states: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(self)

    def lines(self) -> Iterator[str]:
        """Yield the lines for people."""
        files = f", {counted(self.reading['files'], 'file')}" if self.reading["files"] else ""
        size = f", {counted(self.reading['bytes'], 'byte')}" if self.reading["bytes"] else ""
        columns = f"{counted(self.reading['columns'], 'column')} for the output"
        if self.reading["fit_columns"]:
            columns = f"{counted(self.reading['fit_columns'], 'column')} for the fit, {columns}"
        yield f"input: {self.reading['name']}{files}{size}; {columns}"
        yield from self.notes()
        if self.artifact:
            yield f"artifact: {artifact_text(self.artifact)}"
        if self.fit["features"]:
            sketches = f", {self.fit['sketches']} with a quantile sketch" if self.fit["sketches"] else ""
            queries = counted(self.fit["queries"], "query", "queries")
            how = ", aggregated by partition" if self.fit["by_partition"] else ""
            more = "columns with NaN, infinities or a mean beyond 100 std are scanned again"
            if self.fit["weight"] is not None:
                how += f", weighted by {self.fit['weight']!r}: two looks, and one at the weights alone"
                more = (
                    "columns with NaN, infinities or a weighted mean beyond 10 std of the plain one are scanned again"
                )
            yield f"fit: {counted(self.fit['features'], 'feature')}{sketches}, in {queries}{how}; {more}"
        for kind, (label, usual, most) in self.fit["labels"].items():
            scans = f"{counted(usual, 'scan')} of its scores as a rule, {most} at most"
            yield f"fit: {kind} learns its temperature from label {label!r}: {scans}"
        for kind, times in self.fit["looks"].items():
            scan = "a scan" if self.fit["weight"] is None else "as many looks"
            yield f"fit: {kind} looks again up to {counted(times, 'time')}, each {scan} that all steps share"
        if self.states:
            kinds = self.states["looks"]
            again = (
                f"; {' and '.join(kinds)} {'looks' if len(kinds) == 1 else 'look'} again at its whole window"
                if kinds
                else ", and no other"
            )
            yield f"update: reads the partitions by {', '.join(self.states['by'])} that are new or changed{again}"
        for number, step in enumerate(self.steps, 1):
            into = "" if step.inputs == step.outputs else f" -> {', '.join(step.outputs)}"
            columns = f"{step.kind} of {', '.join(step.inputs)}{into}"
            yield f"step {number}: {columns}: {step.formula}; {step.engine}: {step.why}"
        if self.writing:
            written = self.writing
            yield f"output: {written['name']} ({written['format']}, {written['mode']}), {written['how']}"

    def notes(self) -> Iterator[str]:
        """Yield what a user should know of the input."""
        if self.types:
            yield f"types, from reading all values once: {types_of(self.types)}"
        if self.partitions:
            yield self.partitions


def explain(job: Job, *, debug: bool = False) -> Explained:
    """Say what a run (or, of a job without steps, a transform) would do; starts a session, and no job on the data."""
    applied = None if job.config.steps else opening.load(job.config)
    with opening.looked_at(job, debug=debug) as (spark, sink):
        opened = opening.opened(spark, job.config, sink, applied.fitted if applied else None)
        return explained(opened, job.config, sink, applied)


def explained(opened: Opened, config: JobConfig, sink: Sink | None, applied: Applied | None) -> Explained:
    """Return what a job would do with its input, of which it applies an artifact or fits; starts no Spark job."""
    df, planned, fits = opened.df, opened.plan, applied is None
    files = df.inputFiles()
    weight = planned.weight_column if planned.features or planned.labels else None
    keys = (key for group in planned.grouped.values() for key in group.keys)
    learning = [column for number in planned.labels for column in planned.steps[number - 1].inputs]
    beside = [*keys, *learning, *planned.labels.values(), *([weight] if weight else [])]
    read = [*planned.features.values(), *beside]
    own = {column.path[0] for column in read} if fits else set()
    reading = {
        "name": config.input.name,
        "files": len(files),
        "bytes": _bytes(files),
        "columns": len(df.columns),
        "fit_columns": len(own),
    }
    looks = fitting.first_looks(df, planned, reproducible=config.statistics.reproducible) if fits else None
    fit = {
        "features": len(planned.features) if looks else 0,
        "sketches": len(planned.quantile_features) if looks else 0,
        "queries": len(looks) if looks else 0,
        "by_partition": not looks.whole if looks else False,
        "weight": weight.name if weight and looks else None,
        "labels": {
            f"step {number} ({(step := cast('RowStep', planned.steps[number - 1].step)).kind})": (
                label.name,
                *step.looks,
            )
            for number, label in planned.labels.items()
            if fits
        },
        "looks": {step.kind: step.looks for step in _scalers(planned) if looks and step.looks},
    }
    ways = _joins(opened, config.engine)
    steps = [_step(step, config.engine, df.sparkSession, ways.get(n, "")) for n, step in enumerate(planned.steps, 1)]
    types = dict(opened.decided.types) if opened.decided else {}
    writing = _writing(sink, config) if sink else {}
    kept = config.states.model_dump() if config.states else {}
    again = [step.kind for step in _scalers(planned) if step.looks]
    again += [planned.steps[number - 1].step.kind for number in planned.labels]
    states = {**kept, "looks": again} if kept else {}
    about = applied.about if applied else {}
    return Explained(reading, fit, steps, writing, _apart(opened, sink), types, about, states)


def _step(planned: PlannedStep, engine: Engine, spark: SparkSession, join: str) -> ExplainedStep:
    chosen, step = choose(_map(planned), engine, spark), planned.step
    inputs = [column.name for column in planned.inputs]
    formula = f"{step.formula} by {', '.join(planned.by)}" if planned.by else step.formula
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
        return learned_row(step.learn_row(), lambda ask: _LABELLED.losses(ask.betas, ask.binned))[0]
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


def types_of(types: Mapping[str, str]) -> str:
    """Return the columns of each type."""
    kinds = ("bigint", "double", "string", *sorted(set(types.values()) - {"bigint", "double", "string"}))
    by_kind = {kind: [name for name, type_ in types.items() if type_ == kind] for kind in kinds}
    return "; ".join(f"{kind}: {', '.join(names)}" for kind, names in by_kind.items() if names)
