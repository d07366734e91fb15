"""Losses of labelled rows, for a row step that learns a temperature: one query a look.

The scores of a few columns are summed by Spark's own expressions, in layers: distances from the row's largest score,
exponentials at the first inverse temperature, their squares at the next. Arrays, whose lengths may differ, and wide
rows go through Python workers and the NumPy kernel: an expression for each of many scores is one that the JVM does not
compile, and Spark interprets functions of array elements.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pyarrow as pa
from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sparkscale.pipeline.labelled import EXAMPLES, scores_application
from sparkscale.pipeline.plan import Plan
from sparkscale.pipeline.planned import PlannedStep
from sparkscale.pipeline.schema import Column, is_of
from sparkscale.scalers.learning import LossAsk
from sparkscale.spark.columns import feature, ref
from sparkscale.spark.fit import weighing
from sparkscale.spark.fit.queries import merges_in_order, together
from sparkscale.spark.session.session import is_sail
from sparkscale.spark.session.shipping import ship
from sparkscale.spark.transform.layers import Layers, Stages
from sparkscale.spark.transform.masks import scores_of
from sparkscale.spark.workers import forget_packages_in_archives
from sparkscale.stats.losses import BINS, FLOOR, Bin, LabelledRows, Losses, Point

#: Score columns up to which Spark's own expressions are used: with more, a row of distances, exponentials and sums is
#: beyond spark.sql.codegen.maxFields (100).
NARROW = 32
_INF = math.inf
#: What a row is: used, or why not; in the order of :class:`LabelledRows`.
_USED, *_LEFT_OUT = range(5)
_UNLABELLED, _UNKNOWN, _NULLS, _NONFINITE = _LEFT_OUT
_NAMES = ("loss", "slope", "curvature", "bend")


@dataclass(frozen=True)
class Question:
    """What is asked of the labelled rows of a step.

    Attributes:
        df: the rows of a weight above 0.
        step: whose scores these are.
        number: of the step, from 1.
        label: the column of labels.
        ask: what is to be summed.
        weight: of a row; None if all count the same.
        apart: whether partitions are summed apart, as they would merge in the order of arrival.
    """

    df: DataFrame
    step: PlannedStep
    number: int
    label: Column
    ask: LossAsk
    weight: SparkColumn | None
    apart: bool


@dataclass(frozen=True)
class Labelled:
    """The rows of a fit whose labels row steps learn from; the weights are looked at once."""

    df: DataFrame
    planned: Plan
    reproducible: bool = True

    def losses(self, asked: Sequence[tuple[int, LossAsk]]) -> list[Losses]:
        """Return what row steps ask for, each by its number; raises :class:`DataError` for bad weights."""
        df, weight = self._weighted
        apart = self.reproducible and not is_sail(df.sparkSession) and not merges_in_order(df.sparkSession)
        steps, labels = self.planned.steps, self.planned.labels
        questions = [
            Question(df, steps[number - 1], number, labels[number], ask, weight, apart) for number, ask in asked
        ]
        calls: list[Callable[[], Losses]] = [partial(_losses, question) for question in questions]
        return together(df.sparkSession, calls)

    @functools.cached_property
    def _weighted(self) -> tuple[DataFrame, SparkColumn | None]:
        """The rows of a weight above 0, and their weights in units of about the largest: no sum overflows."""
        column = self.planned.weight_column
        if column is None:
            return self.df, None
        w = feature(column, self.df.sparkSession)
        exp = math.frexp(weighing.heaviest(self.df, w, column.name))[1]
        halves = F.lit(math.ldexp(1.0, -(exp // 2))), F.lit(math.ldexp(1.0, exp // 2 - exp))  # one may be no double
        return weighing.weighted_rows(self.df, column), w * halves[0] * halves[1]


def _losses(question: Question) -> Losses:
    step = question.step
    by_python = step.over_array or len(step.mapped) > NARROW
    found = in_python(question) if by_python else natively(question)
    return replace(found, examples=_examples(question)) if found.rows.unknown else found


def natively(question: Question) -> Losses:
    """Sum by Spark's expressions over score columns."""
    ask = question.ask
    layers = Layers(question.df.columns)
    row = _Row.of(question, Stages(layers))
    sums: dict[str, SparkColumn] = {"rows": F.count(F.lit(1)), "weight": F.sum(row.weight)}
    sums |= {f"n{kind}": F.count(F.when(row.status == F.lit(kind), 1)) for kind in _LEFT_OUT}
    keys = [F.spark_partition_id().alias("p")] if question.apart else []
    stages, exponentials = Stages(layers, row.depth), list[SparkColumn]()
    for number, beta in enumerate(ask.betas):
        doubled = number > 0 and beta == 2 * ask.betas[number - 1]
        exponentials = stages.keep_all(
            [e * e for e in exponentials] if doubled else [F.exp(F.lit(beta) * d) for d in row.z]
        )
        total, *means = _moments(exponentials, row.z, Stages(layers, stages.depth))
        terms = zip(_NAMES, _terms(beta, row.own, total, means), strict=True)
        sums |= {f"{name}_{number}": F.sum(row.weight * term) for name, term in terms}
        if beta == ask.binned:
            right = F.when(_winner(row.z) == row.code, row.weight).otherwise(F.lit(0.0))
            keys.append(_bin(F.lit(1.0) / total).alias("bin"))
            sums |= {"right": F.sum(right), "confidence": F.sum(row.weight / total)}
    table = layers.over(question.df)
    found = (table.groupBy(*keys) if keys else table).agg(*[total.alias(name) for name, total in sums.items()])
    return _read([one.asDict() for one in found.collect()], ask)


@dataclass(frozen=True)
class _Row:
    """A row in layers below ``depth``: its class, what it is, and distances of scores, 0 in rows that are left out."""

    code: SparkColumn
    status: SparkColumn
    weight: SparkColumn
    z: Sequence[SparkColumn]
    own: SparkColumn
    depth: int

    @classmethod
    def of(cls, question: Question, stages: Stages) -> _Row:
        """Put the row into layers."""
        raw = [feature(column, question.df.sparkSession) for column in question.step.mapped]
        weight = F.lit(1.0) if question.weight is None else question.weight
        code, w, *x = stages.keep_all([_code(question), weight, *raw])
        status = stages.keep(_status(x, code, partial_rows=question.ask.partial))
        used, nothing, least = status == F.lit(_USED), F.lit(0.0), F.lit(FLOOR)
        w, *x = stages.keep_all([F.when(used, one).otherwise(nothing) for one in (w, *x)])
        top = stages.keep(F.coalesce(F.greatest(*x), nothing))
        z = stages.keep_all([F.coalesce(F.greatest(one - top, least), least) for one in x])
        own = Stages(stages.layers, stages.depth).keep(_chosen(code, z))
        return cls(code, status, w, z, own, stages.depth)


def _moments(exponentials: Sequence[SparkColumn], z: Sequence[SparkColumn], stages: Stages) -> list[SparkColumn]:
    """Return the sum of the exponentials, and the means of the first three powers of z under them."""
    terms, sums = list(exponentials), list[SparkColumn]()
    for _ in range(4):
        sums.append(functools.reduce(operator.add, terms))
        terms = [term * d for term, d in zip(terms, z, strict=True)]
    total, *rest = stages.keep_all(sums)
    return [total, *stages.keep_all([one / total for one in rest])]


def _terms(beta: float, own: SparkColumn, total: SparkColumn, means: Sequence[SparkColumn]) -> list[SparkColumn]:
    """Return the loss of a row and its derivatives, in the order of :data:`_NAMES`."""
    one, two, three = means
    bend = three - F.lit(3.0) * one * two + F.lit(2.0) * one * one * one
    return [F.log(total) - F.lit(beta) * own, one - own, two - one * one, bend]


def _code(question: Question) -> SparkColumn:
    """Return the place of the class that a label names, -2 for none that is there; null for no label."""
    label, names = ref(*question.label.path), [column.name for column in question.step.mapped]
    if is_of(question.label.type, "integer"):
        place = label.cast("bigint")
        return F.when(place.between(0, len(names) - 1), place.cast("int")).when(place.isNotNull(), F.lit(-2))
    chosen = functools.reduce(
        lambda found, one: found.when(label == F.lit(one[1]), F.lit(one[0])),
        enumerate(names[1:], 1),
        F.when(label == F.lit(names[0]), F.lit(0)),
    )
    return chosen.when(label.isNotNull(), F.lit(-2))


def _status(x: Sequence[SparkColumn], code: SparkColumn, *, partial_rows: bool) -> SparkColumn:
    """Return what a row is."""
    nulls = [one.isNull() for one in x]
    null = functools.reduce(operator.and_ if partial_rows else operator.or_, nulls)
    if partial_rows:
        null |= _chosen(code, [F.when(one, F.lit(1.0)).otherwise(F.lit(0.0)) for one in nulls]) == F.lit(1.0)
    finite = functools.reduce(operator.and_, (F.coalesce(F.abs(one) < F.lit(_INF), F.lit(True)) for one in x))  # noqa: FBT003 - Spark's true
    status = F.when(code.isNull(), F.lit(_UNLABELLED)).when(code < 0, F.lit(_UNKNOWN)).when(null, F.lit(_NULLS))
    return status.when(~finite, F.lit(_NONFINITE)).otherwise(F.lit(_USED))


def _chosen(code: SparkColumn, values: Sequence[SparkColumn]) -> SparkColumn:
    """Return the value at the place of the label."""
    chosen = functools.reduce(
        lambda found, one: found.when(code == F.lit(one[0]), one[1]),
        enumerate(values),
        F.when(F.isnull(code), F.lit(0.0)),
    )
    return chosen.otherwise(F.lit(0.0))


def _winner(z: Sequence[SparkColumn]) -> SparkColumn:
    """Return the place of the largest score, the first of ties."""
    places = [F.when(distance == F.lit(0.0), F.lit(place)) for place, distance in enumerate(z)]
    return F.coalesce(*places, F.lit(-1))


def _bin(confidence: SparkColumn) -> SparkColumn:
    place = F.ceil(confidence * F.lit(float(BINS))).cast("int") - F.lit(1)
    return F.greatest(F.lit(0), F.least(place, F.lit(BINS - 1)))


def _read(rows: Sequence[dict[str, Any]], ask: LossAsk) -> Losses:
    """Return the sums of all groups; they are exact before they are rounded, so the order of groups does not matter."""

    def total(name: str) -> float:
        return math.fsum(row[name] or 0.0 for row in rows)

    counts = LabelledRows(*(sum(row[name] for row in rows) for name in ("rows", *(f"n{kind}" for kind in _LEFT_OUT))))
    points = tuple(Point(beta, *(total(f"{name}_{n}") for name in _NAMES)) for n, beta in enumerate(ask.betas))
    bins: tuple[Bin, ...] = ()
    if ask.binned is not None:
        groups = [[row for row in rows if row["bin"] == place] for place in range(BINS)]
        bins = tuple(
            Bin(*(math.fsum(row[name] for row in group) for name in ("weight", "right", "confidence")))
            for group in groups
        )
    return Losses(counts, total("weight"), points, bins)


def in_python(question: Question) -> Losses:
    """Sum by the NumPy kernel in Python workers: arrays, or more columns than Spark compiles."""
    ask = question.ask
    ship(question.df.sparkSession)
    scores, label, partial_rows = _packed(question)
    weight = F.lit(1.0) if question.weight is None else question.weight
    batches = question.df.select(scores.alias("x"), label.alias("label"), weight.alias("w"))
    kernel = _kernel(ask.betas, ask.binned, partial_rows=partial_rows)
    parts = [row["sums"] for row in batches.mapInArrow(kernel, "sums array<double>").collect()]
    return Losses.of_flat([math.fsum(column) for column in zip(*parts, strict=True)], ask.betas)


def _packed(question: Question) -> tuple[SparkColumn, SparkColumn, bool]:
    """Return a row's scores as an array, the place of its label, and whether rows with a null score are used."""
    step, spark, partial_rows = question.step, question.df.sparkSession, question.ask.partial
    if not step.over_array:
        return (
            F.array(*[feature(column, spark) for column in step.mapped]),
            _code(question).cast("bigint"),
            partial_rows,
        )
    place = ref(*question.label.path).cast("bigint")
    item = scores_application(step, question.number, partial=partial_rows)
    # What a mask leaves out is null by now, and so is all of a row that a null makes null.
    return scores_of(item, spark), place, partial_rows or item.mask is not None


def _kernel(betas: Sequence[float], binned: float | None, *, partial_rows: bool) -> Any:
    def sums(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import numpy as np
        import pyarrow as pa

        from sparkscale.stats.losses import UNKNOWN, UNLABELLED, Ragged

        forget_packages_in_archives()
        total = None
        for batch in batches:
            lists, labels, weight = (batch.column(n) for n in range(3))
            flat, place = lists.flatten(), labels.fill_null(UNLABELLED).to_numpy()
            place = np.where((place < 0) & ~labels.is_null().to_numpy(zero_copy_only=False), UNKNOWN, place)
            rows = Ragged(
                flat.to_numpy(zero_copy_only=False),
                flat.is_null().to_numpy(zero_copy_only=False),
                lists.value_lengths().fill_null(0).to_numpy().astype(np.int64),
                place,
                weight.to_numpy(),
                partial=partial_rows,
            )
            found = rows.losses(betas, binned)
            total = found if total is None else total + found
        if total is not None:
            yield pa.RecordBatch.from_arrays([pa.array([total.flat], pa.list_(pa.float64()))], names=["sums"])

    return sums


def _examples(question: Question) -> tuple[str, ...]:
    """Return the most frequent labels that name no class."""
    label = ref(*question.label.path)
    if question.step.over_array:
        size = F.size(ref(*question.step.mapped[0].path))
        odd = (label < 0) | ((label >= size) & (size > 0))
    else:
        odd = _code(question) == F.lit(-2)
    counted = question.df.where(odd).groupBy(label.cast("string").alias("label")).agg(F.count(F.lit(1)).alias("n"))
    return tuple(row["label"] for row in counted.orderBy(F.desc("n"), "label").limit(EXAMPLES).collect())
