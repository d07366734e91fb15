"""Maps by group on Spark: the number of a row's group and the parameters of its map are joined to it by its key.

A table of parameters up to :data:`~sparkscale.spark.joins.BROADCAST` bytes goes to every executor, and rows stay where
they are. A larger one meets the rows in a shuffle, after which they are sorted back into their order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sparkscale.errors import DataError
from sparkscale.maps import Inverse
from sparkscale.maps.by_group import ByGroup
from sparkscale.pipeline.application import Application
from sparkscale.pipeline.fitted import Fitted
from sparkscale.pipeline.groups import Groups, shown_key, unseen_error
from sparkscale.pipeline.schema import Column
from sparkscale.spark.arrows import key_columns, keys_in
from sparkscale.spark.columns import feature, free_names, ref
from sparkscale.spark.joins import Small, joined, small
from sparkscale.spark.session.failures import translated
from sparkscale.spark.session.session import is_sail
from sparkscale.spark.transform.layers import Layers, Stages
from sparkscale.spark.transform.native import by_group, form_of
from sparkscale.spark.transform.refusing import refuse
from sparkscale.stats.keys import Keys

UNSEEN = "DATA_UNSEEN"


@dataclass(frozen=True)
class Placed:
    """An application whose group and parameters stand beside each row.

    Attributes:
        item: the application.
        number: the name of the column that holds the number of the row's group, null where it is unseen.
        parameters: of a map that is said natively, the names of the columns that hold its parameters.
    """

    item: Application
    number: str
    parameters: Sequence[dict[str, str]] = ()

    @property
    def map(self) -> ByGroup:
        """The map by group."""
        return map_of(self.item)

    def column(self, df: DataFrame, layers: Layers) -> SparkColumn:
        """Return the result by native expressions."""
        stages = Stages(layers, sail=is_sail(df.sparkSession))
        x = feature(self.item.inputs[0], df.sparkSession)
        y = by_group.say(self.map, x, self.parameters, stages, back=isinstance(self.item.map, Inverse))
        return self._unseen(y)

    def crossing(self) -> Application:
        """Return the application for the UDF engines: the number of the group is a second cell."""
        return replace(self.item, inputs=(*self.item.inputs, Column((self.number,), "double")), groups=None)

    def _unseen(self, y: SparkColumn) -> SparkColumn:
        """Return null where the group is unseen; where that is an error, reading the number raises it."""
        return y if self.map.unseen == "global" else F.when(ref(self.number).isNotNull(), y)


@dataclass(frozen=True)
class Joined:
    """Rows with what their maps by group need beside them.

    Attributes:
        df: the rows.
        items: the applications by group, by their outputs.
        taken: the names of the columns that were added.
        order: the name of the column to sort by, to bring the rows back into their order; None where they kept it.
    """

    df: DataFrame
    items: dict[tuple[str, ...], Placed]
    taken: tuple[str, ...] = ()
    order: str | None = None

    @classmethod
    def of(cls, df: DataFrame, items: Sequence[tuple[Application, str]]) -> Joined:
        """Join to each row what the applications by group need, each with the engine that maps it."""
        names = free_names(df.columns)
        rows, placed, taken = df, dict[tuple[str, ...], Placed](), list[str]()
        beside = [_beside(alike, names) for alike in _by_key(items)]
        order = next(names) if any(not _keeps_order(df, one.table) for one in beside) else None
        if order is not None:
            rows, taken = rows.withColumn(order, F.monotonically_increasing_id()), [order]
        for one in beside:
            rows = joined(rows, one.table, [ref(*column.path) for column in one.groups.columns], "left")
            rows = _refusing(rows, one)
            placed |= {each.item.outputs: each for each in one.placed}
            taken += one.table.table.column_names
        return cls(rows, placed, tuple(taken), order)

    def restored(self, df: DataFrame, names: Sequence[SparkColumn]) -> DataFrame:
        """Select columns of the result, its rows in the order that they had."""
        if self.order is None:
            return df.select(*names)
        return df.select(*names, ref(self.order)).orderBy(ref(self.order)).drop(self.order)


def beside(df: DataFrame, items: Sequence[Application]) -> tuple[DataFrame, dict[tuple[str, ...], Placed]]:
    """Join to each row what native maps by group need, and refuse nothing: for an audit, by the applications' outputs.

    Left out is what would take a shuffle on Spark, which changes the order of rows.
    """
    names, rows, placed = free_names(df.columns), df, dict[tuple[str, ...], Placed]()
    chosen = [(item, "native" if form_of(item.map) else "") for item in items]
    for one in (_beside(alike, names) for alike in _by_key(chosen)):
        if one.table.broadcast or is_sail(df.sparkSession):
            rows = joined(rows, one.table, [ref(*column.path) for column in one.groups.columns], "left")
            placed |= {each.item.outputs: each for each in one.placed}
    return rows, placed


def map_of(item: Application) -> ByGroup:
    """Return the map by group of an application, which may be its inverse."""
    map_ = item.map.map if isinstance(item.map, Inverse) else item.map
    assert isinstance(map_, ByGroup)  # noqa: S101 - an application with groups has one
    return map_


@dataclass(frozen=True)
class _Beside:
    """What is joined for the applications of one key."""

    table: Small
    groups: Groups
    number: str
    placed: Sequence[Placed]


def _by_key(items: Sequence[tuple[Application, str]]) -> list[list[tuple[Application, str]]]:
    """Return the applications by group, each with its engine, in lists of one key."""
    out: dict[int, list[tuple[Application, str]]] = {}
    for item, engine in items:
        if item.groups is not None:
            out.setdefault(id(item.groups.keys), []).append((item, engine))
    return list(out.values())


def _beside(alike: Sequence[tuple[Application, str]], names: Iterator[str]) -> _Beside:
    """Return the numbers and parameters by group that applications of one key need."""
    groups = alike[0][0].groups
    assert groups is not None  # noqa: S101 - they were chosen by it
    number, placed = next(names), []
    columns: dict[str, Any] = {number: np.arange(len(groups.keys), dtype=np.float64)}
    for item, engine in alike:
        native = engine == "native"
        held = by_group.parameters(map_of(item), back=isinstance(item.map, Inverse)) if native else []
        named = [{name: next(names) for name in part} for part in held]
        for part, own in zip(held, named, strict=True):
            columns |= {own[name]: array for name, array in part.items()}
        placed.append(Placed(item, number, named))
    keys = [next(names) for _ in groups.columns]
    table = small(groups.keys, keys, {name: pa.array(array) for name, array in columns.items()})
    return _Beside(table, groups, number, placed)


def ways(items: Sequence[tuple[Application, str]]) -> dict[int, str]:
    """Return how the parameters of each step by group reach its rows, by the step's number: for people."""
    out: dict[int, str] = {}
    for alike in _by_key(items):
        one = _beside(alike, free_names([]))
        size = f"{len(one.groups.keys):,} groups, {one.table.table.nbytes:,} bytes"
        way = f"broadcast ({size})" if one.table.broadcast else f"a shuffle, and sorted back ({size})"
        out |= {item.number: way for item, _ in alike}
    return out


def _keeps_order(df: DataFrame, table: Small) -> bool:
    """Whether a join leaves rows where they are: a broadcast does on Spark; Sail's join deals rows to its threads."""
    return table.broadcast and not is_sail(df.sparkSession)


def _refusing(df: DataFrame, one: _Beside) -> DataFrame:
    """Return rows whose number stops the query where it is null, if that is asked for."""
    if all(each.map.unseen != "error" for each in one.placed):
        return df
    parts = [F.coalesce(ref(*column.path).cast("string"), F.lit("null")) for column in one.groups.columns]
    refused = refuse(f"{UNSEEN}: a group that the fit has not seen (unseen: error): ", F.concat_ws(", ", *parts))
    return df.withColumn(one.number, F.coalesce(ref(one.number), refused.cast("double")))


@contextmanager
def unseen_counted(df: DataFrame, fitted: Fitted) -> Iterator[None]:
    """Where a query of the block stops at a group that the fit has not seen, count such rows and groups."""
    try:
        yield
    except DataError as error:
        if error.code != UNSEEN:
            raise
        strict = [item for item in fitted.applications if item.groups and map_of(item).unseen == "error"]
        for item in {item.number: item for item in strict}.values():
            assert item.groups is not None  # noqa: S101 - they were chosen by it
            if found := unseen_of(df, item, item.groups):
                raise found from error
        raise


def unseen_of(df: DataFrame, item: Application, groups: Groups) -> DataError | None:
    """Return the error of rows of groups that the fit has not seen, counted by one query; None if there are none."""
    names = free_names([*df.columns, *(f"k_{i}" for i in range(len(groups.columns)))])
    keys = [next(names) for _ in groups.columns]
    number = next(names)
    table = small(groups.keys, keys, {number: pa.array(np.arange(len(groups.keys)))})
    columns = [ref(*column.path) for column in groups.columns]
    rows = joined(
        df.select(*key_columns(groups.columns)), table, [F.col(f"k_{i}") for i in range(len(columns))], "left"
    )
    by_key = rows.where(ref(number).isNull()).groupBy(*(f"k_{i}" for i in range(len(columns)))).count()
    with translated("counting groups"):
        total = by_key.agg(F.count(F.lit(1)), F.sum("count")).collect()[0]
        first = by_key.orderBy(*(f"k_{i}" for i in range(len(columns)))).limit(1).drop("count").toArrow()
    if not total[0]:
        return None
    example = shown_key(Keys(tuple(keys_in(first, groups.columns))))
    return unseen_error(item.number, [column.name for column in groups.columns], total[1], total[0], example)
