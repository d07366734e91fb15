"""Sinks: one table of formats. What is written here is staged; publishing is `sparkscale.publish`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet as pq
from pyspark.sql import DataFrame

from sparkscale.config import Output, public
from sparkscale.errors import Problem, nearest
from sparkscale.plan import Plan
from sparkscale.spark.failures import translated
from sparkscale.spark.read import texts

FORMATS: Mapping[str, Mapping[str, str]] = {
    "parquet": {"compression": "zstd"},
    # Spark would take the white space off the ends of every string.
    "csv": {"header": "true", "ignoreLeadingWhiteSpace": "false", "ignoreTrailingWhiteSpace": "false"},
    "json": {"ignoreNullFields": "false"},
    "orc": {"compression": "zstd"},
}
#: Types that a column of CSV, or the name of a partition's folder, cannot hold.
_NESTED = ("array", "struct", "map", "binary", "variant")


def write(df: DataFrame, sink: Output, path: str) -> None:
    """Write a DataFrame to ``path``, which must not exist; one pass over the data.

    Files are as many as the input's partitions, and with ``partition_by`` as many in each folder as of these
    hold its value: a transform moves no row to another partition.
    """
    options = {**FORMATS[sink.format], **texts(sink.options)}
    with translated(f"writing {public(sink.path)}"):
        df.write.format(sink.format).options(**options).partitionBy(*sink.partition_by).mode("error").save(path)
        if not Path(path).exists():
            _write_nothing(df, sink, Path(path))


def _write_nothing(df: DataFrame, sink: Output, path: Path) -> None:
    """Write a table without rows: Sail makes no folder of one, and readers want its columns all the same."""
    path.mkdir()
    part, columns = path / f"part-00000.{sink.format}", df.limit(0).toArrow()
    if sink.format == "parquet":
        pq.write_table(columns, part, compression="zstd")
    elif sink.format == "csv":
        pyarrow.csv.write_csv(columns, part)
    else:
        part.touch()


def problems(planned: Plan, sink: Output, source: str) -> list[Problem]:
    """Return the columns that the output's format, or its folders, cannot hold."""
    types = planned.output_types
    out = []
    if sink.format == "csv":
        out += [
            Problem("SCHEMA_FORMAT", f"output.format csv cannot hold column {name!r}, {type_}", "take parquet or json")
            for name, type_ in types.items()
            if type_.startswith(_NESTED)
        ]
    for name in sink.partition_by:
        if name not in types:
            cause = f"column {name!r} of output.partition_by is neither in {source} nor made by a step"
            out.append(Problem("SCHEMA_MISSING", cause, nearest(name, types)))
        elif types[name].startswith(_NESTED):
            cause = f"output.partition_by: expected a column of single values, {name!r} is {types[name]}"
            out.append(Problem("SCHEMA_TYPE", cause, "take another column"))
    if sink.partition_by and set(types) <= set(sink.partition_by):
        out.append(Problem("SCHEMA_FORMAT", "output.partition_by: expected a column less than there are", "leave one"))
    return out
