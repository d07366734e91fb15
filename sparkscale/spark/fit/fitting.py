"""DataFrame + steps -> Fitted: one scan for each group of columns, and a second, narrow one where it must be."""

from __future__ import annotations

import math
import platform
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy
import pyspark
from pyspark.sql import DataFrame, SparkSession

from sparkscale._version import __version__
from sparkscale.errors import ConfigError, DataError
from sparkscale.pipeline.fitted import Fitted
from sparkscale.pipeline.groups import totals
from sparkscale.pipeline.plan import Plan, plan
from sparkscale.pipeline.schema import Column
from sparkscale.pipeline.sketching import Sketch, with_sketches
from sparkscale.pipeline.solve import solve
from sparkscale.scalers.base import Step
from sparkscale.spark.columns import schema_of
from sparkscale.spark.fit import behind, elements, keyed, losses, scan, weighing
from sparkscale.spark.fit.queries import GROUP, IN_PYTHON, Query, apart, deal, evenly, is_columnar, together
from sparkscale.spark.fit.scan import Frame
from sparkscale.spark.session.names import look_up_once
from sparkscale.spark.session.session import is_sail
from sparkscale.stats.column import ColumnStats
from sparkscale.stats.quantiles import QuantileSketch

T = TypeVar("T")

#: |mean| / std from which one scan does not keep 12 digits (semantics, Accuracy).
_ILL = 100.0
#: Squares of a smaller std are no normal doubles with all their digits: sqrt(2**-1022 * 2**53), rounded up.
_SMALL_STD = 2.0**-480


def fit(
    df: DataFrame,
    steps: Sequence[Step],
    *,
    weight: str | None = None,
    reproducible: bool = True,
    sketch: Sketch = "needed",
) -> Fitted:
    """Learn the statistics of ``df`` and solve the steps' maps; see :meth:`sparkscale.Pipeline.fit`."""
    planned = with_sketches(plan(steps, schema_of(df), "the input", weight), sketch)
    if (planned.features or planned.labels) and not is_sail(df.sparkSession) and df.isStreaming:  # Sail has no streams
        hint = "fit on a batch, such as spark.read of the same files, and transform the stream with the result"
        raise ConfigError("CONFIG_VALUE", "fit: expected a DataFrame that ends, found a stream", hint)
    return fit_planned(df, planned, reproducible=reproducible)


def fit_planned(df: DataFrame, planned: Plan, about: Sequence[Any] = (), *, reproducible: bool = True) -> Fitted:
    """Learn the statistics that a plan needs; ``about`` says of the input what the artifact keeps of it."""
    look_up_once(df.sparkSession)
    measured: behind.Measure = partial(measure, reproducible=reproducible)
    if weight := planned.weight_column:
        measured = partial(weighing.measure, weight=weight, reproducible=reproducible)
    rows = None
    if planned.arrays:
        planned, rows = elements.measured(df, planned)
    stats = elements.measure(df, planned.ungrouped, planned.quantile_features, measured, weight)
    tables = {
        key: keyed.measure(df, group.features, group.keys, planned.quantile_features & group.features.keys())
        for key, group in planned.grouped.items()
    }
    stats |= totals(tables.values())
    if stats and rows is None:
        rows = next(iter(stats.values())).rows
    answer = elements.answers(df, planned.features, measured, weight)
    of_labels = losses.Labelled(df, planned).losses
    from_ = _provenance(df.sparkSession, about)
    return solve(planned, stats, rows, from_, answer, losses=of_labels, tables=tables)


@dataclass(frozen=True)
class Looks:
    """The first queries of a fit: moments, quantile sketches of their own, and what Python workers do."""

    moments: Sequence[Callable[[], dict[str, ColumnStats]]]
    sketches: Sequence[Callable[[], dict[str, QuantileSketch]]]
    in_python: Sequence[Callable[[], dict[str, ColumnStats]]]
    whole: bool

    def __len__(self) -> int:
        """Return how many queries these are."""
        return len(self.moments) + len(self.sketches) + len(self.in_python)


@dataclass(frozen=True)
class FirstLooks:
    """How many queries a fit takes before any scaler looks again, and whether none aggregates by partition."""

    queries: int
    whole: bool


def first_looks(df: DataFrame, planned: Plan, *, reproducible: bool = True) -> FirstLooks:
    """Return what a fit takes before any scaler looks again; starts no query."""
    quantiles, weight = planned.quantile_features, planned.weight_column
    every: list[Looks | weighing.Looks] = []
    for table, features in elements.tables(df, planned.ungrouped, weight):
        if weight is None:
            every.append(looks(table, features, quantiles & features.keys(), reproducible=reproducible))
        else:
            every.append(weighing.looks(weighing.weighted_rows(table, weight), features, reproducible=reproducible))
    grouped = planned.grouped.values()
    by_key = sum(keyed.queries(df, group.features, quantiles & group.features.keys()) for group in grouped)
    lengths = 1 if planned.arrays else 0
    return FirstLooks(sum(map(len, every)) + by_key + lengths, all(one.whole for one in every))


def looks(
    df: DataFrame, features: Mapping[str, Column], quantiles: Collection[str], *, reproducible: bool = True
) -> Looks:
    """Return the queries that the first look at features takes, some with quantile sketches; starts none."""
    arrays, sketched = apart([column for name, column in features.items() if name in quantiles])
    plain = [column for name, column in features.items() if name not in quantiles]
    native = bool(sketched or arrays) and scan.has_native_sketch(df.sparkSession)
    by_itself = native and bool(sketched) and is_columnar(df, sketched)  # else it would read everything again
    dealt = deal(df, plain + sketched if by_itself else plain, scan.PLAIN, reproducible=reproducible)
    moments = [partial(scan.look, df, query) for query in dealt]
    others = [*([] if by_itself else evenly(sketched, GROUP if native else IN_PYTHON)), *arrays]
    if native:
        moments += [partial(scan.look, df, Query(part, whole=False), sketch=True) for part in others]
    return Looks(
        moments=moments,
        sketches=[partial(scan.sketches, df, part) for part in (evenly(sketched, GROUP) if by_itself else [])],
        in_python=[partial(scan.scan_in_python, df, part) for part in ([] if native else others)],
        whole=all(query.whole for query in dealt),
    )


def measure(
    df: DataFrame, features: Mapping[str, Column], quantiles: Collection[str], *, reproducible: bool = True
) -> dict[str, ColumnStats]:
    """Return the statistics of features, some with quantile sketches."""
    first = looks(df, features, quantiles, reproducible=reproducible)
    calls: list[Callable[[], Any]] = [*first.moments, *first.sketches]
    found = together(df.sparkSession, calls)
    moments = _all(found[: len(first.moments)])
    stats = _refine(df, features, moments, reproducible=reproducible)
    for name, made in _all(found[len(first.moments) :]).items():
        stats[name] = _same(name, stats[name].with_quantiles(made))
    return stats | _all(call() for call in first.in_python)


def _all(parts: Iterable[Mapping[str, T]]) -> dict[str, T]:
    return dict(item for part in parts for item in part.items())


def _same(name: str, stats: ColumnStats) -> ColumnStats:
    """Return statistics whose sketch has seen the values that their moments have."""
    assert stats.quantiles is not None  # noqa: S101 - the caller has put it there
    if stats.quantiles.count != stats.finite:
        cause = f"column {name!r}: expected {stats.finite:,} values once more, found {stats.quantiles.count:,}"
        raise DataError("DATA_CHANGED", cause, "cache or write the table first: it differs from reading to reading")
    return stats


def _refine(
    df: DataFrame, features: Mapping[str, Column], stats: dict[str, ColumnStats], *, reproducible: bool
) -> dict[str, ColumnStats]:
    """Scan again the columns that one scan is not enough for: with NaN or infinities, or ill-conditioned.

    One round serves these. Others are needed where squares overflowed as well, or where the only finite value
    that was known was more than 100 std from the mean.
    """
    used = dict.fromkeys(stats, Frame())
    for _ in range(3):
        frames = {name: frame for name, known in stats.items() if (frame := _better_frame(known, used[name]))}
        dealt = deal(df, [features[name] for name in frames], scan.FINITE, reproducible=reproducible)
        again = [partial(scan.look_again, df, query, frames) for query in dealt]
        for name, found in _all(together(df.sparkSession, again)).items():
            stats[name] = found.with_quantiles(stats[name].quantiles)
        used |= frames
    return stats


def _better_frame(stats: ColumnStats, used: Frame) -> Frame | None:
    """Return where to take the moments again, or None where they are good."""
    if not stats.finite:
        return None
    ends = stats.min, stats.max
    if not all(map(math.isfinite, ends)):  # NaN or infinities: any finite value is nearer than none
        return Frame(shift=next(filter(math.isfinite, ends), 0.0))
    overflowed = not (math.isfinite(stats.mean) and math.isfinite(stats.m2))
    underflowed = stats.std < _SMALL_STD and not used.exp
    if stats.constant or not (overflowed or underflowed or abs(stats.mean - used.shift) > _ILL * stats.std):
        return None
    exp = math.frexp(max(map(abs, ends)))[1] if overflowed or underflowed else used.exp
    return Frame(0.0 if overflowed else stats.mean, exp)


def _provenance(spark: SparkSession, about: Sequence[Any]) -> dict[str, Any]:
    """Return where the numbers are from, without clock, host or paths of this machine: the same run, the same bytes."""
    return {
        "sparkscale": __version__,
        "engine": f"{'sail' if is_sail(spark) else 'spark'} {spark.version}",
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        "pyspark": pyspark.__version__,
        "inputs": list(about),
    }
