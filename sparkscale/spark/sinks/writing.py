"""Writing files: each format's options, and one pass over the data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet as pq
from pyspark.sql import DataFrame

from sparkscale.config.data import Output
from sparkscale.places import is_local
from sparkscale.spark.session.failures import translated
from sparkscale.spark.sources.read import texts

#: Spark's own patterns cut a timestamp after its milliseconds.
_TIMES = {
    "timestampFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX",
    "timestampNTZFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSS",
}
FORMATS: Mapping[str, Mapping[str, str]] = {
    "parquet": {"compression": "zstd"},
    "csv": {
        "header": "true",
        "escape": '"',  # RFC 4180; Spark's backslash is understood by Spark alone
        "ignoreLeadingWhiteSpace": "false",  # else Spark takes the white space off the ends of every string
        "ignoreTrailingWhiteSpace": "false",
        **_TIMES,
    },
    "json": {"ignoreNullFields": "false", **_TIMES},
    "orc": {"compression": "zstd"},
}


def write(df: DataFrame, output: Output, path: str) -> None:
    """Write a DataFrame as files to ``path``, which must not exist; one pass over the data."""
    chosen = {**FORMATS[output.format], **texts(output.options)}
    if output.rows_per_file is not None:
        chosen["maxRecordsPerFile"] = str(output.rows_per_file)
    with translated(f"writing {output.name}"):
        df.write.format(output.format).options(**chosen).partitionBy(*output.partition_by).mode("error").save(path)
        if is_local(path) and not Path(path).exists():
            _write_nothing(df, output, Path(path))


def _write_nothing(df: DataFrame, output: Output, path: Path) -> None:
    """Write a table without rows: Sail makes no folder of one, and readers want its columns all the same."""
    path.mkdir()
    if output.partition_by:
        return
    part, columns = path / f"part-00000.{output.format}", df.limit(0).toArrow()
    if output.format == "parquet":
        pq.write_table(columns, part, compression="zstd")
    elif output.format == "csv":
        pyarrow.csv.write_csv(columns, part)
    else:
        part.touch()
