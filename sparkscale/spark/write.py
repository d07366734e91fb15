"""Sinks: one table of formats. What is written here is staged; publishing is `sparkscale.publish`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet as pq
from pyspark.sql import DataFrame

from sparkscale.config import Output, public
from sparkscale.errors import Problem
from sparkscale.plan import Plan
from sparkscale.spark.failures import translated
from sparkscale.spark.read import texts

FORMATS: Mapping[str, Mapping[str, str]] = {
    "parquet": {"compression": "zstd"},
    # Spark would take the white space off the ends of every string.
    "csv": {"header": "true", "ignoreLeadingWhiteSpace": "false", "ignoreTrailingWhiteSpace": "false"},
    "json": {"ignoreNullFields": "false"},
}


def write(df: DataFrame, sink: Output, path: str) -> None:
    """Write a DataFrame to ``path``, which must not exist; one pass over the data.

    Files are as many as the input's partitions: a transform moves no row to another partition.
    """
    options = {**FORMATS[sink.format], **texts(sink.options)}
    with translated(f"writing {public(sink.path)}"):
        df.write.format(sink.format).options(**options).mode("error").save(path)
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


def problems(planned: Plan, sink: Output) -> list[Problem]:
    """Return the columns that the output's format cannot hold."""
    if sink.format != "csv":
        return []
    return [
        Problem("SCHEMA_FORMAT", f"output.format csv cannot hold column {name!r}, {type_}", "take parquet or json")
        for name, type_ in planned.output_types.items()
        if type_.startswith(("array", "struct", "map", "binary", "variant"))
    ]
