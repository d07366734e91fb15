"""DataFrame + steps -> Fitted: one scan for each group of columns.

The columns of a group are put into an array, exploded to ``(partition, column, value)`` and
aggregated by partition and column. Against one ``agg`` with eight aggregates for each column this

* keeps the plan at one set of aggregates, far from the limit of code generation
  (``spark.sql.codegen.maxFields``), whatever the number of columns;
* gives one mergeable state for each partition, which the driver merges in the order of the
  partitions: the same files in the same partitions give the same bits, on one machine and on a
  cluster, where a shuffle would merge in the order of arrival. (Sail deals files to partitions
  anew in each run: there the last bits, some 1e-15, are not fixed.)
"""

from __future__ import annotations

import dataclasses
import math
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy
import pyspark
from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkscale._version import __version__
from sparkscale.artifact import Fitted, solve
from sparkscale.plan import Plan, plan
from sparkscale.quantiles import K, QuantileSketch
from sparkscale.scalers import Step
from sparkscale.schema import Column
from sparkscale.spark.columns import feature, schema_of
from sparkscale.spark.session import is_sail
from sparkscale.spark.shipping import ship
from sparkscale.stats import EMPTY, ColumnStats

#: Columns a scan: below spark.sql.codegen.maxFields (100), past which the scan is not compiled.
GROUP = 64
#: |mean| / std from which one scan does not keep 12 digits (semantics, Accuracy).
_ILL = 100.0
#: Squares of a smaller std are no normal doubles with all their digits: sqrt(2**-1022 * 2**53), rounded up.
_SMALL_STD = 2.0**-480
#: Differences of larger values may be no double.
_LARGE = 2.0**1000
_MAX = sys.float_info.max
_INF = math.inf


@dataclass(frozen=True)
class _Frame:
    """Where the moments of a column are taken: about ``shift``, of ``x / 2**exp``."""

    shift: float = 0.0
    exp: int = 0


def fit(df: DataFrame, steps: Sequence[Step], source: str = "the input", about: Sequence[Any] = ()) -> Fitted:
    """Learn the statistics of ``df`` and solve the steps' maps; see :meth:`sparkscale.Pipeline.fit`."""
    return fit_planned(df, plan(steps, schema_of(df), source), about)


def fit_planned(df: DataFrame, planned: Plan, about: Sequence[Any] = ()) -> Fitted:
    """Learn the statistics that a plan needs; ``about`` says of the input what the artifact keeps of it."""
    stats = measure(df, planned)
    rows = next(iter(stats.values())).rows if stats else None
    return solve(planned.steps, stats, rows, _provenance(df.sparkSession, about))


def measure(df: DataFrame, planned: Plan) -> dict[str, ColumnStats]:
    """Return the statistics of the plan's features."""
    sketched = [column for name, column in planned.features.items() if name in planned.quantile_features]
    plain = [column for name, column in planned.features.items() if name not in planned.quantile_features]
    stats: dict[str, ColumnStats] = {}
    native_sketch = bool(sketched) and _has_native_sketch(df.sparkSession)
    for group in _groups(plain):
        stats |= _scan(df, group, {})
    for group in _groups(sketched):
        stats |= _scan(df, group, {}, sketch=True) if native_sketch else _scan_in_python(df, group)
    return _refine(df, planned.features, stats)


def _refine(df: DataFrame, features: Mapping[str, Column], stats: dict[str, ColumnStats]) -> dict[str, ColumnStats]:
    """Scan again the columns whose moments one scan could not hold, about a shift that the first scan found.

    One round serves a large offset. A second is needed only where the first scan overflowed as well.
    """
    frames: dict[str, _Frame] = {}
    for _ in range(2):
        again = {name: _better_frame(known, frames.get(name, _Frame())) for name, known in stats.items()}
        frames = {name: frame for name, frame in again.items() if frame is not None}
        if not frames:
            break
        for group in _groups([features[name] for name in frames]):
            for name, found in _scan(df, group, frames, first=stats).items():
                stats[name] = dataclasses.replace(found, quantiles=stats[name].quantiles)
    return stats


def _better_frame(stats: ColumnStats, used: _Frame) -> _Frame | None:
    """Return where to take the moments again, or None where they are good."""
    if not stats.finite or stats.constant:
        return None
    overflowed = not (math.isfinite(stats.mean) and math.isfinite(stats.m2))
    underflowed = stats.std < _SMALL_STD and not used.exp
    if not (overflowed or underflowed or abs(stats.mean - used.shift) > _ILL * stats.std):
        return None
    end = max(abs(stats.min), abs(stats.max))
    scaled = overflowed or underflowed or end > _LARGE
    return _Frame(0.0 if overflowed else stats.mean, math.frexp(end)[1] if scaled else used.exp)


def _groups(columns: Sequence[Column]) -> Iterable[Sequence[Column]]:
    return (columns[start : start + GROUP] for start in range(0, len(columns), GROUP))


def _scan(
    df: DataFrame,
    group: Sequence[Column],
    frames: Mapping[str, _Frame],
    *,
    first: Mapping[str, ColumnStats] | None = None,
    sketch: bool = False,
) -> dict[str, ColumnStats]:
    """Scan a group of columns once, about ``frames``; ``first`` holds the ends that an earlier scan found."""
    used = [frames.get(column.name, _Frame()) for column in group]
    values = F.array(*[_framed(feature(column), frame) for column, frame in zip(group, used, strict=True)])
    exploded = df.select(F.spark_partition_id().alias("p"), F.posexplode(values).alias("j", "x"))
    states = exploded.groupBy("p", "j").agg(*_aggregates(F.col("x"), sketch=sketch)).collect()
    out = dict.fromkeys((column.name for column in group), EMPTY)
    for state in sorted(states, key=lambda row: (row["j"], row["p"])):
        name, frame = group[state["j"]].name, used[state["j"]]
        known = first[name] if first else None
        out[name] += _state(state.asDict(), frame, known)
    return out


def _framed(x: SparkColumn, frame: _Frame) -> SparkColumn:
    """Return ``x / 2**exp - shift / 2**exp``; the power is applied in two factors, as one may be no double."""
    if frame.exp:
        half = frame.exp // 2
        x = x * F.lit(math.ldexp(1.0, -half)) * F.lit(math.ldexp(1.0, half - frame.exp))
    return x - F.lit(math.ldexp(frame.shift, -frame.exp)) if frame.shift else x


def _aggregates(x: SparkColumn, *, sketch: bool) -> list[SparkColumn]:
    finite = F.when(F.abs(x) <= F.lit(_MAX), x)
    found = [
        F.count(F.lit(1)).alias("rows"),
        F.count(x).alias("present"),
        F.count(F.when(F.isnan(x), 1)).alias("nans"),
        F.count(F.when(x == F.lit(_INF), 1)).alias("posinf"),
        F.count(F.when(x == F.lit(-_INF), 1)).alias("neginf"),
        F.min(finite).alias("min"),
        F.max(finite).alias("max"),
        F.sum(finite).alias("sum"),  # avg would count what is counted above, a tenth of the scan's work
        F.var_pop(finite).alias("var"),
    ]
    return [*found, F.kll_sketch_agg_double(finite, F.lit(K)).alias("sketch")] if sketch else found


def _state(row: Mapping[str, Any], frame: _Frame, known: ColumnStats | None) -> ColumnStats:
    """Make the statistics of one column in one partition."""
    nonfinite = {name: row[name] for name in ("nans", "posinf", "neginf")}
    finite = row["present"] - sum(nonfinite.values())
    if not finite:
        return ColumnStats(nulls=row["rows"] - row["present"], **nonfinite)
    state = ColumnStats.shifted(
        finite=finite,
        min=known.min if known else row["min"],
        max=known.max if known else row["max"],
        mean=row["sum"] / finite,
        var=row["var"],
        shift=math.ldexp(frame.shift, -frame.exp),
        exp=frame.exp,
        nulls=row["rows"] - row["present"],
        **nonfinite,
    )
    sketch = row.get("sketch")
    return dataclasses.replace(state, quantiles=QuantileSketch(bytes(sketch))) if sketch else state


def _scan_in_python(df: DataFrame, group: Sequence[Column]) -> dict[str, ColumnStats]:
    """Scan a group with NumPy and DataSketches in Python workers: for engines without a native sketch."""
    ship(df.sparkSession)
    values = df.select(F.array(*[feature(column) for column in group]).alias("v"))
    states = values.mapInArrow(_partition_states(len(group)), "j int, state string").collect()
    out = dict.fromkeys((column.name for column in group), EMPTY)
    for state in sorted(states):
        out[group[state["j"]].name] += ColumnStats.from_dict(_from_json(state["state"]))
    return out


def _partition_states(width: int) -> Any:
    def states(batches: Any) -> Any:
        import json

        import numpy as np
        import pyarrow as pa

        from sparkscale.stats import EMPTY, ColumnStats

        known = [EMPTY] * width
        for batch in batches:
            flat = batch.column(0).flatten()
            null = flat.is_null().to_numpy(zero_copy_only=False).reshape(-1, width)
            data = flat.to_numpy(zero_copy_only=False).reshape(-1, width)
            for j in range(width):
                column = np.ma.MaskedArray(data[:, j], mask=null[:, j])
                known[j] = known[j] + ColumnStats.of(column, quantiles=True)
        texts = [json.dumps(state.to_dict()) for state in known]
        yield pa.RecordBatch.from_arrays(
            [pa.array(range(width), pa.int32()), pa.array(texts, pa.string())], names=["j", "state"]
        )

    return states


def _from_json(text: str) -> Any:
    import json

    return json.loads(text)


def _has_native_sketch(spark: SparkSession) -> bool:
    """Whether the engine has ``kll_sketch_agg_double``: Spark 4.1 and newer."""
    return hasattr(F, "kll_sketch_agg_double") and spark.version >= "4.1" and not is_sail(spark)


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
