"""Arithmetic that loses nothing: two-double sums, and numbers with an exponent beside them.

A number ``(m, e)`` is ``m * 4**e``: squares of doubles, which a double alone could not hold.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

#: |log2| from which a number is written with an exponent: below it, it and sums of such are normal doubles.
LOG2_MAX = 900


def add_scaled(a: tuple[float, int], b: tuple[float, int]) -> tuple[float, int]:
    """Add two numbers ``m * 4**e``."""
    if a[0] == 0 or b[0] == 0:
        return canonical(*(b if a[0] == 0 else a))
    exp = max(a[1] + math.frexp(a[0])[1] // 2, b[1] + math.frexp(b[0])[1] // 2)
    return canonical(sum(math.ldexp(m, 2 * max(e - exp, -1100)) for m, e in (a, b)), exp)


def canonical(m: float, exp: int) -> tuple[float, int]:
    """Return ``m * 4**exp`` with exponent 0 where a double holds it well, else with a mantissa in [1/4, 1)."""
    if m == 0 or not math.isfinite(m):
        return m, 0
    mantissa, two = math.frexp(m)
    if abs(two + 2 * exp) < LOG2_MAX:
        return math.ldexp(m, 2 * exp), 0
    shift = (two + 1) // 2
    return math.ldexp(mantissa, two - 2 * shift), exp + shift


def two_sum(a: float, b: float) -> tuple[float, float]:
    """Knuth's TwoSum: ``a + b`` as a double and the error of that double, exactly."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def ldexp(m: float, exp: int) -> float:
    """Return ``m * 2**exp``, or an infinity where a double cannot hold it."""
    try:
        return math.ldexp(m, exp)
    except OverflowError:
        return math.copysign(math.inf, m)


def exact_mean(totals: Sequence[float], n: int) -> tuple[float, float]:
    """Return ``sum(totals) / n`` as two doubles, of 104 bits; the order of the totals does not matter."""
    mean = exact_sum(totals) / n
    return float(mean), float(mean - Fraction(float(mean)))


def exact_sum(totals: Sequence[float]) -> Fraction:
    """Return a sum to 106 bits; the order of the totals does not matter."""
    high = math.fsum(totals)
    return Fraction(high) + Fraction(math.fsum([*totals, -high]))


def by_four(x: float) -> tuple[float, int]:
    """Return ``(m, e)`` with ``x = m * 4**e`` and m in [1/4, 1), exactly."""
    mantissa, two = math.frexp(x)
    four = (two + 1) // 2
    return math.ldexp(mantissa, two - 2 * four), four
