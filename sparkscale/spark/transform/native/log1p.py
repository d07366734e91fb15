"""Logarithms that are as exact on every engine."""

from __future__ import annotations

import math

from pyspark.sql import Column as SparkColumn
from pyspark.sql import functions as F


def log1p(x: SparkColumn) -> SparkColumn:
    """Return ``log(1 + x)`` of a number above -1, also where 1 swallows it; Sail's own ``log1p`` gives 0 there.

    What the sum rounds away, the quotient puts back: Goldberg, What Every Computer Scientist Should Know About
    Floating-Point Arithmetic (1991), theorem 4. Five units in the last place at most.
    """
    one = F.lit(1.0)
    total = x + one
    swallowed = total == one
    exact = F.log(total) * (x / F.when(swallowed, one).otherwise(total - one))
    return F.when(swallowed, x).when(total == F.lit(math.inf), total).otherwise(exact)
