"""The facts of a row's probabilities as Spark expressions."""

from __future__ import annotations

import math

from pyspark.sql import Column as SparkColumn
from pyspark.sql import functions as F

from sparkscale.maps.winners import Fact, Winners
from sparkscale.spark.columns import as_it_is
from sparkscale.spark.transform.layers import Stages
from sparkscale.spark.transform.native.base import Form
from sparkscale.spark.transform.native.log1p import log1p
from sparkscale.spark.transform.native.refusals import not_zero, unless_null
from sparkscale.spark.transform.native.scores import Scores
from sparkscale.spark.transform.native.softmax import SoftmaxForm, is_least


class WinnersForm(Form[Winners], of=Winners):
    """In stages: the row's maximum, its logits, their weights, the sums of these, the facts.

    Engines leave out what no fact needs.
    """

    def over(self, x: Scores, stages: Stages) -> list[SparkColumn]:
        """Say :meth:`Winners.forward`."""
        x = x.keep(stages)
        softmax = SoftmaxForm(self.map.map)
        m = stages.keep(self._maximum(x, stages.keep(x.max())))
        logits = x.map(lambda score: softmax.logit(score, m)).keep(stages)
        facts = {"label": _place(x, m)} | _numbers(logits, stages)
        return [_of_row(fact, facts[fact], m) for fact in self.map.facts]

    def undefined(self, array: SparkColumn) -> SparkColumn:
        """Return whether the row has no softmax."""
        return SoftmaxForm(self.map.map).undefined(array)

    def _maximum(self, x: Scores, top: SparkColumn) -> SparkColumn:
        """Return the largest score, null where the row has no facts."""
        m = SoftmaxForm(self.map.map).checked(x, top)
        m = m if self.map.map.nulls == "mask" else unless_null(x, m)
        return F.when(~is_least(top), m) if self.map.map.undefined == "zeros" else m


def _of_row(fact: Fact, value: SparkColumn, m: SparkColumn) -> SparkColumn:
    """Return a fact, null where the maximum is; a NaN row has no label."""
    of_nan = F.lit(None if fact == "label" else math.nan).cast("double")
    return F.when(F.isnan(m), of_nan).when(m.isNotNull(), value)


def _place(x: Scores, m: SparkColumn) -> SparkColumn:
    """Return the place of the first of the largest scores. To Sail -0 is less than 0: adding 0 makes them equal."""
    largest = m + F.lit(0.0)
    if x.array is not None:
        places = F.transform(x.array, lambda score, i: F.when(score + F.lit(0.0) == largest, i))
        return F.array_min(places).cast("double")
    first, *others = (cell + F.lit(0.0) == largest for cell in x.cells)
    place = F.when(first, F.lit(0.0))
    for i, is_largest in enumerate(others, 1):
        place = place.when(is_largest, F.lit(float(i)))
    return place


def _numbers(logits: Scores, stages: Stages) -> dict[Fact, SparkColumn]:
    """Return confidence, margin and entropy; a logit of -inf has the weight 0 and adds nothing."""
    weights = logits.map(F.exp).keep(stages)
    total, ties, second, below, spread = stages.keep_all(
        [
            weights.sum(as_it_is, nulls=True),
            logits.count(lambda logit: logit == F.lit(0.0)),
            logits.map(lambda logit: F.when(logit < F.lit(0.0), logit)).max(),
            logits.beside(weights, lambda logit, w: F.when(logit < F.lit(0.0), w)).sum(as_it_is, nulls=True),
            logits.beside(weights, lambda logit, w: F.when(w > F.lit(0.0), w * -logit)).sum(as_it_is, nulls=True),
        ]
    )
    total = not_zero(total)
    second = F.when(ties > F.lit(1.0), F.lit(0.0)).otherwise(F.coalesce(second, F.lit(-math.inf)))
    return {
        "confidence": F.lit(1.0) / total,
        "margin": (F.lit(0.0) - F.expm1(second)) / total,
        "entropy": log1p(below + (ties - F.lit(1.0))) + spread / total,
    }
