"""Array columns as features: how long their rows are, and the elements that a feature is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparkscale.errors import DataError, Problem, counted
from sparkscale.maps.elements import LENGTH_HINT
from sparkscale.pipeline import arrays
from sparkscale.pipeline.application import Application
from sparkscale.pipeline.arrays import Nulls, Rows, Values
from sparkscale.pipeline.plan import Plan
from sparkscale.pipeline.schema import EVERY, Column

#: How many lengths an error shows.
_SHOWN = 4
_FIT_HINT = "fix those rows, or set over: all, whose arrays may have any length"


@dataclass(frozen=True)
class Cells:
    """The values of a feature, which of them are null, and their weights if they have any."""

    values: Values
    null: Nulls
    weights: NDArray[np.float64] | None

    @property
    def pair(self) -> tuple[Values, Nulls]:
        """The values, and which of them are null."""
        return self.values, self.null


def measured(table: Mapping[str, Any], planned: Plan, weights: NDArray[np.float64] | None) -> Plan:
    """Return the plan with the lengths of its array columns; rows of weight 0 are absent.

    Raises:
        DataError: (65) if the arrays of a column whose positions are scaled apart have several lengths, or there are
            none.
    """
    used = slice(None) if weights is None else weights > 0
    counts = {name: _counts(Rows.of(table, name), used) for name in planned.by_position}
    return planned if not len(next(iter(table.values()), ())) else with_lengths(planned, counts)


def with_lengths(planned: Plan, counts: Mapping[str, Mapping[int, int]]) -> Plan:
    """Return the plan with the lengths that are counted for each array column; raises :class:`DataError`."""
    problems = [problem for name, found in counts.items() if (problem := _unfit(name, found))]
    if problems:
        raise DataError.of(problems)
    return planned.measured({name: next(iter(found)) for name, found in counts.items()})


def _unfit(name: str, counts: Mapping[int, int]) -> Problem | None:
    if not any(counts):
        found = f"{counted(sum(counts.values()), 'empty array')}" if counts else "none"
        cause = f"column {name!r}: expected arrays to learn from, found {found}"
        return Problem("DATA_EMPTY", cause, "leave the column out")
    if len(counts) == 1:
        return None
    cause = f"column {name!r}: expected arrays of one length (over: position), found {shown_lengths(counts)}"
    return Problem("DATA_LENGTH", cause, _FIT_HINT)


def shown_lengths(counts: Mapping[int, int]) -> str:
    """Return the most frequent lengths with the rows that have them, and how many more there are."""
    most = sorted(counts, key=lambda length: (-counts[length], length))
    parts = [f"{counted(length, 'element')} in {counted(counts[length], 'row')}" for length in most[:_SHOWN]]
    more = len(most) - _SHOWN
    return ", ".join(parts) + (f" and {counted(more, 'other length')}" if more > 0 else "")


def other_lengths(item: Application, length: int, counts: Mapping[int, int], rows: int) -> Problem:
    """Return the problem of rows whose arrays have other lengths than those of the fit, which are counted."""
    wrong = {found: count for found, count in counts.items() if found != length}
    cause = f"step {item.number}: expected arrays of {length:,} elements in {item.inputs[0].name!r} as in the fit"
    found = f"found another length in {sum(wrong.values()):,} of {counted(rows, 'row')}: {shown_lengths(wrong)}"
    return Problem("DATA_LENGTH", f"{cause}, {found}", LENGTH_HINT)


def checked(item: Application, rows: Rows) -> Rows:
    """Return the rows of an array column; raises :class:`DataError` with counts if the map fits some of them not."""
    length = item.array_length
    counts = {} if length is None else _counts(rows, slice(None))
    if length is not None and counts.keys() - {length}:
        raise DataError.of([other_lengths(item, length, counts, len(rows.lengths))])
    return rows


def _counts(rows: Rows, used: slice | Nulls) -> dict[int, int]:
    """Return how many rows have each length, without those that are null."""
    lengths = rows.lengths[used][~rows.missing[used]]
    return {int(length): int(count) for length, count in zip(*np.unique(lengths, return_counts=True), strict=True)}


def cells(
    table: Mapping[str, Any], features: Mapping[str, Column], weights: NDArray[np.float64] | None = None
) -> dict[str, Cells]:
    """Return the values of each feature that is measured."""
    arrays_of = {column.whole for column in features.values() if column.position is not None}
    rows = {name: Rows.of(table, name) for name in arrays_of}
    return {
        name: _cells(column, rows[column.whole], weights)
        if column.position is not None
        else Cells(*arrays.split(table[name], f"column {name!r}"), weights)
        for name, column in features.items()
    }


def _cells(column: Column, rows: Rows, weights: NDArray[np.float64] | None) -> Cells:
    if column.position == EVERY:
        return Cells(rows.values, rows.null, None if weights is None else np.repeat(weights, rows.lengths))
    assert column.position is not None  # noqa: S101 - the caller has seen to it
    there = rows.lengths > column.position  # not where the array is null, or of a row of weight 0
    place = (np.cumsum(rows.lengths) - rows.lengths)[there] + column.position
    values, null = np.full(there.size, np.nan), np.ones(there.size, dtype=bool)
    values[there], null[there] = rows.values[place], rows.null[place]
    return Cells(values, null, weights)
