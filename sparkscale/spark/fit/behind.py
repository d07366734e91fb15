"""Statistics of columns behind maps, for scalers that look again: the maps are applied, and the results measured."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeAlias

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
_Way: TypeAlias = Literal["natively", "in Python", "mapped"]


def measure(
    df: DataFrame,
    features: Mapping[str, Column],
    measured: Measure,
    asked: Sequence[tuple[str, Ask]],
    *,
    weight: Column | None = None,
) -> list[ColumnStats]:
    """Return the statistics that are asked for, each of a feature as a map leaves it.

    Positions of arrays, and more columns than one query of Spark's holds, go through Python workers. These measure
    them, or map them for an engine that sketches: its executors merge sketches before they go to the driver.
    """
    wide = len({name for name, _ in asked}) > GROUP
    native_sketch = scan.has_native_sketch(df.sparkSession)
    w = None if weight is None else feature(weight, df.sparkSession)
    packs = partial(_by_pack, df.sparkSession, features)
    ways: dict[_Way, Callable[[Sequence[tuple[str, Ask]]], list[ColumnStats]]] = {
        "natively": partial(_natively, df, features, measured, keep=[] if weight is None else [weight.path[0]]),
        "in Python": partial(packs, lambda pack, placed: positions.measure(df, pack.array, pack.length, placed, w)),
        "mapped": partial(packs, partial(_mapped, df, measured)),
    }
    chosen = [
        _way(ask, packed=wide or features[name].position is not None, native_sketch=native_sketch)
        for name, ask in asked
    ]
    found: dict[int, ColumnStats] = {}
    for way, answer in ways.items():
        numbers = [number for number, one in enumerate(chosen) if one == way]
        found |= zip(numbers, answer([asked[number] for number in numbers]), strict=True)
    return [found[number] for number in range(len(asked))]


def _way(ask: Ask, *, packed: bool, native_sketch: bool) -> _Way:
    if not packed:
        return "natively"
    return "mapped" if ask.quantiles and native_sketch else "in Python"


@dataclass(frozen=True)
class _Pack:
    """Features side by side in an array of doubles: the array, its length, and the place of each feature."""

    array: SparkColumn
    length: int
    places: Mapping[str, int]


def _by_pack(
    spark: SparkSession,
    features: Mapping[str, Column],
    answer: Callable[[_Pack, list[positions.Asked]], list[ColumnStats]],
    asked: Sequence[tuple[str, Ask]],
) -> list[ColumnStats]:
    """Return the statistics by one query for each array, and one for all columns."""
    if len(asked) > _MOST:
        parts = asked[:_MOST], asked[_MOST:]
        return [stats for part in parts for stats in _by_pack(spark, features, answer, part)]
    found: dict[int, ColumnStats] = {}
    for pack in _packs(spark, features, {name for name, _ in asked}):
        numbers = [number for number, (name, _) in enumerate(asked) if name in pack.places]
        placed = [(pack.places[asked[number][0]], asked[number][1]) for number in numbers]
        found |= zip(numbers, answer(pack, placed), strict=True)
    return [found[number] for number in range(len(asked))]


def _mapped(df: DataFrame, measured: Measure, pack: _Pack, placed: Sequence[positions.Asked]) -> list[ColumnStats]:
    """Return statistics with sketches that the engine makes of what Python workers have mapped."""
    table = positions.mapped(df, pack.array, pack.length, placed)
    columns = [Column(tuple(table.columns), "double", position=place) for place in range(len(placed))]
    found = measured(table, {column.name: column for column in columns}, [column.name for column in columns])
    return [found[column.name] for column in columns]


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
    *,
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
        stats = measured(applied(df, items, [*keep, *columns]), columns, sketched)
        found += [stats[name] for name in columns]
    return found
