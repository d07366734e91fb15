"""Losses of labelled rows, for a row step that learns a temperature: one query a look.

A few score columns are summed by Spark's own expressions. More of them, arrays, and all on Sail are summed by the NumPy
kernel in Python workers (docs/design/010).
"""

from __future__ import annotations

import functools
import math
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
from sparkscale.spark.fit import native_losses, weighing
from sparkscale.spark.fit.queries import together
from sparkscale.spark.session.shipping import ship
from sparkscale.spark.transform.masks import scores_of
from sparkscale.spark.workers import forget_packages_in_archives
from sparkscale.stats.losses import Losses

#: The place of a label that names no class: below 0, as the kernel knows it.
_NO_CLASS = -2


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
    """

    df: DataFrame
    step: PlannedStep
    number: int
    label: Column
    ask: LossAsk
    weight: SparkColumn | None


@dataclass(frozen=True)
class Labelled:
    """The rows of a fit whose labels row steps learn from; the weights are looked at once."""

    df: DataFrame
    planned: Plan

    def losses(self, asked: Sequence[tuple[int, LossAsk]]) -> list[Losses]:
        """Return what row steps ask for, each by its number; raises :class:`DataError` for bad weights."""
        df, weight = self._weighted
        steps, labels = self.planned.steps, self.planned.labels
        questions = [Question(df, steps[number - 1], number, labels[number], ask, weight) for number, ask in asked]
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
    """Return the sums, with examples where labels name no class."""
    found = _summed(question)
    return replace(found, examples=_examples(question)) if found.rows.unknown else found


def _code(question: Question) -> SparkColumn:
    """Return the place of the class that a label names, ``_NO_CLASS`` for none that is there; null for no label."""
    label, names = ref(*question.label.path), [column.name for column in question.step.mapped]
    if is_of(question.label.type, "integer"):
        place = label.cast("bigint")
        return F.when(place.between(0, len(names) - 1), place.cast("int")).when(place.isNotNull(), _NO_CLASS)
    chosen = functools.reduce(
        lambda found, one: found.when(label == one[1], one[0]),
        enumerate(names[1:], 1),
        F.when(label == names[0], 0),
    )
    return chosen.when(label.isNotNull(), _NO_CLASS)


def _summed(question: Question) -> Losses:
    """Return the sums by Spark's expressions for a few score columns, else by Python workers."""
    scores, label, partial_rows = _packed(question)
    weight = F.lit(1.0) if question.weight is None else question.weight
    cells = [score.alias(f"x{place}") for place, score in enumerate(scores)]
    rows = question.df.select(*cells, label.alias("label"), weight.alias("w"))
    if not question.step.over_array and native_losses.serves(rows.sparkSession, len(scores)):
        return native_losses.summed(rows, len(scores), question.ask)
    return _summed_in_python(rows, question, partial_rows=partial_rows)


def _summed_in_python(rows: DataFrame, question: Question, *, partial_rows: bool) -> Losses:
    """Sum in Python workers, each task apart; then exactly, so that the order of tasks changes nothing."""
    ask = question.ask
    ship(question.df.sparkSession)
    kernel = _kernel(ask, over_array=question.step.over_array, partial_rows=partial_rows)
    parts = [row["sums"] for row in rows.mapInArrow(kernel, "sums array<double>").collect()]
    return Losses.of_flat([math.fsum(column) for column in zip(*parts, strict=True)], ask.betas)


def _packed(question: Question) -> tuple[Sequence[SparkColumn], SparkColumn, bool]:
    """Return a row's scores, the place of its label, and whether rows with a null score are used."""
    step, spark, partial_rows = question.step, question.df.sparkSession, question.ask.partial
    if not step.over_array:
        return [feature(column, spark) for column in step.mapped], _code(question).cast("bigint"), partial_rows
    place = ref(*question.label.path).cast("bigint")
    item = scores_application(step, question.number, partial=partial_rows)
    # What a mask leaves out is null by now, and so is all of a row that a null makes null.
    return [scores_of(item, spark)], place, partial_rows or item.mask is not None


def _kernel(ask: LossAsk, *, over_array: bool, partial_rows: bool) -> Any:
    betas, binned, derivatives = ask.betas, ask.binned, ask.derivatives  # a worker knows no LossAsk

    def sums(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        from sparkscale.spark.fit.labelled import rows_of

        forget_packages_in_archives()
        total = None
        for batch in batches:
            found = rows_of(batch, over_array=over_array, partial_rows=partial_rows).losses(betas, binned, derivatives)
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
        odd = _code(question) == _NO_CLASS
    counted = question.df.where(odd).groupBy(label.cast("string").alias("label")).agg(F.count(F.lit(1)).alias("n"))
    return tuple(row["label"] for row in counted.orderBy(F.desc("n"), "label").limit(EXAMPLES).collect())
