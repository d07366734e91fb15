"""Softmax and log-softmax as Spark expressions."""

from __future__ import annotations

import math

from pyspark.sql import Column as SparkColumn
from pyspark.sql import functions as F

from sparkscale.maps import SoftmaxMap
from sparkscale.spark.columns import as_it_is
from sparkscale.spark.transform.layers import Stages
from sparkscale.spark.transform.native.base import RowForm
from sparkscale.spark.transform.native.logs import log1p
from sparkscale.spark.transform.native.refusals import not_zero, unless_nonfinite, unless_null
from sparkscale.spark.transform.native.scores import Scores
from sparkscale.spark.transform.refusing import refuse


class SoftmaxForm(RowForm[SoftmaxMap], of=SoftmaxMap):
    """In stages: the row's maximum, its policies, logits or weights, their sum, the result.

    Each score has one comparison, so that more of them fit into a method that the JVM compiles. A score equal to the
    maximum gets the logit 0, even for inf - inf. NaN rows are caught by the sum.
    """

    def forward(self, x: Scores, stages: Stages) -> Scores:
        """Say :meth:`SoftmaxMap.forward`."""
        top = stages.keep(x.max())
        m = stages.keep(self.checked(x, top))
        result = self._logarithms(x, m, stages) if self.map.log else self._shares(x, m, stages)
        if self.map.undefined != "zeros":
            return result
        nothing = F.lit(-math.inf if self.map.log else 0.0)
        return result.map(lambda y: F.when(is_least(m) & y.isNotNull(), nothing).otherwise(y))

    def undefined(self, array: SparkColumn) -> SparkColumn:
        """Return whether all scores of a row are -inf, but for nulls that are left out."""
        least = is_least(F.array_max(array))
        return least if self._masks else least & ~F.exists(array, lambda score: score.isNull())

    @property
    def _masks(self) -> bool:
        return self.map.nulls == "mask"

    def _shares(self, x: Scores, m: SparkColumn, stages: Stages) -> Scores:
        weights = x.map(lambda score: F.exp(self.logit(score, m))).keep(stages)
        total = stages.keep(weights.sum(as_it_is, nulls=self._masks))
        total = stages.keep(_nan_with(m, not_zero(total) if self._masks else total))
        return weights.map(lambda w: w / total)

    def _logarithms(self, x: Scores, m: SparkColumn, stages: Stages) -> Scores:
        logits = x.map(lambda score: self.logit(score, m)).keep(stages)
        others = stages.keep(_others(logits, nulls=self._masks))
        total = stages.keep(_nan_with(m, log1p(others, stages)))
        return logits.map(lambda w: w - total)

    def logit(self, score: SparkColumn, m: SparkColumn) -> SparkColumn:
        """Return ``(score - m) / T``, 0 for the maximum itself."""
        t = self.map.temperature
        halved = (score * 0.5 - m * 0.5) / (t * 0.5)
        plain = score - m if t == 1 else (score - m) / t
        return F.when(score == m, 0.0).otherwise(halved if self.map.by_halves else plain)

    def checked(self, x: Scores, top: SparkColumn) -> SparkColumn:
        """Return the maximum, or what the map says of the row.

        The sum is null where a score is: nulls are looked for only where a row with one must not be refused.
        """
        refuses = "error" in (self.map.nonfinite, self.map.undefined)
        checked = unless_null(x, self._defined(top)) if refuses and not self._masks else self._defined(top)
        return unless_nonfinite(x, checked, top) if self.map.nonfinite == "error" else checked

    def _defined(self, top: SparkColumn) -> SparkColumn:
        """Return the maximum, or what the map says of rows whose scores are all -inf."""
        if self.map.undefined == "null":
            return F.when(~is_least(top), top)
        if self.map.undefined == "error":
            expected = "expected a score above -inf in every row (undefined: error)"
            refused = refuse(f"DATA_UNDEFINED: {self.map.kind}: {expected}, found a row whose largest is ", top)
            return F.when(is_least(top), refused).otherwise(top)
        return top


def is_least(top: SparkColumn) -> SparkColumn:
    """Return whether a row's largest score is -inf."""
    return top == -math.inf


def _others(logits: Scores, *, nulls: bool) -> SparkColumn:
    """Return the sum of all weights but one of the largest, which is 1: their log1p keeps what 1 would swallow."""
    below = logits.sum(lambda w: F.when(w == 0.0, 0.0).otherwise(F.exp(w)), nulls=nulls)
    return below + (logits.count(lambda w: w == 0.0) - 1.0)


def _nan_with(m: SparkColumn, total: SparkColumn) -> SparkColumn:
    return F.when(F.isnan(m) & total.isNotNull(), math.nan).otherwise(total)
