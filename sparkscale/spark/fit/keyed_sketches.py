"""Quantile sketches by key: the engine's own, or NumPy and DataSketches in Python workers where it has none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame

from sparkscale.errors import DataError
from sparkscale.pipeline.schema import Column
from sparkscale.spark.arrows import array_of, key_columns, keys_in
from sparkscale.spark.columns import feature
from sparkscale.spark.fit import scan
from sparkscale.spark.fit.queries import evenly, together
from sparkscale.spark.session.shipping import ship
from sparkscale.spark.workers import forget_packages_in_archives
from sparkscale.stats.columnar import StatsArrays
from sparkscale.stats.keys import Keys
from sparkscale.stats.quantiles import K, QuantileSketch
from sparkscale.stats.table import StatsTable

#: Columns a query: each of their buffers holds a sketch for each key of a task.
_GROUP = 16
#: A sketch of many values retains about three for each unit of its accuracy, of 8 bytes each.
_RETAINED = 3
#: So many bytes of sketches a driver holds with ease.
MAX_BYTES = 1024**3
#: Rows that a worker gathers before it sketches them.
_ROWS = 200_000


def added(
    table: StatsTable, df: DataFrame, columns: Sequence[Column], keys: Sequence[Column], k: int = K
) -> StatsTable:
    """Return a table of statistics with sketches of some features, of accuracy ``k``, which takes a scan of them."""
    if not columns:
        return table
    _check_size(table, columns, k)
    if scan.has_native_sketch(df.sparkSession):
        calls = [partial(_native, df, part, keys, k) for part in evenly(columns, _GROUP)]
        found = together(df.sparkSession, calls)
    else:
        found = [_in_python(df, columns, keys, k)]
    features = dict(table.features)
    for part in found:
        features |= {name: _joined(name, table, part) for name in part.features}
    return StatsTable(table.keys, features)


def queries(df: DataFrame, columns: int) -> int:
    """Return how many queries the sketches of so many columns take."""
    return -(-columns // _GROUP) if scan.has_native_sketch(df.sparkSession) else min(columns, 1)


def _check_size(table: StatsTable, columns: Sequence[Column], k: int) -> None:
    """Refuse sketches that the driver could not hold."""
    size = sum(int(np.minimum(table.features[c.name].finite, _RETAINED * k).sum()) * 8 for c in columns)
    if size > MAX_BYTES:
        cause = f"quantiles by key: expected at most {MAX_BYTES / 1e9:.1f} GB of sketches, found {size / 1e9:.1f} GB"
        many = f", {len(table) * len(columns):,} of them"
        hint = "use a coarser key, or a scaler without quantiles, such as standard"
        raise DataError("DATA_GROUPS", cause + many, hint)


def _joined(name: str, table: StatsTable, part: StatsTable) -> Any:
    stats, found = table.features[name], part.features[name]
    if table.keys != part.keys or not np.array_equal(stats.finite, found.finite):
        cause = f"column {name!r}: expected the same values by key once more, found others"
        raise DataError("DATA_CHANGED", cause, "cache or write the table first: it differs from reading to reading")
    return replace(stats, sketches=found.sketches)


def _native(df: DataFrame, columns: Sequence[Column], keys: Sequence[Column], k: int) -> StatsTable:
    made = [scan.sketched(feature(c, df.sparkSession), k).alias(f"x_{i}") for i, c in enumerate(columns)]
    return _read(df.groupBy(*key_columns(keys)).agg(*made).toArrow(), columns, keys)


def _read(table: pa.Table, columns: Sequence[Column], keys: Sequence[Column]) -> StatsTable:
    """Return sketches by key, those of a key from several tasks merged, and how many values each has seen."""
    found, which = Keys.distinct(keys_in(table, keys))
    features = {}
    for i, column in enumerate(columns):
        parts: list[list[QuantileSketch]] = [[] for _ in range(len(found))]
        for place, data in zip(which.tolist(), table[f"x_{i}"].to_pylist(), strict=True):
            parts[place].append(QuantileSketch(data))
        merged = [QuantileSketch.merged(own).canonical() for own in parts]
        stats = StatsArrays.empty(len(found))
        sketches = np.empty(len(found), dtype=object)
        sketches[:] = [one.data for one in merged]
        counts = np.array([one.count for one in merged], dtype=np.int64)
        features[column.name] = replace(stats, finite=counts, sketches=sketches)
    return StatsTable(found, features)


def _in_python(df: DataFrame, columns: Sequence[Column], keys: Sequence[Column], k: int) -> StatsTable:
    ship(df.sparkSession)
    values = [feature(column, df.sparkSession).alias(f"x_{i}") for i, column in enumerate(columns)]
    schema = ", ".join(
        [*(f"k_{i} {c.type}" for i, c in enumerate(keys)), *(f"x_{i} binary" for i in range(len(columns)))]
    )
    plain = [Column((column.name,), column.type) for column in keys]
    names = [column.name for column in columns]
    table = df.select(*key_columns(keys), *values).mapInArrow(_partition_states(plain, names, k), schema).toArrow()
    return _read(table, columns, keys)


def _partition_states(keys: Sequence[Column], names: Sequence[str], k: int) -> Any:
    def states(batches: Any) -> Any:
        import pyarrow as pa

        forget_packages_in_archives()
        known: list[StatsTable] = []
        gathered, rows = [], 0
        for batch in batches:
            gathered.append(batch)
            rows += batch.num_rows
            if rows >= _ROWS:
                known, gathered, rows = [*known, sketched(pa.Table.from_batches(gathered), keys, names)], [], 0
        known += [sketched(pa.Table.from_batches(gathered), keys, names)] if gathered else []
        if known:
            yield from _batches(StatsTable.concat(known), k)

    return states


def sketched(table: pa.Table, keys: Sequence[Column], names: Sequence[str]) -> StatsTable:
    """Return the statistics of rows with :func:`key_columns` and values ``x_0``, ``x_1`` ..., with sketches."""
    cells = {}
    for i, name in enumerate(names):
        array = table[f"x_{i}"].combine_chunks()
        cells[name] = (array.to_numpy(zero_copy_only=False), array.is_null().to_numpy(zero_copy_only=False))
    return StatsTable.measured(keys_in(table, keys), cells, names)


def _batches(table: StatsTable, k: int) -> Any:
    columns = {f"k_{i}": array_of(column) for i, column in enumerate(table.keys.columns)}
    for i, stats in enumerate(table.features.values()):
        assert stats.sketches is not None  # noqa: S101 - they were asked for
        coarse = [None if data is None else QuantileSketch(data).coarsened(k).data for data in stats.sketches]
        columns[f"x_{i}"] = pa.array(coarse, pa.binary())
    yield from pa.table(columns).to_batches(max_chunksize=1000)
