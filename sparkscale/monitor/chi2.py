"""Quantiles of the chi-squared distribution, without SciPy."""

from __future__ import annotations

import functools
import math


@functools.cache
def quantile(p: float, dof: int) -> float:
    """Return x with ``P(X <= x) = p`` for X of chi-squared with ``dof >= 1`` degrees of freedom, to 12 digits.

    By bisection of :func:`cdf`; a start by Wilson and Hilferty (1931) would save time that nobody misses, as results
    are kept.
    """
    low, high = 0.0, float(dof)
    while cdf(high, dof) < p:
        low, high = high, 2 * high
    while (middle := (low + high) / 2) not in (low, high):
        low, high = (middle, high) if cdf(middle, dof) < p else (low, middle)
    return high


def cdf(x: float, dof: int) -> float:
    """Return ``P(X <= x)``: the regularized lower incomplete gamma function ``P(dof / 2, x / 2)``, by its series.

    Source: Abramowitz and Stegun, 6.5.29. All terms are positive, so nothing cancels.
    """
    a, half = dof / 2, x / 2
    if half <= 0:
        return 0.0
    term = total = 1 / a
    step = a
    while term > total * 1e-17:
        step += 1
        term *= half / step
        total += term
    return math.exp(a * math.log(half) - half - math.lgamma(a)) * total
