"""Problems of a CSV input in the words of its files: which sign separates its fields, which value is no number."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import replace

from pyspark.sql import SparkSession

from sparkscale.config.data import Input
from sparkscale.errors import DataError, Problem
from sparkscale.formats import misread
from sparkscale.formats.headers import shown
from sparkscale.spark.sources.parsed import parsed_schema
from sparkscale.spark.sources.read import csv_texts
from sparkscale.spark.sources.text import Texts

#: What a wrong separator looks like: the columns of the job are not there.
_OF_NAMES = ("SCHEMA_MISSING", "SCHEMA_NO_MATCH", "SCHEMA_HEADER")


def hinted(problems: Iterable[Problem], spark: SparkSession, source: Input) -> list[Problem]:
    """Return the problems of an input's schema; those of CSV name the separator or the value that explains them."""
    problems = list(problems)
    if source.format != "csv":
        return problems
    texts = csv_texts(spark, source)
    with contextlib.suppress(DataError):  # where no header can be read
        if any(problem.code in _OF_NAMES for problem in problems):
            return [found] if (found := _separated(texts)) else problems
        return [_with_value(problem, texts) for problem in problems]
    return problems


@contextlib.contextmanager
def named(spark: SparkSession, source: Input) -> Iterator[None]:
    """Name column, value and line where reading stops at a value that is not of the type in `input.schema`.

    The files are read again, in Python, and only then.
    """
    try:
        yield
    except DataError as error:
        types = _types(source) if error.code == "INPUT_DAMAGED" and source.format == "csv" else {}
        found = _misread(csv_texts(spark, source), types, source) if types else None
        if found is None:
            raise
        cause = f"column {found.column!r}: expected {types[found.column]}, found {found.value!r} on {found.place}"
        raise DataError(
            "INPUT_DAMAGED", cause, found.hint("give the column another type in input.schema, such as string")
        ) from error


def _separated(texts: Texts) -> Problem | None:
    for header, files in texts.headers.groups.items():
        sign = misread.separator(header, texts.dialect)
        if sign is not None:
            cause = f"the header of {shown(files[0])} reads as one column, {header[0]!r}"
            return Problem("SCHEMA_HEADER", cause, f"set input.options: {{sep: {_yaml(sign)}}}")
    return None


def _yaml(sign: str) -> str:
    return '"\\t"' if sign == "\t" else f"'{sign}'"


def _with_value(problem: Problem, texts: Texts) -> Problem:
    """Return a problem of a column that is text, with the value that makes it text."""
    name = next((name for name in texts.headers.first if problem.cause.endswith(f"column {name!r} is string")), None)
    if problem.code != "SCHEMA_TYPE" or name is None:
        return problem
    names = None if texts.dialect.has_header else list(texts.headers.first)
    found = misread.find(texts.files, texts.dialect, {name: "double"}, names)
    if found is None:
        return problem
    return replace(
        problem,
        cause=f"{problem.cause}: {found.place} holds {found.value!r}",
        hint=found.hint("leave the column out of the step"),
    )


def _misread(texts: Texts, types: dict[str, str], source: Input) -> misread.Misread | None:
    by_header = texts.dialect.has_header and not texts.dialect.by_position
    own = [name for name in types if name not in texts.partitions]
    types = {name: types[name] for name in own if name not in source.partitions}
    return misread.find(texts.files, texts.dialect, types, None if by_header else own)


def _types(source: Input) -> dict[str, str]:
    if source.table_schema is None:
        return {}
    return {field.name: field.dataType.simpleString() for field in parsed_schema(source.table_schema)}
