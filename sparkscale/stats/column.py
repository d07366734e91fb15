"""Column statistics: an immutable, mergeable sufficient statistic of one feature.

The moments are kept so that nothing is lost by merging:

* the mean as an unevaluated sum of two doubles, ``mean + mean_lo * 2**exp``: a double alone cannot
  hold the mean of a column with mean 1e9 and std 1 better than to 1e-7 std;
* the spread as ``M2 = sum((x - mean)**2) = m2 * 4**exp``, never as a variance. The exponent keeps
  1e200 and 1e-200 from over- and underflowing when they are squared; it is 0 wherever a double
  holds M2 without loss, which is everywhere in ordinary data.

:mod:`sparkscale.stats.moments` has their arithmetic, :mod:`~sparkscale.stats.merging` puts parts together, and
:mod:`~sparkscale.stats.serial` writes and reads JSON values.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparkscale.stats import merging, moments, serial
from sparkscale.stats import weights as weighing
from sparkscale.stats.exact import by_four, canonical, exact_mean, ldexp, two_sum
from sparkscale.stats.quantiles import QuantileSketch
from sparkscale.stats.weights import Weights

EPS = sys.float_info.epsilon


@dataclass(frozen=True)
class ColumnStats:
    """Mergeable statistics of one column.

    Attributes:
        nulls, nans, posinf, neginf, finite: how many rows hold which; they add up to ``rows``.
        min, max, mean: of the finite values, in the column's own unit; NaN without any.
        mean_lo: what the double ``mean`` could not hold of the mean, in units of ``2**exp``.
        m2, exp: ``sum((x - mean)**2) = m2 * 4**exp``, in squared units.
        weights: for each of the counts, the sum of the weights of its rows; None if rows have no weights. Mean and M2
            are weighted by them.
        quantiles: a KLL sketch of the finite values, or None if no scaler asked for it.

    >>> monday, tuesday = ColumnStats.of([1.0, 2.0]), ColumnStats.of([6.0, float("nan")])
    >>> both = monday + tuesday
    >>> both
    ColumnStats(rows=4, nulls=0, nan=1, inf=0, min=1, max=6, mean=3, std=2.16025)
    >>> both.rows, both.nans, both.min, both.max, both.mean
    (4, 1, 1.0, 6.0, 3.0)
    >>> both == ColumnStats.of([1.0, 2.0, 6.0, float("nan")])
    True
    >>> both + EMPTY == both
    True
    """

    nulls: int = 0
    nans: int = 0
    posinf: int = 0
    neginf: int = 0
    finite: int = 0
    min: float = math.nan
    max: float = math.nan
    mean: float = math.nan
    mean_lo: float = 0.0
    m2: float = 0.0
    exp: int = 0
    quantiles: QuantileSketch | None = None
    weights: Weights | None = None

    @classmethod
    def of(cls, values: ArrayLike, *, quantiles: bool = False, weights: ArrayLike | None = None) -> ColumnStats:
        """Compute the statistics of an array.

        Args:
            values: 1-D numbers of any real dtype; a masked element of a ``numpy.ma`` array is a null.
            quantiles: also sketch the quantiles, which cannot be weighted.
            weights: one for each value, finite and not negative. A value of weight 0 counts as absent.
        """
        if weights is not None:
            return cls.shifted(**weighing.of(values, weights))
        masked: Any = np.ma.asarray(values)
        data = np.asarray(masked.compressed(), dtype=np.float64)
        finite = data[np.isfinite(data)]
        counts: dict[str, Any] = {
            "nulls": int(masked.size - data.size),
            "nans": int(np.count_nonzero(np.isnan(data))),
            "posinf": int(np.count_nonzero(data == np.inf)),
            "neginf": int(np.count_nonzero(data == -np.inf)),
        }
        stats = cls.shifted(**moments.of_values(finite), **counts)
        return stats.with_quantiles(QuantileSketch.of(finite) if quantiles else None)

    @classmethod
    def shifted(  # noqa: PLR0913 - the fields of one aggregate, by name
        cls,
        *,
        finite: int,
        min: float,  # noqa: A002 - the field's name
        max: float,  # noqa: A002 - the field's name
        mean: float,
        m2: float,
        mean_lo: float = 0.0,
        shift: float = 0.0,
        exp: int = 0,
        unit: int = 0,
        **counts: Any,
    ) -> ColumnStats:
        """Build statistics from the moments of ``d = x / 2**exp - shift``: its mean (two doubles) and M2.

        ``min`` and ``max`` are those of ``x`` itself. M2 is in units of ``4**unit``. Moments that are not finite are
        kept as they are: they say that this shift or exponent does not serve.
        """
        if not finite:
            return cls(**counts)
        if min == max:
            return cls(**counts, finite=finite, min=min + 0.0, max=min + 0.0, mean=min + 0.0)
        high, low = two_sum(shift, mean)
        pair = two_sum(high, low + mean_lo) if math.isfinite(high) else (high, 0.0)
        found = moments.assemble(pair, exp, canonical(m2, exp + unit))
        return cls(**counts, finite=finite, min=min + 0.0, max=max + 0.0, **moments.within(found, min, max))

    @classmethod
    def pooled(  # noqa: PLR0913 - the fields of one aggregate, by name
        cls,
        *,
        finite: NDArray[np.int64],
        total: NDArray[np.float64],
        rest: NDArray[np.float64],
        var: NDArray[np.float64],
        min: float,  # noqa: A002 - the field's name
        max: float,  # noqa: A002 - the field's name
        shift: float = 0.0,
        exp: int = 0,
        **counts: Any,
    ) -> ColumnStats:
        """Build statistics from parts, each with the number, sum and population variance of ``d = x / 2**exp - shift``.

        A part's sum comes in two doubles, ``total + rest``. ``M2 = sum(n_p * var_p) + sum(n_p * (mean_p - mean)**2)``.
        Sums over the parts are exact before they are rounded, so the order of the parts does not matter: the same
        parts give the same bits.
        """
        some = finite > 0
        finite, total, rest, var = finite[some], total[some], rest[some], var[some]
        n = int(finite.sum())
        with np.errstate(over="ignore", invalid="ignore"):
            known = bool(np.isfinite(np.abs(total).sum() + np.abs(rest).sum() + (var * finite).sum()))
            mean, mean_lo = exact_mean([*total.tolist(), *rest.tolist()], n) if n and known else (math.inf, 0.0)
            apart = (total / finite - mean) + (rest / finite - mean_lo)
            m2 = math.fsum(var * finite) + math.fsum(finite * apart * apart) if known else math.inf
        return cls.shifted(
            finite=n, min=min, max=max, mean=mean, mean_lo=mean_lo, m2=m2, shift=shift, exp=exp, **counts
        )

    @classmethod
    def repeated(cls, value: float, count: int, *, quantiles: bool = False, weight: float | None = None) -> ColumnStats:
        """Return the statistics of ``count`` rows that all hold ``value``; ``weight`` is the sum of their weights."""
        weights = None if weight is None else Weights(finite=weight)
        stats = cls.shifted(finite=count, min=value, max=value, mean=value, m2=0.0, weights=weights)
        return stats.with_quantiles(QuantileSketch.repeated(value, count) if quantiles and count else None)

    def filled(self, value: float, missing: Collection[str]) -> ColumnStats:
        """Return the statistics with ``value`` in place of what is missing, ``nulls``, ``nans`` or both."""
        none: dict[str, Any] = dict.fromkeys(missing, 0)
        weight = None if self.weights is None else sum(getattr(self.weights, name) for name in missing)
        rest = replace(self, **none, weights=self.weights and replace(self.weights, **none))
        count = sum(getattr(self, name) for name in missing)
        sketched = self.quantiles is not None or not self.finite
        return rest + ColumnStats.repeated(value, count, quantiles=sketched, weight=weight)

    def emptied(self) -> ColumnStats:
        """Return the statistics of as many rows that are all null."""
        return ColumnStats(nulls=self.rows, weights=self.weights and Weights(nulls=self.weights.total))

    def mapped(
        self,
        low: float,
        high: float,
        mean: Fraction,
        ratio: float,
        increasing: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    ) -> ColumnStats:
        """Return the statistics behind an ``increasing`` map that stretches by ``ratio``, with these ends and mean."""
        mantissa, power = math.frexp(ratio)
        exp = self.exp + power
        unit = Fraction(2) ** exp
        center = float(mean / unit)
        rest = float(mean / unit - Fraction(center))
        made = ColumnStats.shifted(
            **self._counts, min=low, max=high, mean=center, mean_lo=rest, m2=self.m2 * mantissa * mantissa, exp=exp
        )
        return made.with_quantiles(self.quantiles.mapped(increasing) if self.quantiles else None)

    def with_quantiles(self, sketch: QuantileSketch | None) -> ColumnStats:
        """Return these statistics with a sketch of the finite values."""
        return replace(self, quantiles=sketch)

    @property
    def rows(self) -> int:
        """All rows, whatever they hold."""
        return self.nulls + self.nans + self.posinf + self.neginf + self.finite

    @property
    def _counts(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in (*merging.COUNTS, "weights")}

    @property
    def weight(self) -> float:
        """What the moments are of: the sum of the weights of the finite values, or their number without weights."""
        return self.finite if self.weights is None else self.weights.finite

    @property
    def var(self) -> float:
        """Population variance, ``M2 / weight`` (ddof 0), in squared units; inf where a double cannot hold it."""
        if not self.finite:
            return math.nan
        divisor, four = by_four(self.weight)
        return ldexp(self.m2 / divisor, 2 * (self.exp - four))

    @property
    def std(self) -> float:
        """Population standard deviation (ddof 0), in the column's unit."""
        return self.std_of(0)

    def std_of(self, ddof: int, unit: int = 0) -> float:
        """Return the standard deviation ``sqrt(M2 / (weight - ddof))`` in units of ``2**unit``; NaN where undefined."""
        if self.weight <= ddof:
            return math.nan
        divisor, four = by_four(self.weight - ddof)
        return ldexp(math.sqrt(self.m2 / divisor), self.exp - four - unit)

    @property
    def range(self) -> float:
        """``max - min``, in the column's unit; inf where a double cannot hold it."""
        return self.max - self.min

    @property
    def constant(self) -> bool:
        """Whether all finite values are one and the same double."""
        return self.finite > 0 and self.min == self.max

    def __add__(self, other: ColumnStats) -> ColumnStats:
        """Return the statistics of both parts together.

        Counts, min and max are exact. Commutative to the last bit; associative to the last bits of
        mean, M2 and weights; ``EMPTY`` is the exact identity. Raises :class:`DataError` where one part alone has
        weights.
        """
        if not isinstance(other, ColumnStats):
            return NotImplemented
        return ColumnStats(**merging.merged(self, other))

    def __eq__(self, other: object) -> bool:
        """Compare by content; the NaN of a column without numbers equals itself."""
        return isinstance(other, ColumnStats) and self.to_dict() == other.to_dict()

    def __repr__(self) -> str:
        """Return the main counts and numbers; :meth:`to_dict` has every field."""
        counts = f"rows={self.rows}, nulls={self.nulls}, nan={self.nans}, inf={self.posinf + self.neginf}"
        numbers = (("min", self.min), ("max", self.max), ("mean", self.mean), ("std", self.std))
        counts += "" if self.weights is None else f", weight={self.weight:.6g}"
        return f"ColumnStats({counts}, {', '.join(f'{name}={number:.6g}' for name, number in numbers)})"

    def __hash__(self) -> int:
        """Hash by the counts, which equal statistics share."""
        return hash((self.nulls, self.nans, self.finite))

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready content: numbers are null without a finite value; only weighted rows have ``weights``."""
        return serial.to_dict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ColumnStats:
        """Read what :meth:`to_dict` wrote; raises :class:`DataError` if it is inconsistent."""
        stats = cls(**serial.fields(data))
        serial.check(stats, data)
        return stats


EMPTY = ColumnStats()
