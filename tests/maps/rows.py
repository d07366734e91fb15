"""Rows of scores for the tests of row maps, and bounds that several tests share."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

from sparkscale.maps import RowMap

#: The unit roundoff of a double: one correctly rounded operation is off by no more than this, relatively.
U = Fraction(1, 2**53)
INF, NAN = math.inf, math.nan
#: Far from under- and overflow, where the bounds below hold; 0 is in.
sizes = st.floats(min_value=1e-60, max_value=1e60)
numbers = st.one_of(st.just(0.0), sizes, sizes.map(lambda x: -x))
Row = list[float | None]


def run(map_: RowMap, *rows: Row) -> list[Row]:
    """Run a row map over rows of scores, None where a score is null."""
    x = np.array([[NAN if score is None else score for score in row] for row in rows], dtype=np.float64)
    null = np.array([[score is None for score in row] for row in rows], dtype=bool)
    x.flags.writeable = null.flags.writeable = False  # the input is never mutated
    y, gone = map_.forward(x, null)
    return [
        [None if g else v for v, g in zip(*pair, strict=True)] for pair in zip(y.tolist(), gone.tolist(), strict=True)
    ]


def same(found: list[Row], *expected: Row) -> bool:
    """Compare to the last bit, sign of zero and NaN included."""
    return repr(found) == repr(list(expected))
