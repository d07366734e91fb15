"""Box-Cox and Yeo-Johnson as Spark expressions."""

from __future__ import annotations

import math

from pyspark.sql import Column as SparkColumn
from pyspark.sql import functions as F

from sparkscale.maps import BoxCoxMap, YeoJohnsonMap
from sparkscale.maps.power import FLAT, Ratio
from sparkscale.spark.transform.layers import Stages
from sparkscale.spark.transform.native.base import ColumnForm
from sparkscale.spark.transform.native.logs import log1p
from sparkscale.spark.transform.refusing import refuse

_INF = math.inf


def log_of(ratio: Ratio, x: SparkColumn, stages: Stages) -> SparkColumn:
    """Say :meth:`Ratio.of`."""
    whole = log1p(x, stages) if ratio.shift else F.log(x)
    if ratio.plain:
        return whole
    apart = x - ratio.center
    near = F.abs(apart) <= ratio.base / 2
    return F.when(near, log1p(apart / ratio.base, stages)).otherwise(whole - ratio.log)


def back_from(ratio: Ratio, u: SparkColumn) -> SparkColumn:
    """Say :meth:`Ratio.back`."""
    center, base = F.lit(ratio.center), F.lit(ratio.base)
    near = u >= -0.5  # noqa: PLR2004 - as there
    return F.when(near, center + base * F.expm1(u)).otherwise(base * F.exp(u) - ratio.shift)


def power(u: SparkColumn, exponent: float) -> SparkColumn:
    """Say :func:`sparkscale.maps.power.power`; an engine may refuse to divide by 0."""
    if exponent == 0:
        return u
    t = F.lit(exponent) * u
    return F.when(F.abs(t) < FLAT, u).otherwise(F.expm1(t) / exponent)


def root(y: SparkColumn, exponent: float, stages: Stages) -> SparkColumn:
    """Say :func:`sparkscale.maps.power.root`; Spark's log1p gives null from -1 down."""
    if exponent == 0:
        return y
    t = F.lit(exponent) * y
    return (
        F.when(F.abs(t) < FLAT, y)
        .when(t > -1.0, log1p(t, stages) / exponent)
        .when(t == -1.0, -_INF / exponent)
        .when(t.isNotNull(), math.nan)
    )


class BoxCoxForm(ColumnForm[BoxCoxMap], of=BoxCoxMap):
    """The power of a logarithm; outside its domain null, or an error."""

    def along(self, x: SparkColumn, stages: Stages) -> SparkColumn:
        """Say :meth:`BoxCoxMap.apply`."""
        map_ = self.map
        if map_.exponent == map_.center == 1:
            y = x - 1.0
        else:
            y = power(stages.keep(F.when(x > 0.0, log_of(map_.ratio, x, stages))), map_.exponent)
        defined = F.when(x == _INF, x).when(x > 0.0, y)
        if map_.undefined == "null":
            return defined
        text = "DATA_UNDEFINED: box_cox: expected values above 0 (undefined: error), found "
        return defined.when(x.isNotNull(), refuse(text, x))

    def back(self, y: SparkColumn, stages: Stages) -> SparkColumn:
        """Say :meth:`BoxCoxMap.inverse`."""
        u = stages.keep(root(y, self.map.exponent, stages))
        return F.when(y == _INF, y).otherwise(back_from(self.map.ratio, u))


class YeoJohnsonForm(ColumnForm[YeoJohnsonMap], of=YeoJohnsonMap):
    """The power of a logarithm on each side of 0."""

    def along(self, x: SparkColumn, stages: Stages) -> SparkColumn:
        """Say :meth:`YeoJohnsonMap.forward`; of NaN, which is more than any number to Spark, the upper side."""
        map_ = self.map
        if map_.identity:
            return x
        if map_.center < 0:
            return -YeoJohnsonForm(map_.mirrored).along(-x, stages)
        upper = x >= 0.0
        log = stages.keep(F.when(upper, log_of(map_.ratio, x, stages)).otherwise(log1p(-x, stages)))
        below = F.lit(map_.zero) - map_.factor * power(log, 2.0 - map_.exponent)
        return F.when(F.abs(x) == _INF, x).when(upper, power(log, map_.exponent)).otherwise(below)

    def back(self, y: SparkColumn, stages: Stages) -> SparkColumn:
        """Say :meth:`YeoJohnsonMap.inverse`."""
        map_ = self.map
        if map_.identity:
            return y
        if map_.center < 0:
            return -YeoJohnsonForm(map_.mirrored).back(-y, stages)
        upper = y >= map_.zero
        shrunk = (F.lit(map_.zero) - y) / map_.factor
        above, below = root(y, map_.exponent, stages), root(shrunk, 2.0 - map_.exponent, stages)
        u = stages.keep(F.when(upper, above).otherwise(below))
        x = F.when(upper, back_from(map_.ratio, u)).otherwise(-F.expm1(u))
        return F.when(F.abs(y) == _INF, y).otherwise(x)
