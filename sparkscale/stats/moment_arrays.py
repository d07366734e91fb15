"""The arithmetic of :mod:`sparkscale.stats.moments` over arrays: the same operations, for all at once."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sparkscale.stats.exact import LOG2_MAX

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]


def two_sum(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Knuth's TwoSum: ``a + b`` as doubles, and the exact error of each."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def divided(high: Floats, low: Floats, n: Floats) -> tuple[Floats, Floats]:
    """Return ``(high + low) / n`` as two doubles, of 100 bits; ``n`` is a whole number below 2**53.

    Source: Dekker, "A floating-point technique for extending the available precision" (1971): the product of quotient
    and ``n`` is exact in two doubles, and so the remainder is known.
    """
    quotient = high / n
    product = quotient * n
    (a, b), (c, d) = _halves(quotient), _halves(n)
    error = ((a * c - product) + a * d + b * c) + b * d
    return two_sum(quotient, (((high - product) - error) + low) / n)


def _halves(x: Floats) -> tuple[Floats, Floats]:
    """Split doubles into 26 bits and the rest, at a scale where that overflows nowhere."""
    mantissa, exp = np.frexp(x)
    large = mantissa * (2.0**27 + 1)
    high = large - (large - mantissa)
    return np.ldexp(high, exp), np.ldexp(mantissa - high, exp)


def ldexp(m: Any, exp: Any) -> Any:
    """Return ``m * 2**exp``, or an infinity where a double cannot hold it."""
    return np.ldexp(m, np.clip(exp, -5000, 5000).astype(np.int32))


def canonical(m: Floats, exp: Ints) -> tuple[Floats, Ints]:
    """Do what :func:`sparkscale.stats.exact.canonical` does, for all numbers."""
    mantissa, two = np.frexp(m)
    two = two.astype(np.int64)
    plain = np.abs(two + 2 * exp) < LOG2_MAX
    shift = (two + 1) // 2
    value = np.where(plain, ldexp(m, 2 * exp), ldexp(mantissa, two - 2 * shift))
    odd = (m == 0) | ~np.isfinite(m)
    return np.where(odd, m, value), np.where(odd | plain, 0, exp + shift)


def _added(a: tuple[Floats, Ints], b: tuple[Floats, Ints]) -> tuple[Floats, Ints]:
    """Do what :func:`sparkscale.stats.exact.add_scaled` does, for all numbers."""
    exp = np.maximum(*(e + np.frexp(m)[1].astype(np.int64) // 2 for m, e in (a, b)))
    first, second = (ldexp(m, 2 * np.maximum(e - exp, -1100)) for m, e in (a, b))
    none_of_a, none_of_b = a[0] == 0, b[0] == 0
    whole = np.where(none_of_a, b[0], np.where(none_of_b, a[0], first + second))
    return canonical(whole, np.where(none_of_a, b[1], np.where(none_of_b, a[1], exp)))


def assembled(high: Floats, low: Floats, unit: Ints, m2: tuple[Floats, Ints]) -> dict[str, Any]:
    """Do what :func:`sparkscale.stats.moments.assemble` does, for all groups."""
    value = ldexp(high, unit)
    rest = ldexp(low + (high - ldexp(value, -unit)), unit - m2[1])
    known = np.isfinite(high)
    return {
        "mean": np.where(known, value, high),
        "mean_lo": np.where(known, rest, 0.0),
        "m2": m2[0],
        "exp": m2[1],
    }


def hold(found: dict[str, Any]) -> None:
    """Do what :func:`sparkscale.stats.moments.within` does, for all groups."""
    mean = found["mean"]
    outside = np.isfinite(mean) & ~((found["min"] <= mean) & (mean <= found["max"]))
    found["mean"] = np.where(outside, np.where(mean < found["min"], found["min"], found["max"]), mean)
    found["mean_lo"] = np.where(outside, 0.0, found["mean_lo"])


def merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Do what :func:`sparkscale.stats.moments.merged` does, for all groups."""
    swap = _comes_after(one, other)
    a = {name: np.where(swap, other[name], one[name]) for name in one}
    b = {name: np.where(swap, one[name], other[name]) for name in one}
    with np.errstate(all="ignore"):
        top = np.maximum(np.abs(a["mean"]), np.abs(b["mean"]))
        exp = np.where(top != 0, np.frexp(top)[1].astype(np.int64), np.minimum(a["exp"], b["exp"]))
        a_high, b_high = ldexp(a["mean"], -exp), ldexp(b["mean"], -exp)
        a_low, b_low = (ldexp(side["mean_lo"], side["exp"] - exp) for side in (a, b))
        delta = (b_high - a_high) + (b_low - a_low)
        share = b["weight"] / (a["weight"] + b["weight"])
        m2 = _added(_added((a["m2"], a["exp"]), (b["m2"], b["exp"])), _between(delta, exp, a["weight"], b["weight"]))
        mean = two_sum(a_high, a_low + delta * share)
        found = assembled(*mean, exp, m2)
        found |= {"min": np.minimum(a["min"], b["min"]), "max": np.maximum(a["max"], b["max"])}
        hold(found)
    return found


def _comes_after(one: dict[str, Any], other: dict[str, Any]) -> NDArray[np.bool_]:
    """Return where the other comes before the one in the order of ``moments._order``, the larger first."""
    after = np.zeros(len(one["mean"]), dtype=bool)
    told = after.copy()
    for name, sign in (("weight", -1), ("mean", 1), ("mean_lo", 1), ("exp", 1), ("m2", 1)):
        ours, theirs = sign * one[name], sign * other[name]
        after |= ~told & (theirs < ours)
        told |= ours != theirs
    return after


def _between(delta: Floats, exp: Ints, a: Floats, b: Floats) -> tuple[Floats, Ints]:
    """Do what :func:`sparkscale.stats.weights.between` does, for all groups."""
    (a, a_two), (b, b_two), (both, two) = np.frexp(a), np.frexp(b), np.frexp(a + b)
    four, odd = np.divmod(a_two.astype(np.int64) + b_two - two, 2)
    return delta * delta * (b / both) * a * (1 + odd), exp + four
