"""Statistics of columns behind maps, for scalers that look again: the maps are applied, and the results measured."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkscale.pipeline.application import Application
from sparkscale.pipeline.schema import Column
from sparkscale.scalers.learning import Ask
from sparkscale.spark.columns import feature, free_names
from sparkscale.spark.fit import positions, scan
from sparkscale.spark.fit.queries import GROUP
from sparkscale.spark.transform.transform import applied
from sparkscale.stats.column import ColumnStats

#: What a query in Python is asked at most: 23 KB for each of its tasks go to the driver.
_MOST = 256
#: Returns the statistics of columns, some of them with quantile sketches.
Measure: TypeAlias = Callable[[DataFrame, Mapping[str, Column], Collection[str]], dict[str, ColumnStats]]


def measure(
    df: DataFrame,
    features: Mapping[str, Column],
    measured: Measure,
    asked: Sequence[tuple[str, Ask]],
    *,
    weight: Column | None = None,
) -> list[ColumnStats]:
    """Return the statistics that are asked for, each of a feature as a map leaves it.

    Positions of arrays, and more columns than one query of Spark's holds, go through Python workers. Sketches do so on
    engines that have none: elsewhere executors merge them before they go to the driver.
    """
    wide = len({name for name, _ in asked}) > GROUP
    own_sketches = scan.has_native_sketch(df.sparkSession)
    packed = [
        (wide or features[name].position is not None) and not (ask.quantiles and own_sketches) for name, ask in asked
    ]
    in_python = iter(_in_python(df, features, list(itertools.compress(asked, packed)), weight))
    rest = list(itertools.compress(asked, map(operator.not_, packed)))
    natively = iter(_natively(df, features, measured, rest, [] if weight is None else [weight.path[0]]))
    return [next(in_python if pack else natively) for pack in packed]


@dataclass(frozen=True)
class _Pack:
    """Features side by side in an array of doubles: the array, its length, and the place of each feature."""

    array: SparkColumn
    length: int
    places: Mapping[str, int]


def _in_python(
    df: DataFrame, features: Mapping[str, Column], asked: Sequence[tuple[str, Ask]], weight: Column | None
) -> list[ColumnStats]:
    """Return the statistics by one query for each array, and one for all columns."""
    if len(asked) > _MOST:
        parts = asked[:_MOST], asked[_MOST:]
        return [stats for part in parts for stats in _in_python(df, features, part, weight)]
    w = None if weight is None else feature(weight, df.sparkSession)
    found: dict[int, ColumnStats] = {}
    for pack in _packs(df.sparkSession, features, {name for name, _ in asked}):
        numbers = [number for number, (name, _) in enumerate(asked) if name in pack.places]
        placed = [(pack.places[asked[number][0]], asked[number][1]) for number in numbers]
        found |= zip(numbers, positions.measure(df, pack.array, pack.length, placed, w), strict=True)
    return [found[number] for number in range(len(asked))]


def _packs(spark: SparkSession, features: Mapping[str, Column], names: Collection[str]) -> Iterator[_Pack]:
    """Yield the arrays that hold features: one of columns, and those that are arrays already."""
    columns = [name for name in features if name in names and features[name].position is None]
    if columns:
        array = F.array(*[feature(features[name], spark) for name in columns])
        yield _Pack(array, len(columns), {name: place for place, name in enumerate(columns)})
    for whole in dict.fromkeys(features[name].whole for name in names if name not in columns):
        own = {name: column for name, column in features.items() if column.whole == whole}
        first = next(iter(own.values()))
        array = positions.of_length(Column(first.path, f"array<{first.type}>"), len(own), spark)
        yield _Pack(array, len(own), {name: column.position or 0 for name, column in own.items()})


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
