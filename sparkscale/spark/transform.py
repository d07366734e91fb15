"""DataFrame + Fitted -> DataFrame: one select; no job is started."""

from __future__ import annotations

import math
from types import ModuleType

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sparkscale.artifact import Application, Engine, Fitted
from sparkscale.errors import ConfigError
from sparkscale.maps import Affine, Map
from sparkscale.plan import output_names
from sparkscale.spark import native, udf
from sparkscale.spark.columns import in_layers, ref
from sparkscale.spark.shipping import ship


def transform(df: DataFrame, fitted: Fitted, engine: Engine = "auto") -> DataFrame:
    """Apply a pipeline that was planned for the columns of ``df``; see :meth:`sparkscale.Fitted.transform`."""
    items = list(fitted.applications)
    if any(builder(item.map, engine) is udf for item in items):
        ship(df.sparkSession)
    layered, results = in_layers(df, [builder(item.map, engine).outputs(item) for item in items])
    made: dict[str, SparkColumn] = {}
    for item, columns in zip(items, results, strict=True):
        finish = _never_null if _keeps_not_null(item, df) else _as_it_is
        made |= {name: _typed(finish(column), item) for name, column in zip(item.outputs, columns, strict=True)}
    names = output_names(df.columns, fitted.steps)
    return layered.select(*[(made[name] if name in made else ref(name)).alias(name) for name in names])


def builder(map_: Map, engine: Engine) -> ModuleType:
    """Return the module that says a map: native expressions wherever there are, else the pandas UDF."""
    if engine not in ("auto", "native", "pandas"):
        raise ConfigError("CONFIG_VALUE", f"engine: expected auto, native or pandas, found {engine!r}")
    if engine == "pandas":
        return udf
    if native.supports(map_):
        return native
    if engine == "native":
        raise ConfigError("CONFIG_VALUE", f"engine: map {map_.kind!r} has no native form", "take engine: auto")
    return udf


def inverse_transform(df: DataFrame, fitted: Fitted) -> DataFrame:
    """Invert the affine maps; see :meth:`sparkscale.Fitted.inverse_transform`."""
    made = {}
    plan = fitted.restorations(df.columns)
    if not all(isinstance(map_, Affine) for _, map_ in plan.values()):
        ship(df.sparkSession)
    for target, (output, map_) in plan.items():
        y = ref(output).cast("double")
        made[target] = native.inverse_affine(map_, y) if isinstance(map_, Affine) else udf.inverse(map_, y)
    names = fitted.restored_names(df.columns)
    return df.select(*[(made[name] if name in made else ref(name)).alias(name) for name in names])


def _keeps_not_null(item: Application, df: DataFrame) -> bool:
    """Whether an output is declared NOT NULL as its input is; Spark takes every division for one that may be null."""
    names = {field.name for field in df.schema.fields if not field.nullable}
    return isinstance(item.map, Affine) and not item.inputs[0].nested and item.inputs[0].name in names


def _never_null(column: SparkColumn) -> SparkColumn:
    return F.coalesce(column, F.lit(math.nan))


def _as_it_is(column: SparkColumn) -> SparkColumn:
    return column


def _typed(column: SparkColumn, item: Application) -> SparkColumn:
    if item.dtype == "float64":
        return column
    return column.cast("array<float>" if item.over_array else "float")
