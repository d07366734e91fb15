"""The scores that a map reads out of an array column: where a mask is not true, they are null."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkscale.errors import DataError, Problem
from sparkscale.pipeline.application import Application
from sparkscale.pipeline.applying import lengths_differ
from sparkscale.pipeline.elements import other_lengths
from sparkscale.pipeline.fitted import Fitted
from sparkscale.spark.columns import lengths_in, ref, scores
from sparkscale.spark.session.failures import translated
from sparkscale.spark.transform.layers import Stages
from sparkscale.spark.transform.refusing import refuse

_LENGTH = "DATA_LENGTH"


def staged_scores(item: Application, spark: SparkSession, stages: Stages) -> SparkColumn:
    """Return the scores of an application over an array column, computed once."""
    array = scores_of(item, spark)
    return array if item.mask is None and item.array_length is None else stages.keep(array)


def scores_of(item: Application, spark: SparkSession) -> SparkColumn:
    """Return the scores of an application over an array column; the query stops where they or a mask are too long."""
    array = elements_of(item, spark)
    if item.array_length is not None:
        refused = refuse(f"{_LENGTH}: expected arrays of {item.array_length} elements, found ", F.size(array))
        return F.when(_differs(item, spark), refused.cast("array<double>")).otherwise(array)
    if item.mask is None:
        return array
    mask = ref(*item.mask.column.path)
    kept = F.transform(array, lambda score, i: F.when(_takes_part(mask, i), score))
    if item.mask.strict:
        nothing = F.transform(array, lambda score: F.when(score.isNull() & score.isNotNull(), score))
        kept = F.when(_has_null(array, mask), nothing).otherwise(kept)
    sizes = F.concat_ws(" and ", F.size(mask).cast("string"), F.size(array).cast("string"))
    refused = refuse(f"{_LENGTH}: expected a mask and scores of one length, found ", sizes).cast("array<double>")
    return F.when(_differs(item, spark), refused).otherwise(kept)


def elements_of(item: Application, spark: SparkSession) -> SparkColumn:
    """Return the array of an application, of any length; if the map fills null rows, these are arrays of nulls."""
    array = scores(item.inputs[0], spark)
    if not item.fills_rows or item.array_length is None:
        return array
    return F.coalesce(array, F.array_repeat(F.lit(None).cast("double"), item.array_length))


@contextlib.contextmanager
def lengths_counted(df: DataFrame, fitted: Fitted) -> Iterator[None]:
    """Where a query of the block stops at an array or a mask of another length, count such rows for the error."""
    try:
        yield
    except DataError as error:
        if error.code != _LENGTH:
            raise
        items = [item for item in fitted.applications if item.mask or item.array_length is not None]
        wanted = [F.count(F.when(_differs(item, df.sparkSession), 1)).alias(str(n)) for n, item in enumerate(items)]
        with translated("counting lengths"):
            rows, *counts = df.agg(F.count(F.lit(1)), *wanted).collect()[0]
            found = zip(items, counts, strict=True)
            raise DataError.of([_problem(item, df, count, rows) for item, count in found if count]) from error


def _problem(item: Application, df: DataFrame, count: int, rows: int) -> Problem:
    if item.array_length is None:
        return lengths_differ(item, count, rows)
    return other_lengths(item, item.array_length, lengths_in(df, ref(*item.inputs[0].path)), rows)


def _differs(item: Application, spark: SparkSession) -> SparkColumn:
    """Return whether an array has another length than in the fit, or than its mask; not where one of them is null."""
    if item.array_length is not None:
        array = ref(*item.inputs[0].path)
        return array.isNotNull() & (F.size(array) != item.array_length)
    assert item.mask is not None  # noqa: S101 - there is one to differ
    array, mask = scores(item.inputs[0], spark), ref(*item.mask.column.path)
    return array.isNotNull() & mask.isNotNull() & (F.size(mask) != F.size(array))


def _takes_part(mask: SparkColumn, i: SparkColumn) -> SparkColumn:
    return F.coalesce(F.get(mask, i), F.lit(False))  # noqa: FBT003 - Spark's false


def _has_null(array: SparkColumn, mask: SparkColumn) -> SparkColumn:
    """Return whether a score that takes part is null."""
    nulls = F.transform(array, lambda score, i: _takes_part(mask, i) & score.isNull())
    return F.exists(nulls, lambda null: null)
