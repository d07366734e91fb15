"""Statistics of many columns or groups as arrays: the arithmetic of :mod:`sparkscale.stats.moments` over all at once.

Every operation is the one of :class:`~sparkscale.stats.column.ColumnStats`, in the same order: an entry merged here has
the bits of two :class:`ColumnStats` merged there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparkscale.stats.column import ColumnStats
from sparkscale.stats.moment_arrays import Floats, Ints, assembled, canonical, divided, hold, ldexp, merged, two_sum
from sparkscale.stats.quantiles import QuantileSketch
from sparkscale.stats.weights import Weights

COUNTS = ("nulls", "nans", "posinf", "neginf", "finite")
NUMBERS = ("min", "max", "mean", "mean_lo", "m2")


@dataclass(frozen=True, eq=False)
class StatsArrays:
    """Statistics of many groups of one feature: the fields of :class:`ColumnStats`, each an array.

    Attributes:
        nulls, nans, posinf, neginf, finite: counts (int64).
        min, max, mean, mean_lo, m2: doubles; NaN, and 0 of the last two, where no value is finite.
        exp: int64.
        sketches: the bytes of each group's quantile sketch (object), None where it has none; None without any.
        weights: by count, the sums of the weights; None if rows have no weights.
    """

    nulls: Ints
    nans: Ints
    posinf: Ints
    neginf: Ints
    finite: Ints
    min: Floats
    max: Floats
    mean: Floats
    mean_lo: Floats
    m2: Floats
    exp: Ints
    sketches: NDArray[Any] | None = None
    weights: Mapping[str, Floats] | None = None

    @classmethod
    def empty(cls, size: int) -> StatsArrays:
        """Return the statistics of so many groups without rows."""
        whole: dict[str, Any] = {name: np.zeros(size, dtype=np.int64) for name in (*COUNTS, "exp")}
        ends: dict[str, Any] = {name: np.full(size, np.nan) for name in ("min", "max", "mean")}
        return cls(**whole, **ends, mean_lo=np.zeros(size), m2=np.zeros(size))

    @classmethod
    def of(cls, stats: Iterable[ColumnStats]) -> StatsArrays:
        """Return the arrays of statistics."""
        every = list(stats)
        made: dict[str, Any] = {
            name: np.array([getattr(s, name) for s in every], np.int64) for name in (*COUNTS, "exp")
        }
        made |= {name: np.array([getattr(s, name) for s in every], np.float64) for name in NUMBERS}
        if any(s.quantiles is not None for s in every):
            made["sketches"] = _objects([s.quantiles and s.quantiles.data for s in every])
        if any(s.weights is not None for s in every):
            sums = [s.weights or Weights() for s in every]
            made["weights"] = {name: np.array([getattr(w, name) for w in sums]) for name in COUNTS}
        return cls(**made)

    @classmethod
    def shifted(  # noqa: PLR0913 - the fields of one aggregate, by name
        cls,
        *,
        finite: Ints,
        min: Floats,  # noqa: A002 - the field's name
        max: Floats,  # noqa: A002 - the field's name
        mean: Floats,
        m2: Floats,
        mean_lo: Floats | float = 0.0,
        shift: Floats | float = 0.0,
        exp: Ints | int = 0,
        **counts: Any,
    ) -> StatsArrays:
        """Do what :meth:`ColumnStats.shifted` does, for all groups."""
        whole = np.zeros(len(finite), dtype=np.int64)
        shift, low, unit = np.broadcast_to(shift, whole.shape), np.broadcast_to(mean_lo, whole.shape), whole + exp
        with np.errstate(all="ignore"):
            high, rest = two_sum(shift, mean)
            pair = two_sum(high, rest + low)
            known = np.isfinite(high)
            found = assembled(np.where(known, pair[0], high), np.where(known, pair[1], 0.0), unit, canonical(m2, unit))
            found |= {"min": min + 0.0, "max": max + 0.0}
            hold(found)
            constant, none = min == max, finite == 0
        found["mean"] = np.where(constant, found["min"], found["mean"])
        for name in ("mean_lo", "m2"):
            found[name] = np.where(constant | none, 0.0, found[name])
        for name in ("min", "max", "mean"):
            found[name] = np.where(none, np.nan, found[name])
        found["exp"] = np.where(constant | none, 0, found["exp"])
        rest_of: dict[str, Any] = {name: counts.get(name, whole) for name in COUNTS if name != "finite"}
        return cls(finite=finite, **rest_of, **found)

    @classmethod
    def pooled(  # noqa: PLR0913 - the fields of one aggregate, by name
        cls,
        *,
        finite: Ints,
        total: Floats,
        rest: Floats,
        var: Floats,
        min: Floats,  # noqa: A002 - the field's name
        max: Floats,  # noqa: A002 - the field's name
        shift: Floats | float = 0.0,
        exp: Ints | int = 0,
        **counts: Any,
    ) -> StatsArrays:
        """Return statistics of groups, each of the number, sum and population variance of ``d = x / 2**exp - shift``.

        The sum comes in two doubles, ``total + rest``, and so does the mean: to 100 bits.
        """
        with np.errstate(all="ignore"):
            n = np.maximum(finite, 1).astype(np.float64)
            known = np.isfinite(np.abs(total) + np.abs(rest) + var * n)
            mean, low = divided(*two_sum(total, rest), n)
            apart = (total / n - mean) + (rest / n - low)
            m2 = np.where(known, var * n + n * apart * apart, np.inf)
            mean, low = np.where(known, mean, np.inf), np.where(known, low, 0.0)
        return cls.shifted(
            finite=finite, min=min, max=max, mean=mean, mean_lo=low, m2=m2, shift=shift, exp=exp, **counts
        )

    def __len__(self) -> int:
        """Return how many groups these are."""
        return len(self.finite)

    @property
    def rows(self) -> Ints:
        """All rows of each group, whatever they hold."""
        return self.nulls + self.nans + self.posinf + self.neginf + self.finite

    @property
    def weight(self) -> Floats:
        """What the moments of each group are of: the sum of the weights of its finite values, or their number."""
        return self.finite.astype(np.float64) if self.weights is None else self.weights["finite"]

    def std_of(self, ddof: int, unit: Ints | int = 0) -> Floats:
        """Do what :meth:`ColumnStats.std_of` does, for all groups."""
        with np.errstate(all="ignore"):
            mantissa, two = np.frexp(self.weight - ddof)
            four = (two.astype(np.int64) + 1) // 2
            std = ldexp(np.sqrt(self.m2 / np.ldexp(mantissa, two - 2 * four)), self.exp - four - unit)
        return np.where(self.weight > ddof, std, np.nan)

    def at(self, place: int) -> ColumnStats:
        """Return the statistics of one group."""
        whole: dict[str, Any] = {name: int(getattr(self, name)[place]) for name in (*COUNTS, "exp")}
        numbers: dict[str, Any] = {name: float(getattr(self, name)[place]) for name in NUMBERS}
        sketch = None if self.sketches is None else self.sketches[place]
        sums = None if self.weights is None else Weights(**{k: float(w[place]) for k, w in self.weights.items()})
        quantiles = None if sketch is None else QuantileSketch(sketch)
        return ColumnStats(**whole, **numbers, quantiles=quantiles, weights=sums)

    def take(self, places: Any) -> StatsArrays:
        """Return the groups at these places, or where a mask is true."""
        return self._each(lambda array: array[places])

    def spread(self, places: Ints, size: int) -> StatsArrays:
        """Return ``size`` groups, these at their places and the others without rows."""
        out = StatsArrays.empty(size)
        for name in (*COUNTS, *NUMBERS, "exp"):
            getattr(out, name)[places] = getattr(self, name)
        sketches = weights = None
        if self.sketches is not None:
            sketches = _objects([None] * size)
            sketches[places] = self.sketches
        if self.weights is not None:
            weights = {name: np.zeros(size) for name in self.weights}
            for name, sums in self.weights.items():
                weights[name][places] = sums
        return replace(out, sketches=sketches, weights=weights)

    def followed_by(self, other: StatsArrays) -> StatsArrays:
        """Return the groups of both, one after the other."""
        whole = len(self) + len(other)
        first = self.spread(np.arange(len(self)), whole)
        return first.merged(other.spread(np.arange(len(self), whole), whole))

    def _each(self, change: Any) -> StatsArrays:
        made: dict[str, Any] = {name: change(getattr(self, name)) for name in (*COUNTS, *NUMBERS, "exp")}
        made["sketches"] = None if self.sketches is None else change(self.sketches)
        made["weights"] = None if self.weights is None else {name: change(w) for name, w in self.weights.items()}
        return StatsArrays(**made)

    def merged(self, other: StatsArrays) -> StatsArrays:
        """Merge the groups one by one; see :meth:`ColumnStats.__add__`."""
        counts: dict[str, Any] = {name: getattr(self, name) + getattr(other, name) for name in COUNTS}
        ours, theirs = self.finite > 0, other.finite > 0
        numbers = {name: np.where(ours, getattr(self, name), getattr(other, name)) for name in (*NUMBERS, "exp")}
        both = np.flatnonzero(ours & theirs)
        if both.size:
            for name, found in merged(self._numbers(both), other._numbers(both)).items():
                numbers[name][both] = found
        weights = None
        if self.weights is not None or other.weights is not None:
            sides = [side.weights or dict.fromkeys(COUNTS, np.zeros(len(self))) for side in (self, other)]
            weights = {name: sides[0][name] + sides[1][name] for name in COUNTS}
        return StatsArrays(**counts, **numbers, sketches=_merged_sketches(self, other), weights=weights)

    def _numbers(self, places: Ints) -> dict[str, Any]:
        own: dict[str, Any] = {name: getattr(self, name)[places] for name in (*NUMBERS, "exp")}
        return own | {"weight": self.weight[places]}

    def total(self) -> ColumnStats:
        """Return the statistics of all groups together: merged two by two, so that errors grow with their logarithm."""
        if not len(self):
            return ColumnStats()
        whole = replace(self, sketches=None)
        while len(whole) > 1:
            half = (len(whole) + 1) // 2
            rest = whole.take(slice(1, None, 2))
            whole = whole.take(slice(0, None, 2)).merged(rest.spread(np.arange(len(rest)), half))
        return whole.at(0).with_quantiles(self._sketch())

    def _sketch(self) -> QuantileSketch | None:
        """Return the sketch of all groups; none where a group with values has none."""
        if self.sketches is None:
            return None
        sketched = np.array([sketch is not None for sketch in self.sketches], dtype=bool)
        if (~sketched & (self.finite > 0)).any():
            return None
        some = self.sketches[sketched & (self.finite > 0)]
        chosen = some if len(some) else self.sketches[sketched][:1]
        return QuantileSketch.merged(map(QuantileSketch, chosen)) if len(chosen) else None

    def __eq__(self, other: object) -> bool:
        """Compare by content; the NaN of a group without numbers equals itself."""
        if not isinstance(other, StatsArrays) or (self.weights is None) != (other.weights is None):
            return False
        names = [item.name for item in fields(self) if item.name not in ("sketches", "weights")]
        alike = all(np.array_equal(getattr(self, n), getattr(other, n), equal_nan=n in NUMBERS) for n in names)
        if alike and self.weights is not None and other.weights is not None:
            alike = all(np.array_equal(self.weights[name], other.weights[name]) for name in COUNTS)
        none = _objects([None] * len(self))
        ours, theirs = (none if side.sketches is None else side.sketches for side in (self, other))
        return alike and ours.tolist() == theirs.tolist()

    __hash__ = None  # type: ignore[assignment]


def _merged_sketches(one: StatsArrays, other: StatsArrays) -> NDArray[Any] | None:
    """Merge sketches as ``column._merge_quantiles`` does, group by group."""
    if one.sketches is None and other.sketches is None:
        return None
    none = _objects([None] * len(one))
    ours, theirs = (none if side.sketches is None else side.sketches for side in (one, other))
    out = np.where(one.finite > 0, ours, theirs)
    for place in np.flatnonzero((one.finite > 0) & (other.finite > 0)):
        a, b = ours[place], theirs[place]
        out[place] = None if a is None or b is None else (QuantileSketch(a) + QuantileSketch(b)).data
    for place in np.flatnonzero((one.finite == 0) & (other.finite == 0)):
        out[place] = ours[place] or theirs[place]
    return out


def _objects(items: Sequence[Any]) -> NDArray[Any]:
    out = np.empty(len(items), dtype=object)
    out[:] = items
    return out
