"""Solving: statistics become the maps of a plan's steps, or every reason why they cannot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from sparkscale.errors import DataError, Problem, counted
from sparkscale.maps import ColumnMap, Map, Undefined
from sparkscale.pipeline.fitted import Fitted
from sparkscale.pipeline.looking import Answer, rounds
from sparkscale.pipeline.plan import Plan
from sparkscale.pipeline.planned import PlannedStep
from sparkscale.scalers.base import RowStep, Scaler, Step
from sparkscale.scalers.learning import Learning
from sparkscale.stats.column import ColumnStats


def solve(
    planned: Plan, stats: Mapping[str, ColumnStats], rows: int | None, provenance: Mapping[str, Any], answer: Answer
) -> Fitted:
    """Turn statistics into maps; raises one :class:`DataError` naming every column that has none to give.

    ``answer`` looks at the data again, for the scalers that ask for it.
    """
    if rows == 0:
        of_weight = "" if planned.weight is None else f" with a weight {planned.weight!r} above 0"
        cause = f"expected rows{of_weight} to learn from, found none"
        raise DataError("DATA_NO_ROWS", cause, "check the input and its 'where'")
    problems = list(dict.fromkeys(p for step in planned.steps for p in _unfit(step, stats)))
    if problems:
        raise DataError.of(problems)
    learnings = {
        (number, column.name): (column.name, _learning(cast("Scaler", step.step), stats[column.name]))
        for number, step in enumerate(planned.steps)
        if not step.step.by_row
        for column in step.inputs
    }
    found, looks = rounds(learnings, answer)
    maps = tuple(tuple(_maps(number, step, found)) for number, step in enumerate(planned.steps))
    stats = dict(sorted(stats.items()))
    return Fitted(planned.steps, planned.schema.top, stats, maps, rows, provenance, tuple(looks), planned.weight)


def _learning(scaler: Scaler, stats: ColumnStats) -> Learning:
    if stats.finite or not scaler.needs_values:
        return (yield from scaler.learn(stats))
    return Undefined()


def _maps(number: int, planned: PlannedStep, found: Mapping[tuple[int, str], ColumnMap]) -> Iterator[Map]:
    """Yield the maps of a step in the order of its outputs."""
    step: Step = planned.step
    if isinstance(step, RowStep):
        yield step.solve_row()
        return
    own = [found[number, column.name] for column in planned.inputs]
    yield from own
    for alike in zip(*(cast("Scaler", step).extra_maps(map_) for map_ in own), strict=True):
        yield from alike


def _unfit(planned: PlannedStep, stats: Mapping[str, ColumnStats]) -> Iterator[Problem]:
    if planned.step.by_row:
        return
    needs_values = cast("Scaler", planned.step).needs_values
    for column in planned.inputs:
        known = stats[column.name]
        bad = known.nans + known.posinf + known.neginf
        if planned.step.nonfinite == "error" and bad:
            yield Problem(
                "DATA_NONFINITE",
                f"column {column.name!r}: expected finite numbers (nonfinite: error), found {known.nans} NaN, "
                f"{known.posinf} +inf, {known.neginf} -inf in {counted(known.rows, 'row')}",
                "fix the data, or set nonfinite: keep",
            )
        if planned.step.empty == "error" and not known.finite and needs_values:
            yield Problem(
                "DATA_EMPTY",
                f"column {column.name!r}: expected a finite value, found none in {counted(known.rows, 'row')} "
                f"({known.nulls} null, {known.nans} NaN)",
                "leave the column out, or set empty: null",
            )
