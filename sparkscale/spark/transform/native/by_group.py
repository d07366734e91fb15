"""A map by group as Spark expressions: the family's formula, with columns in place of the parameters that differ.

The operations are those of the literal form, in the same order: the same bits.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import Column as SparkColumn
from pyspark.sql import functions as F

from sparkscale.maps import Map
from sparkscale.maps.affines import Affines
from sparkscale.maps.by_group import ByGroup
from sparkscale.maps.family import Chains, Family, Fills, Limits, Same
from sparkscale.spark.columns import ref
from sparkscale.spark.transform.layers import Stages
from sparkscale.spark.transform.native.base import ColumnForm, form_of
from sparkscale.spark.transform.native.extents import events
from sparkscale.spark.transform.native.fill import is_missing

#: A parameter of a family: one number for all groups, or an array with one for each of its maps.
Terms: TypeAlias = Mapping[str, NDArray[np.float64]]


class ByGroupForm(ColumnForm[ByGroup], of=ByGroup):
    """Says which maps by group have a native form; their columns are made by :func:`say`."""

    @classmethod
    def serves(cls, map_: Map) -> bool:
        """Whether every part of the family is one of those below, or has a native form itself."""
        if not isinstance(map_, ByGroup):
            return False
        return all(map(is_said, _parts(map_.family)))


def is_said(part: Family) -> bool:
    """Whether a family, or a part of one, has a native form."""
    return isinstance(part, Affines | Fills | Limits) or (isinstance(part, Same) and form_of(part.map) is not None)


def parameters(map_: ByGroup, *, back: bool) -> list[dict[str, NDArray[np.float64]]]:
    """Return for each part of the family the parameters that differ by group, an array with one for each group."""
    found = (differing(part, back=back) for part in _parts(map_.family))
    return [{name: term[map_.slots] for name, term in terms.items()} for terms in found]


def differing(part: Family, *, back: bool) -> Terms:
    """Return the parameters of a family, or of a part of one, that differ from map to map."""
    return {name: term for name, term in _terms(part, back=back).items() if term.ndim}


def say(
    map_: ByGroup, x: SparkColumn, placed: Sequence[Mapping[str, str]], stages: Stages, *, back: bool
) -> SparkColumn:
    """Return the result of a map, or of its inverse, with its parameters in the columns of these names.

    A row without parameters, of a group that is not there, has those of all rows.
    """
    parts = list(zip(_parts(map_.family), placed, strict=True))
    for number, (part, names) in enumerate(reversed(parts) if back else parts):
        x = stages.keep(x) if number else x
        x = say_part(part, x, _columns(names), stages, back=back)
    return x


def say_part(
    part: Family, x: SparkColumn, placed: Mapping[str, SparkColumn], stages: Stages, *, back: bool
) -> SparkColumn:
    """Return the result of a family, or of a part of one, with its parameters in these columns."""
    terms = {name: _Term.of(term, placed.get(name)) for name, term in _terms(part, back=back).items()}
    return _backward(part, x, terms, stages) if back else _along(part, x, terms, stages)


def _columns(names: Mapping[str, str]) -> dict[str, SparkColumn]:
    return {name: ref(column) for name, column in names.items()}


def _along(part: Family, x: SparkColumn, terms: Mapping[str, _Term], stages: Stages) -> SparkColumn:
    if isinstance(part, Same):
        return _form(part).along(x, stages)
    if isinstance(part, Affines):
        return _forward(x, terms)
    return _filled(x, part, terms) if isinstance(part, Fills) else _limited(x, terms)


def _backward(part: Family, y: SparkColumn, terms: Mapping[str, _Term], stages: Stages) -> SparkColumn:
    if isinstance(part, Same):
        return _form(part).back(y, stages)
    return _inverse(y, terms) if isinstance(part, Affines) else y


def _form(part: Same) -> ColumnForm[Any]:
    form = form_of(part.map)
    assert isinstance(form, ColumnForm)  # noqa: S101 - `serves` has seen to it
    return form


def met(map_: ByGroup, x: SparkColumn, placed: Sequence[Mapping[str, str]], stages: Stages) -> dict[str, SparkColumn]:
    """Return whether each event happens to a value; see :meth:`ByGroup.met`."""
    found: dict[str, SparkColumn] = {}
    parts = list(zip(_parts(map_.family), placed, strict=True))
    for number, (part, names) in enumerate(parts, 1):
        placed_here = _columns(names)
        terms = {name: _Term.of(term, placed_here.get(name)) for name, term in _terms(part, back=False).items()}
        for name, where in _events(part, x, terms):
            found[name] = found[name] | where if name in found else where
        if number < len(parts):
            x = stages.keep(_along(part, x, terms, stages))
    undefined = found.get("undefined")
    if undefined is None:
        return found
    return {name: where if name == "undefined" else where & ~undefined for name, where in found.items()}


def _events(part: Family, x: SparkColumn, terms: Mapping[str, _Term]) -> Iterator[tuple[str, SparkColumn]]:
    if isinstance(part, Same):
        yield from () if part.map.extent is None else events(part.map.extent, x)
    elif isinstance(part, Affines):
        yield from _beyond(_unheld(x, terms), terms["clip_low"], terms["clip_high"])
    elif isinstance(part, Limits):
        yield from _beyond(x, terms["low"], terms["high"])


def _beyond(y: SparkColumn, low: _Term, high: _Term) -> Iterator[tuple[str, SparkColumn]]:
    """Yield whether a value is below or above ends that some group has. To Spark, NaN is larger than any number."""
    never = F.lit(False)  # noqa: FBT003 - Spark's false
    if not low.is_(-math.inf):
        yield "clipped_low", F.coalesce(y < low.column, never)
    if not high.is_(math.inf):
        yield "clipped_high", F.coalesce((y > high.column) & ~F.isnan(y), never)


@dataclass(frozen=True)
class _Term:
    """A parameter as an expression, and as the one number that it is for all groups; None where it differs."""

    column: SparkColumn
    value: float | None

    @classmethod
    def of(cls, term: NDArray[np.float64], column: SparkColumn | None) -> _Term:
        whole = float(term[-1] if term.ndim else term)  # the last is that of all rows
        literal = F.lit(whole)
        return cls(literal, whole) if column is None else cls(F.coalesce(column, literal), None)

    def is_(self, neutral: float) -> bool:
        """Whether it is the same number for all groups."""
        return self.value == neutral

    @property
    def nowhere(self) -> bool:
        """Whether it is NaN for all groups, which stands for none."""
        return self.value is not None and math.isnan(self.value)


def _parts(family: Family) -> Iterator[Family]:
    if isinstance(family, Chains):
        for part in family.parts:
            yield from _parts(part)
    else:
        yield family


def _terms(part: Family, *, back: bool) -> Terms:
    if isinstance(part, Affines):
        return part.back if back else part.terms
    return {name: np.asarray(array) for name, array in part.parameters.items()}


def _forward(x: SparkColumn, terms: Mapping[str, _Term]) -> SparkColumn:
    y = _pinned(x, _unheld(x, terms), terms["pin_x"], terms["pin_y"])
    if terms["clip_low"].is_(-math.inf):
        return y
    return _held(y, terms["clip_low"].column, terms["clip_high"].column)


def _unheld(x: SparkColumn, terms: Mapping[str, _Term]) -> SparkColumn:
    y = x if terms["prescale"].is_(1) else x * terms["prescale"].column
    y = y - terms["start"].column
    y = y if terms["center_lo"].is_(0) else y - terms["center_lo"].column
    y = y / terms["scale"].column
    y = y if terms["gain"].is_(1) else y * terms["gain"].column
    y = _added(y, terms["offset"])
    return y if terms["postscale"].is_(1) else y * terms["postscale"].column


def _inverse(y: SparkColumn, terms: Mapping[str, _Term]) -> SparkColumn:
    x = y if terms["postscale"].is_(1) else y / terms["postscale"].column
    x = x if terms["offset"].is_(0) else x - terms["offset"].column
    x = x * terms["scale"].column
    x = x if terms["gain"].is_(1) else x / terms["gain"].column
    x = _added(x, terms["center_lo"])
    x = x + terms["start"].column
    x = x if terms["prescale"].is_(1) else x / terms["prescale"].column
    if not terms["reach_low"].nowhere:
        reached = (y >= terms["reach_low"].column) & (y <= terms["reach_high"].column)
        x = F.when((F.abs(x) == math.inf) & reached, F.signum(x) * sys.float_info.max).otherwise(x)
    return _pinned(y, x, terms["pin_y"], terms["pin_x"])


def _added(y: SparkColumn, term: _Term) -> SparkColumn:
    """Add a number where it is not 0, which would make 0 of -0."""
    if term.is_(0):
        return y
    added = y + term.column
    return added if term.value is not None else F.when(term.column != 0.0, added).otherwise(y)


def _pinned(x: SparkColumn, y: SparkColumn, at: _Term, value: _Term) -> SparkColumn:
    """Give ``value`` exactly where ``x`` is ``at``; NaN, which stands for no pin, gives NaN for NaN."""
    return y if at.nowhere else F.when(x == at.column, value.column).otherwise(y)


def _held(y: SparkColumn, low: SparkColumn, high: SparkColumn) -> SparkColumn:
    """Hold within ends; Spark takes NaN for the largest number, which it is not."""
    return F.when(y < low, low).when((y > high) & ~F.isnan(y), high).otherwise(y)


def _limited(x: SparkColumn, terms: Mapping[str, Any]) -> SparkColumn:
    return _held(x, terms["low"].column, terms["high"].column)


def _filled(x: SparkColumn, part: Fills, terms: Mapping[str, Any]) -> SparkColumn:
    return F.when(is_missing(x, part.first.missing), terms["value"].column).otherwise(x)
