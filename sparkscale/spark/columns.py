"""Columns of a DataFrame: the one place that quotes names, and the schema apart from Spark."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from typing import TypeAlias

from pyspark.errors import PySparkException
from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkscale.pipeline.schema import Column, Schema, decimal_of
from sparkscale.spark.session.session import is_sail

#: Whole numbers of so many digits are doubles, all of them, and so are the powers of ten that divide them.
_EXACT_DIGITS = 15


def ref(*path: str) -> SparkColumn:
    """Return the column of a name (or of a path into structs), whatever characters it has."""
    return F.col(".".join(f"`{part.replace('`', '``')}`" for part in path))


def feature(column: Column, spark: SparkSession) -> SparkColumn:
    """Return a numeric column as the nearest doubles, cast in the engine and never in Python."""
    return _as(ref(*column.path), column.type, "double", spark)


def scores(column: Column, spark: SparkSession) -> SparkColumn:
    """Return an array column as array<double>."""
    return _as(ref(*column.path), column.type, "array<double>", spark)


def _as(found: SparkColumn, type_: str, wanted: str, spark: SparkSession) -> SparkColumn:
    """Cast to doubles; on Sail, decimals that its cast would round twice go by their text, which it reads exactly.

    Sail divides the digits by the power of ten. Both are exact doubles only up to 15 digits, or without decimal places.
    """
    if type_ == wanted:
        return found
    digits, scale = decimal_of(type_.removeprefix("array<").removesuffix(">")) or (0, 0)
    if digits > _EXACT_DIGITS and scale and is_sail(spark):
        found = found.cast(wanted.replace("double", "string"))
    return found.cast(wanted)


def as_it_is(column: SparkColumn) -> SparkColumn:
    """Return the same column: what is done where nothing has to be."""
    return column


def schema_of(df: DataFrame) -> Schema:
    """Return the schema of a DataFrame; starts no job."""
    return Schema.of(df.schema.jsonValue(), case_sensitive=is_case_sensitive(df.sparkSession))


def is_case_sensitive(spark: SparkSession) -> bool:
    """Whether names that differ in case alone are two names in this session."""
    try:
        return (spark.conf.get("spark.sql.caseSensitive", "false") or "").lower() == "true"
    except PySparkException:  # an engine that does not know the setting
        return False


#: A computation in layers: it yields expressions, is sent references to them as columns of the next layer,
#: and returns its result.
Layered: TypeAlias = Generator[list[SparkColumn], list[SparkColumn], list[SparkColumn]]


def in_layers(df: DataFrame, programs: list[Layered]) -> tuple[DataFrame, list[list[SparkColumn]]]:
    """Run layered computations side by side; returns the DataFrame with its helper columns, and the results.

    A softmax over k columns in one expression would repeat its sum k times: k * k terms for the
    analyzer. In layers (maximum, weights, sum, quotient) the plan stays linear in k. All
    computations share the layers, so that their number, about four, does not grow with the steps;
    they are narrow projections of one stage, and no job.
    """
    names = free_names(df.columns)
    results: dict[int, list[SparkColumn]] = {}
    sent: dict[int, list[SparkColumn] | None] = dict.fromkeys(range(len(programs)))
    while sent:
        wanted: dict[int, list[SparkColumn]] = {}
        for index, references in sent.items():
            try:
                program = programs[index]
                wanted[index] = next(program) if references is None else program.send(references)
            except StopIteration as finished:
                results[index] = finished.value
        named = {index: [next(names) for _ in expressions] for index, expressions in wanted.items()}
        layer = [e.alias(n) for i, es in wanted.items() for e, n in zip(es, named[i], strict=True)]
        df = df.select("*", *layer) if layer else df
        sent = {index: [ref(name) for name in own] for index, own in named.items()}
    return df, [results[index] for index in range(len(programs))]


def free_names(taken: Iterable[str]) -> Iterator[str]:
    """Yield names that no column has, in any case of letters."""
    lower = {name.lower() for name in taken}
    number = 0
    while True:
        name = f"__sparkscale_{number}"
        number += 1
        if name not in lower:
            yield name
