"""The affine map, and the map of a column without numbers, as Spark expressions."""

from __future__ import annotations

import math
import sys

from pyspark.sql import Column as SparkColumn
from pyspark.sql import functions as F

from sparkscale.maps import Affine, Undefined
from sparkscale.spark.transform.native.base import ColumnForm

_INF, _MAX = math.inf, sys.float_info.max


class AffineForm(ColumnForm[Affine], of=Affine):
    """The same operations as in NumPy, in the same order, with neutral terms left out: the same bits."""

    def forward(self, x: SparkColumn) -> SparkColumn:
        """Say :meth:`Affine.forward`."""
        map_ = self.map
        prescale, (scale, gain) = map_.prescale, map_.balanced
        y = x - map_.center if prescale == 1 else x * prescale - map_.center * prescale
        y = y - map_.center_lo if map_.center_lo != 0 else y
        y = y / scale
        y = y * gain if gain != 1 else y
        y = y + map_.offset if map_.offset != 0 else y
        y = y * map_.postscale if map_.postscale != 1 else y
        if map_.pin is not None:
            y = F.when(x == map_.pin[0], map_.pin[1]).otherwise(y)
        return y if map_.clip is None else _clip(y, *map_.clip)

    def inverse(self, y: SparkColumn) -> SparkColumn:
        """Say :meth:`Affine.inverse`."""
        map_ = self.map
        prescale, (scale, gain) = map_.prescale, map_.inverse_balanced
        x = y / map_.postscale if map_.postscale != 1 else y
        x = x - map_.offset if map_.offset != 0 else x
        x = x * scale
        x = x / gain if gain != 1 else x
        x = x + map_.center_lo if map_.center_lo != 0 else x
        x = x + map_.center * prescale
        x = x / prescale if prescale != 1 else x
        if map_.reach is not None:
            rounded = (F.abs(x) == _INF) & y.between(*map_.reach)
            x = F.when(rounded, F.signum(x) * _MAX).otherwise(x)
        return x if map_.pin is None else F.when(y == map_.pin[1], map_.pin[0]).otherwise(x)


def _clip(y: SparkColumn, low: float, high: float) -> SparkColumn:
    """Hold ``y`` within its ends; Spark takes NaN for the largest number, which it is not."""
    return F.when(y < low, low).when((y > high) & ~F.isnan(y), high).otherwise(y)


class UndefinedForm(ColumnForm[Undefined], of=Undefined):
    """Null, both ways."""

    def forward(self, x: SparkColumn) -> SparkColumn:  # noqa: ARG002 - of whatever
        """Return null."""
        return F.lit(None).cast("double")

    def inverse(self, y: SparkColumn) -> SparkColumn:
        """Return null."""
        return self.forward(y)
