"""Array columns in a fit: one look at how long their rows are, and tables of all elements.

A position of an array is a column by then, and the positions of an array are aggregated by one query. All elements of
an array, over which rows do not matter, are a column of a table of their own, with a row for each element.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sparkscale.pipeline.elements import with_lengths
from sparkscale.pipeline.looking import Answer
from sparkscale.pipeline.plan import Plan
from sparkscale.pipeline.schema import EVERY, Column
from sparkscale.scalers.learning import Ask
from sparkscale.spark.columns import lengths_in, ref, scores, size_of
from sparkscale.spark.fit import behind, weighing
from sparkscale.spark.fit.behind import Measure
from sparkscale.stats.column import ColumnStats

#: The name of the column in a table of all elements of an array.
_ELEMENT = "element"


def measured(df: DataFrame, planned: Plan) -> tuple[Plan, int]:
    """Return the plan with the lengths of its array columns, and the number of rows without those of weight 0.

    One look; where the lengths of a column differ, another one counts them for the error.
    """
    weight = planned.weight_column
    used = df if weight is None else weighing.weighted_rows(df, weight)
    names, arrays = list(planned.by_position), [ref(*column.path) for column in planned.by_position.values()]
    sizes = list(map(size_of, arrays))
    rows, *ends = used.agg(F.count(F.lit(1)), *map(F.min, sizes), *map(F.max, sizes)).collect()[0]
    if not rows:
        return planned, rows
    first, last = ends[: len(names)], ends[len(names) :]
    found = zip(names, first, last, arrays, strict=True)
    counts = {
        name: {least: rows} if least == most and least is not None else lengths_in(used, array)
        for name, least, most, array in found
    }
    return with_lengths(planned, counts), rows


def tables(
    df: DataFrame, features: Mapping[str, Column], weight: Column | None
) -> Iterator[tuple[DataFrame, dict[str, Column]]]:
    """Yield the tables that hold features as columns: the DataFrame, and those of all elements of an array.

    These have the weight as well.
    """
    if own := {name: column for name, column in features.items() if column.position != EVERY}:
        yield df, own
    kept = [] if weight is None else [ref(weight.path[0]).alias(weight.path[0])]
    for name, column in features.items():
        if column.position == EVERY:
            array = scores(Column(column.path, f"array<{column.type}>"), df.sparkSession)
            yield df.select(*kept, F.explode(array).alias(_ELEMENT)), {name: Column((_ELEMENT,), "double")}


def measure(
    df: DataFrame, features: Mapping[str, Column], quantiles: frozenset[str], look: Measure, weight: Column | None
) -> dict[str, ColumnStats]:
    """Return the statistics of features, whichever table holds them."""
    stats: dict[str, ColumnStats] = {}
    for table, columns in tables(df, features, weight):
        names = {column.name: name for name, column in columns.items()}
        sketched = {column.name for name, column in columns.items() if name in quantiles}
        found = look(table, {column.name: column for column in columns.values()}, sketched)
        stats |= {names[name]: known for name, known in found.items()}
    return stats


def answers(df: DataFrame, features: Mapping[str, Column], look: Measure, weight: Column | None) -> Answer:
    """Return what looks again at features, whichever table holds them."""

    def answer(asked: Sequence[tuple[str, Ask]]) -> list[ColumnStats]:
        found: dict[int, ColumnStats] = {}
        for table, columns in tables(df, features, weight):
            own = {number: one for number, one in enumerate(asked) if one[0] in columns}
            seen = behind.measure(table, columns, look, list(own.values()), weight=weight) if own else []
            found |= dict(zip(own, seen, strict=True))
        return [found[number] for number in range(len(asked))]

    return answer
