"""Statistics by key: grouped queries, whose partial aggregates keep a frequent key from being one task's work.

Each query aggregates as many columns as Spark compiles. The engine merges the partial states of a key: on a cluster in
the order of arrival, so that the last bits of mean and std may differ from run to run there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sparkscale.errors import DataError
from sparkscale.pipeline.schema import Column
from sparkscale.spark.arrows import key_columns, keys_in
from sparkscale.spark.columns import feature
from sparkscale.spark.fit import keyed_sketches, scan
from sparkscale.spark.fit.queries import BUFFERS, GROUP, evenly, together
from sparkscale.spark.joins import joined, small
from sparkscale.spark.session.session import is_sail
from sparkscale.stats.columnar import StatsArrays
from sparkscale.stats.keys import KeyColumn
from sparkscale.stats.moment_arrays import Floats, Ints
from sparkscale.stats.quantiles import K
from sparkscale.stats.table import StatsTable

#: As in an ungrouped fit: |mean| / std from which one scan does not keep 12 digits, and the least std whose squares do.
_ILL, _SMALL_STD = 100.0, 2.0**-480
_UNSTABLE = "cache or write the table first: it differs from reading to reading"


def measure(
    df: DataFrame, features: Mapping[str, Column], keys: Sequence[Column], quantiles: Collection[str] = (), k: int = K
) -> StatsTable:
    """Return the statistics of features by key, some with quantile sketches.

    One scan (of columnar input; of others one for each query), and a second look at the entries that it is not enough
    for: those with NaN or infinities, and those whose mean is more than 100 std from 0.

    Args:
        df: the rows.
        features: the columns to measure, by name.
        keys: the columns of the key, of the types in :data:`sparkscale.stats.keys.DTYPES`.
        quantiles: the features whose quantiles are sketched.
        k: the accuracy of the sketches.
    """
    calls = [partial(_look, df, group, keys) for group in groups(df, list(features.values()), scan.PLAIN)]
    table = reduce(StatsTable.beside, together(df.sparkSession, calls))
    table = _refined(df, features, keys, table)
    return keyed_sketches.added(table, df, [column for name, column in features.items() if name in quantiles], keys, k)


def queries(df: DataFrame, features: Mapping[str, Column], quantiles: Collection[str]) -> int:
    """Return how many queries the first look takes; starts none."""
    return len(groups(df, list(features.values()), scan.PLAIN)) + keyed_sketches.queries(df, len(quantiles))


def groups(df: DataFrame, columns: Sequence[Column], buffers: int) -> list[Sequence[Column]]:
    """Deal columns to queries, of which each aggregates no more than Spark compiles."""
    return evenly(columns, GROUP if is_sail(df.sparkSession) else BUFFERS // buffers)


def _look(df: DataFrame, group: Sequence[Column], keys: Sequence[Column]) -> StatsTable:
    """Aggregate columns as they are; see :func:`sparkscale.spark.fit.scan.look`."""
    wanted: dict[str, SparkColumn] = {"rows": F.count(F.lit(1))}
    for i, column in enumerate(group):
        x = feature(column, df.sparkSession)
        wanted |= {f"{name}_{i}": one for name, one in scan.plain(x, x, column.type).items()}
    found = _collected(df.groupBy(*key_columns(keys)), wanted, keys)
    stats = {}
    for i, column in enumerate(group):
        part = _Part(found.numbers, i)
        nulls = part["rows"] - part["present"]
        stats[column.name] = StatsArrays.pooled(
            finite=part["present"], **part.moments(("total", "rest", "var", "min", "max")), nulls=nulls
        )
    return StatsTable.of_rows(found.keys, stats)


@dataclass(frozen=True)
class _Frames:
    """Where the moments of each entry of a feature are taken: about ``shift``, of ``x / 2**exp``."""

    shift: Floats
    exp: Ints

    @property
    def scaled_shift(self) -> Floats:
        return np.ldexp(self.shift, np.clip(-self.exp, -5000, 5000).astype(np.int32))


def _refined(df: DataFrame, features: Mapping[str, Column], keys: Sequence[Column], table: StatsTable) -> StatsTable:
    """Look again at the entries that one look is not enough for; see ``fitting._refine``."""
    size = len(table)
    used = {name: _Frames(np.zeros(size), np.zeros(size, np.int64)) for name in features}
    for _ in range(3):
        bad = {name: _needy(table.features[name], used[name]) for name in features}
        again = [features[name] for name, which in bad.items() if which.any()]
        calls = []
        for group in groups(df, again, scan.FINITE):
            places = np.flatnonzero(reduce(np.logical_or, (bad[column.name] for column in group)))
            frames = {c.name: _better(table.features[c.name], used[c.name], places) for c in group}
            for name, frame in frames.items():
                used[name].shift[places], used[name].exp[places] = frame.shift, frame.exp
            calls.append(partial(_look_again, df, group, keys, table.select(places), frames))
        for found in together(df.sparkSession, calls):
            table = table.replaced(found)
    return table


def _needy(stats: StatsArrays, used: _Frames) -> NDArray[np.bool_]:
    """Return the entries that want another look."""
    with np.errstate(all="ignore"):
        odd = ~(np.isfinite(stats.min) & np.isfinite(stats.max))
        overflowed = ~(np.isfinite(stats.mean) & np.isfinite(stats.m2))
        std = stats.std_of(0)
        underflowed = (std < _SMALL_STD) & (used.exp == 0)
        far = np.abs(stats.mean - used.shift) > _ILL * std
        bad = odd | ((stats.min != stats.max) & (overflowed | underflowed | far))
    return np.asarray((stats.finite > 0) & bad)


def _better(stats: StatsArrays, used: _Frames, places: Ints) -> _Frames:
    """Return where to take the moments of these entries again."""
    stats, used = stats.take(places), _Frames(used.shift[places], used.exp[places])
    with np.errstate(all="ignore"):
        low, high = np.isfinite(stats.min), np.isfinite(stats.max)
        odd = ~(low & high)
        overflowed = ~(np.isfinite(stats.mean) & np.isfinite(stats.m2))
        small = (stats.std_of(0) < _SMALL_STD) & (used.exp == 0)
        top = np.frexp(np.maximum(np.abs(stats.min), np.abs(stats.max)))[1].astype(np.int64)
        plain = np.where(overflowed | (stats.finite == 0), 0.0, stats.mean)
        shift = np.where(odd, np.where(low, stats.min, np.where(high, stats.max, 0.0)), plain)
        scaled = (overflowed | small) & (stats.min != stats.max) & (stats.finite > 0)
        return _Frames(shift, np.where(odd, 0, np.where(scaled, top, used.exp)))


def _look_again(
    df: DataFrame, group: Sequence[Column], keys: Sequence[Column], known: StatsTable, frames: Mapping[str, _Frames]
) -> StatsTable:
    """Aggregate the rows of some keys about the frames of each, with NaN and infinities left out and counted apart."""
    named = key_columns(keys)
    values = [feature(column, df.sparkSession).alias(f"x_{i}") for i, column in enumerate(group)]
    rows = df.select(*named, *values)
    names = [f"k_{i}" for i in range(len(keys))]
    framed = small(known.keys, [f"h_{i}" for i in range(len(keys))], _framing(group, frames))
    rows = joined(rows, framed, [F.col(name) for name in names])
    wanted: dict[str, SparkColumn] = {"rows": F.count(F.lit(1))}
    for i, column in enumerate(group):
        x = F.col(f"x_{i}")
        scaled = x * F.col(f"f_{i}") * F.col(f"g_{i}") if frames[column.name].exp.any() else x
        about = scan.finite(x, scaled - F.col(f"s_{i}"))
        wanted |= {f"{name}_{i}": one for name, one in about.items()}
    found = _collected(rows.groupBy(*names), wanted, keys)
    return _replacing(found, group, known, frames)


def _framing(group: Sequence[Column], frames: Mapping[str, _Frames]) -> dict[str, pa.Array]:
    """Return the columns that frame each feature: the shift, and two factors, as one may be no double."""
    made = {}
    for i, column in enumerate(group):
        frame = frames[column.name]
        made[f"s_{i}"] = pa.array(frame.scaled_shift)
        if frame.exp.any():
            half = (frame.exp // 2).astype(np.int32)
            made[f"f_{i}"] = pa.array(np.ldexp(1.0, -half))
            made[f"g_{i}"] = pa.array(np.ldexp(1.0, half - frame.exp.astype(np.int32)))
    return made


def _replacing(found: _Found, group: Sequence[Column], known: StatsTable, frames: Mapping[str, _Frames]) -> StatsTable:
    order = known.keys.find(found.keys)
    if len(order) != len(known) or (order < 0).any():
        raise DataError("DATA_CHANGED", "expected the same keys once more, found others", _UNSTABLE)
    stats = {}
    for i, column in enumerate(group):
        part, frame = _Part(found.numbers, i), frames[column.name]
        counts = {name: part[name] for name in ("finite", "nans", "posinf", "neginf")}
        stats[column.name] = StatsArrays.pooled(
            **counts,
            **part.moments(("total", "rest", "var", "min", "max")),
            nulls=part["rows"] - part["present"],
            shift=frame.scaled_shift[order],
            exp=frame.exp[order],
        )
    return StatsTable.of_rows(found.keys, stats)


@dataclass(frozen=True)
class _Found:
    """What a grouped query gives: the keys, and the aggregates by name."""

    keys: Sequence[KeyColumn]
    numbers: Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class _Part:
    """The aggregates of the ``i``-th feature."""

    numbers: Mapping[str, NDArray[Any]]
    i: int

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.numbers["rows"] if name == "rows" else self.numbers[f"{name}_{self.i}"]

    def moments(self, names: Sequence[str]) -> dict[str, Any]:
        """Return doubles; the rest of a sum in single precision is 0."""
        zero = np.zeros(len(self["rows"]))
        return {n: self[n] if f"{n}_{self.i}" in self.numbers else zero for n in names}


def _collected(grouped: Any, wanted: Mapping[str, SparkColumn], keys: Sequence[Column]) -> _Found:
    table = grouped.agg(*[column.alias(name) for name, column in wanted.items()]).toArrow()
    return _Found(keys_in(table, keys), {name: table[name].to_numpy() for name in wanted})
