"""Column statistics as JSON values, and back. What comes back is hostile: it is checked field by field."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sparkscale.errors import DataError
from sparkscale.stats.exact import ldexp
from sparkscale.stats.merging import COUNTS, NUMBERS
from sparkscale.stats.quantiles import QuantileSketch
from sparkscale.stats.weights import Weights

if TYPE_CHECKING:
    from sparkscale.stats.column import ColumnStats

#: |exp| cannot be larger: M2 is at least 2**-1074 squared, and at most 2**63 times 2**1025 squared; with weights, at
#: least 2**-1074 times 2**-2148 squared.
_EXP_MAX, _WEIGHTED_EXP_MAX = 1100, 2700


def to_dict(stats: ColumnStats) -> dict[str, Any]:
    """Return the content; see :meth:`ColumnStats.to_dict`."""
    out: dict[str, Any] = {"rows": stats.rows} | {name: getattr(stats, name) for name in COUNTS}
    out |= {name: getattr(stats, name) if stats.finite else None for name in NUMBERS}
    out["exp"] = stats.exp
    out["quantiles"] = stats.quantiles.to_text() if stats.quantiles else None
    return out if stats.weights is None else out | {"weights": stats.weights.to_dict()}


def fields(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of statistics from their content; raises :class:`DataError` where one is not of its type."""
    expected = {"rows", *COUNTS, *NUMBERS, "exp", "quantiles"}
    if not isinstance(data, Mapping) or set(data) - {"weights"} != expected:
        raise _invalid(f"fields {sorted(expected)}", sorted(map(str, data)) if isinstance(data, Mapping) else data)
    for name in ("rows", *COUNTS, "exp"):
        if type(data[name]) is not int or (name != "exp" and data[name] < 0) or abs(data[name]) >= 2**63:
            raise _invalid(f"a count in {name!r}", data[name])
    sketch = data["quantiles"]
    numbers: dict[str, Any] = {name: _number(name, data[name]) for name in NUMBERS} if data["finite"] else {}
    if not numbers and any((data["exp"], *(data[name] is not None for name in NUMBERS))):
        raise _invalid("no numbers where no value is finite", {name: data[name] for name in (*NUMBERS, "exp")})
    return {
        **{name: data[name] for name in COUNTS},
        **numbers,
        "exp": data["exp"],
        "quantiles": None if sketch is None else QuantileSketch.from_text(sketch),
        "weights": _weights(data) if "weights" in data else None,
    }


def check(stats: ColumnStats, data: Mapping[str, Any]) -> None:
    """Raise :class:`DataError` where statistics, read from content, cannot be those of any column."""
    if stats.rows != data["rows"]:
        raise _invalid(f"{stats.rows} rows, the sum of the counts", data["rows"])
    if stats.finite and not _consistent(stats):
        found = {name: data[name] for name in (*NUMBERS, "exp")}
        raise _invalid("min <= mean <= max and 0 <= std <= range", found)
    if stats.quantiles is not None and stats.quantiles.count != stats.finite:
        raise _invalid(f"a sketch of {stats.finite} values", stats.quantiles.count)


def _consistent(stats: ColumnStats) -> bool:
    """Whether the numbers can be those of a column; an exponent that no double needs is refused first."""
    most = _EXP_MAX if stats.weights is None else _WEIGHTED_EXP_MAX
    if not (stats.min <= stats.mean <= stats.max and stats.m2 >= 0 and abs(stats.exp) <= most):
        return False
    return abs(ldexp(stats.mean_lo, stats.exp)) <= math.ulp(stats.mean) and stats.std <= stats.range


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= sys.float_info.max:
        raise _invalid(f"a finite number in {name!r}", value)
    return float(value)


def _weights(data: Mapping[str, Any]) -> Weights:
    """Read the sums of weights; each is above 0 where its count is."""
    found = data["weights"]
    if not isinstance(found, Mapping) or set(found) != set(COUNTS):
        raise _invalid(f"weights of {list(COUNTS)}", found)
    sums = {name: _number(f"weights.{name}", found[name]) for name in COUNTS}
    if any(sums[name] < 0 or (sums[name] > 0) != (data[name] > 0) for name in COUNTS):
        raise _invalid("weights above 0 for each count above 0", dict(found))
    return Weights(**sums)


def _invalid(expected: str, found: object) -> DataError:
    return DataError("ARTIFACT_INVALID", f"column statistics: expected {expected}, found {str(found)[:80]!r}")
