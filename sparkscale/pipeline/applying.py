"""What a map makes of a table of arrays: of columns side by side, or of the rows of an array column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparkscale.errors import DataError, Problem, counted
from sparkscale.maps import Inverse
from sparkscale.maps.batches import Lists
from sparkscale.maps.by_group import ByGroup
from sparkscale.pipeline import arrays, elements
from sparkscale.pipeline.application import Application
from sparkscale.pipeline.arrays import Nulls, Rows, Values, join


def applied(item: Application, table: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """Return what a map writes, by name."""
    names = [column.name for column in item.inputs]
    if not item.over_array:
        values, null = item.map.apply(*cells_of(item, table))
        return _columns(item, values, null)
    rows = scores_of(item, table)
    values, null = Lists(item.map).apply(rows.values, rows.null, rows.lengths)
    if item.facts:
        shape = len(rows.lengths), len(item.facts)
        return _columns(item, values.reshape(shape), null.reshape(shape))
    if table[names[0]].ndim > 1:
        shape = table[names[0]].shape
        return {item.outputs[0]: join(values.reshape(shape), null.reshape(shape), item.dtype)}
    return {item.outputs[0]: _lists(rows, values, null, item.dtype)}


def cells_of(item: Application, table: Mapping[str, Any]) -> tuple[Values, Nulls]:
    """Return the cells that a map reads, side by side; by group, the number of the row's group is the last."""
    values, null = arrays.cells(table, [column.name for column in item.inputs])
    if item.groups is None:
        return values, null
    numbers, unseen = item.groups.numbers_in(table)
    map_ = item.map.map if isinstance(item.map, Inverse) else item.map
    if isinstance(map_, ByGroup) and map_.unseen == "error" and unseen.any():
        raise item.groups.unseen(table, item.number)
    return np.column_stack([values, numbers]), np.column_stack([null, unseen])


def _columns(item: Application, values: Values, null: Nulls) -> dict[str, NDArray[Any]]:
    """Return the columns of the results: numbers, and labels."""
    return {
        name: _labels(item, y, gone) if item.is_label(name) else join(y, gone, item.dtype)
        for name, y, gone in zip(item.outputs, values.T, null.T, strict=True)
    }


def _labels(item: Application, places: Values, null: Nulls) -> NDArray[Any]:
    """Return the winners' places in an array, or the names of their columns."""
    found = np.where(null, 0, places).astype(np.int64)
    labels = found if item.over_array else np.array([column.name for column in item.inputs])[found]
    return np.ma.MaskedArray(labels, mask=null) if null.any() else labels


def _lists(rows: Rows, values: Values, null: Nulls, dtype: str) -> NDArray[Any]:
    """Return the rows as they came: an object array, None for a null row."""
    out = np.empty(len(rows.lengths), dtype=object)
    ends = np.cumsum(rows.lengths)
    for i in np.flatnonzero(~rows.missing):
        own = slice(ends[i] - rows.lengths[i], ends[i])
        out[i] = join(values[own], null[own], dtype)
    return out


def scores_of(item: Application, table: Mapping[str, Any]) -> Rows:
    """Return the rows of an array column; what its mask leaves out is null."""
    rows = elements.checked(item, Rows.of(table, item.inputs[0].name))
    if item.fills_rows and item.array_length is not None:
        return rows.with_null_elements(item.array_length)
    if item.mask is None:
        return rows
    mask = Rows.of(table, item.mask.column.name)
    there = ~rows.missing & ~mask.missing
    differing = there & (rows.lengths != mask.lengths)
    if differing.any():
        raise DataError.of([lengths_differ(item, int(np.count_nonzero(differing)), differing.size)])
    taken = np.zeros(rows.null.size, dtype=bool)
    taken[np.repeat(there, rows.lengths)] = (mask.values == 1)[np.repeat(there, mask.lengths)]
    null = rows.null | ~taken
    if item.mask.strict:
        number = np.repeat(np.arange(len(rows.lengths)), rows.lengths)
        null |= np.isin(number, number[rows.null & taken])
    return replace(rows, null=null)


def lengths_differ(item: Application, count: int, rows: int) -> Problem:
    """Return the problem of a mask whose length is not that of its scores."""
    assert item.mask is not None  # noqa: S101 - there is one to differ
    mask, scores = item.mask.column.name, item.inputs[0].name
    found = f"found another length in {count:,} of {counted(rows, 'row')}"
    cause = f"step {item.number}: expected mask {mask!r} to be as long as the scores {scores!r} of its row, {found}"
    return Problem("DATA_LENGTH", cause, "fix those rows, or make their mask null, which leaves all scores out")
