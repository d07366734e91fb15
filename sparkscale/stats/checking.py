"""Whether statistics as arrays can be those of columns: what ``ColumnStats.from_dict`` asks of one, of all at once."""

from __future__ import annotations

import sys

import numpy as np

from sparkscale.errors import DataError
from sparkscale.stats.columnar import COUNTS, NUMBERS, StatsArrays
from sparkscale.stats.moment_arrays import ldexp
from sparkscale.stats.quantiles import QuantileSketch

_EXP_MAX = 1100
_MAX = sys.float_info.max


def checked(stats: StatsArrays) -> StatsArrays:
    """Return statistics; raises :class:`DataError` where they are inconsistent."""
    if any((getattr(stats, name) < 0).any() for name in COUNTS) or (stats.rows < 0).any():
        raise _invalid("counts of 0 or more")
    some = stats.finite > 0
    known = {name: getattr(stats, name)[some] for name in (*NUMBERS, "exp")}
    if any(not (np.abs(known[name]) <= _MAX).all() for name in NUMBERS):
        raise _invalid("finite numbers")
    if (np.abs(known["exp"]) > _EXP_MAX).any():
        raise _invalid(f"exponents up to {_EXP_MAX}")
    with np.errstate(all="ignore"):
        ordered = (known["min"] <= known["mean"]) & (known["mean"] <= known["max"]) & (known["m2"] >= 0)
        near = np.abs(ldexp(known["mean_lo"], known["exp"])) <= np.spacing(np.abs(known["mean"]))
        within = stats.std_of(0)[some] <= known["max"] - known["min"]
    if not (ordered & near & within).all():
        raise _invalid("min <= mean <= max and 0 <= std <= range")
    none = StatsArrays.empty(int((~some).sum()))
    if any(not np.array_equal(getattr(stats, n)[~some], getattr(none, n), equal_nan=True) for n in (*NUMBERS, "exp")):
        raise _invalid("no numbers where no value is finite")
    _check_sketches(stats)
    return stats


def _check_sketches(stats: StatsArrays) -> None:
    if stats.sketches is None:
        return
    for sketch, finite in zip(stats.sketches, stats.finite.tolist(), strict=True):
        if sketch is not None and QuantileSketch(sketch).count != finite:
            raise _invalid("sketches of as many values as are finite")


def _invalid(expected: str) -> DataError:
    return DataError("ARTIFACT_INVALID", f"statistics by group: expected {expected}, found others")
