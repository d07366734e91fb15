"""Whether a sample looks like the table of the fit: a column that was present is null, or its values are far away.

More than half of the sample has to differ: then the median is null, or out of the range that the fit saw.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparkscale.errors import counted
from sparkscale.pipeline import arrays, elements
from sparkscale.pipeline.elements import Cells
from sparkscale.pipeline.fitted import Fitted
from sparkscale.pipeline.schema import EVERY
from sparkscale.stats.column import ColumnStats


def unlike(fitted: Fitted, sample: Mapping[str, Any]) -> Iterator[str]:
    """Yield a warning for each feature of the sample whose values are not like those of its fit.

    Of an array whose positions are features, the first such position is described and the others are counted.
    """
    measured = {
        name: column for name, column in fitted.features.items() if name in fitted.stats and column.whole in sample
    }
    table = arrays.table({column.whole: sample[column.whole] for column in measured.values()})
    of_arrays: dict[str, list[str]] = {}
    for name, found in elements.cells(table, measured).items():
        column, warnings = measured[name], list(_warnings(name, found, fitted.stats[name]))
        if column.position in (None, EVERY):
            yield from warnings
        elif warnings:
            of_arrays.setdefault(column.whole, []).append(warnings[0])
    for name, (first, *others) in of_arrays.items():
        yield first + (f"; the same at {counted(len(others), 'more position')} of {name!r}" if others else "")


def _warnings(name: str, found: Cells, stats: ColumnStats) -> Iterator[str]:
    null = found.null
    if 2 * null.sum() > null.size and 2 * stats.nulls <= stats.rows:
        share, seen, before = null.mean(), counted(null.size, "value"), stats.nulls / stats.rows
        yield f"column {name!r}: {share:.0%} of the first {seen} is null, in the fit {before:.1%} was"
    yield from _out_of_range(name, found.values[~null & np.isfinite(found.values)], stats)


def _out_of_range(name: str, values: NDArray[np.float64], stats: ColumnStats) -> Iterator[str]:
    if not values.size or 2 * np.sum((values < stats.min) | (values > stats.max)) <= values.size:
        return
    middle = float(np.median(values))
    away = f", {abs(middle - stats.mean) / stats.std:,.0f} std from the mean of the fit" if stats.std else ""
    yield (
        f"column {name!r}: most of the first values ({values.size:,}) are outside of the fit's "
        f"{stats.min:.6g} to {stats.max:.6g}; their median is {middle:.6g}{away}"
    )
