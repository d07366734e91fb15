"""Statistics by key of the elements of arrays: tables in which elements are plain columns.

Of an array whose positions are features, each row becomes a row for each block of four positions. The first position
of the block is one more column of the key. A null array is null at each position. All elements of an array are a column
of a table with a row for each.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sparkscale.artifact.states.lengths import Lengths
from sparkscale.pipeline.schema import EVERY, Column
from sparkscale.spark.arrows import key_columns
from sparkscale.spark.columns import ref, scores, size_of
from sparkscale.spark.fit import keyed
from sparkscale.spark.fit.queries import apart, together
from sparkscale.spark.fit.scan import BLOCK
from sparkscale.stats.column import ColumnStats
from sparkscale.stats.quantiles import K

#: Statistics by key and feature.
Found: TypeAlias = dict[tuple[Any, ...], dict[str, ColumnStats]]


def measure(
    df: DataFrame, features: Mapping[str, Column], keys: Sequence[Column], quantiles: Collection[str] = (), k: int = K
) -> Found:
    """Return the statistics of columns and of elements by key; see :func:`sparkscale.spark.fit.keyed.measure`.

    A key is without a feature of all elements if it has no element.
    """
    every = [[column] for column in features.values() if column.position == EVERY]
    arrays, whole = apart([column for column in features.values() if column.position != EVERY])
    plain = {column.name: column for column in whole}
    found: Found = {}
    if plain:
        table = keyed.measure(df, plain, keys, plain.keys() & set(quantiles), k)
        found |= {key: dict(table.of(key)) for key in table.keys.rows()}
    for own in [*arrays, *every]:
        of = _elements if own[0].position == EVERY else _positions
        for key, stats in of(df, own, keys, quantiles, k):
            found.setdefault(key, {}).update(stats)
    return found


def lengths(df: DataFrame, arrays: Mapping[str, Column], keys: Sequence[Column]) -> dict[tuple[Any, ...], Lengths]:
    """Return by key the number of rows, and how many rows of each array have each length; a query for each array."""
    calls = [partial(_counted, df, keys, size_of(ref(*column.path))) for column in arrays.values()]
    found = together(df.sparkSession, calls or [partial(_counted, df, keys, F.lit(0))])
    rows = {key: sum(sizes.values()) for key, sizes in found[0].items()}
    return {
        key: Lengths(rows[key], {name: _known(by.get(key, {})) for name, by in zip(arrays, found, strict=False)})
        for key in rows
    }


def _counted(df: DataFrame, keys: Sequence[Column], size: Any) -> dict[tuple[Any, ...], dict[int | None, int]]:
    grouped = df.groupBy(*key_columns(keys), size.alias("size")).agg(F.count(F.lit(1)).alias("rows"))
    counts: dict[tuple[Any, ...], dict[int | None, int]] = {}
    for *key, length, rows in grouped.collect():
        counts.setdefault(tuple(key), {})[length] = rows
    return counts


def _known(sizes: Mapping[int | None, int]) -> dict[int, int]:
    """Return the lengths without that of null."""
    return {length: rows for length, rows in sizes.items() if length is not None}


def _positions(
    df: DataFrame, columns: Sequence[Column], keys: Sequence[Column], quantiles: Collection[str], k: int
) -> Iterator[tuple[tuple[Any, ...], dict[str, ColumnStats]]]:
    """Yield by key the statistics of positions of one array."""
    named = {column.position: column.name for column in columns}
    width = min(BLOCK, len(columns))
    cells = {f"x_{i}": Column((f"x_{i}",), "double") for i in range(width)}
    sketched = list(cells) if any(column.name in quantiles for column in columns) else []
    starts = sorted({column.position // width * width for column in columns if column.position is not None})
    table = keyed.measure(_blocks(df, columns[0], keys, starts, width), cells, _block_keys(keys), sketched, k)
    for *key, start in table.keys.rows():
        found = table.of((*key, start))
        own = {named[start + i]: found[f"x_{i}"] for i in range(width) if start + i in named}
        yield tuple(key), own


def _blocks(df: DataFrame, column: Column, keys: Sequence[Column], starts: Sequence[int], width: int) -> DataFrame:
    """Return a row for each row and block of ``width`` positions: the key, the first position, the elements."""
    rows = _with_keys(df, column, keys)
    cut = rows.select("*", F.explode(F.lit(list(starts))).alias("start"))
    cells = [F.get("array", F.col("start") + i).alias(f"x_{i}") for i in range(width)]
    return cut.select(*[name for name in rows.columns if name != "array"], "start", *cells)


def _elements(
    df: DataFrame, columns: Sequence[Column], keys: Sequence[Column], quantiles: Collection[str], k: int
) -> Iterator[tuple[tuple[Any, ...], dict[str, ColumnStats]]]:
    """Yield by key the statistics of all elements of an array."""
    (column,) = columns
    rows = _with_keys(df, column, keys)
    names = [name for name in rows.columns if name != "array"]
    table = rows.select(*names, F.explode("array").alias("x_0"))
    sketched = ["x_0"] if column.name in quantiles else []
    found = keyed.measure(table, {"x_0": Column(("x_0",), "double")}, _renamed(keys), sketched, k)
    for key in found.keys.rows():
        yield tuple(key), {column.name: found.of(key)["x_0"]}


def _with_keys(df: DataFrame, column: Column, keys: Sequence[Column]) -> DataFrame:
    """Return the key under names of its own, and an array of doubles."""
    named = [ref(*key.path).alias(new.name) for key, new in zip(keys, _renamed(keys), strict=True)]
    return df.select(*named, scores(Column(column.path, f"array<{column.type}>"), df.sparkSession).alias("array"))


def _renamed(keys: Sequence[Column]) -> list[Column]:
    return [Column((f"key_{i}",), key.type) for i, key in enumerate(keys)]


def _block_keys(keys: Sequence[Column]) -> list[Column]:
    return [*_renamed(keys), Column(("start",), "int")]
