"""What Spark makes of ORC: old dates in one of two calendars, and times of day in the zone of its JVM.

A file says its writer and not its calendar. Java's writer keeps dates before 1582-10-15 in the Julian calendar, C++'s
(pyarrow) in the Gregorian one; Spark takes every file for Java's. A timestamp is a time of day without a zone; Spark
takes it for one in the zone of its JVM, whatever the session's zone is.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

import pyarrow as pa
from pyarrow import orc
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkscale.errors import DataError, Problem
from sparkscale.places import is_local, local_path
from sparkscale.spark.columns import ref, schema_of
from sparkscale.spark.session.session import is_connect

_GREGORIAN = datetime.date(1582, 10, 15)
_UTC = ("UTC", "GMT", "UCT", "Z", "Zulu", "Etc/UTC", "Etc/GMT", "Etc/UCT", "Etc/Zulu", "Universal", "Greenwich")
#: Files whose footers are read for their writers; a folder of more is judged by as many.
_FOOTERS = 256


def judged(df: DataFrame) -> tuple[DataFrame, list[str]]:
    """Return an ORC input that stops at dates whose calendar is unknown, and warnings.

    Raises:
        DataError: (65) naming timestamps that the zone of Spark's JVM would move.
    """
    types = {field.name: field.type for field in schema_of(df).fields}
    _check_zone(df.sparkSession, [name for name, type_ in types.items() if _holds_instants(type_)])
    dated = [name for name, type_ in types.items() if "date" in type_ or _holds_instants(type_)]
    if not dated or _all_of_java(df.inputFiles()):
        return df, []
    flat = [name for name in dated if types[name] in ("date", "timestamp")]
    guarded = [_guarded(name, types[name]) if name in flat else ref(name) for name in df.columns]
    told = [
        f"input column {name!r}, {types[name]}: dates before 1582-10-15 within it are read as Java's ORC writer "
        "writes them, days apart from others'"
        for name in dated
        if name not in flat
    ]
    instants = [name for name in dated if _holds_instants(types[name])]
    return df.select(*guarded), [*told, *map(_zoneless, instants)]


def _zoneless(name: str) -> str:
    return (
        f"input column {name!r}: ORC's timestamp has no time zone, and Spark reads it as an instant in UTC; "
        "the output's type is timestamp with a time zone"
    )


def _holds_instants(type_: str) -> bool:
    return "timestamp" in type_.replace("timestamp_ntz", "")


def _check_zone(spark: SparkSession, names: Sequence[str]) -> None:
    if not names:
        return
    zone = jvm_zone(spark)
    if zone not in _UTC:
        why = f"Spark reads an ORC timestamp in the zone of its JVM, {zone}, and would move it"
        hint = "start Spark's driver and executors with -Duser.timezone=UTC (spark.driver.extraJavaOptions)"
        raise DataError.of([Problem("SCHEMA_TYPE", f"column {name!r} is timestamp: {why}", hint) for name in names])


def jvm_zone(spark: SparkSession) -> str:
    """Return the zone of Spark's JVM; through Spark Connect this is a job of one row."""
    if not is_connect(spark):
        return str(cast("Any", spark)._jvm.java.time.ZoneId.systemDefault().getId())  # noqa: SLF001 - classic Spark has no other way
    found = F.reflect(F.lit("java.time.ZoneId"), F.lit("systemDefault"))
    row = spark.range(1).select(found.alias("zone")).first()
    return str(row["zone"]) if row else ""


def _all_of_java(files: Sequence[str]) -> bool:
    """Whether Java's library wrote the files; those on this machine are asked, others are taken for Java's."""
    local = [Path(local_path(unquote(name))) for name in files if is_local(name)]
    return all(_writer(path) == "ORC_JAVA" for path in local[:_FOOTERS])


def _writer(path: Path) -> str:
    try:
        return str(orc.ORCFile(path).writer)
    except (OSError, pa.ArrowException):  # damaged: the engine says so
        return ""


def _guarded(name: str, type_: str) -> Any:
    """Return a column that raises at a date whose calendar is unknown; nulls pass."""
    column = ref(name)
    cause = (
        f"DATA_CALENDAR: column {name!r}: expected dates from 1582-10-15 on, because the file's writer is not Java's "
        "and Spark shifts earlier dates by days, found one that it reads as "
    )
    said = F.concat(F.lit(cause), column.cast("string"))
    old = column < F.lit(_GREGORIAN).cast(type_)
    return F.when(old, F.raise_error(said)).otherwise(column).alias(name)
