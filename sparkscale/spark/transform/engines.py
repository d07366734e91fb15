"""Which engine applies a map, and why."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Literal, get_args

import pyspark
from pyspark.sql import SparkSession

from sparkscale.errors import ConfigError, UnfitEnvironmentError
from sparkscale.maps import Map
from sparkscale.pipeline.fitted import Engine
from sparkscale.spark.transform import native, udf

#: The first Spark with Arrow UDFs.
_ARROW_SINCE = (4, 1)
#: Columns of a row above which NumPy serves better than expressions, whose planning grows with their square.
_WIDE = 128


@dataclass(frozen=True)
class Choice:
    """An engine, and the reason for people."""

    engine: Literal["native", "arrow", "pandas"]
    why: str


def choose(map_: Map, engine: Engine, spark: SparkSession, width: int = 1) -> Choice:
    """Return the engine of a map over so many columns: what the job file says, or for ``auto`` what suits it best.

    That is native, where the map has such a form, but not for many columns; then arrow, then pandas.

    Raises:
        ConfigError: (78) if there is no such engine, or the map has no native form.
        UnfitEnvironmentError: (69) if this Spark has no Arrow UDFs.
    """
    if engine not in get_args(Engine):
        raise ConfigError("CONFIG_VALUE", f"engine: expected auto, native, arrow or pandas, found {engine!r}")
    if engine == "auto":
        return _automatic(map_, spark, width)
    if engine == "native" and native.form_of(map_) is None:
        cause = f"engine: native: the map {map_.formula!r} has no native form"
        raise ConfigError("CONFIG_VALUE", cause, "set engine: auto, arrow or pandas")
    if engine == "arrow" and (lack := _lack_of_arrow(spark)):
        raise UnfitEnvironmentError("ENV_ARROW_UDF", f"engine: arrow: {lack}", "set engine: pandas or auto")
    return Choice(engine, "set in the job file")


def _automatic(map_: Map, spark: SparkSession, width: int) -> Choice:
    has_form = native.form_of(map_) is not None
    if has_form and width <= _WIDE:
        return Choice("native", "Spark's own expressions, without Python workers")
    why = f"NumPy is faster than expressions of {width:,} columns" if has_form else "it has no native form"
    if lack := _lack_of_arrow(spark):
        return Choice("pandas", f"{why}, and {lack}")
    return Choice("arrow", f"{why}, and Arrow UDFs are the fastest way into Python")


def _lack_of_arrow(spark: SparkSession) -> str:
    """Say why there are no Arrow UDFs; an empty string where there are."""
    if udf.arrow_udf is None:
        return f"Arrow UDFs need PySpark 4.1 or newer, found {pyspark.__version__}"
    version = version_of(spark)
    if tuple(map(int, re.findall(r"\d+", version)[:2])) < _ARROW_SINCE:
        return f"Arrow UDFs need Spark 4.1 or newer, found {version}"
    return ""


@functools.cache
def version_of(spark: SparkSession) -> str:
    """Return the version of a session's Spark, which a client of Spark Connect asks the server for."""
    return spark.version
