"""Merges fits: their statistics are merged and solved again; results are never merged."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial

from sparkscale.errors import DataError, Problem
from sparkscale.pipeline import origin
from sparkscale.pipeline.arguments import all_of
from sparkscale.pipeline.differences import first_difference, of_weights
from sparkscale.pipeline.fitted import Fitted
from sparkscale.pipeline.groups import totals
from sparkscale.pipeline.plan import Plan
from sparkscale.pipeline.planned import PlannedStep
from sparkscale.pipeline.schema import Field, Schema, common
from sparkscale.pipeline.solve import solve
from sparkscale.scalers.learning import Ask, LossAsk
from sparkscale.stats.column import ColumnStats
from sparkscale.stats.losses import Losses
from sparkscale.stats.table import StatsTable

_WRITE = "write ss.merge([monday, tuesday])"


def merge(parts: Iterable[Fitted]) -> Fitted:
    """Merge the fits of the parts of a data set into the fit of the whole.

    Statistics are merged and the maps solved again. The result has the columns of all parts: those of the first, then
    those that only others have. If types differ, a column gets the type that holds all values, or else double.
    Raises :class:`DataError` if the parts are of different pipelines, or their steps found different columns.
    """
    parts = all_of(Fitted, parts, "the parts to merge", _WRITE.removeprefix("write "))
    if not parts:
        raise DataError("MERGE_NOTHING", "expected at least one fitted pipeline to merge, found none", _WRITE)
    first = parts[0]
    for other in parts[1:]:
        if difference := first_difference(first.steps, other.steps) or of_weights(first.weight, other.weight):
            cause = f"expected parts of one pipeline, found {difference}"
            raise DataError("MERGE_DIFFERENT", cause, "fit every part with the same steps, columns and weight")
    if len(parts) == 1:
        return replace(first, provenance=origin.without_run(first.provenance))
    tables = {key: StatsTable.concat(part.tables[key] for part in parts) for key in first.tables}
    stats = {name: functools.reduce(ColumnStats.__add__, (part.stats[name] for part in parts)) for name in first.stats}
    stats |= totals(tables.values())
    inputs = [item for part in parts for item in part.provenance.get("inputs", [])]
    rows = [part.rows for part in parts if part.rows is not None]
    provenance = {**origin.without_run(first.provenance), "inputs": inputs}
    looks, losses = partial(_merged_looks, parts), partial(_no_losses, len(parts))
    whole, total = _whole(parts), sum(rows) if rows else None
    return solve(whole, stats, total, provenance, looks, losses=losses, tables=tables)


def _merged_looks(parts: Sequence[Fitted], asked: Sequence[tuple[str, Ask]]) -> list[ColumnStats]:
    """Merge what the parts have seen; raise where one has not looked behind the same map."""
    seen = [{(look.feature, look.map): look.stats for look in part.looks} for part in parts]
    problems = [
        Problem(
            "MERGE_LOOKS",
            f"column {feature!r}: expected statistics after {ask.map.formula!r} in each of {len(parts)} parts, "
            f"found them in {sum((feature, ask.map) in known for known in seen)}",
            "fit on all the data: a step that looks again at data it has changed cannot be merged exactly",
        )
        for feature, ask in asked
        if not all((feature, ask.map) in known for known in seen)
    ]
    if problems:
        raise DataError.of(list(dict.fromkeys(problems)))
    keys = [(feature, ask.map) for feature, ask in asked]
    return [functools.reduce(ColumnStats.__add__, (known[key] for known in seen)) for key in keys]


def _no_losses(parts: int, asked: Sequence[tuple[int, LossAsk]]) -> Sequence[Losses]:
    """Raise: parts have not summed their losses at the temperature of the whole."""
    raise DataError.of(
        [
            Problem(
                "MERGE_LOOKS",
                f"step {number}: expected {parts} parts that are solved by their statistics, found a temperature that "
                f"is fitted to label {ask.label!r}",
                "it cannot be merged exactly: fit it on the whole, or set temperature to a number",
            )
            for number, ask in asked
        ]
    )


def _whole(parts: Sequence[Fitted]) -> Plan:
    """Return the plan for the table that the parts' tables make together."""
    fields: dict[str, list[Field]] = {}
    for column in (column for part in parts for column in part.columns):
        fields.setdefault(column.name, []).append(column)
    columns = (
        replace(alike[0], type=common([c.type for c in alike]), nullable=any(c.nullable for c in alike))
        for alike in fields.values()
    )
    steps = (_joined(alike) for alike in zip(*(part.steps for part in parts), strict=True))
    return Plan(Schema(tuple(columns)), tuple(steps), weight=parts[0].weight)


def _joined(alike: Sequence[PlannedStep]) -> PlannedStep:
    """Return a step with the types of its columns in all parts."""
    inputs = zip(*(step.inputs for step in alike), strict=True)
    joined = tuple(replace(c[0], type=common([one.type for one in c])) for c in inputs)
    keys = zip(*(step.keys for step in alike), strict=True)
    return replace(
        alike[0], inputs=joined, keys=tuple(replace(c[0], type=common([one.type for one in c])) for c in keys)
    )
