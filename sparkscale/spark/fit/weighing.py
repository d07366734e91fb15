"""Weighted statistics: a look that finds counts, ends and plain means, and a second one that weighs about these.

Spark has no weighted variance. The second look sums ``w``, ``w * d`` and ``w * d * d`` of ``d``, the distance from a
value near the mean, so that ``M2 = sum(w * d * d) - sum(w * d)**2 / sum(w)`` loses few digits. Each sum comes in two:
the high parts of its terms, whose sum rounds little, and what these leave over.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sparkscale.pipeline.schema import Column
from sparkscale.spark.columns import feature, free_names
from sparkscale.spark.fit import scan
from sparkscale.spark.fit.queries import Query, deal, together
from sparkscale.spark.fit.scan import Frame
from sparkscale.stats import weights
from sparkscale.stats.column import ColumnStats

#: |mean - shift| / std up to which M2 loses no more than two digits.
_FAR = 10.0
#: Multiplied by it, a double splits into 24 bits and the rest (Dekker, "A floating-point technique for extending the
#: available precision", 1971): 2**29 additions of numbers of 24 bits need no rounding.
_SPLIT = 2.0**29 + 1
_INF = math.inf
#: What a row holds, by the name of its count.
_CONDITIONS: Mapping[str, Callable[[SparkColumn], SparkColumn]] = {
    "nulls": lambda x: x.isNull(),
    "nans": F.isnan,
    "posinf": lambda x: x == _INF,
    "neginf": lambda x: x == -_INF,
    "finite": lambda x: F.abs(x) < _INF,
}


@dataclass(frozen=True)
class Looks:
    """The queries of a weighted fit: of the weights, of the first look, and of the one that weighs."""

    first: Sequence[Query]
    second: Sequence[Query]

    def __len__(self) -> int:
        """Return how many queries these are."""
        return len(self.first) + len(self.second) + 1 if self.first else 0

    @property
    def whole(self) -> bool:
        """Whether no query aggregates by partition."""
        return all(query.whole for query in (*self.first, *self.second))


def looks(df: DataFrame, features: Mapping[str, Column], *, reproducible: bool = True) -> Looks:
    """Return the queries that weighted statistics of features take if all values are finite; starts none."""
    columns, sizes = list(features.values()), (scan.PLAIN, _buffers(["finite"]))
    return Looks(*(deal(df, columns, size, reproducible=reproducible) for size in sizes))


def weighted_rows(df: DataFrame, weight: Column) -> DataFrame:
    """Return the rows whose weight is above 0."""
    return df.where(feature(weight, df.sparkSession) > 0)


def measure(
    df: DataFrame,
    features: Mapping[str, Column],
    _quantiles: Collection[str] = (),
    *,
    weight: Column,
    reproducible: bool = True,
) -> dict[str, ColumnStats]:
    """Return the weighted statistics of features; raises :class:`DataError` for weights that are none."""
    if not features:
        return {}
    w = feature(weight, df.sparkSession)
    used = weighted_rows(df, weight)
    queries = deal(used, list(features.values()), scan.PLAIN, reproducible=reproducible)
    calls: list[Any] = [partial(heaviest, df, w, weight.name), *(partial(scan.look, used, one) for one in queries)]
    most, *found = together(df.sparkSession, calls)
    unit = weights.unit_of(most)
    factor = F.lit(2.0**-unit)
    weighted = used.withColumn(next(free_names(df.columns)), w * factor * factor)
    known = _all(found)
    known |= _finite(used, [features[name] for name in known if _is_odd(known[name])], reproducible=reproducible)
    return _refined(partial(_weigh, weighted, unit), weighted, features, known, reproducible=reproducible)


def heaviest(df: DataFrame, w: SparkColumn, name: str) -> float:
    """Return the largest weight; raises :class:`DataError` with counts of bad ones."""
    infinite = F.abs(w) == _INF
    bad = {"null": w.isNull(), "NaN": F.isnan(w), "infinite": infinite, "negative": (w < 0) & ~infinite}
    counts = [F.count(F.when(condition, 1)) for condition in bad.values()]
    rows, most, *found = df.agg(F.count(F.lit(1)), F.max(w), *counts).collect()[0]
    weights.refuse(f"weight {name!r}", rows, dict(zip(bad, found, strict=True)))
    return most or 0.0


def _is_odd(stats: ColumnStats) -> bool:
    """Whether the first look has met NaN or infinities, which are not counted there."""
    return stats.finite > 0 and not (math.isfinite(stats.min) and math.isfinite(stats.max))


def _finite(df: DataFrame, columns: Sequence[Column], *, reproducible: bool) -> dict[str, ColumnStats]:
    """Return plain statistics with NaN and infinities counted apart."""
    plain = {column.name: Frame() for column in columns}
    dealt = deal(df, columns, scan.FINITE, reproducible=reproducible)
    return _all(together(df.sparkSession, [partial(scan.look_again, df, query, plain) for query in dealt]))


def _all(parts: Iterable[Mapping[str, ColumnStats]]) -> dict[str, ColumnStats]:
    return {name: stats for part in parts for name, stats in part.items()}


def _refined(
    weigh: Callable[..., dict[str, ColumnStats]],
    df: DataFrame,
    features: Mapping[str, Column],
    known: Mapping[str, ColumnStats],
    *,
    reproducible: bool,
) -> dict[str, ColumnStats]:
    """Weigh about the plain means; once more about the weighted mean of a column that has it far from there."""
    stats: dict[str, ColumnStats] = {}
    frames = {name: _frame(one) for name, one in known.items()}
    for _ in range(3):
        kinds = _kinds(known[name] for name in frames)
        dealt = deal(df, [features[name] for name in frames], _buffers(kinds), reproducible=reproducible)
        found = _all(together(df.sparkSession, [partial(weigh, query, frames, known) for query in dealt]))
        stats |= found
        frames = {name: Frame(one.mean, frames[name].exp) for name, one in found.items() if _far(one, frames[name])}
    return stats


def _frame(known: ColumnStats) -> Frame:
    """Return the frame about the plain mean in which no value is larger than 2."""
    if not known.finite:
        return Frame()
    exp = math.frexp(max(abs(known.min), abs(known.max)))[1]
    return Frame(known.mean if math.isfinite(known.mean) else known.min / 2 + known.max / 2, exp)


def _far(stats: ColumnStats, frame: Frame) -> bool:
    return stats.finite > 0 and not stats.constant and abs(stats.mean - frame.shift) > _FAR * stats.std


def _weigh(
    df: DataFrame, unit: int, query: Query, frames: Mapping[str, Frame], known: Mapping[str, ColumnStats]
) -> dict[str, ColumnStats]:
    """Return ``known`` counts and ends with weighted moments; the last column of ``df`` holds weights / 4**unit."""
    weight, out = df.columns[-1], {}
    about = [frames[column.name] for column in query.columns]
    kinds = _kinds(known[column.name] for column in query.columns)
    parts = scan.parts(df, query, about, partial(_sums, kinds=kinds, w=F.col(weight)), keep=[weight])
    for column, frame, part in zip(query.columns, about, parts, strict=True):
        summed = (*kinds, "first", "second")
        sums = {name: np.nan_to_num([*part[name], *part[f"{name}_rest"]]).tolist() for name in summed}
        counted = known[column.name]
        counts: dict[str, Any] = {name: getattr(counted, name) for name in _CONDITIONS}
        ends: dict[str, Any] = {"min": counted.min, "max": counted.max, "shift": frame.scaled_shift, "exp": frame.exp}
        out[column.name] = ColumnStats.shifted(**counts, **ends, **weights.pooled(sums, unit))
    return out


def _kinds(known: Iterable[ColumnStats]) -> list[str]:
    """Return the counts whose weights are to be summed: finite values, and what else there is."""
    every = list(known)
    return [kind for kind in _CONDITIONS if kind == "finite" or any(getattr(one, kind) for one in every)]


def _buffers(kinds: Sequence[str]) -> int:
    """Return how many aggregation buffers a column takes: two for each sum."""
    return 2 * (len(kinds) + 2)


def _sums(
    x: SparkColumn, framed: SparkColumn, _type: str = "double", *, kinds: Sequence[str], w: SparkColumn
) -> dict[str, SparkColumn]:
    """Return the sums of the weights of each kind of rows, and those of the weighted moments."""
    terms = {kind: F.when(_CONDITIONS[kind](x), w) for kind in kinds} if len(kinds) > 1 else {"finite": w}
    terms |= {"first": terms["finite"] * framed, "second": terms["finite"] * framed * framed}
    return {name: total for kind, term in terms.items() for name, total in _split(kind, term)}


def _split(name: str, x: SparkColumn) -> Iterator[tuple[str, SparkColumn]]:
    """Yield the sum of the high parts, and that of what they leave over."""
    large = x * _SPLIT
    high = large - (large - x)
    yield name, F.sum(high)
    yield f"{name}_rest", F.sum(x - high)
