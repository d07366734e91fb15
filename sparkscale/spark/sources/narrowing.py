"""The rows of an input that `where` keeps."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sparkscale.config.predicates import Predicates
from sparkscale.pipeline.schema import Column, is_of
from sparkscale.spark.columns import balanced, ref
from sparkscale.spark.session.failures import translated

_OPERATORS: Mapping[str, Callable[[SparkColumn, Any], SparkColumn]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "in": lambda column, values: column.isin(*values),
    "null": lambda column, yes: column.isNull() if yes else column.isNotNull(),
    # An engine may say of a null that whether it is NaN is unknown.
    "nan": lambda column, yes: _is_nan(column) if yes else ~_is_nan(column),
}


def narrowed(df: DataFrame, predicates: Predicates) -> DataFrame:
    """Keep the rows for which all predicates hold."""
    with translated("input.where"):
        rules = [_rule(column, name, value) for column, parts in predicates for name, value in parts.items()]
        return df.where(balanced(operator.and_, rules)) if rules else df


def _is_nan(column: SparkColumn) -> SparkColumn:
    return F.coalesce(F.isnan(column), F.lit(False))  # noqa: FBT003 - a literal


def _rule(column: Column, name: str, value: Any) -> SparkColumn:
    """Return one predicate; NaN satisfies no comparison, whatever order the engine or a file's statistics give it."""
    found = ref(*column.path)
    rule = _OPERATORS[name](found, value)
    return ~F.isnan(found) & rule if is_of(column.type, "floating") and name not in ("null", "nan") else rule
