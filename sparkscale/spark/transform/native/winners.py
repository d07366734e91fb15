"""The facts of a row's probabilities as Spark expressions."""

from __future__ import annotations

import math

from pyspark.sql import Column as SparkColumn
from pyspark.sql import functions as F

from sparkscale.maps.winners import Fact, Winners
from sparkscale.spark.transform.layers import Stages
from sparkscale.spark.transform.native.base import Form
from sparkscale.spark.transform.native.logs import log1p
from sparkscale.spark.transform.native.refusals import unless_null
from sparkscale.spark.transform.native.scores import Scores
from sparkscale.spark.transform.native.softmax import SoftmaxForm, is_least

#: ``exp`` of any less is 0. A logit is held above it, so that its product with a weight of 0 is 0.
_LEAST = -746.0


class WinnersForm(Form[Winners], of=Winners):
    """In stages: the row's maximum, its place, the logits of all other scores, their sums, the facts.

    The winner's own weight is 1, which would swallow small ones. Columns become an array: one expression for each would
    make a method that the JVM does not compile.
    """

    def over(self, x: Scores, stages: Stages) -> list[SparkColumn]:
        """Say :meth:`Winners.forward`."""
        array = stages.keep(F.array(*x.cells) if x.array is None else x.array)
        m = stages.keep(self._maximum(array))
        place = stages.keep(_place(array, m))
        facts = {"label": place} | self._numbers(array, m, place, stages)
        return [_of_row(fact, facts[fact], m) for fact in self.map.facts]

    def undefined(self, array: SparkColumn) -> SparkColumn:
        """Return whether the row has no softmax."""
        return SoftmaxForm(self.map.map).undefined(array)

    def _maximum(self, array: SparkColumn) -> SparkColumn:
        """Return the largest score, null where the row has no facts."""
        x, top = Scores(array=array), F.array_max(array)
        m = SoftmaxForm(self.map.map).checked(x, top)
        m = m if self.map.map.nulls == "mask" else unless_null(x, m)
        return F.when(~is_least(top), m) if self.map.map.undefined == "zeros" else m

    def _numbers(
        self, array: SparkColumn, m: SparkColumn, place: SparkColumn, stages: Stages
    ) -> dict[Fact, SparkColumn]:
        """Return confidence, margin and entropy."""
        softmax = SoftmaxForm(self.map.map)

        def logit(score: SparkColumn, i: SparkColumn) -> SparkColumn:
            return F.when(i != place, F.greatest(softmax.logit(score, m), F.lit(_LEAST)))

        logits = Scores(array=stages.keep(F.filter(F.transform(array, logit), lambda logit: logit.isNotNull())))
        others, spread, second = stages.keep_all(
            [
                logits.sum(F.exp, nulls=False),
                logits.sum(lambda logit: F.exp(logit) * logit, nulls=False),
                F.coalesce(logits.max(), F.lit(_LEAST)),
            ]
        )
        total = others + 1.0
        return {
            "confidence": F.lit(1.0) / total,
            "margin": (F.lit(0.0) - F.expm1(second)) / total,
            "entropy": log1p(others, stages) - spread / total,
        }


def _of_row(fact: Fact, value: SparkColumn, m: SparkColumn) -> SparkColumn:
    """Return a fact, null where the maximum is; a NaN row has no label."""
    of_nan = F.lit(None if fact == "label" else math.nan).cast("double")
    return F.when(F.isnan(m), of_nan).when(m.isNotNull(), value)


def _place(array: SparkColumn, m: SparkColumn) -> SparkColumn:
    """Return the place of the first of the largest scores."""
    return F.array_position(array, m) - 1
