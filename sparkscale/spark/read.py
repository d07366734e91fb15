"""Sources: one table of formats."""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame, SparkSession

from sparkscale.config import FILES, Input
from sparkscale.errors import ConfigError, InputMissingError
from sparkscale.places import is_local, local_path
from sparkscale.predicates import Predicates
from sparkscale.spark.catalog import quoted
from sparkscale.spark.columns import ref
from sparkscale.spark.failures import translated
from sparkscale.spark.session import is_sail

#: Each format's options before the job file's own: a damaged record is an error, never a silent null.
FORMATS: Mapping[str, Mapping[str, str]] = {
    "parquet": {},
    # Spark reads CSV by position; by default it does not even look whether the header says the same.
    "csv": {"header": "true", "mode": "FAILFAST", "enforceSchema": "false"},
    "json": {"mode": "FAILFAST"},
    "orc": {},
}
#: Where column names and types are not in the data and not in the job file, they are inferred.
_INFER = {"csv": {"inferSchema": "true"}}

_OPERATORS: Mapping[str, Callable[[SparkColumn, Any], SparkColumn]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "in": lambda column, values: column.isin(*values),
    "null": lambda column, yes: column.isNull() if yes else column.isNotNull(),
}


def read(spark: SparkSession, source: Input) -> DataFrame:
    """Return the input as a DataFrame, lazily; `where` is applied by :func:`narrowed`.

    Raises:
        InputMissingError: (66) where there is nothing at the path.
    """
    check_exists(source)
    check_format(spark, "input.format", source.format)
    with translated(f"reading {source.name}"):
        if source.table is not None:
            df = spark.read.options(**source.as_of, **texts(source.options)).table(quoted(source.table))
        else:
            df = _load(spark, source)
        df.schema  # noqa: B018 - over Connect the schema is asked for here, where its failure can be named
    return df


def _load(spark: SparkSession, source: Input) -> DataFrame:
    """Read what lies at a path."""
    options = {**FORMATS.get(source.format, {}), **source.as_of, **texts(source.options)}
    if source.table_schema is None:
        options = {**_INFER.get(source.format, {}), **options}
    reader = spark.read.format(source.format)
    if source.table_schema is not None:
        try:
            reader = reader.schema(source.table_schema)
        except Exception as error:
            expected = "names and types as in 'a double, b string'"
            cause = f"input.schema: expected {expected}, found {source.table_schema!r}"
            raise ConfigError("CONFIG_VALUE", cause) from error
    return reader.options(**options).load(place_of(spark, source.path or "", whole=source.format not in FILES))


def place_of(spark: SparkSession, path: str, *, whole: bool = False) -> str:
    """Return a path as Spark takes it: absolute, as the JVM may have been started in another folder.

    What exists is a name, whatever characters it has; only what follows it is a pattern. ``whole`` says that there
    are no patterns at all, as for the folder of a Delta or Iceberg table.
    """
    if not is_local(path):
        return path
    if whole:
        return str(Path(local_path(path)).absolute())
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
        raise ConfigError("CONFIG_PATH", cause, "rename it, or take spark.engine: spark")
    return str(Path(escaped, whole.relative_to(named)))


def narrowed(df: DataFrame, predicates: Predicates) -> DataFrame:
    """Keep the rows for which all predicates hold."""
    with translated("input.where"):
        rules = [
            _OPERATORS[name](ref(*column.path), value) for column, parts in predicates for name, value in parts.items()
        ]
        return df.where(functools.reduce(operator.and_, rules)) if rules else df


def check_exists(source: Input) -> None:
    """Raise :class:`InputMissingError` where a local input is not there; a glob is Spark's to find."""
    path = source.local
    if path is None or (source.format in FILES and set(path) & set("*?[{")):
        return
    if not Path(local_path(path)).exists():
        cause = f"expected the input at {path}, found nothing"
        raise InputMissingError("INPUT_MISSING", cause, "check input.path")


def check_format(spark: SparkSession, key: str, format_: str) -> None:
    """Raise :class:`ConfigError` for a format that the engine lacks."""
    if format_ in ("orc", "iceberg") and is_sail(spark):
        raise ConfigError("CONFIG_FORMAT", f"{key}: expected a format that Sail has, found {format_}", "take parquet")


def texts(options: Mapping[str, Any]) -> dict[str, str]:
    """Return options as Spark writes them."""
    return {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in options.items()}
