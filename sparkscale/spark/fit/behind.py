"""Statistics of columns behind maps, for scalers that look again: the maps are applied, and the results measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TypeAlias

from pyspark.sql import DataFrame

from sparkscale.pipeline.application import Application
from sparkscale.pipeline.schema import Column
from sparkscale.scalers.learning import Ask
from sparkscale.spark.columns import free_names
from sparkscale.spark.fit import positions
from sparkscale.spark.fit.queries import GROUP
from sparkscale.spark.transform.transform import applied
from sparkscale.stats.column import ColumnStats

#: Returns the statistics of columns, some of them with quantile sketches.
Measure: TypeAlias = Callable[[DataFrame, Mapping[str, Column], Collection[str]], dict[str, ColumnStats]]


def measure(
    df: DataFrame,
    features: Mapping[str, Column],
    measured: Measure,
    asked: Sequence[tuple[str, Ask]],
    *,
    keep: Sequence[str] = (),
) -> list[ColumnStats]:
    """Return the statistics that are asked for, each of a feature as a map leaves it; columns to ``keep`` stay.

    Positions of an array go through Python workers, unless they are weighted or sketched.
    """
    in_python = {number for number, (name, ask) in enumerate(asked) if _is_plain_position(features[name], ask, keep)}
    others = [one for number, one in enumerate(asked) if number not in in_python]
    natively = iter(_natively(df, features, measured, others, keep))
    found = _of_positions(df, features, [asked[number] for number in in_python])
    return [next(found) if number in in_python else next(natively) for number in range(len(asked))]


def _is_plain_position(column: Column, ask: Ask, keep: Sequence[str]) -> bool:
    return column.position is not None and not ask.quantiles and not keep


def _of_positions(
    df: DataFrame, features: Mapping[str, Column], asked: Sequence[tuple[str, Ask]]
) -> Iterator[ColumnStats]:
    """Yield the statistics of positions of arrays, by one query for each array."""
    lengths = Counter(column.whole for column in features.values())
    by_array: dict[str, list[positions.Asked]] = {}
    arrays: dict[str, Column] = {}
    for name, ask in asked:
        column = features[name]
        arrays[column.whole] = Column(column.path, f"array<{column.type}>")
        by_array.setdefault(column.whole, []).append((column.position or 0, ask.map))
    found = {
        whole: iter(positions.measure(df, array, lengths[whole], by_array[whole])) for whole, array in arrays.items()
    }
    return (next(found[features[name].whole]) for name, _ in asked)


def _natively(
    df: DataFrame,
    features: Mapping[str, Column],
    measured: Measure,
    asked: Sequence[tuple[str, Ask]],
    keep: Sequence[str],
) -> list[ColumnStats]:
    """Return the statistics by Spark's expressions.

    A query holds a group of columns, as the plan of one over all of them would grow with their square.
    """
    found: list[ColumnStats] = []
    for start in range(0, len(asked), GROUP):
        group = list(zip(free_names(df.columns), asked[start : start + GROUP], strict=False))
        items = [Application(ask.map, (features[feature],), (name,), "float64") for name, (feature, ask) in group]
        columns = {name: Column((name,), "double") for name, _ in group}
        sketched = {name for name, (_, ask) in group if ask.quantiles}
        stats = measured(applied(df, items, keep), columns, sketched)
        found += [stats[name] for name in columns]
    return found
