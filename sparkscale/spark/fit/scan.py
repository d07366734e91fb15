"""One query over a group of columns, aggregated whole or by partition (``queries.deal`` decides).

By partition, a row of the group is cut into blocks of four columns, and each block is aggregated by partition. That

* holds the aggregates of one block, whatever the number of columns: far from the limit of code generation
  (``spark.sql.codegen.maxFields``), and small enough for the JVM to compile well. Four columns to a block
  is the measured best: one pays the key's hash for every value, eight make the compiled method slow;
* gives the driver one state for each partition and block, whose sums it pools exactly: the same rows in the same
  partitions give the same bits on a cluster, where a shuffle would merge in the order of arrival.

It costs twice as much as one state of the whole, which keeps its buffers out of a hash table's memory. What the
driver holds at a time are the states of one group: 3 KB for each partition, 0.3 GB for 100,000 partitions.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkscale.pipeline.schema import Column, holds
from sparkscale.spark.columns import feature, scores
from sparkscale.spark.fit.queries import Query
from sparkscale.spark.session.session import is_sail
from sparkscale.spark.session.shipping import ship
from sparkscale.spark.workers import forget_packages_in_archives
from sparkscale.stats.column import EMPTY, ColumnStats
from sparkscale.stats.quantiles import K, QuantileSketch

BLOCK = 4
#: Aggregation buffers of a column, in a look and in a second one: a variance has three.
PLAIN, FINITE = 8, 12
_INF = math.inf
_MAX = sys.float_info.max


@dataclass(frozen=True)
class Frame:
    """Where the moments of a column are taken: about ``shift``, of ``x / 2**exp``."""

    shift: float = 0.0
    exp: int = 0

    def of(self, x: SparkColumn) -> SparkColumn:
        """Return ``x / 2**exp - shift / 2**exp``; the power comes in two factors, as one may be no double."""
        if self.exp:
            half = self.exp // 2
            x = x * math.ldexp(1.0, -half) * (math.ldexp(1.0, half - self.exp))
        return x - self.scaled_shift if self.shift else x

    @property
    def scaled_shift(self) -> float:
        """The shift in units of ``2**exp``."""
        return math.ldexp(self.shift, -self.exp)


def look(df: DataFrame, query: Query, *, sketch: bool = False) -> dict[str, ColumnStats]:
    """Scan columns as they are, NaN and infinities among it; that no value is tested saves a tenth of the scan.

    They show by sums that are not finite: then neither are the moments, and all but rows, nulls and the
    sketch wants another look.
    """
    out = {}
    frames = [Frame()] * len(query.columns)
    for column, part in zip(query.columns, parts(df, query, frames, plain, sketch=sketch), strict=True):
        nulls = int((part["rows"] - part["present"]).sum())
        out[column.name] = _pool(part, part["present"], Frame(), nulls=nulls).with_quantiles(part.get("sketch"))
    return out


def look_again(df: DataFrame, query: Query, frames: Mapping[str, Frame]) -> dict[str, ColumnStats]:
    """Scan columns about their ``frames``, with NaN and infinities left out and counted apart."""
    out = {}
    about = [frames[column.name] for column in query.columns]
    for column, frame, part in zip(query.columns, about, parts(df, query, about, finite), strict=True):
        counts = {name: int(part[name].sum()) for name in ("nans", "posinf", "neginf")}
        nulls = int((part["rows"] - part["present"]).sum())
        out[column.name] = _pool(part, part["finite"], frame, nulls=nulls, **counts)
    return out


def sketches(df: DataFrame, group: Sequence[Column]) -> dict[str, QuantileSketch]:
    """Sketch the finite values of a group in a query of its own, which reads them once more.

    Spark compiles no aggregate beside a sketch: both in one query take twice as long.
    """
    row = df.agg(*[sketched(feature(column, df.sparkSession)) for column in group]).collect()[0]
    return {column.name: QuantileSketch(bytes(made)).canonical() for column, made in zip(group, row, strict=True)}


def has_native_sketch(spark: SparkSession) -> bool:
    """Whether the engine has ``kll_sketch_agg_double``: Spark 4.1 and newer."""
    return hasattr(F, "kll_sketch_agg_double") and spark.version >= "4.1" and not is_sail(spark)


def sketched(x: SparkColumn, k: int = K) -> SparkColumn:
    """Return the aggregate that sketches the finite values of a column, with accuracy ``k``."""
    return F.kll_sketch_agg_double(F.when(F.abs(x) <= _MAX, x), F.lit(k))


def _pool(part: Mapping[str, Any], finite: NDArray[np.int64], frame: Frame, **counts: int) -> ColumnStats:
    some = finite > 0
    return ColumnStats.pooled(
        finite=finite,
        total=part["total"],
        rest=part.get("rest", np.zeros_like(part["total"])),
        var=part["var"],
        min=float(part["min"][some].min(initial=_INF)),
        max=float(part["max"][some].max(initial=-_INF)),
        shift=frame.scaled_shift,
        exp=frame.exp,
        **counts,
    )


def plain(x: SparkColumn, _framed: SparkColumn, type_: str = "double") -> dict[str, SparkColumn]:
    """Return the aggregates of a first look at a column."""
    return {"present": F.count(x), "min": F.min(x), "max": F.max(x), **sums(x, type_), "var": F.var_pop(x)}


def finite(x: SparkColumn, framed: SparkColumn, _type: str = "double") -> dict[str, SparkColumn]:
    """Return the aggregates of another look, at a column and at what is ``framed`` of it."""
    within = F.abs(x) <= _MAX
    return {
        "present": F.count(x),
        "nans": F.count(F.when(F.isnan(x), 1)),
        "posinf": F.count(F.when(x == _INF, 1)),
        "neginf": F.count(F.when(x == -_INF, 1)),
        "finite": F.count(F.when(within, 1)),
        "min": F.min(F.when(within, x)),
        "max": F.max(F.when(within, x)),
        **sums(F.when(within, framed)),
        "var": F.var_pop(F.when(within, framed)),
    }


def sums(x: SparkColumn, type_: str = "double") -> dict[str, SparkColumn]:
    """Sum what single precision holds of the values, and apart from it what it leaves over.

    The engine adds in double precision. Numbers of 24 bits leave room for 2**29 additions without rounding, and the
    rest is so small that its roundings do not show. One plain sum rounds each addition, and where the same decimals
    come again and again (0.1, a million times) always to the same side. Beyond the range of single precision the sum
    is not finite: these columns are scaled and scanned again, as those are whose squares overflow.

    Single precision has 24 bits. Types that need no more (float; boolean, tinyint and smallint with 1, 7 and 15 bits)
    leave nothing over, and get no second sum; int, with 31, does.
    """
    if holds("float", type_):
        return {"total": F.sum(x)}
    high = x.cast("float").cast("double")
    return {"total": F.sum(high), "rest": F.sum(x - high)}


def parts(  # noqa: PLR0913 - a query, and all that varies it
    df: DataFrame,
    query: Query,
    frames: Sequence[Frame],
    aggregates: Any,
    *,
    sketch: bool = False,
    keep: Sequence[str] = (),
) -> Iterator[dict[str, Any]]:
    """Yield of each column its aggregates by name, an array over the partitions, and its one sketch.

    ``aggregates`` may read the columns to ``keep`` by name.
    """
    if query.whole:
        yield from _whole(df, query, frames, aggregates)
        return
    group, width = query.columns, min(BLOCK, len(query.columns))
    cells = _cells(df, query, frames, width, keep)
    rows: dict[str, SparkColumn] = {"rows": F.count(F.lit(1))}
    for i in range(width):
        x, framed = F.col(f"x_{i}"), F.col(f"d_{i}" if f"d_{i}" in cells.columns else f"x_{i}")
        rows |= {f"{name}_{i}": aggregate for name, aggregate in aggregates(x, framed).items()}
    named = [aggregate.alias(name) for name, aggregate in rows.items()]
    if sketch:
        table = _with_sketches(cells, named, list(rows), width).toArrow()
    else:
        table = cells.groupBy("p", "j").agg(*named).toArrow()
    for start in range(0, len(group), width):
        block = _block(table.filter(pa.array(table["j"].to_numpy() == start)), sketch=sketch)
        for i in range(min(width, len(group) - start)):
            own = {name.removesuffix(f"_{i}"): data for name, data in block.items() if name.endswith(f"_{i}")}
            yield {"rows": block["rows"], **own}


def _whole(df: DataFrame, query: Query, frames: Sequence[Frame], aggregates: Any) -> Iterator[dict[str, NDArray[Any]]]:
    """Yield of each column its aggregates by name, each an array of one number; null is NaN."""
    values = [feature(column, df.sparkSession) for column in query.columns]
    types = [column.type for column in query.columns]
    wanted = [aggregates(x, frame.of(x), type_) for x, frame, type_ in zip(values, frames, types, strict=True)]
    named = [aggregate for own in wanted for aggregate in own.values()]
    (row,) = df.agg(F.count(F.lit(1)), *named).collect()
    rows, *found = (np.array([math.nan if value is None else value]) for value in row)
    for own in wanted:
        yield {"rows": rows, **{name: found.pop(0) for name in own}}


def _cells(df: DataFrame, query: Query, frames: Sequence[Frame], width: int, keep: Sequence[str]) -> DataFrame:
    """Return a row for each row and block: partition ``p``, first column ``j``, ``x_i`` as they are, ``d_i`` framed."""
    raw = [feature(column, df.sparkSession) for column in query.columns]
    values = {"x": packed(query.columns, df.sparkSession)}
    if any(frame != Frame() for frame in frames):
        values["d"] = F.array(*[frame.of(x) for frame, x in zip(frames, raw, strict=True)])
    p = (F.lit(0) if is_sail(df.sparkSession) else F.spark_partition_id()).alias("p")
    arrays = df.select(p, *keep, *[column.alias(name) for name, column in values.items()])
    blocks = arrays.select("*", F.explode(F.lit(list(range(0, len(raw), width)))).alias("j"))
    cells = [F.get(name, F.col("j") + i).alias(f"{name}_{i}") for name in values for i in range(width)]
    return blocks.select("p", "j", *keep, *cells)


def packed(columns: Sequence[Column], spark: SparkSession) -> SparkColumn:
    """Return columns as one array of doubles: the array itself of which they are all positions, else a new one."""
    if columns and [column.position for column in columns] == list(range(len(columns))):
        return scores(Column(columns[0].path, f"array<{columns[0].type}>"), spark)
    return F.array(*[feature(column, spark) for column in columns])


def _with_sketches(cells: DataFrame, named: Sequence[SparkColumn], names: Sequence[str], width: int) -> DataFrame:
    """Return a row for each block: the list of its partitions' aggregates, and sketches merged in the engine."""
    made = [sketched(F.col(f"x_{i}")).alias(f"sketch_{i}") for i in range(width)]
    merged = [F.kll_merge_agg_double(f"sketch_{i}", F.lit(K)).alias(f"sketch_{i}") for i in range(width)]
    states = cells.groupBy("p", "j").agg(*named, *made)
    return states.groupBy("j").agg(F.collect_list(F.struct(*names)).alias("parts"), *merged)


def _block(states: pa.Table, *, sketch: bool) -> dict[str, Any]:
    """Return the aggregates of a block: arrays over the partitions, and sketches of all of them."""
    parts = pa.Table.from_struct_array(states["parts"].combine_chunks().flatten()) if sketch else states
    sketches = [name for name in states.column_names if name.startswith("sketch") and states.num_rows]
    block: dict[str, Any] = {name: parts[name].to_numpy() for name in parts.column_names}
    return block | {name: QuantileSketch(states[name][0].as_py()).canonical() for name in sketches}


def scan_in_python(df: DataFrame, group: Sequence[Column]) -> dict[str, ColumnStats]:
    """Scan a group with NumPy and DataSketches in Python workers: for engines without a native sketch."""
    ship(df.sparkSession)
    values = df.select(F.array(*[feature(column, df.sparkSession) for column in group]).alias("v"))  # no row is null
    states = values.mapInArrow(_partition_states(len(group)), "j int, state string").collect()
    out = dict.fromkeys((column.name for column in group), EMPTY)
    for state in sorted(states):
        out[group[state["j"]].name] += ColumnStats.from_dict(json.loads(state["state"]))
    return out


def _partition_states(width: int) -> Any:
    def states(batches: Any) -> Any:
        import json

        import numpy as np
        import pyarrow as pa

        from sparkscale.stats.column import EMPTY, ColumnStats

        forget_packages_in_archives()
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
