"""Statistics of columns behind maps, for scalers that look again: the maps are applied, and the results measured."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeAlias

from pyspark.sql import DataFrame

from sparkscale.pipeline.application import Application
from sparkscale.pipeline.schema import Column
from sparkscale.scalers.learning import Ask
from sparkscale.spark.columns import free_names
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
