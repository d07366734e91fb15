"""The plain statistics of a feature, by the names that job files and metrics call them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from sparkscale.monitor.rows import Row
from sparkscale.stats.column import ColumnStats


def share(stats: ColumnStats, *counts: str) -> float | None:
    """Return which share of the rows has one of these counts, by weight if rows have weights; None without rows."""
    if not stats.rows:
        return None
    if stats.weights is not None:
        return sum(float(getattr(stats.weights, name)) for name in counts) / stats.weights.total
    return float(sum(getattr(stats, name) for name in counts) / stats.rows)


def _of_values(name: str) -> Callable[[ColumnStats], float | None]:
    return lambda stats: getattr(stats, name) if stats.finite else None


#: rows: all rows; nulls, nan, infinite: shares of them; min, max, mean, std (ddof 0): of the finite values.
FACTS: Mapping[str, Callable[[ColumnStats], float | None]] = {
    "rows": lambda stats: float(stats.rows),
    "nulls": lambda stats: share(stats, "nulls"),
    "nan": lambda stats: share(stats, "nans"),
    "infinite": lambda stats: share(stats, "posinf", "neginf"),
    "min": _of_values("min"),
    "max": _of_values("max"),
    "mean": _of_values("mean"),
    "std": _of_values("std"),
}


def facts(stats: Mapping[str, ColumnStats]) -> Iterator[Row]:
    """Yield the plain statistics of every feature, judged by nobody."""
    for name, known in stats.items():
        for fact, of in FACTS.items():
            yield Row(name, fact, of(known), None, None, "none")
