"""The scores that a map reads out of an array column: where a mask is not true, they are null."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkscale.errors import DataError
from sparkscale.pipeline.application import Application
from sparkscale.pipeline.applying import lengths_differ
from sparkscale.pipeline.fitted import Fitted
from sparkscale.spark.columns import ref, scores
from sparkscale.spark.session.failures import translated
from sparkscale.spark.transform.layers import Stages
from sparkscale.spark.transform.native.refusals import refuse

_LENGTH = "DATA_LENGTH"


def staged_scores(item: Application, spark: SparkSession, stages: Stages) -> SparkColumn:
    """Return the scores of an application over an array column, computed once."""
    array = scores_of(item, spark)
    return array if item.mask is None else stages.keep(array)


def scores_of(item: Application, spark: SparkSession) -> SparkColumn:
    """Return the scores of an application over an array column; the query stops where a mask has another length."""
    array = scores(item.inputs[0], spark)
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


@contextlib.contextmanager
def lengths_counted(df: DataFrame, fitted: Fitted) -> Iterator[None]:
    """Where a query of the block stops at a mask of another length, count such rows for the error."""
    try:
        yield
    except DataError as error:
        if error.code != _LENGTH:
            raise
        masked = {str(item.number): item for item in fitted.applications if item.mask}
        wanted = [F.count(F.when(_differs(item, df.sparkSession), 1)).alias(n) for n, item in masked.items()]
        with translated("counting masks"):
            rows, *counts = df.agg(F.count(F.lit(1)), *wanted).collect()[0]
        found = zip(masked.values(), counts, strict=True)
        raise DataError.of([lengths_differ(item, count, rows) for item, count in found if count]) from error


def _differs(item: Application, spark: SparkSession) -> SparkColumn:
    """Return whether the mask of a row has another length than its scores; not where one of the two is null."""
    assert item.mask is not None  # noqa: S101 - there is one to differ
    array, mask = scores(item.inputs[0], spark), ref(*item.mask.column.path)
    return array.isNotNull() & mask.isNotNull() & (F.size(mask) != F.size(array))


def _takes_part(mask: SparkColumn, i: SparkColumn) -> SparkColumn:
    return F.coalesce(F.get(mask, i), F.lit(False))  # noqa: FBT003 - Spark's false


def _has_null(array: SparkColumn, mask: SparkColumn) -> SparkColumn:
    """Return whether a score that takes part is null."""
    nulls = F.transform(array, lambda score, i: _takes_part(mask, i) & score.isNull())
    return F.exists(nulls, lambda null: null)
