"""Whether a sample looks like the table of the fit: a column that was present is null, or its values are far away.

More than half of the sample has to differ: then the median is null, or out of the range that the fit saw.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from sparkscale.errors import counted
from sparkscale.pipeline.arrays import split
from sparkscale.pipeline.fitted import Fitted
from sparkscale.stats.column import ColumnStats


def unlike(fitted: Fitted, sample: Mapping[str, Any]) -> Iterator[str]:
    """Yield a warning for each feature whose sampled values are not like those of its fit; arrays are not compared."""
    whole = {name for name, column in fitted.features.items() if column.position is None}
    for name, stats in ((name, stats) for name, stats in fitted.stats.items() if name in whole):
        values, null = split(sample[name])
        if 2 * null.sum() > null.size and 2 * stats.nulls <= stats.rows:
            share, before = null.mean(), stats.nulls / stats.rows
            seen = counted(null.size, "row")
            yield f"column {name!r}: {share:.0%} of the first {seen} is null, in the fit {before:.1%} was"
        yield from _out_of_range(name, values[~null & np.isfinite(values)], stats)


def _out_of_range(name: str, values: Any, stats: ColumnStats) -> Iterator[str]:
    if not values.size or 2 * np.sum((values < stats.min) | (values > stats.max)) <= values.size:
        return
    middle = float(np.median(values))
    away = f", {abs(middle - stats.mean) / stats.std:,.0f} std from the mean of the fit" if stats.std else ""
    yield (
        f"column {name!r}: most of the first values ({values.size:,}) are outside of the fit's "
        f"{stats.min:.6g} to {stats.max:.6g}; their median is {middle:.6g}{away}"
    )
