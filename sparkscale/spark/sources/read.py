"""Sources: one table of formats."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, DataFrameReader, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from sparkscale.config.data import FILES, Input
from sparkscale.config.tables import quoted, tick
from sparkscale.errors import ConfigError, DataError
from sparkscale.formats import options
from sparkscale.formats.headers import partition_keys
from sparkscale.formats.texttypes import Decided, Wanted
from sparkscale.places import is_local, local_path
from sparkscale.publish import manifest
from sparkscale.publish.announce import Announced, by_prefix
from sparkscale.publish.manifest import Manifest
from sparkscale.spark.columns import balanced, ref
from sparkscale.spark.session.failures import translated
from sparkscale.spark.session.session import is_sail
from sparkscale.spark.sources import deltalog, partitions
from sparkscale.spark.sources.catalog import describe, hadoop_table
from sparkscale.spark.sources.parsed import Parser, parsed_schema
from sparkscale.spark.sources.records import check_json, read_json
from sparkscale.spark.sources.text import Part, Texts
from sparkscale.spark.sources.typed import read_csv

#: Each format's options before the job file's own: a damaged record is an error, never a silent null.
FORMATS: Mapping[str, Mapping[str, str]] = {
    "parquet": {"mergeSchema": "true"},  # else a column that the first file lacks is lost
    # RFC 4180: quotes inside quotes are doubled, and a quoted field may hold a newline. Where columns are pruned, Spark
    # does not see that a record has too few or too many fields.
    "csv": {"header": "true", "mode": "FAILFAST", "escape": '"', "multiLine": "true", "columnPruning": "false"},
    "json": {"mode": "FAILFAST"},
    "orc": {"mergeSchema": "true"},
}
#: Some schema, for a reader that is only asked for its files.
_ANY = StructType([StructField("a", StringType())])
#: A reader's option of ours that Sail does not have.
_SPARK_ONLY = ("columnPruning", "mode")


def read(spark: SparkSession, source: Input, wanted: Wanted = Wanted()) -> tuple[DataFrame, Decided | None]:  # noqa: B008 - immutable
    """Return the input as a DataFrame, lazily, with the rows that `where` leaves out.

    Of CSV without a schema, the values decide the types, in one pass over them: those come second.

    Raises:
        InputMissingError: (66) where there is nothing at the path.
        ConfigError: (78) where the engine passes over an option.
    """
    source.check_exists()
    check_format(spark, "input.format", source.format)
    options.check("sail" if is_sail(spark) else "spark", source.format, "read", source.options)
    decided = None
    with translated(f"reading {source.name}"):
        if source.table is not None:
            df = _empty_is_null(
                spark.read.options(**source.as_of, **texts(source.options)).table(quoted(source.table)), source
            )
        elif source.format == "csv":
            df, decided = read_csv(csv_texts(spark, source), source.table_schema, wanted)
            df = partitions.typed(df, source)
        else:
            df = partitions.typed(_empty_is_null(_load(spark, source, wanted), source), source)
        df.schema  # noqa: B018 - over Connect the schema is asked for here, where its failure can be named
    return df, decided


def _empty_is_null(df: DataFrame, source: Input) -> DataFrame:
    """Return a Delta table with the nulls of its partitions, where "" stands for null: Spark reads it as a text.

    Source: the Delta transaction protocol, "Partition Value Serialization". Sail reads null.
    """
    if is_sail(df.sparkSession) or source.format not in ("delta", "table"):
        return df
    found = {field.name for field in df.schema if isinstance(field.dataType, StringType)}
    names = found.intersection(_delta_partitions(df.sparkSession, source)) if found else ()
    return partitions.replaced(df, {name: F.nullif(ref(name), F.lit("")) for name in names})


def _delta_partitions(spark: SparkSession, source: Input) -> Sequence[str]:
    """Return the columns that a table is partitioned by, if it is of Delta."""
    if source.format == "delta" and source.local is not None:
        return deltalog.columns(Path(local_path(source.local)))[1]
    known = describe(spark, address(spark, source))
    return known.partition_by if known is not None and "delta" in (source.format, known.provider) else ()


def csv_texts(spark: SparkSession, source: Input) -> Texts:
    """Find the CSV files of an input; the job file's options go over ours, however their names are spelled."""
    given = {key.lower(): value for key, value in texts(source.options).items()}
    ours = {key: value for key, value in FORMATS["csv"].items() if key.lower() not in given}
    if is_sail(spark):
        ours = {key: value for key, value in ours.items() if key not in _SPARK_ONLY}
    path = source.path or ""
    table = None if source.local else announced(spark, path)
    if table is None:
        place = place_of(spark, path)
        parts = [Part(place, place)]
    else:
        parts = [Part(files, root) for root, files in announced_files(path, table)]
    return Texts(spark, source.name, parts, ours | given)


def _load(spark: SparkSession, source: Input, wanted: Wanted) -> DataFrame:
    """Read what lies at a path."""
    given, path, sail = texts(source.options), source.path or "", is_sail(spark)
    reader = spark.read.format(source.format).options(**{**FORMATS.get(source.format, {}), **source.as_of, **given})
    schema = None if source.table_schema is None else parsed_schema(source.table_schema)
    table = None if source.local or source.format not in FILES else announced(spark, path)
    place = place_of(spark, path, whole=source.format not in FILES) if table is None else path

    def load(columns: StructType | None) -> DataFrame:
        made = reader if columns is None else reader.schema(columns)
        return made.load(place) if table is None else of_announced(made, path, table)

    if schema is not None:
        schema = partitions.as_text(schema, partition_keys(load(_ANY).inputFiles(), path))
    if source.format != "json":
        return load(schema)
    if table is None:
        check_json(spark, source.name, place, source.table_schema, given)
    return read_json(load, schema, Parser("json", sail, {key.lower(): value for key, value in given.items()}), wanted)


def announced(spark: SparkSession, path: str) -> Manifest | None:
    """Return what the newest announcement at a place in an object store says, or None.

    Spark reads it, which has the credentials for its input.
    """
    if set(path) & set("*?[{"):
        return None
    if is_sail(
        spark
    ):  # which reads no files as they are; its object store takes the environment's credentials, as ours
        table = Announced.of(path)
        return table.table if table.number else None
    try:
        found = spark.read.format("binaryFile").load(f"{path.rstrip('/')}/{manifest.FOLDER}/*.json")
    except AnalysisException as error:
        if "PATH_NOT_FOUND" in str(error):
            return None
        raise
    newest = found.select(F.max("path")).collect()[0][0]
    content = found.where(F.col("path") == newest).select("content").collect()[0][0]
    return manifest.load(bytes(content), newest)


def of_announced(reader: DataFrameReader, path: str, table: Manifest) -> DataFrame:
    """Read the files that an announcement names, of each run below its own prefix."""
    parts = [reader.option("basePath", root).load(files) for root, files in announced_files(path, table)]
    return balanced(DataFrame.unionByName, parts)


def announced_files(path: str, table: Manifest) -> Iterator[tuple[str, list[str]]]:
    """Yield the prefix of each run that an announcement names, and its files.

    Raises:
        DataError: (65) where it names none.
    """
    if not table.files:
        raise DataError("INPUT_EMPTY", f"expected files in {path}, its newest announcement names none")
    for prefix, names in by_prefix(list(table.files)).items():
        files = [re.sub(r"[\\*?\[\]{}]", r"\\\g<0>", f"{path.rstrip('/')}/{name}") for name in names]
        yield f"{path.rstrip('/')}/{prefix}", files


def place_of(spark: SparkSession, path: str, *, whole: bool = False) -> str:
    """Return a path as Spark takes it: absolute, as the JVM may have been started in another folder.

    What exists is a name, whatever characters it has; only what follows it is a pattern. ``whole`` says that there
    are no patterns at all, as for the folder of a Delta or Iceberg table. Sail writes such a table to another folder
    where its path has characters that a URL escapes.
    """
    if not is_local(path):
        return path
    if whole:
        place = str(Path(local_path(path)).absolute())
        if is_sail(spark) and quote(place) != place:
            cause = f"expected a path of letters, digits and _.-~/ for Sail's tables, found {place}"
            raise ConfigError("CONFIG_PATH", cause, "rename it, or set spark.engine: spark")
        return place
    return _pattern(spark, path)


def _pattern(spark: SparkSession, path: str) -> str:
    """Return a path as Hadoop takes it: absolute, as the JVM may have been started in another folder.

    What exists is a name, whatever characters it has; only what follows it is a pattern.
    """
    whole = Path(local_path(path)).absolute()
    named = next(place for place in (whole, *whole.parents) if place.exists())
    escaped = re.sub(r"[\\*?\[\]{}]", r"\\\g<0>", str(named))
    if escaped != str(named) and is_sail(spark):
        cause = (
            f"input.path: expected a path without \\ * ? [ ] {{ }} for Sail, which reads patterns only, found {path}"
        )
        raise ConfigError("CONFIG_PATH", cause, "rename it, or set spark.engine: spark")
    return str(Path(escaped, whole.relative_to(named)))


def partitioned_by(df: DataFrame, source: Input) -> list[str]:
    """Return the columns that an input is partitioned by: of files by their folders, of a table as it says itself."""
    if source.is_files and source.path is not None:
        return partitions.names(df, source)
    if source.format == "delta" and source.local is not None:
        return deltalog.columns(Path(local_path(source.local)))[1]
    if source.path is not None and is_sail(df.sparkSession):  # which cannot describe a table at a path
        return []
    with translated(f"looking at {source.name}"):
        known = describe(df.sparkSession, address(df.sparkSession, source))
    return [name for name in df.columns if known is not None and name in known.partition_by]


def address(spark: SparkSession, source: Input) -> str:
    """Return how SQL names a table."""
    if source.table is not None:
        return quoted(source.table)
    place = place_of(spark, source.path or "", whole=True)
    return hadoop_table(spark, place) if source.format == "iceberg" else f"{source.format}.{tick(place)}"


def check_format(spark: SparkSession, key: str, format_: str) -> None:
    """Raise :class:`ConfigError` for a format that the engine lacks."""
    if format_ in ("orc", "iceberg") and is_sail(spark):
        raise ConfigError("CONFIG_FORMAT", f"{key}: expected a format that Sail has, found {format_}", "use parquet")


def texts(options: Mapping[str, Any]) -> dict[str, str]:
    """Return options as Spark writes them."""
    return {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in options.items()}
