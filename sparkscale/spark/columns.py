"""Columns of a DataFrame: the one place that quotes names, and the schema apart from Spark."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TypeAlias

from pyspark.errors import PySparkException
from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sparkscale.schema import Column, Schema


def ref(*path: str) -> SparkColumn:
    """Return the column of a name (or of a path into structs), whatever characters it has."""
    return F.col(".".join(f"`{part.replace('`', '``')}`" for part in path))


def feature(column: Column) -> SparkColumn:
    """Return a numeric column as double, cast in the engine and never in Python."""
    found = ref(*column.path)
    return found if column.type == "double" else found.cast("double")


def scores(column: Column) -> SparkColumn:
    """Return an array column as array<double>."""
    found = ref(*column.path)
    return found if column.type == "array<double>" else found.cast("array<double>")


def as_it_is(column: SparkColumn) -> SparkColumn:
    """Return the same column: what is done where nothing has to be."""
    return column


def schema_of(df: DataFrame) -> Schema:
    """Return the schema of a DataFrame; starts no job."""
    try:
        case_sensitive = (df.sparkSession.conf.get("spark.sql.caseSensitive", "false") or "").lower() == "true"
    except PySparkException:  # an engine that does not know the setting
        case_sensitive = False
    return Schema.of(df.schema.jsonValue(), case_sensitive=case_sensitive)


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
    names = _free_names(df.columns)
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


def _free_names(taken: list[str]) -> Iterator[str]:
    lower = {name.lower() for name in taken}
    number = 0
    while True:
        name = f"__sparkscale_{number}"
        number += 1
        if name not in lower:
            yield name
