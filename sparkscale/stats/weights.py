"""Sample weights: their sums, and the moments of weighted values.

A weighted mean is ``sum(w * x) / sum(w)``, as in ``numpy.average``; M2 is ``sum(w * (x - mean)**2)``. Rows of weight 0
count as absent. Before they are summed, weights are multiplied by a power of 4 (:func:`unit_of`), so that neither 1e300
nor 1e-300 leaves the range of doubles. A weight below ``2**-2000`` of the largest loses digits, or counts as nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparkscale.errors import DataError, counted
from sparkscale.stats.exact import exact_sum, ldexp

if TYPE_CHECKING:
    from sparkscale.stats.column import ColumnStats

#: log2 of the largest weight while weights are summed: 2**62 rows of 4 times as much are no infinity.
_TOP = 960


@dataclass(frozen=True)
class Weights:
    """By the counts of :class:`ColumnStats`, the sums of the weights of these rows. Raises DataError on overflow."""

    nulls: float = 0.0
    nans: float = 0.0
    posinf: float = 0.0
    neginf: float = 0.0
    finite: float = 0.0

    def __post_init__(self) -> None:
        """Refuse sums that a double cannot hold."""
        if not math.isfinite(self.total):
            cause = "weights: expected a sum that fits in a double, found one beyond 1.8e308"
            raise DataError("DATA_WEIGHT", cause, "divide all weights by the same number")

    @property
    def total(self) -> float:
        """The weight of all rows."""
        return sum(self.to_dict().values())

    def __add__(self, other: Weights) -> Weights:
        """Return the sums of both parts together."""
        ours, theirs = self.to_dict(), other.to_dict()
        return Weights(**{name: ours[name] + theirs[name] for name in ours})

    def to_dict(self) -> dict[str, float]:
        """Return the sums by name."""
        return {item.name: getattr(self, item.name) for item in fields(self)}


def merged(a: ColumnStats, b: ColumnStats) -> Weights | None:
    """Return the weights of two parts together; a part without rows adds nothing."""
    some = [part.weights for part in (a, b) if part.rows or part.weights is not None]
    known = [weights for weights in some if weights is not None]
    if known and len(known) < len(some):
        cause = "expected parts that are all weighted or all unweighted, found one with weights and one without"
        raise DataError("MERGE_WEIGHTS", cause, "fit every part with the same weight")
    return sum(known[1:], start=known[0]) if known else None


def between(delta: float, exp: int, a: float, b: float) -> tuple[float, int]:
    """Return ``delta**2 * a * b / (a + b)``: what two parts of these weights add to M2, as ``m * 4**e``."""
    (a, a_two), (b, b_two), (both, two) = math.frexp(a), math.frexp(b), math.frexp(a + b)
    four, odd = divmod(a_two + b_two - two, 2)
    return delta * delta * (b / both) * a * (1 + odd), exp + four


def unit_of(heaviest: float) -> int:
    """Return the exponent ``e`` for which ``heaviest / 4**e`` is near the largest weight that can be summed."""
    return (math.frexp(heaviest)[1] - _TOP) // 2


def refuse(name: str, rows: int, bad: Mapping[str, int]) -> None:
    """Raise :class:`DataError` if there are bad weights; ``bad`` counts them by kind."""
    if any(bad.values()):
        found = ", ".join(f"{count:,} {kind}" for kind, count in bad.items() if count)
        cause = f"{name}: expected finite numbers of 0 or more, found {found} in {counted(rows, 'row')}"
        raise DataError("DATA_WEIGHT", cause, "fix the weights, or leave these rows out")


def checked(name: str, weights: ArrayLike) -> NDArray[np.float64]:
    """Return weights as doubles; raises :class:`DataError` with counts of null, NaN, infinite and negative ones."""
    masked: Any = np.ma.asarray(weights)
    data: NDArray[np.float64] = masked.compressed().astype(np.float64)
    infinite = np.isinf(data)
    bad = {"NaN": np.isnan(data), "infinite": infinite, "negative": (data < 0) & ~infinite}
    refuse(name, masked.size, {"null": masked.size - data.size} | {kind: int(is_.sum()) for kind, is_ in bad.items()})
    return data


def of(values: ArrayLike, weights: ArrayLike) -> dict[str, Any]:
    """Return what ``ColumnStats.shifted`` takes, of values and their weights; rows of weight 0 are left out."""
    masked: Any = np.ma.asarray(values)
    weight = checked("weights", weights)
    if weight.shape != masked.shape:
        cause = f"weights: expected one for each of {masked.size:,} values, found {weight.size:,}"
        raise DataError("DATA_LENGTH", cause)
    used = weight > 0
    null, data = np.ma.getmaskarray(masked)[used], masked.filled(0).astype(np.float64)[used]
    weight = weight[used]
    rows = {
        "nulls": null,
        "nans": ~null & np.isnan(data),
        "posinf": ~null & (data == np.inf),
        "neginf": ~null & (data == -np.inf),
        "finite": ~null & np.isfinite(data),
    }
    with np.errstate(over="ignore"):
        sums = Weights(**{name: float(weight[mask].sum()) for name, mask in rows.items()})
    counts = {name: int(mask.sum()) for name, mask in rows.items()}
    return counts | _moments(data[rows["finite"]], weight[rows["finite"]]) | {"weights": sums}


def _moments(finite: NDArray[np.float64], weights: NDArray[np.float64]) -> dict[str, Any]:
    """Return the moments in the way of ``moments.of_values``, weighted."""
    if not finite.size:
        return {"min": math.nan, "max": math.nan, "mean": math.nan, "m2": 0.0}
    low, high = float(finite.min()) + 0.0, float(finite.max()) + 0.0
    exp, unit = math.frexp(max(abs(low), abs(high)))[1], unit_of(float(weights.max()))
    scaled, weight = np.ldexp(finite, -exp), np.ldexp(weights, -2 * unit)
    total = float(weight.sum())
    shift = float((weight * scaled).sum()) / total
    deviation = scaled - shift
    correction = float((weight * deviation).sum()) / total
    deviation -= correction
    residue = float((weight * deviation).sum())
    square = float((weight * np.square(deviation)).sum()) - residue * (residue / total)
    return {
        "min": low,
        "max": high,
        "mean": correction + residue / total,
        "m2": max(square, 0.0),
        "shift": shift,
        "exp": exp,
        "unit": unit,
    }


def pooled(sums: Mapping[str, Sequence[float]], unit: int) -> dict[str, Any]:
    """Return weights and moments of parts, of their sums in units of ``4**unit``.

    ``sums`` has, for each field of :class:`Weights` and for ``first`` (``w * d``) and ``second`` (``w * d * d``), what
    the parts add to it. Sums are exact before they are rounded: the order of the parts does not matter.
    """
    exact = {name: exact_sum(parts) for name, parts in sums.items()}
    first, second = exact.pop("first"), exact.pop("second")
    weights = Weights(**{name: ldexp(float(total), 2 * unit) for name, total in exact.items()})
    if not exact["finite"]:
        return {"weights": weights, "mean": math.nan, "m2": 0.0}
    mean = first / exact["finite"]
    high = float(mean)
    m2 = max(float(second - first * mean), 0.0)
    return {"weights": weights, "mean": high, "mean_lo": float(mean - high), "m2": m2, "unit": unit}
