"""Labelled rows of arrays: the classes that labels name, and the losses that a row step asks for."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparkscale.maps import SoftmaxMap
from sparkscale.pipeline import arrays, row_steps
from sparkscale.pipeline.application import Application
from sparkscale.pipeline.applying import scores_of
from sparkscale.pipeline.plan import Plan
from sparkscale.pipeline.planned import PlannedStep
from sparkscale.pipeline.schema import Schema
from sparkscale.scalers.base import Step
from sparkscale.scalers.learning import LossAsk
from sparkscale.stats.losses import UNKNOWN, UNLABELLED, Losses, Ragged, Scored

#: Labels that an error shows.
EXAMPLES = 3
#: No array is so long.
_MANY = 2**62


def scores_application(planned: PlannedStep, number: int, *, partial: bool) -> Application:
    """Return the scores of a step with its mask, as the step's map would read them."""
    map_ = SoftmaxMap(nulls="mask" if partial else "null")
    named = replace(planned, outputs=planned.outputs or ("",))
    return next(row_steps.applications(named, map_, number))


def with_labels(schema: Schema, table: Mapping[str, Any], steps: Sequence[Step]) -> Schema:
    """Return a schema of arrays in which the labels of steps have the types of their values."""
    names = {row_steps.label(step) for step in steps}
    fields = (
        replace(field, type=_type_of(table[field.name])) if field.name in names else field for field in schema.fields
    )
    return replace(schema, fields=tuple(fields))


def _type_of(array: Any) -> str:
    """Return the type of labels: of an object array, by its first value that is not null."""
    if array.dtype != object or array.ndim != 1:
        return arrays.type_of(array)
    first = next((value for value in arrays.items(array) if value is not None), None)
    if first is None or isinstance(first, str):
        return "string"
    return arrays.type_of(np.asarray(first)[None])


@dataclass(frozen=True)
class Labelled:
    """A table of arrays whose rows have labels, and weights if any are given.

    Attributes:
        table: the arrays.
        planned: the steps.
        weights: of the rows, in units of about the largest, so that no sum overflows.
        used: the rows of a weight above 0.
        places: by the number of a step, the places of the rows' labels among the step's classes.
    """

    table: Mapping[str, Any]
    planned: Plan
    weights: NDArray[np.float64]
    used: NDArray[np.bool_]
    places: Mapping[int, NDArray[np.int64]]

    @classmethod
    def of(cls, table: Mapping[str, Any], planned: Plan, weights: NDArray[np.float64] | None) -> Labelled:
        """Find the classes that the labels name."""
        steps = {number: planned.steps[number - 1] for number in planned.labels}
        places = {number: _places(table[row_steps.label(step.step) or ""], step) for number, step in steps.items()}
        given = np.ones(len(next(iter(table.values()), ()))) if weights is None else weights
        exp = math.frexp(float(given.max(initial=0.0)))[1]
        return cls(table, planned, np.ldexp(given, -exp), given > 0, places)

    def losses(self, asked: Sequence[tuple[int, LossAsk]]) -> list[Losses]:
        """Return what row steps ask for, each by its number from 1."""
        return [self._losses(number, ask) for number, ask in asked]

    def _losses(self, number: int, ask: LossAsk) -> Losses:
        step = self.planned.steps[number - 1]
        rows = self._lists(step, number, ask) if step.over_array else self._columns(step, number, ask)
        found = rows.losses(ask.betas, ask.binned, ask.derivatives)
        return replace(found, examples=self._examples(step, number, ask)) if found.rows.unknown else found

    def _columns(self, step: PlannedStep, number: int, ask: LossAsk) -> Scored:
        """Return the rows of score columns; those of weight 0 are left out."""
        x, null = arrays.cells(self.table, [column.name for column in step.mapped])
        places, weights = self.places[number][self.used], self.weights[self.used]
        return Scored(x[self.used], null[self.used], places, weights, ask.partial)

    def _lists(self, step: PlannedStep, number: int, ask: LossAsk) -> Ragged:
        """Return the rows of an array column; what a mask leaves out is null."""
        item = scores_application(step, number, partial=ask.partial)
        rows, partial = scores_of(item, self.table), ask.partial or item.mask is not None
        cells, lengths = np.repeat(self.used, rows.lengths), rows.lengths[self.used]
        places, weights = self.places[number][self.used], self.weights[self.used]
        return Ragged(rows.values[cells], rows.null[cells], lengths, places, weights, partial)

    def _examples(self, step: PlannedStep, number: int, ask: LossAsk) -> tuple[str, ...]:
        """Return the most frequent labels that name no class."""
        places, labels = self.places[number], arrays.items(self.table[ask.label])
        known = places >= 0
        if step.over_array:
            lengths = arrays.Rows.of(self.table, step.mapped[0].name).lengths
            known &= (places < lengths) | (lengths == 0)
        odd = np.flatnonzero(~known & (places != UNLABELLED) & self.used)
        return tuple(str(label) for label, _ in Counter(labels[row] for row in odd).most_common(EXAMPLES))


def _places(labels: Any, step: PlannedStep) -> NDArray[np.int64]:
    """Return the places of labels among the classes of a step, :data:`UNLABELLED` or :data:`UNKNOWN`."""
    names = {column.name: place for place, column in enumerate(step.mapped)}
    top = _MANY if step.over_array else len(names)

    def place(label: Any) -> int:
        if label is None:
            return UNLABELLED
        if isinstance(label, str):
            return names.get(label, UNKNOWN)
        return int(label) if isinstance(label, int | np.integer) and 0 <= label < top else UNKNOWN

    if labels.dtype.kind not in "iu":
        return np.array(list(map(place, arrays.items(labels))), dtype=np.int64)
    known = (labels.data >= 0) & (labels.data < top)
    found = np.where(known, labels.data, UNKNOWN).astype(np.int64)
    return np.where(np.ma.getmaskarray(labels), UNLABELLED, found)
