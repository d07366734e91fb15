"""What a transform met in the data, counted: nulls, NaN, infinities, clipped and undefined values of each output."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sparkscale.maps import ColumnMap, Elements, RowMap
from sparkscale.maps.by_group import ByGroup
from sparkscale.pipeline import arrays
from sparkscale.pipeline.application import Application
from sparkscale.pipeline.applying import scores_of
from sparkscale.pipeline.arrays import Nulls, Rows

if TYPE_CHECKING:
    from sparkscale.pipeline.fitted import Fitted

#: All counters, each with its words for people.
COUNTERS: Mapping[str, str] = {
    "nulls": "nulls",
    "nans": "NaN",
    "infinite": "infinities",
    "clipped_low": "clipped low",
    "clipped_high": "clipped high",
    "undefined": "undefined",
    "unseen": "unseen groups",
}


@dataclass(frozen=True)
class Counts:
    """What one map met.

    Attributes:
        step: its number, from 1.
        kind: the step's.
        outputs: what the map writes; of a step that maps the scores of a row together, all that the step writes.
        counts: in rows, by counter (see :data:`COUNTERS`); only those that the map can have. A row of scores counts as
            null, NaN or infinite if any of its scores is. A row of an array that is scaled by element counts as clipped
            or undefined too if any of its elements is.
    """

    step: int
    kind: str
    outputs: tuple[str, ...]
    counts: Mapping[str, int]


@dataclass(frozen=True)
class Audit:
    """What a transform met, map by map.

    Attributes:
        rows: how many rows went through.
        maps: the counts of each map, in the order of the steps.
    """

    rows: int
    maps: tuple[Counts, ...]

    def to_list(self) -> list[dict[str, Any]]:
        """Return JSON values: for each map its step, kind, outputs and counts."""
        return [{"step": m.step, "kind": m.kind, "outputs": list(m.outputs), **m.counts} for m in self.maps]

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> Audit | None:
        """Return the audit in a run's record, with its ``rows`` and, under ``audit``, a list; None if there is none."""
        rows, found = record.get("rows"), record.get("audit")
        if type(rows) is not int or not isinstance(found, list) or not all(map(_is_entry, found)):
            return None
        return cls(
            rows,
            tuple(
                Counts(item["step"], item["kind"], tuple(item["outputs"]), {c: item[c] for c in COUNTERS if c in item})
                for item in found
            ),
        )

    def measures(self) -> Iterator[tuple[str, str, int]]:
        """Yield output, counter and count, for tables of metrics; of the rows, with no output."""
        yield "", "rows", self.rows
        for one in self.maps:
            for output in one.outputs:
                yield from ((output, counter, count) for counter, count in one.counts.items())


def _is_entry(item: Any) -> bool:
    """Whether a value is an entry of :meth:`Audit.to_list`: a manifest may hold anything."""
    return (
        isinstance(item, dict)
        and type(item.get("step")) is int
        and isinstance(item.get("kind"), str)
        and isinstance(item.get("outputs"), list)
        and all(isinstance(output, str) for output in item["outputs"])
        and all(type(item[counter]) is int for counter in COUNTERS if counter in item)
    )


@dataclass(frozen=True)
class Audited:
    """A map whose inputs are counted, and the outputs that the counts are of."""

    item: Application
    kind: str
    outputs: tuple[str, ...]

    def counts(self, found: Mapping[str, int]) -> Counts:
        """Return the counts, in the order of all counters."""
        ordered = {counter: found[counter] for counter in COUNTERS if counter in found}
        return Counts(self.item.number, self.kind, self.outputs, ordered)


def audited(fitted: Fitted) -> Iterator[Audited]:
    """Yield every map; of a row step one, as all of its outputs come from the same scores."""
    done: set[int] = set()
    for item in fitted.applications:
        step = fitted.steps[item.number - 1]
        if not item.map.by_row:
            yield Audited(item, step.step.kind, item.outputs)
        elif item.number not in done:
            done.add(item.number)
            yield Audited(item, step.step.kind, step.outputs)


def of_arrays(fitted: Fitted, table: Mapping[str, Any]) -> Audit:
    """Count by NumPy: the definition of all counters."""
    rows = len(next(iter(table.values()), ()))
    return Audit(rows, tuple(one.counts(_counted(one.item, table)) for one in audited(fitted)))


def _counted(item: Application, table: Mapping[str, Any]) -> dict[str, int]:
    where = _of_arrays(item, table) if item.over_array else _of_cells(item, table)
    return {counter: int(np.count_nonzero(rows)) for counter, rows in where.items()}


def _of_cells(item: Application, table: Mapping[str, Any]) -> dict[str, Nulls]:
    """Return for each counter which rows of one or more columns it counts."""
    x, null = arrays.cells(table, [column.name for column in item.inputs])
    value = ~null
    where = {"nulls": null, "nans": np.isnan(x) & value, "infinite": np.isinf(x) & value}
    found: dict[str, Nulls] = {counter: np.asarray(cells.any(axis=1)) for counter, cells in where.items()}
    if isinstance(item.map, RowMap):
        return found | ({"undefined": item.map.undefined_rows(x, null)} if item.map.partial else {})
    if isinstance(item.map, ByGroup) and item.groups is not None:
        numbers, unseen = item.groups.numbers_in(table)
        return found | item.map.met(np.column_stack([x, numbers]), np.column_stack([null, unseen]))
    extent = item.map.extent if isinstance(item.map, ColumnMap) else None
    return found if extent is None else found | extent.found(x[:, 0], null[:, 0])


def _of_arrays(item: Application, table: Mapping[str, Any]) -> dict[str, Nulls]:
    """Return the same for rows of an array column; with a mask without nulls, which stand for what it leaves out."""
    rows = scores_of(item, table)
    value = ~rows.null
    found = {"nans": _any(rows, np.isnan(rows.values) & value), "infinite": _any(rows, np.isinf(rows.values) & value)}
    if item.mask is None:
        found["nulls"] = rows.missing | _any(rows, rows.null)
    if isinstance(item.map, RowMap) and item.map.partial:
        found["undefined"] = _undefined(rows, item.map)
    if isinstance(item.map, Elements):
        shape = -1, item.map.length or 1
        met = item.map.met(rows.values.reshape(shape), rows.null.reshape(shape))
        found |= {name: _any(rows, elements.ravel()) for name, elements in met.items()}
    return found


def _any(rows: Rows, elements: Nulls) -> Nulls:
    """Return which rows hold such an element."""
    found = np.zeros(len(rows.lengths), dtype=bool)
    found[np.repeat(np.arange(len(rows.lengths)), rows.lengths)[elements]] = True
    return found


def _undefined(rows: Rows, map_: RowMap) -> Nulls:
    found = np.zeros(len(rows.lengths), dtype=bool)
    starts: NDArray[np.int64] = np.cumsum(rows.lengths) - rows.lengths
    for length in np.unique(rows.lengths[rows.lengths > 0]):
        alike = rows.lengths == length
        taken = starts[alike][:, None] + np.arange(length)
        found[alike] = map_.undefined_rows(rows.values[taken], rows.null[taken])
    return found
