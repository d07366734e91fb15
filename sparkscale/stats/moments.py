"""The arithmetic of a column's moments, in the form that :mod:`sparkscale.stats.column` keeps them in.

Source: Chan, Golub, LeVeque, "Algorithms for computing the sample variance" (1983), in the form
of pairwise updates; Knuth's TwoSum for the mean.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sparkscale.stats import weights
from sparkscale.stats.exact import add_scaled, ldexp, two_sum

if TYPE_CHECKING:
    from sparkscale.stats.column import ColumnStats


def of_values(finite: NDArray[np.float64]) -> dict[str, Any]:
    """Return what ``ColumnStats.shifted`` takes: two passes, a second correction, a scale where nothing overflows."""
    if not finite.size:
        return {"finite": 0, "min": math.nan, "max": math.nan, "mean": math.nan, "m2": 0.0}
    low, high = float(finite.min()) + 0.0, float(finite.max()) + 0.0
    exp = math.frexp(max(abs(low), abs(high)))[1]
    scaled = np.ldexp(finite, -exp)
    shift = float(scaled.mean())
    deviation = scaled - shift
    correction = float(deviation.mean())
    deviation -= correction
    residue = float(deviation.sum())
    square = float(np.square(deviation).sum()) - residue * (residue / finite.size)
    return {
        "finite": int(finite.size),
        "min": low,
        "max": high,
        "mean": correction + residue / finite.size,
        "m2": max(square, 0.0),
        "shift": shift,
        "exp": exp,
    }


def merged(one: ColumnStats, other: ColumnStats) -> dict[str, Any]:
    """Merge the moments of two non-empty parts, in units of ``2**exp`` so that differences cannot overflow."""
    a, b = sorted((one, other), key=_order)
    top = max(abs(a.mean), abs(b.mean))
    exp = math.frexp(top)[1] if top else min(a.exp, b.exp)  # the finer: a mean that rounds to 0 is all in mean_lo
    a_high, b_high = math.ldexp(a.mean, -exp), math.ldexp(b.mean, -exp)
    a_low, b_low = math.ldexp(a.mean_lo, a.exp - exp), math.ldexp(b.mean_lo, b.exp - exp)
    delta = (b_high - a_high) + (b_low - a_low)
    share = b.weight / (a.weight + b.weight)
    m2 = add_scaled(add_scaled((a.m2, a.exp), (b.m2, b.exp)), weights.between(delta, exp, a.weight, b.weight))
    low, high = min(a.min, b.min), max(a.max, b.max)
    moments = assemble(two_sum(a_high, a_low + delta * share), exp, m2)
    return {"min": low, "max": high} | within(moments, low, high)


def assemble(mean: tuple[float, float], unit: int, m2: tuple[float, int]) -> dict[str, Any]:
    """Bring a two-double mean in units of ``2**unit`` and an M2 into the form that is kept."""
    high, low = mean
    if not math.isfinite(high):
        return {"mean": high, "mean_lo": 0.0, "m2": m2[0], "exp": m2[1]}
    value = ldexp(high, unit)
    low += high - math.ldexp(value, -unit)  # a subnormal mean could not hold all of it
    return {"mean": value, "mean_lo": ldexp(low, unit - m2[1]), "m2": m2[0], "exp": m2[1]}


def within(moments: dict[str, Any], low: float, high: float) -> dict[str, Any]:
    """Hold the mean within its column's ends, which rounding can pass by one unit in the last place."""
    if low <= moments["mean"] <= high or not math.isfinite(moments["mean"]):
        return moments
    return moments | {"mean": low if moments["mean"] < low else high, "mean_lo": 0.0}


def _order(part: ColumnStats) -> tuple[float, ...]:
    """Order two parts by their content alone, the larger first, so that merging is commutative to the last bit."""
    return (-part.weight, part.mean, part.mean_lo, part.exp, part.m2)
