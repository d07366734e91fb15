"""The counters of an audit as Spark expressions over the input's columns; see :mod:`sparkscale.pipeline.audit`.

Nothing is counted that is known: a counter that the input's types rule out, such as NaN among integers, is 0, and a run
has the nulls, NaN and infinities of its features from its fit. Each counter costs time, some nanoseconds a row.
By group, what values are compared with is joined to the rows. Of an array, it is an array of constants.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sparkscale.maps import ColumnMap, Elements, RowMap
from sparkscale.maps.by_group import ByGroup
from sparkscale.pipeline.application import Application
from sparkscale.pipeline.audit import Audit, Audited, audited
from sparkscale.pipeline.fitted import Fitted
from sparkscale.pipeline.schema import Column
from sparkscale.spark.columns import balanced, feature, ref
from sparkscale.spark.session.session import is_sail
from sparkscale.spark.transform import grouped, native
from sparkscale.spark.transform.grouped import Placed
from sparkscale.spark.transform.layers import Layers, Stages
from sparkscale.spark.transform.masks import elements_of, scores_of
from sparkscale.spark.transform.native import by_group
from sparkscale.spark.transform.native.extents import ArrayEvents, events
from sparkscale.spark.transform.native.scores import Unary
from sparkscale.stats.column import ColumnStats

#: A condition whose rows are counted, or their number.
Met: TypeAlias = SparkColumn | int
_INF = math.inf
_FLOATING = ("float", "double")


@dataclass
class Counters:
    """What is counted in one pass, each condition once.

    Attributes:
        rows: the rows to count: a DataFrame with what maps by group need beside its columns.
        wanted: the conditions by the name under which their count is found.
    """

    rows: DataFrame
    wanted: dict[str, SparkColumn] = field(default_factory=dict)
    #: For each map, the name under which each of its counts is found, or the count itself.
    names: list[tuple[Audited, dict[str, str | int]]] = field(default_factory=list)

    @classmethod
    def of(cls, df: DataFrame, fitted: Fitted, known: Mapping[str, ColumnStats]) -> Counters:
        """Return the counters of every map; starts no job. The statistics of some columns may be ``known``."""
        rows, placed = grouped.beside(df, list(fitted.applications))
        layers = Layers(rows.columns)
        counters, inputs = cls(rows), Inputs(df, known, placed, layers)
        for number, one in enumerate(audited(fitted)):
            names: dict[str, str | int] = {}
            for counter, (key, condition) in inputs.conditions(one.item, number).items():
                names[counter] = condition if isinstance(condition, int) else f"audit_{key}"
                if not isinstance(condition, int):
                    counters.wanted[f"audit_{key}"] = condition
            counters.names.append((one, names))
        counters.rows = layers.over(rows)
        return counters

    @property
    def columns(self) -> list[SparkColumn]:
        """The counts, as aggregates."""
        return [F.count(F.when(condition, 1)).alias(name) for name, condition in self.wanted.items()]

    def audit(self, counts: Mapping[str, int], rows: int) -> Audit:
        """Return what was counted."""
        maps = (
            one.counts({counter: name if isinstance(name, int) else counts[name] for counter, name in names.items()})
            for one, names in self.names
        )
        return Audit(rows, tuple(maps))


@dataclass
class Inputs:
    """The inputs of maps, each with a number of its own: maps of one column share its counters."""

    df: DataFrame
    known: Mapping[str, ColumnStats]
    placed: Mapping[tuple[str, ...], Placed]
    layers: Layers
    numbers: dict[tuple[Column, ...], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._not_null = {field.name for field in self.df.schema.fields if not field.nullable}
        self._spark = self.df.sparkSession
        self._sail = is_sail(self._spark)

    def conditions(self, item: Application, number: int) -> dict[str, tuple[str, Met]]:
        """Return for each counter its name, and what it counts."""
        own = self.numbers.setdefault((*item.inputs, *([item.mask.column] if item.mask else [])), len(self.numbers))
        given = self._of_array(item) if item.over_array else self._of_cells(item)
        found = {counter: (f"{counter}_{own}", condition) for counter, condition in given}
        return found | {counter: (f"{counter}_of_{number}", condition) for counter, condition in self._events(item)}

    def _of_cells(self, item: Application) -> Iterator[tuple[str, Met]]:
        stats = self.known.get(item.inputs[0].name) if isinstance(item.map, ColumnMap) else None
        if stats is not None:
            yield from (("nulls", stats.nulls), ("nans", stats.nans), ("infinite", stats.posinf + stats.neginf))
            return
        cells = [(column, feature(column, self._spark)) for column in item.inputs]
        may_be_null = [cell for column, cell in cells if column.nested or column.name not in self._not_null]
        floating = [cell for column, cell in cells if column.type in _FLOATING]
        yield "nulls", _any(may_be_null, lambda x: x.isNull())
        yield "nans", _any(floating, F.isnan)
        yield "infinite", _any(floating, lambda x: F.abs(x) == _INF)

    def _of_array(self, item: Application) -> Iterator[tuple[str, Met]]:
        """Count rows by functions of whole arrays: one of each element, as in ``exists``, is ten times as slow."""
        array = scores_of(item, self._spark)
        if item.mask is None:
            yield "nulls", array.isNull() | F.exists(array, _is_null) if self._sail else _holds_null(array)
        yield "nans", F.isnan(F.array_max(array))
        yield "infinite", F.array_contains(array, F.lit(_INF)) | F.array_contains(array, F.lit(-_INF))

    def _events(self, item: Application) -> Iterator[tuple[str, Met]]:
        if isinstance(item.map, ByGroup):
            yield from self._by_group(item, item.map)
        elif isinstance(item.map, Elements):
            array = elements_of(item, self._spark)  # of another length the query stops where it is transformed
            yield from ArrayEvents(item.map.extents, array, self._sail).found()
        elif isinstance(item.map, ColumnMap):
            if (extent := item.map.extent) is not None:
                yield from events(extent, feature(item.inputs[0], self._spark))
        elif isinstance(item.map, RowMap) and item.map.partial:
            form = native.form_of(item.map)
            cells = [feature(column, self._spark) for column in item.inputs if not item.over_array]
            array = F.array(*cells) if cells else scores_of(item, self._spark)
            undefined = None if form is None else form.undefined(array)
            if undefined is not None:
                yield "undefined", undefined

    def _by_group(self, item: Application, map_: ByGroup) -> Iterator[tuple[str, Met]]:
        if (placed := self.placed.get(item.outputs)) is None:
            return
        seen = ref(placed.number).isNotNull()
        if native.form_of(map_) is not None:
            stages = Stages(self.layers, sail=self._sail)
            for name, met in by_group.met(
                map_, feature(item.inputs[0], self._spark), placed.parameters, stages
            ).items():
                yield name, met if map_.unseen == "global" else met & seen
        yield "unseen", ~seen


def _any(cells: Sequence[SparkColumn], holds: Unary) -> Met:
    """Return whether a predicate holds for some cell; of no cells, how many rows that are."""
    return balanced(operator.or_, [holds(cell) for cell in cells]) if cells else 0


def _is_null(score: SparkColumn) -> SparkColumn:
    return score.isNull()


def _holds_null(array: SparkColumn) -> SparkColumn:
    """Return whether an array is null or holds one, for which no function asks.

    What Spark's ``array_contains`` has not found it does not know, null, if there is a null. Only where there are both
    an infinity and perhaps a null, the elements are looked at one by one.
    """
    found = F.array_contains(array, F.lit(_INF))
    return F.coalesce(found & F.exists(array, _is_null), F.lit(True))  # noqa: FBT003 - Spark's true
