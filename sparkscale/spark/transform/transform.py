"""DataFrame + Fitted -> DataFrame: one select; no job is started."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sparkscale.pipeline import inverse
from sparkscale.pipeline.application import Application
from sparkscale.pipeline.fitted import Engine, Fitted
from sparkscale.pipeline.plan import output_names
from sparkscale.spark.columns import ref
from sparkscale.spark.session.names import look_up_once
from sparkscale.spark.session.session import is_sail
from sparkscale.spark.session.shipping import ship
from sparkscale.spark.transform import native, udf
from sparkscale.spark.transform.engines import choose
from sparkscale.spark.transform.grouped import Joined
from sparkscale.spark.transform.layers import Layers, Stages


def transform(df: DataFrame, fitted: Fitted, engine: Engine = "auto") -> DataFrame:
    """Apply a pipeline that was planned for the columns of ``df``; see :meth:`sparkscale.Fitted.transform`."""
    return _select(df, list(fitted.applications), output_names(df.columns, fitted.steps), engine)


def inverse_transform(df: DataFrame, fitted: Fitted, engine: Engine = "auto") -> DataFrame:
    """Invert the column maps; see :meth:`sparkscale.Fitted.inverse_transform`."""
    return _select(df, inverse.restorations(fitted, df.columns), inverse.restored_names(fitted, df.columns), engine)


def applied(df: DataFrame, items: Sequence[Application], names: Sequence[str], engine: Engine = "auto") -> DataFrame:
    """Return columns by name, among what applications write and the DataFrame's own."""
    return _select(df, items, names, engine)


def _select(df: DataFrame, items: Sequence[Application], names: Sequence[str], engine: Engine) -> DataFrame:
    """Select columns by name: what the applications write, and the DataFrame's own."""
    look_up_once(df.sparkSession)
    chosen = [(item, choose(item.map, engine, df.sparkSession, len(item.inputs)).engine) for item in items]
    joined = Joined.of(df, chosen)
    layers = Layers([*df.columns, *joined.taken])
    not_null = {field.name for field in df.schema.fields if not field.nullable}
    made = {
        name: (_label(column, item) if item.is_label(name) else _typed(column, item, not_null)).alias(name)
        for item, columns in _columns(chosen, joined, layers)
        for name, column in zip(item.outputs, columns, strict=True)
    }
    return joined.restored(
        layers.over(joined.df), [made[name] if name in made else ref(name).alias(name) for name in names]
    )


def _columns(
    chosen: Sequence[tuple[Application, str]], joined: Joined, layers: Layers
) -> Iterator[tuple[Application, list[SparkColumn]]]:
    """Yield the output columns of each application, by the engine that is chosen for its map."""
    spark = joined.df.sparkSession
    for item in (item for item, by in chosen if by == "native"):
        if item.groups:
            yield item, [joined.items[item.outputs].column(joined.df, layers)]
        else:
            yield item, native.columns_of(item, spark, Stages(layers, sail=is_sail(spark)))
    for name, crossing in udf.CROSSINGS.items():
        crossed = [joined.items[i.outputs].crossing() if i.groups else i for i, by in chosen if by == name]
        if crossed:
            ship(spark)
            yield from udf.columns_of(crossed, spark, layers, crossing)


def _typed(column: SparkColumn, item: Application, not_null: set[str]) -> SparkColumn:
    """Return a column in the output's type, declared NOT NULL as its input is; to Spark, any division may give null."""
    if item.map.total and not item.inputs[0].nested and item.inputs[0].name in not_null:
        column = F.coalesce(column, F.lit(math.nan))
    if item.dtype == "float64":
        return column
    return column.cast("array<float>" if item.gives_arrays else "float")


def _label(place: SparkColumn, item: Application) -> SparkColumn:
    """Return the winner's place in an array, or the name of its column."""
    if item.over_array:
        return place.cast("bigint")
    return F.get(F.array(*(F.lit(column.name) for column in item.inputs)), place.cast("int"))
