"""Merging: the statistics of two parts of a column together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sparkscale.stats import moments, weights
from sparkscale.stats.quantiles import QuantileSketch

if TYPE_CHECKING:
    from sparkscale.stats.column import ColumnStats

#: The fields of statistics that count rows, and those that are numbers where a value is finite.
COUNTS = ("nulls", "nans", "posinf", "neginf", "finite")
NUMBERS = ("min", "max", "mean", "mean_lo", "m2")


def merged(a: ColumnStats, b: ColumnStats) -> dict[str, Any]:
    """Return the fields of both parts together; see :meth:`ColumnStats.__add__`."""
    weighed = weights.merged(a, b)
    counts: dict[str, Any] = {name: getattr(a, name) + getattr(b, name) for name in COUNTS}
    parts = [part for part in (a, b) if part.finite]
    numbers: dict[str, Any] = {}
    if len(parts) == 2:  # noqa: PLR2004 - both sides
        numbers = moments.merged(*parts)
    elif parts:
        numbers = {name: getattr(parts[0], name) for name in (*NUMBERS, "exp")}
    return {**counts, **numbers, "quantiles": _quantiles(a, b), "weights": weighed}


def _quantiles(a: ColumnStats, b: ColumnStats) -> QuantileSketch | None:
    """Merge sketches; a side without numbers adds nothing, a side that was never sketched ends the sketch."""
    sides = [part for part in (a, b) if part.finite]
    sketches = [part.quantiles for part in sides if part.quantiles is not None]
    if len(sketches) < len(sides):
        return None
    if not sketches:
        return a.quantiles or b.quantiles
    return sketches[0] if len(sketches) == 1 else sketches[0] + sketches[1]
