"""DataFrame + Fitted -> DataFrame: one select; no job is started."""

from __future__ import annotations

import math
from itertools import chain

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sparkscale.errors import ConfigError
from sparkscale.maps import Affine, Map
from sparkscale.pipeline.fitted import Application, Engine, Fitted
from sparkscale.pipeline.plan import output_names
from sparkscale.spark.columns import as_it_is, in_layers, ref
from sparkscale.spark.session.shipping import ship
from sparkscale.spark.transform import native, udf


def transform(df: DataFrame, fitted: Fitted, engine: Engine = "auto") -> DataFrame:
    """Apply a pipeline that was planned for the columns of ``df``; see :meth:`sparkscale.Fitted.transform`."""
    ours = [item for item in fitted.applications if is_native(item.map, engine)]
    theirs = [item for item in fitted.applications if not is_native(item.map, engine)]
    arrays, cells = [i for i in theirs if i.over_array], [i for i in theirs if not i.over_array]
    programs = [native.outputs(item, df.sparkSession) for item in ours]
    programs += [udf.lists(item, df.sparkSession) for item in arrays]
    programs += [udf.cells(cells, df.sparkSession)] if cells else []
    if theirs:
        ship(df.sparkSession)
    layered, results = in_layers(df, programs)
    columns = chain.from_iterable(results)
    made: dict[str, SparkColumn] = {}
    not_null = {field.name for field in df.schema.fields if not field.nullable}
    for item in (*ours, *arrays, *cells):
        finish = _never_null if _keeps_not_null(item, not_null) else as_it_is
        made |= {name: _typed(finish(next(columns)), item) for name in item.outputs}
    names = output_names(df.columns, fitted.steps)
    return layered.select(*[(made[name] if name in made else ref(name)).alias(name) for name in names])


def is_native(map_: Map, engine: Engine) -> bool:
    """Whether a map is said in Spark's own expressions: wherever it can be, if the user does not say otherwise."""
    if engine not in ("auto", "native", "pandas"):
        raise ConfigError("CONFIG_VALUE", f"engine: expected auto, native or pandas, found {engine!r}")
    if engine == "native" and not native.supports(map_):
        raise ConfigError("CONFIG_VALUE", f"engine: map {map_.kind!r} has no native form", "take engine: auto")
    return engine != "pandas" and native.supports(map_)


def inverse_transform(df: DataFrame, fitted: Fitted) -> DataFrame:
    """Invert the affine maps; see :meth:`sparkscale.Fitted.inverse_transform`."""
    made = {}
    plan = fitted.restorations(df.columns)
    for target, (output, map_) in plan.items():
        made[target] = native.inverse(map_, ref(output).cast("double"))
    names = fitted.restored_names(df.columns)
    return df.select(*[(made[name] if name in made else ref(name)).alias(name) for name in names])


def _keeps_not_null(item: Application, not_null: set[str]) -> bool:
    """Whether an output is declared NOT NULL as its input is; to Spark, any division may give null."""
    return isinstance(item.map, Affine) and not item.inputs[0].nested and item.inputs[0].name in not_null


def _never_null(column: SparkColumn) -> SparkColumn:
    return F.coalesce(column, F.lit(math.nan))


def _typed(column: SparkColumn, item: Application) -> SparkColumn:
    if item.dtype == "float64":
        return column
    return column.cast("array<float>" if item.over_array else "float")
