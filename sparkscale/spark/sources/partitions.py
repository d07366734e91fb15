"""Partitions of an input of plain files: their values are text, unless someone gives a type.

A folder's name has no type, and a guess destroys values: ``zip=00501`` is not 501. A type comes from `input.partitions`
or `input.schema`, and at `transform` from the artifact.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import DataType, StringType, StructField, StructType

from sparkscale.config.data import FILES, Input
from sparkscale.errors import DataError, Problem
from sparkscale.pipeline.choosing import listed
from sparkscale.pipeline.fitted import Fitted
from sparkscale.places import local_path
from sparkscale.publish import manifest
from sparkscale.spark.columns import ref, schema_of
from sparkscale.spark.session.session import is_sail
from sparkscale.spark.sources.parsed import Parser

#: What stands for null in the name of a partition's folder.
NULL = "__HIVE_DEFAULT_PARTITION__"
#: In a file's URI, a folder's name with a character that is not ASCII: escaped by its writer, and unescaped.
_ESCAPED = re.compile(r"=[^/]*%25[89A-Fa-f][0-9A-Fa-f]")
_PLAIN = re.compile(r"=[^/]*(?:%[89A-Fa-f][0-9A-Fa-f]|[^\x00-\x7f])")
#: Folders' names are texts, as CSV holds them.
_TEXTS = Parser("csv", sail=False)


def names(df: DataFrame, source: Input) -> list[str]:
    """Return the columns of an input that come from its folders' names; starts no job."""
    if not source.is_files or source.path is None:
        return []
    folder = Path(local_path(source.path)) if source.local else None
    if folder is not None and folder.is_dir():
        keys = manifest.partition_keys(folder)
    else:  # a pattern, or an object store
        keys = tuple(dict.fromkeys(key for file in df.inputFiles()[:1] for key in _keys(file)))
    return [name for name in df.columns if name in keys]


def _keys(file: str) -> list[str]:
    return [unquote(part.partition("=")[0]) for part in file.split("/")[:-1] if "=" in part]


def typed(df: DataFrame, source: Input) -> DataFrame:
    """Return an input with the types of `input.partitions`; on Sail, with the nulls of its partitions."""
    if source.is_files:
        df = _nulls(df, source) if is_sail(df.sparkSession) else _unescaped(df, source)
        df = _by_schema(df, source)
    if not source.partitions:
        return df
    found = names(df, source)
    unknown = [name for name in source.partitions if name not in found]
    if unknown:
        cause = f"input.partitions: {source.name} has no partition column {listed(unknown)}"
        raise DataError("SCHEMA_MISSING", cause, f"its partition columns are {listed(found)}")
    return _cast(df, source.partitions)


def _texts(df: DataFrame, source: Input) -> list[str]:
    """Return the partitions that are text so far."""
    texts = {field.name for field in schema_of(df).fields if field.type == "string"}
    return [name for name in names(df, source) if name in texts] if texts else []


def _nulls(df: DataFrame, source: Input) -> DataFrame:
    """Return an input on Sail, which reads the name of null as text."""
    return replaced(df, {name: F.nullif(ref(name), F.lit(NULL)) for name in _texts(df, source)})


def _by_schema(df: DataFrame, source: Input) -> DataFrame:
    """Return an input whose partitions have the types of `input.schema`; Spark's own cast makes 15.55 of 1.555."""
    declared = _declared(source)
    found = _texts(df, source) if declared else []
    return _cast(df, {name: declared[name] for name in found if name in declared})


def _unescaped(df: DataFrame, source: Input) -> DataFrame:
    """Return an input on Spark with its partitions as text: all nulls are void there, and escaped UTF-8 is bytes.

    Python's and DuckDB's writers escape what is not ASCII in a folder's name; Spark takes each byte for a character.
    """
    types = {field.name: field.type for field in schema_of(df).fields}
    found = [name for name in names(df, source) if types[name] in ("string", "void")]
    df = _cast(df, {name: "string" for name in found if types[name] == "void"})
    if not found or source.format not in FILES or source.path is None:
        return df
    files = df.inputFiles()
    if not any(_ESCAPED.search(file) for file in files):
        return df
    plain = next((file for file in files if _PLAIN.search(file)), None)
    if plain is not None:
        cause = (
            f"expected folders' names in one spelling, found some escaped as UTF-8 and others not ({unquote(plain)})"
        )
        raise DataError("INPUT_PARTITION", cause, "write the table again by one writer")
    return replaced(df, {name: F.decode(F.encode(ref(name), "ISO-8859-1"), "UTF-8") for name in found})


def as_text(schema: StructType, keys: Iterable[str]) -> StructType:
    """Return a schema whose partitions are text: Sail drops those it does not name, and null has a name there."""
    others = [field for field in schema if field.name not in keys]
    named = [name for name in schema.names if name in keys]
    more = [name for name in keys if name not in schema.names]
    return StructType([*others, *[StructField(name, StringType()) for name in (*named, *more)]])


def _declared(source: Input) -> dict[str, str]:
    """Return the types that `input.schema` gives to columns."""
    found = DataType.fromDDL(source.table_schema) if source.table_schema else None
    return {field.name: field.dataType.simpleString() for field in found} if isinstance(found, StructType) else {}


def as_fitted(df: DataFrame, source: Input, known: Fitted) -> DataFrame:
    """Return an input whose partitions that steps read have the types of the fit."""
    fitted = {column.name: column.type for step in known.steps for column in step.inputs if not column.nested}
    return _cast(df, {name: fitted[name] for name in _texts(df, source) if name in fitted})


def hinted(problems: Iterable[Problem], df: DataFrame, source: Input) -> list[Problem]:
    """Return problems, those of a partition's column with the hint that gives it a type."""
    problems = list(problems)
    texts = [field.name for field in schema_of(df).fields if field.type == "string"]
    if not any(repr(name) in problem.cause for name in texts for problem in problems):
        return problems
    found = [name for name in names(df, source) if name in texts]

    def one(problem: Problem) -> Problem:
        for name in found:
            if problem.code == "SCHEMA_TYPE" and f"column {name!r}" in problem.cause and "is string" in problem.cause:
                hint = f"a partition's value is text; give its type, as in input.partitions: '{name} int'"
                return replace(problem, hint=hint)
        return problem

    return [one(problem) for problem in problems]


def _cast(df: DataFrame, types: Mapping[str, str]) -> DataFrame:
    """Return a DataFrame with the types of partitions; a text that its type cannot hold exactly stops the job."""
    wanted = {name: DataType.fromDDL(type_) for name, type_ in types.items()}
    exact = {name: type_ for name, type_ in wanted.items() if not isinstance(type_, StringType)}
    df = _TEXTS.parsed(df, exact)
    return replaced(df, {name: ref(name).cast(type_) for name, type_ in wanted.items()})


def replaced(df: DataFrame, columns: Mapping[str, object]) -> DataFrame:
    """Return an input with other expressions for some of its columns, in their places."""
    if not columns:
        return df
    return df.select(*[columns[name].alias(name) if name in columns else ref(name) for name in df.columns])  # type: ignore[attr-defined]
