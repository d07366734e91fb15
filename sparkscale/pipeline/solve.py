"""Solving: statistics become the maps of a plan's steps, or every reason why they cannot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from sparkscale.errors import DataError, Problem
from sparkscale.maps import Map, Undefined
from sparkscale.pipeline.fitted import Fitted
from sparkscale.pipeline.plan import Plan, PlannedStep
from sparkscale.scalers.base import RowStep, Scaler, Step
from sparkscale.stats.column import ColumnStats


def solve(planned: Plan, stats: Mapping[str, ColumnStats], rows: int | None, provenance: Mapping[str, Any]) -> Fitted:
    """Turn statistics into maps; raises one :class:`DataError` naming every column that has none to give."""
    if rows == 0:
        raise DataError("DATA_NO_ROWS", "expected rows to learn from, found none", "check the input and its 'where'")
    problems = list(dict.fromkeys(p for step in planned.steps for p in _unfit(step, stats)))
    if problems:
        raise DataError.of(problems)
    maps = tuple(tuple(_solve(step, stats)) for step in planned.steps)
    return Fitted(planned.steps, planned.schema.top, dict(sorted(stats.items())), maps, rows, provenance)


def _unfit(planned: PlannedStep, stats: Mapping[str, ColumnStats]) -> Iterator[Problem]:
    if planned.step.by_row:
        return
    for column in planned.inputs:
        known = stats[column.name]
        bad = known.nans + known.posinf + known.neginf
        if planned.step.nonfinite == "error" and bad:
            yield Problem(
                "DATA_NONFINITE",
                f"column {column.name!r}: expected finite numbers (nonfinite: error), found {known.nans} NaN, "
                f"{known.posinf} +inf, {known.neginf} -inf in {known.rows} rows",
                "fix the data, or set nonfinite: keep",
            )
        if planned.step.empty == "error" and not known.finite:
            yield Problem(
                "DATA_EMPTY",
                f"column {column.name!r}: expected a finite value, found none in {known.rows} rows "
                f"({known.nulls} null, {known.nans} NaN)",
                "leave the column out, or set empty: null",
            )


def _solve(planned: PlannedStep, stats: Mapping[str, ColumnStats]) -> Iterator[Map]:
    step: Step = planned.step
    if isinstance(step, RowStep):
        yield step.solve_row()
        return
    for column in planned.inputs:
        known = stats[column.name]
        yield cast("Scaler", step).solve(known) if known.finite else Undefined()
