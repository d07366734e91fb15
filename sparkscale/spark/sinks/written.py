"""A result as a format takes it: text in place of what an engine writes wrongly, and checks of single values.

A check is part of the one pass that writes: a value that would come back as another one stops the job, and nothing is
published.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Collection, Mapping
from typing import Any

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sparkscale.config.data import FILES
from sparkscale.formats.judge import kind_of, verdict
from sparkscale.spark.columns import ref, schema_of
from sparkscale.spark.session.session import is_sail
from sparkscale.spark.sources.partitions import NULL

_GREGORIAN = datetime.date(1582, 10, 15)
#: Bytes that the name of a folder may have.
_LONGEST = 255
#: Up to this scale Spark writes a decimal in plain notation, and beyond it zero as ``0E-18``.
_PLAIN = 6


def prepared(df: DataFrame, format_: str, folders: Collection[str], options: Mapping[str, Any]) -> DataFrame:
    """Return a DataFrame as it is written to a format; starts no job.

    Args:
        df: the result.
        format_: of the output.
        folders: the columns that the output is partitioned by.
        options: of the writer, by their names in lower case.
    """
    sail = is_sail(df.sparkSession)
    made, fields = [], schema_of(df).fields
    alone = not sail and format_ == "csv" and not options.get("nullvalue") and len(fields) - len(folders) == 1
    for field in fields:
        column = ref(field.name)
        if field.name in folders and format_ != "iceberg":
            changed = _folder(column, field.name, field.type, format_, sail=sail)
        elif sail and format_ == "csv" and options.get("nullvalue"):
            changed = column  # which keeps nulls apart from empty strings
        else:
            changed = _checked(_as_text(column, field.type, format_), field.name, field.type, format_, sail=sail)
            if alone:  # Spark leaves out the line of a row that is null and nothing else
                changed = _refused(changed, column.isNull(), field.name, "CSV has no line for a row of one null")
        made.append((field.name, changed, changed is not column))
    if not any(differs for *_, differs in made):
        return df
    return df.select(*[changed.alias(name) for name, changed, _ in made])


def gathered(df: DataFrame, partition_by: list[str], pinned: set[str]) -> DataFrame:
    """Bring the rows of each partition together, so that a partition is a few files and not one for each task.

    Spark's ``REBALANCE`` shuffles by the partitions' columns, splits what is larger than
    ``spark.sql.adaptive.advisoryPartitionSizeInBytes`` (64 MB) and joins what is smaller. Where the input was narrowed
    to one partition (``pinned``), and without partitions, no row is moved: files are as many as Spark's tasks, which
    it makes of 128 MB of the input each, and of many small files together.
    """
    if not partition_by or set(partition_by) <= pinned:
        return df
    columns = [ref(name) for name in partition_by]
    return df.repartition(*columns) if is_sail(df.sparkSession) else df.hint("rebalance", *columns)


def _folder(column: SparkColumn, name: str, type_: str, format_: str, *, sail: bool) -> SparkColumn:
    """Return a partition's column, whose value is the name of a folder.

    Sail gives null the name of a neighbour's folder, and has no names for some types: there, all values are text.
    """
    if type_ == "string":
        bad = (column == F.lit("")) | (column == F.lit(NULL)) | column.contains("\0")
        bad |= F.octet_length(F.concat(F.lit(f"{name}="), column)) > F.lit(_LONGEST)
        column = _refused(column, bad, name, "empty, null's own name or too long for a folder's name")
    if type_ == "timestamp" and format_ in FILES:  # without its zone, each reader would take it for its own
        column = F.date_format(column, f"yyyy-MM-dd HH:mm:ss.SSSSSS{'XXX' if sail else 'XXXXX'}")
    return F.coalesce(column.cast("string"), F.lit(NULL)) if sail and format_ in FILES else column


def _as_text(column: SparkColumn, type_: str, format_: str) -> SparkColumn:
    """Return a column as text, where CSV lacks its type or writes it with an exponent."""
    scale = re.fullmatch(r"decimal\(\d+,(-?\d+)\)", type_)
    if format_ == "csv" and (type_ == "void" or (scale and int(scale[1]) > _PLAIN)):
        return column.cast("string")
    return column


def _checked(column: SparkColumn, name: str, type_: str, format_: str, *, sail: bool) -> SparkColumn:
    found = verdict("sail" if sail else "spark", format_, kind_of(type_))
    if found.kept != "checked":
        return column
    if type_ in ("date", "timestamp"):
        bad = column < F.lit(_GREGORIAN).cast(type_)
    elif type_ in ("float", "double"):
        bad = F.isnan(column) | (F.abs(column) == F.lit(math.inf))
    else:
        bad = column == F.lit("")
    return _refused(column, bad, name, found.why)


def _refused(column: SparkColumn, bad: SparkColumn, name: str, why: str) -> SparkColumn:
    """Raise in the engine for a bad value; the text holds the value, as a constant could be raised while planning."""
    text = F.lit(f"DATA_UNKEPT: column {name!r} holds a value that the output would change ({why}): ")
    return F.when(bad, F.raise_error(F.concat(text, F.coalesce(column.cast("string"), F.lit("null"))))).otherwise(
        column
    )
