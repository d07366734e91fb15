"""The self check: a sample of rows, computed by the chosen engine and by the NumPy kernels.

Accelerators and other engines replace Spark's expressions with their own ideas of NaN, null and rounding. The sample's
inputs are collected as the table holds them and become doubles in Python, so that the engine's cast is checked as well.
A difference stops the run before anything is published.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame

from sparkscale.errors import InternalError
from sparkscale.maps import ColumnMap, RowMap, SoftmaxMap
from sparkscale.pipeline.arrays import split
from sparkscale.pipeline.fitted import Application, Engine, Fitted
from sparkscale.pipeline.schema import Column, is_of
from sparkscale.spark.columns import free_names, ref
from sparkscale.spark.session.failures import translated
from sparkscale.spark.transform.transform import transform


@dataclass(frozen=True)
class Sample:
    """What a verification saw: how many rows, and warnings about them."""

    rows: int
    warnings: tuple[str, ...] = ()


def self_check(df: DataFrame, fitted: Fitted, engine: Engine, rows: int) -> Sample:
    """Transform the first ``rows`` rows twice and compare; one small query.

    It asks for rows and not for Arrow, and for the first of the result and not the result of the first: so Spark reads
    partitions until it has enough, where else each partition of the table would give its first rows.

    Raises:
        InternalError: (70) naming column, row and both values, where engine and kernels differ.
    """
    inputs, made = _inputs(fitted), fitted.get_feature_names_out()
    names = list(itertools.islice(free_names([*df.columns, *made]), len(inputs)))
    kept = [_exactly(column).alias(name) for column, name in zip(inputs.values(), names, strict=True)]
    sample = transform(df.select("*", *kept), fitted, engine)
    wanted = [ref(name) for name in (*names, *made)]
    with translated("verifying a sample"):
        found = sample.select(*wanted).limit(rows).collect()
    lists = [column.type.startswith("array<") for column in inputs.values()]
    outputs = list(_outputs(fitted))
    columns = zip(*found, strict=True) if found else [()] * len(wanted)
    arrays = [
        to_array(column, of_lists=of_lists)
        for column, of_lists in zip(columns, [*lists, *(item.over_array for _, item in outputs)], strict=True)
    ]
    given = dict(zip(inputs, arrays, strict=False))
    expected = fitted.transform_arrays(given)
    for (name, item), ours in zip(outputs, arrays[len(inputs) :], strict=True):
        _compare(name, item, ours, expected[name])
    return Sample(len(found), tuple(_mixed_up(fitted, given)))


def _inputs(fitted: Fitted) -> dict[str, Column]:
    return {column.name: column for step in fitted.steps for column in step.inputs}


def _outputs(fitted: Fitted) -> Iterator[tuple[str, Application]]:
    return ((name, item) for item in fitted.applications for name in item.outputs)


def _exactly(column: Column) -> SparkColumn:
    """Return a column without the cast to double that is under test.

    Integers become decimals, which hold all of them: Sail has unsigned ones, which its client does not read.
    """
    found, of_list = ref(*column.path), column.type.startswith("array<")
    if not is_of(column.type[6:-1] if of_list else column.type, "integer"):
        return found
    return found.cast("array<decimal(20,0)>" if of_list else "decimal(20,0)")


def to_array(column: Sequence[Any], *, of_lists: bool) -> NDArray[Any]:
    """Return a column's values as doubles, None for a null: a masked array, or an object array of rows.

    Python gives the nearest double of every number, also of a decimal or a long integer.
    """
    if of_lists:
        rows = np.empty(len(column), dtype=object)
        for i, row in enumerate(column):  # at once NumPy would make a table of rows of one length
            rows[i] = None if row is None else [None if value is None else float(value) for value in row]
        return rows
    null = [value is None for value in column]
    return np.ma.MaskedArray([0.0 if value is None else float(value) for value in column], mask=null, dtype=np.float64)


def _compare(name: str, item: Application, found: Any, expected: Any) -> None:
    if not item.over_array:
        bad = _differing(item, len(item.inputs), found, expected)
        if bad is not None:
            raise _difference(name, bad, _at(found, bad), _at(expected, bad))
        return
    for row, (ours, theirs) in enumerate(zip(found, expected, strict=True)):
        if ours is None and theirs is None:
            continue
        apart = ours is None or theirs is None or len(ours) != len(theirs)
        if apart or _differing(item, len(ours), np.array(ours, dtype=object), theirs) is not None:
            raise _difference(name, row, ours, None if theirs is None else np.ma.asarray(theirs).tolist())


def _differing(item: Application, width: int, found: Any, expected: Any) -> int | None:
    """Return the index of the first number that differs; null, NaN and infinity are three different things."""
    (ours, our_null), (theirs, their_null) = split(found), split(expected)
    with np.errstate(invalid="ignore"):
        apart = np.abs(ours - theirs) > _tolerance(item, width, ours, theirs)
    apart |= np.isnan(ours) != np.isnan(theirs)
    apart |= np.isinf(ours) & (ours != theirs)
    bad = np.flatnonzero((our_null != their_null) | (apart & ~our_null & ~their_null))
    return int(bad[0]) if bad.size else None


def _at(data: Any, index: int) -> float | None:
    values, null = split(data)
    return None if null[index] else float(values[index])


def _tolerance(item: Application, width: int, ours: NDArray[Any], theirs: NDArray[Any]) -> NDArray[Any]:
    """Bound the difference of two correct results: units in the last place of the largest number added up."""
    eps = np.finfo(np.float32 if item.dtype == "float32" else np.float64).eps
    size = np.maximum(np.abs(ours), np.abs(theirs))
    if isinstance(item.map, ColumnMap):
        ulps, addend = item.map.ulps, item.map.addend
    else:
        ulps = cast("RowMap", item.map).ulps_of(width)
        # A logarithm of the sum is added to each logit; it is at most log(k), and may cancel.
        addend = 1.0 + np.log(max(width, 1)) if isinstance(item.map, SoftmaxMap) and item.map.log else 0.0
    tiny = float(np.finfo(np.float32 if item.dtype == "float32" else np.float64).smallest_subnormal)
    return np.asarray(ulps * (eps * np.maximum(size, addend) + tiny))


def _difference(name: str, row: int, found: Any, expected: Any) -> InternalError:
    return InternalError(
        "SELF_CHECK",
        f"column {name!r}, row {row} of the sample: the engine gave {found!r}, the NumPy kernels {expected!r}",
        "nothing was published; try engine: pandas, and tell us which Spark this is",
    )


def _mixed_up(fitted: Fitted, given: dict[str, NDArray[Any]]) -> Iterator[str]:
    """Yield a warning for each softmax whose scores look like probabilities already."""
    for item in fitted.applications:
        if isinstance(item.map, SoftmaxMap) and not item.over_array:
            table = np.ma.column_stack([given[column.name] for column in item.inputs])
            with np.errstate(all="ignore"):  # inf - inf, and sums that overflow
                total = np.ma.abs(table.sum(axis=1) - 1.0)
            if len(table) and not np.ma.is_masked(table) and table.min() >= 0 and total.max() < len(item.inputs) * 1e-6:
                yield (
                    f"step {item.step} ({fitted.steps[item.step - 1].step.kind}): the scores look like probabilities "
                    f"already (each row sums to 1); the softmax of probabilities flattens them"
                )
