"""NIST StRD univariate sets NumAcc1 to NumAcc4, and the exact moments of stored doubles.

The sets are made by their published definitions (NIST Statistical Reference Datasets,
https://www.itl.nist.gov/div898/strd/univ/homepage.html; construction after Simon and Lesage, 1989):
one middle value, followed by 500 pairs of one tenth below and one tenth above it. The certified mean
and standard deviation (ddof 1) are those of the decimal numbers; a double holds 10000000.1 only to
1e-9, so code is held to the moments of the *stored* doubles, in rational arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

#: Digits that :func:`digits` gives at most: a double holds no more than 15.95 of them.
MOST_DIGITS = 17.0


@dataclass(frozen=True)
class NumAcc:
    """A set, and the certified mean and standard deviation (ddof 1) of its decimal numbers."""

    name: str
    values: NDArray[np.float64]
    mean: Fraction
    std: Fraction


def _pairs(name: str, middle: str, below: str, above: str) -> NumAcc:
    values = np.array([float(middle)] + [float(below), float(above)] * 500)
    return NumAcc(name, values, mean=Fraction(middle), std=Fraction(1, 10))


NUMACC1 = NumAcc("NumAcc1", np.array([10000001.0, 10000003.0, 10000002.0]), mean=Fraction(10000002), std=Fraction(1))
NUMACC2 = _pairs("NumAcc2", "1.2", "1.1", "1.3")
NUMACC3 = _pairs("NumAcc3", "1000000.2", "1000000.1", "1000000.3")
NUMACC4 = _pairs("NumAcc4", "10000000.2", "10000000.1", "10000000.3")
ALL = (NUMACC1, NUMACC2, NUMACC3, NUMACC4)


def exact_moments(values: Iterable[float]) -> tuple[Fraction, Fraction]:
    """Return the mean and ``M2 = sum((x - mean)**2)`` of the finite doubles as they are stored, exactly."""
    ratios = [float(value).as_integer_ratio() for value in values]
    unit = max(denominator for _, denominator in ratios)  # all are powers of 2
    whole = [numerator * (unit // denominator) for numerator, denominator in ratios]
    count, total, square = len(whole), sum(whole), sum(number * number for number in whole)
    return Fraction(total, count * unit), Fraction(count * square - total * total, count * unit * unit)


def exact_std(values: Iterable[float], ddof: int = 0) -> Fraction:
    """Return the standard deviation of the doubles as they are stored, to 60 digits."""
    stored = list(values)
    return root(exact_moments(stored)[1] / (len(stored) - ddof))


def root(square: Fraction) -> Fraction:
    """Return the square root, to 60 digits or more whatever the size of the number."""
    numerator, denominator = square.numerator, square.denominator
    grow = 4 ** max(0, 210 + (denominator.bit_length() - numerator.bit_length()) // 2)
    return Fraction(math.isqrt(numerator * denominator * grow), denominator * math.isqrt(grow))


def digits(found: float | Fraction, exact: Fraction) -> float:
    """Return how many decimal digits of ``found`` are right: ``-log10`` of the relative error (NIST's LRE)."""
    error = abs(Fraction(found) - exact)
    if error == 0:
        return MOST_DIGITS
    if exact == 0:
        return 0.0
    relative = error / abs(exact)
    power = math.log10(relative.numerator) - math.log10(relative.denominator)
    return max(0.0, min(MOST_DIGITS, -power))


def few_decimals(rows: int) -> dict[str, NDArray[np.float64]]:
    """Return columns of a few decimals, repeated: adding them one by one rounds to the same side each time."""
    rng = np.random.default_rng(12)
    rare = np.full(rows, 0.1)
    rare[::1000] = 0.7
    return {
        "two": rng.choice([0.1, 0.3], rows),
        "rare": rare,
        "discount": np.sort(rng.integers(0, 11, rows)) / 100.0,  # TPC-H's l_discount
        "signs": rng.choice([-0.1, 0.3], rows),
        "third": rng.choice([1 / 3, 1 / 7, -1e-3], rows),
        "offset": np.sort(rng.choice([1.9, 2.1], rows)),  # mean / std = 20
        "far": rng.choice([1000.1, 1000.2], rows),  # scanned about a shift
        "large": rng.choice([1e40, 3e40], rows),  # beyond single precision
        "small": rng.choice([1e-45, 3e-41], rows),  # below its normal numbers
    }


def exact_moments_of_few(values: NDArray[np.float64]) -> tuple[Fraction, Fraction]:
    """Return the mean and std of a column that holds few different doubles, exactly, and to 60 digits."""
    counted = [(Fraction(float(x)), int(n)) for x, n in zip(*np.unique(values, return_counts=True), strict=True)]
    mean = sum((x * n for x, n in counted), Fraction(0)) / len(values)
    return mean, root(sum(((x - mean) ** 2 * n for x, n in counted), Fraction(0)) / len(values))
