"""The self check: a sample of rows, computed by the chosen engine and by the NumPy kernels.

Accelerators and other engines replace Spark's expressions with their own ideas of NaN, null and rounding. The sample's
inputs are collected as the table holds them and become doubles in Python, so that the engine's cast is checked as well.
A difference stops the run before anything is published.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame

from sparkscale.pipeline import applying, arrays
from sparkscale.pipeline.application import Application
from sparkscale.pipeline.applying import cells_of
from sparkscale.pipeline.fitted import Engine, Fitted
from sparkscale.pipeline.schema import Column, is_of
from sparkscale.pipeline.unlike import unlike
from sparkscale.spark.columns import free_names, ref
from sparkscale.spark.session.failures import translated
from sparkscale.spark.transform.comparing import Bounds, compare, compare_labels
from sparkscale.spark.transform.transform import applied

#: Columns that the maps of one query read at most: the time to plan a query grows faster than its columns.
_AT_ONCE = 1000


@dataclass(frozen=True)
class Sample:
    """What a verification saw: how many rows, and warnings about them."""

    rows: int
    warnings: tuple[str, ...] = ()
    #: Where the sample is not like the table of the fit.
    unlike: tuple[str, ...] = ()


def self_check(df: DataFrame, fitted: Fitted, engine: Engine, rows: int) -> Sample:
    """Transform the first ``rows`` rows twice and compare; a small query for each 1,000 columns.

    It asks for rows and not for Arrow, and for the first of the result and not the result of the first: so Spark reads
    partitions until it has enough, where else each partition of the table would give its first rows.

    Raises:
        InternalError: (70) naming column, row and both values, where engine and kernels differ.
    """
    seen = [_compared(df, fitted, items, engine, rows) for items in _parts(fitted.applications)]
    warnings = dict.fromkeys(itertools.chain.from_iterable(sample.warnings for sample in seen))
    strange = dict.fromkeys(itertools.chain.from_iterable(sample.unlike for sample in seen))
    return Sample(max(sample.rows for sample in seen), tuple(warnings), tuple(strange))


def _parts(items: Iterable[Application]) -> Iterator[list[Application]]:
    """Cut applications where they have read enough columns for one query."""
    part: list[Application] = []
    width = 0
    for item in items:
        width += len(item.inputs)
        if part and width > _AT_ONCE:
            yield part
            part, width = [], len(item.inputs)
        part.append(item)
    yield part


def _compared(df: DataFrame, fitted: Fitted, items: Sequence[Application], engine: Engine, rows: int) -> Sample:
    """Compare what some of the applications write."""
    kept = list(_kept(fitted, items, df.columns))
    wanted = [*(one.name for one in kept), *(name for item in items for name in item.outputs)]
    sample = applied(df.select("*", *[_exactly(one.column).alias(one.name) for one in kept]), items, wanted, engine)
    with translated("verifying a sample"):
        rows_found = sample.limit(rows).collect()
    found = dict(zip(wanted, zip(*rows_found, strict=True) if rows_found else [()] * len(wanted), strict=True))
    given = {one.column.name: _given(found[one.name], one) for one in kept}
    table = arrays.table(given)
    for item in items:
        _compare(item, found, given, applying.applied(item, table))
    return Sample(len(rows_found), tuple(_doubts(fitted, items, given)), tuple(unlike(fitted, given)))


def _compare(item: Application, found: dict[str, Any], given: dict[str, Any], expected: dict[str, Any]) -> None:
    """Compare what one application writes."""
    bounds = Bounds.of(item, given)
    for name in item.outputs:
        if item.is_label(name):
            compare_labels(name, found[name], expected[name])
        else:
            compare(name, bounds, to_array(found[name], of_lists=item.gives_arrays), expected[name])


@dataclass(frozen=True)
class _Kept:
    """A column that is read, and the name under which the sample holds it beside the result that may replace it."""

    column: Column
    name: str
    is_key: bool


def _kept(fitted: Fitted, items: Sequence[Application], taken: Sequence[str]) -> Iterator[_Kept]:
    keys = {column.name: column for item in items if item.groups for column in item.groups.columns}
    read = {column.name: column for item in items for column in item.read} | keys
    names = free_names([*taken, *fitted.get_feature_names_out()])
    return (_Kept(column, name, column.name in keys) for column, name in zip(read.values(), names, strict=False))


def _exactly(column: Column) -> SparkColumn:
    """Return a column without the cast to double that is under test.

    Integers become decimals, which hold all of them: Sail has unsigned ones, which its client does not read.
    """
    found, of_list = ref(*column.path), column.type.startswith("array<")
    if not is_of(column.type[6:-1] if of_list else column.type, "integer"):
        return found
    return found.cast("array<decimal(20,0)>" if of_list else "decimal(20,0)")


def _given(column: Sequence[Any], of: _Kept) -> NDArray[Any]:
    """Return a column of the sample as the NumPy engine takes it; keys as Python's values."""
    if not of.is_key:
        return to_array(column, of_lists=of.column.type.startswith("array<"))
    whole = is_of(of.column.type, "integer")
    keys = np.empty(len(column), dtype=object)
    keys[:] = [int(value) if whole and value is not None else value for value in column]
    return keys


def to_array(column: Sequence[Any], *, of_lists: bool) -> NDArray[Any]:
    """Return a column's values as doubles, None for a null: a masked array, or an object array of rows.

    Python gives the nearest double of every number, also of a decimal or a long integer. Masks stay bools.
    """
    if of_lists:
        rows = np.empty(len(column), dtype=object)
        for i, row in enumerate(column):  # at once NumPy would make a table of rows of one length
            rows[i] = None if row is None else [x if x is None or isinstance(x, bool) else float(x) for x in row]
        return rows
    null = [value is None for value in column]
    return np.ma.MaskedArray([0.0 if value is None else float(value) for value in column], mask=null, dtype=np.float64)


def _doubts(fitted: Fitted, items: Sequence[Application], given: dict[str, NDArray[Any]]) -> Iterator[str]:
    """Yield a warning for each step whose inputs look wrong to its map."""
    for item in items:
        if item.over_array:
            continue
        doubt = item.map.doubt(*cells_of(item, given))
        if doubt:
            yield f"step {item.number} ({fitted.steps[item.number - 1].step.kind}): {doubt}"
