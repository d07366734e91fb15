"""Solving: statistics become the maps of a plan's steps, or every reason why they cannot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias, cast

from sparkscale.errors import DataError, Problem, counted
from sparkscale.maps import ColumnMap, Elements, Map, RowMap, Undefined
from sparkscale.pipeline import groups
from sparkscale.pipeline.fitted import Fitted
from sparkscale.pipeline.looking import Answer, RowAnswer, rounds, row_rounds
from sparkscale.pipeline.plan import Plan
from sparkscale.pipeline.planned import PlannedStep
from sparkscale.pipeline.schema import Column
from sparkscale.scalers.base import RowStep, Scaler, Step
from sparkscale.scalers.learning import Learning, LossAsk
from sparkscale.stats.calibration import Calibration
from sparkscale.stats.column import ColumnStats
from sparkscale.stats.losses import Losses
from sparkscale.stats.table import StatsTable

#: The names of the columns of a key.
Key: TypeAlias = tuple[str, ...]
_NO_TABLES: Mapping[Key, StatsTable] = MappingProxyType({})


def solve(  # noqa: PLR0913 - what is known, and who is asked for more
    planned: Plan,
    stats: Mapping[str, ColumnStats],
    rows: int | None,
    provenance: Mapping[str, Any],
    answer: Answer,
    *,
    losses: RowAnswer,
    tables: Mapping[Key, StatsTable] = _NO_TABLES,
) -> Fitted:
    """Turn statistics into maps; raises one :class:`DataError` naming every column that has none to give.

    ``answer`` looks at the data again, for the scalers that ask for it, and ``losses`` for row steps that learn;
    ``tables`` are the statistics by key.
    """
    _refuse_no_rows(planned, rows)
    problems = list(dict.fromkeys(p for step in planned.steps for p in _unfit(step, stats)))
    if problems:
        raise DataError.of(problems)
    learnings = {
        (number, column.name): (column.name, _learning(cast("Scaler", step.step), stats[column.name]))
        for number, step in enumerate(planned.steps)
        for own in step.features
        for column in own
    }
    found, looks = rounds(learnings, answer)
    by_row, calibrations = _learned_rows(planned, losses)
    rows = next((one.rows.rows for one in calibrations.values()), rows)
    maps = tuple(tuple(_maps(number, step, found, by_row, tables)) for number, step in enumerate(planned.steps))
    stats, tables = dict(sorted(stats.items())), dict(sorted(tables.items()))
    weight, seen = planned.weight, tuple(looks)
    return Fitted(planned.steps, planned.schema.top, stats, maps, rows, provenance, seen, weight, calibrations, tables)


def _refuse_no_rows(planned: Plan, rows: int | None) -> None:
    if rows == 0:
        of_weight = "" if planned.weight is None else f" with a weight {planned.weight!r} above 0"
        cause = f"expected rows{of_weight} to learn from, found none"
        raise DataError("DATA_NO_ROWS", cause, "check the input and its 'where'")


def _learned_rows(planned: Plan, losses: RowAnswer) -> tuple[dict[int, RowMap], dict[int, Calibration]]:
    """Return the maps of row steps by their numbers from 1, and what was found of those that learn."""
    steps = {number: cast("RowStep", step.step) for number, step in enumerate(planned.steps, 1) if step.step.by_row}

    def answered(asked: Sequence[tuple[int, LossAsk]]) -> Sequence[Losses]:
        seen = losses(asked)
        _refuse_no_rows(planned, seen[0].rows.rows)
        return seen

    found = row_rounds({number: step.learn_row() for number, step in steps.items()}, answered)
    calibrations = {number: found[number][1] for number in steps if found[number][1] is not None}
    bad = {number: one.rows for number, one in calibrations.items() if one and steps[number].nonfinite == "error"}
    problems = [
        Problem(
            "DATA_NONFINITE",
            f"step {number} ({steps[number].kind}): expected finite scores (nonfinite: error), "
            f"found NaN or an infinity in {rows.nonfinite:,} of {rows.rows:,} rows",
            "fix the data, or set nonfinite: keep",
        )
        for number, rows in bad.items()
        if rows.nonfinite
    ]
    if problems:
        raise DataError.of(problems)
    return {number: map_ for number, (map_, _) in found.items()}, cast("dict[int, Calibration]", calibrations)


def _learning(scaler: Scaler, stats: ColumnStats) -> Learning:
    if stats.finite or not scaler.needs_values:
        return (yield from scaler.learn(stats))
    return Undefined()


def _maps(
    number: int,
    planned: PlannedStep,
    found: Mapping[tuple[int, str], ColumnMap],
    by_row: Mapping[int, RowMap],
    tables: Mapping[Key, StatsTable],
) -> Iterator[Map]:
    """Yield the maps of a step in the order of its outputs."""
    step: Step = planned.step
    if isinstance(step, RowStep):
        yield by_row[number + 1]
        return
    scaler = cast("Scaler", step)
    every: list[tuple[ColumnMap, ...]] = []
    for column, own in planned.pairs:
        whole = _whole(scaler, own, [found[number, feature.name] for feature in own])
        if scaler.key:
            every.append(tuple(groups.maps_of(planned, column.name, tables[scaler.key], whole)))
        else:
            extra = () if isinstance(whole, Elements) else scaler.extra_maps(whole)
            every.append((whole, *extra))
    for alike in zip(*every, strict=True):
        yield from alike


def _whole(scaler: Scaler, own: Sequence[Column], maps: Sequence[ColumnMap]) -> ColumnMap:
    """Return the map of a column, made of those of its features."""
    return maps[0] if own[0].position is None else Elements(tuple(maps), scaler.over)


def _unfit(planned: PlannedStep, stats: Mapping[str, ColumnStats]) -> Iterator[Problem]:
    for column in (column for own in planned.features for column in own):
        needs_values = cast("Scaler", planned.step).needs_values
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
