"""Unit norms as Spark expressions."""

from __future__ import annotations

import math

from pyspark.sql import Column as SparkColumn
from pyspark.sql import functions as F

from sparkscale.maps import UnitNormMap
from sparkscale.spark.transform.layers import Stages
from sparkscale.spark.transform.native.base import RowForm
from sparkscale.spark.transform.native.refusals import not_zero, unless_nonfinite, unless_null
from sparkscale.spark.transform.native.scores import Scores


class UnitNormForm(RowForm[UnitNormMap], of=UnitNormMap):
    """In stages: the largest magnitude, the row divided by it, the norm of that, the result."""

    def forward(self, x: Scores, stages: Stages) -> Scores:
        """Say :meth:`UnitNormMap.forward`."""
        top = stages.keep(x.map(F.abs).max())
        m = stages.keep(self._checked(x, top))
        if self.map.norm == "max":
            return x.map(lambda score: F.when(m.isNotNull(), _unit(score, m)))
        units = x.map(lambda score: _unit(score, m)).keep(stages)
        total = stages.keep(not_zero(self._size(units)))
        return units.map(lambda y: F.when(m == 0.0, y).when(m.isNotNull(), y / total))

    def _checked(self, x: Scores, top: SparkColumn) -> SparkColumn:
        checked = unless_null(x, top)
        return unless_nonfinite(x, checked, top) if self.map.nonfinite == "error" else checked

    def _size(self, units: Scores) -> SparkColumn:
        if self.map.norm == "l1":
            return units.sum(F.abs, nulls=False)
        if self.map.norm == "l2":
            return F.sqrt(units.sum(lambda y: y * y, nulls=False))
        power = float(self.map.norm)
        return F.pow(units.sum(lambda y: F.pow(F.abs(y), F.lit(power)), nulls=False), F.lit(1 / power))


def _unit(score: SparkColumn, m: SparkColumn) -> SparkColumn:
    """Return a score divided by the largest magnitude; at infinity, its sign or 0."""
    at_infinity = F.when(F.abs(score) == math.inf, F.signum(score)).otherwise(0.0)
    return F.when(m == math.inf, at_infinity).when(m == 0.0, score).otherwise(score / not_zero(m))
