"""log1p, asinh and the signed log1p as Spark expressions."""

from __future__ import annotations

import math

from pyspark.sql import Column as SparkColumn
from pyspark.sql import functions as F

from sparkscale.maps import AsinhMap, Log1pMap, SignedLogMap
from sparkscale.spark.transform.layers import Stages
from sparkscale.spark.transform.native.base import ColumnForm
from sparkscale.spark.transform.native.refusals import not_zero
from sparkscale.spark.transform.refusing import refuse

#: From here on, x * x + 1 is x * x.
_LARGE = 2.0**28
#: From here on, sinh is half of an exponential, to the last place.
_FAR = 20.0


def log1p(x: SparkColumn, stages: Stages) -> SparkColumn:
    """Return ``log(1 + x)`` of ``x > -1`` to all digits: the engine's log1p, but on Sail that is ``log(1 + x)``.

    There, it is ``log(u) * x / (u - 1)`` of the rounded ``u = 1 + x``. Source: Goldberg, "What every computer scientist
    should know about floating-point arithmetic" (1991), theorem 4. On Spark this would take five times as long.
    """
    if not stages.sail:
        return F.log1p(x)
    u = F.lit(1.0) + x
    rounded = u - 1.0
    itself = (rounded == 0.0) | (x == math.inf)
    return F.when(itself, x).otherwise(F.log(u) * (x / not_zero(rounded)))


class Log1pForm(ColumnForm[Log1pMap], of=Log1pMap):
    """The logarithm; outside its domain null, or an error."""

    def along(self, x: SparkColumn, stages: Stages) -> SparkColumn:
        """Say :meth:`Log1pMap.apply`."""
        log = log1p(x, stages)
        if self.map.undefined == "null":
            return F.when(x > -1.0, log)
        refused = refuse("DATA_UNDEFINED: log1p: expected values above -1 (undefined: error), found ", x)
        return F.when(x > -1.0, log).when(x.isNotNull(), refused)

    def inverse(self, y: SparkColumn) -> SparkColumn:
        """Say :meth:`Log1pMap.inverse`."""
        return F.expm1(y)


class AsinhForm(ColumnForm[AsinhMap], of=AsinhMap):
    """``sign(x) * log1p(|x| + x**2 / (1 + sqrt(1 + x**2)))``: the engine's own loses small and large values."""

    def along(self, x: SparkColumn, stages: Stages) -> SparkColumn:
        """Say :meth:`AsinhMap.forward`."""
        size = F.abs(x)
        near = log1p(size + size * size / (F.lit(1.0) + F.sqrt(F.lit(1.0) + size * size)), stages)
        far = F.log(F.when(size > _LARGE, size).otherwise(1.0)) + math.log(2.0)
        y = F.when(size > _LARGE, far).otherwise(near)
        return F.when(x < 0.0, -y).otherwise(y)

    def inverse(self, y: SparkColumn) -> SparkColumn:
        """Say :meth:`AsinhMap.inverse`: ``(e + e / (e + 1)) / 2`` with ``e = expm1(|y|)``; far out, by halves."""
        size = F.abs(y)
        e = F.expm1(size)
        near = (e + e / (e + 1.0)) / 2.0
        half = F.exp(size / 2.0)
        x = F.when(size > _FAR, half / 2.0 * half).otherwise(near)
        return F.when(y < 0.0, -x).otherwise(x)


class SignedLogForm(ColumnForm[SignedLogMap], of=SignedLogMap):
    """The engine's log1p of the size, with the sign."""

    def along(self, x: SparkColumn, stages: Stages) -> SparkColumn:
        """Say :meth:`SignedLogMap.forward`."""
        return F.signum(x) * log1p(F.abs(x), stages)

    def inverse(self, y: SparkColumn) -> SparkColumn:
        """Say :meth:`SignedLogMap.inverse`."""
        return F.when(y < 0.0, -F.expm1(-y)).otherwise(F.expm1(F.abs(y)))
