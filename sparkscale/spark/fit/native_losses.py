"""Losses of labelled rows by Spark's own expressions: term by term what the NumPy kernel sums.

Each inverse temperature is a row of its own, of the same few terms: more of them in one row than Spark compiles would
take three times as long. Each partition, inverse temperature, bin of confidence, and reason not to use a row is a group
of its own, so what the expressions make of rows that are not used is never read. The sums of groups are added exactly,
so that their order changes nothing.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from functools import reduce

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from sparkscale.scalers.learning import LossAsk
from sparkscale.spark.columns import balanced, ref
from sparkscale.spark.session.session import is_sail
from sparkscale.spark.transform.layers import Layers, Stages
from sparkscale.stats.losses import BINS, DERIVATIVES, FLOOR, Bin, LabelledRows, Losses, Point, central

#: The most score columns that are summed here: 10 take 0.8 of the time of Python workers, 20 take 0.7, 30 twice.
MOST = 20
#: What stands in place of a bin: why a row is not used.
_REASONS = _UNLABELLED, _UNKNOWN, _NULLS, _NONFINITE = -1, -2, -3, -4


def serves(spark: SparkSession, width: int) -> bool:
    """Whether Spark's expressions are the faster way; Sail writes a row for each inverse temperature to memory."""
    return width <= MOST and not is_sail(spark)


def summed(rows: DataFrame, width: int, ask: LossAsk) -> Losses:
    """Return what is asked for of rows with the columns ``x0``, ``x1`` and so on, ``label`` (a place) and ``w``."""
    spread = _spread(rows, [ref(f"x{number}") for number in range(width)], partial=ask.partial)
    beta = F.explode(F.lit(list(ask.betas))) if len(ask.betas) > 1 else F.lit(ask.betas[0])
    each = spread.select("*", beta.alias("beta"))
    layers = Layers(each.columns)
    place, terms = _terms([ref(f"z{number}") for number in range(width)], ask, Stages(layers))
    weighted = [(ref("w") * term).alias(name) for name, term in terms.items()]
    table = layers.over(each).select(F.spark_partition_id().alias("p"), "beta", place.alias("place"), "w", *weighted)
    sums = [F.sum(name).alias(name) for name in ("w", *terms)]
    return _losses(table.groupBy("p", "beta", "place").agg(F.count(F.lit(1)).alias("rows"), *sums).collect(), ask)


def _spread(rows: DataFrame, x: Sequence[SparkColumn], *, partial: bool) -> DataFrame:
    """Return the distances ``z0`` and so on of scores from the largest, that of the label, and why a row isn't used."""
    label, layers = ref("label"), Layers(rows.columns)
    stages = Stages(layers)
    top, bottom = stages.keep_all([F.greatest(*x), F.least(*x)])
    z = stages.keep_all([F.coalesce(F.greatest(score - top, F.lit(FLOOR)), F.lit(FLOOR)) for score in x])
    null = _chosen(label, x).isNull() if partial else balanced(operator.or_, [score.isNull() for score in x])
    finite = (F.abs(top) < math.inf) & (F.abs(bottom) < math.inf)
    unnamed = F.when(label.isNull(), _UNLABELLED).when(label < 0, _UNKNOWN)
    why = unnamed.when(null, _NULLS).when(~finite, _NONFINITE).otherwise(0)
    named = [distance.alias(f"z{number}") for number, distance in enumerate(z)]
    own = F.coalesce(_chosen(label, z), F.lit(0.0))
    right = F.when(_first_largest(z) == label, 1.0).otherwise(0.0)
    return layers.over(rows).select(*named, own.alias("own"), right.alias("right"), why.alias("why"), "w")


def _terms(z: Sequence[SparkColumn], ask: LossAsk, stages: Stages) -> tuple[SparkColumn, dict[str, SparkColumn]]:
    """Return the bin of a row, or why it is not used, and what is summed of it, by name."""
    beta, own, why = ref("beta"), ref("own"), ref("why")
    weights = powers = stages.keep_all([F.exp(distance * beta) for distance in z])
    sums = [balanced(operator.add, weights)]
    for _ in range(ask.derivatives):
        powers = stages.keep_all([power * distance for power, distance in zip(powers, z, strict=True)])
        sums.append(balanced(operator.add, powers))
    total, *moments = stages.keep_all(sums)
    share = stages.keep(F.coalesce(1.0 / F.greatest(total, F.lit(1.0)), F.lit(0.0)))  # a division may give null
    means = stages.keep_all([moment * share for moment in moments]) if moments else []
    orders = enumerate([F.log(total) - own * beta, *central(own, means)])
    named = {_name(order): term for order, term in orders}
    if ask.binned is None:
        return why, named
    place = F.when((why == 0) & (beta == ask.binned), F.ceil(share * float(BINS)).cast("int") - 1).otherwise(why)
    return place, named | {"right": ref("right"), "confidence": share}


def _name(order: int) -> str:
    """Return the name of the sum of the losses (order 0) or of a derivative."""
    return f"derivative{order}"


def _chosen(label: SparkColumn, of: Sequence[SparkColumn]) -> SparkColumn:
    """Return the one that the label names, null if it names none."""
    first, *others = enumerate(of)
    return reduce(lambda found, one: found.when(label == one[0], one[1]), others, F.when(label == first[0], first[1]))


def _first_largest(z: Sequence[SparkColumn]) -> SparkColumn:
    """Return the place of the first score that is the largest of its row."""
    (_, first), *others = enumerate(z)
    return reduce(lambda found, one: found.when(one[1] == 0.0, one[0]), others, F.when(first == 0.0, 0))


def _losses(groups: Sequence[Row], ask: LossAsk) -> Losses:
    """Add the sums of groups, exactly."""
    once = [group for group in groups if group["beta"] == ask.betas[0]]
    counts = (sum(group["rows"] for group in once if group["place"] == why) for why in _REASONS)
    used = [group for group in groups if group["place"] >= 0]
    points = []
    for beta in ask.betas:
        own = [group for group in used if group["beta"] == beta]
        points.append(Point(beta, *(_added(own, _name(order)) for order in range(DERIVATIVES + 1))))
    bins = []
    for place in range(BINS if ask.binned is not None else 0):
        own = [group for group in used if group["beta"] == ask.binned and group["place"] == place]
        bins.append(Bin(*(_added(own, name) for name in ("w", "right", "confidence"))))
    rows = LabelledRows(sum(group["rows"] for group in once), *counts)
    weight = _added([group for group in once if group["place"] >= 0], "w")
    return Losses(rows, weight, tuple(points), tuple(bins))


def _added(groups: Sequence[Row], name: str) -> float:
    """Return the sum of what groups have of a name; NaN for what was not asked for."""
    return math.fsum(group[name] if name in group else math.nan for group in groups)  # noqa: SIM401 - a Row has no get
