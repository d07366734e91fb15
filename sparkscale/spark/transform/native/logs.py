"""log1p, asinh and the signed log1p as Spark expressions."""

from __future__ import annotations

import math

from pyspark.sql import Column as SparkColumn
from pyspark.sql import functions as F

from sparkscale.maps import AsinhMap, Log1pMap, SignedLogMap
from sparkscale.spark.transform.native.base import ColumnForm
from sparkscale.spark.transform.native.log1p import log1p
from sparkscale.spark.transform.native.refusals import refuse

#: From here on, x * x + 1 is x * x.
_LARGE = 2.0**28


class Log1pForm(ColumnForm[Log1pMap], of=Log1pMap):
    """The logarithm; outside its domain null, or an error."""

    def forward(self, x: SparkColumn) -> SparkColumn:
        """Say :meth:`Log1pMap.apply`."""
        if self.map.undefined == "null":
            return F.when(x > F.lit(-1.0), log1p(x))
        refused = refuse("DATA_UNDEFINED: log1p of a value that is not above -1 (undefined: error): ", x)
        return F.when(x > F.lit(-1.0), log1p(x)).when(x.isNotNull(), refused)

    def inverse(self, y: SparkColumn) -> SparkColumn:
        """Say :meth:`Log1pMap.inverse`."""
        return F.expm1(y)


class AsinhForm(ColumnForm[AsinhMap], of=AsinhMap):
    """``sign(x) * log1p(|x| + x**2 / (1 + sqrt(1 + x**2)))``: the engine's own loses small and large values."""

    def forward(self, x: SparkColumn) -> SparkColumn:
        """Say :meth:`AsinhMap.forward`."""
        size = F.abs(x)
        near = log1p(size + size * size / (F.lit(1.0) + F.sqrt(F.lit(1.0) + size * size)))
        far = F.log(F.when(size > F.lit(_LARGE), size).otherwise(F.lit(1.0))) + F.lit(math.log(2.0))
        y = F.when(size > F.lit(_LARGE), far).otherwise(near)
        return F.when(x < F.lit(0.0), -y).otherwise(y)

    def inverse(self, y: SparkColumn) -> SparkColumn:
        """Say :meth:`AsinhMap.inverse`: ``(e + e / (e + 1)) / 2`` with ``e = expm1(|y|)``; far out, by halves."""
        size = F.abs(y)
        e = F.expm1(size)
        near = (e + e / (e + F.lit(1.0))) / F.lit(2.0)
        half = F.exp(size / F.lit(2.0))
        x = F.when(size > F.lit(20.0), half / F.lit(2.0) * half).otherwise(near)
        return F.when(y < F.lit(0.0), -x).otherwise(x)


class SignedLogForm(ColumnForm[SignedLogMap], of=SignedLogMap):
    """The engine's log1p of the size, with the sign."""

    def forward(self, x: SparkColumn) -> SparkColumn:
        """Say :meth:`SignedLogMap.forward`."""
        return F.when(x < F.lit(0.0), -F.log1p(-x)).otherwise(F.log1p(F.abs(x)))

    def inverse(self, y: SparkColumn) -> SparkColumn:
        """Say :meth:`SignedLogMap.inverse`."""
        return F.when(y < F.lit(0.0), -F.expm1(-y)).otherwise(F.expm1(F.abs(y)))
