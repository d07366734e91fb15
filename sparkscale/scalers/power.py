"""Power transforms: they bring a skewed column near a normal distribution."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sparkscale.errors import DataError, counted
from sparkscale.maps import Affine, BoxCoxMap, Chained, ColumnMap, SignedLogMap, YeoJohnsonMap
from sparkscale.scalers.base import Scaler
from sparkscale.scalers.learning import Ask, Learning
from sparkscale.scalers.peak import next_place
from sparkscale.scalers.standard import Standard
from sparkscale.stats.column import EPS, ColumnStats

#: Rounds in which exponents are tried at most; 3 or 4 are usual.
_ROUNDS = 12
#: The first exponents beside the start, in units of 1 / std of the logarithm: there the likelihood bends.
_STEP = 0.6
#: How far beside the first guess between them, in the same unit. Two exponents there show the slope: it saves a look.
_BESIDE = 0.01 * _STEP
#: How far below its maximum the mean log-likelihood of a row may stay: 1e-9 of 0.1, with a margin of 10.
_TOLERANCE = 1e-11
#: Times 1 / log(20 * largest value), scikit-learn's bounds of an exponent. They use half of the exponent range of
#: doubles, so that variances neither overflow nor underflow.
_LEAST = (math.log(sys.float_info.min) - math.log(EPS)) / 2
_MOST = (math.log(sys.float_info.max) + math.log(EPS)) / 2
#: The same for Box-Cox, times 1 / farthest logarithm; scikit-learn has no bounds there. exp(690) is still a double.
_FAR = 690.0
#: The smallest logarithm in a bound: keeps the bounds of subnormal columns finite.
_TINY = 1e-300


class Power(Scaler, kind="power"):
    """``(((1 + x)**p - 1) / p - mean) / std``: a power that brings a skewed column near a normal one, then a z-score.

    This is ``yeo_johnson`` for x >= 0; for x < 0 it is the mirror image with the exponent 2 - p. ``box_cox`` is
    ``(x**p - 1) / p``, for x > 0. With p = 0, both are the logarithm.

    p maximizes the log-likelihood that scikit-learn's PowerTransformer maximizes, over the n finite values:
    ``-n/2 * log(var(y)) + (p - 1) * sum(sign(x) * log1p(abs(x)))``, for ``box_cox`` with ``sum(log(x))``. It has one
    maximum. The likelihood is never more than 1e-9 of itself below scikit-learn's. Each round of the search is one
    scan that all columns share. Most columns need 5 to 7 scans; ``looks`` is the maximum.

    Bounds of p: for ``yeo_johnson`` those of scikit-learn, with which 20 times the largest value still has a variance.
    A nearly constant column such as 1e6 +- 1 often ends at a bound, here -20 or 20. If a column has both signs and
    values beyond 1e145, no exponent is left but 1. For ``box_cox``, powers of x / geometric mean stay below 1e300. A
    constant column gets p = 1 and a z-score of 0.

    Attributes:
        method: ``yeo_johnson`` for any numbers, ``box_cox`` for positive numbers.
        standardize: whether to compute z-scores of the powers. Without it, powers of values far from 0 can lose digits.
        undefined: what ``box_cox`` does with a value of 0 or less: ``error`` stops the fit and reports how many there
            are, and stops a transform that meets one; ``null`` gives null.

    >>> from sparkscale import Pipeline
    >>> fitted = Pipeline([Power("x", standardize=False)]).fit_arrays({"x": [1.0, 2.0, 4.0, 8.0]})
    >>> round(fitted.maps[0][0].exponent, 3)
    -0.245
    """

    formula = "(((1 + x)**p - 1) / p - mean) / std"

    method: Literal["yeo_johnson", "box_cox"] = "yeo_johnson"
    standardize: bool = True
    undefined: Literal["error", "null"] = "error"

    @property
    def looks(self) -> int:
        """How often the scaler looks again at most: at the logarithm, at exponents, and at the result for its std."""
        return 1 + _ROUNDS + self.standardize

    @property
    def parts(self) -> int:
        """How many maps make up the scaler's map: the power, and the z-score."""
        return 1 + self.standardize

    def learn(self, stats: ColumnStats) -> Learning:
        """Return the map; raise :class:`DataError` with a count where values have no power."""
        box_cox = self.method == "box_cox"
        (logs,) = yield [Ask(BoxCoxMap(0.0, undefined="null") if box_cox else SignedLogMap(), keep=False)]
        if box_cox and self.undefined == "error" and logs.nulls > stats.nulls:
            others = counted(logs.nulls - stats.nulls, "value")
            cause = f"expected values above 0 (undefined: error), found {others} of 0 or less"
            raise DataError("DATA_UNDEFINED", cause, "fix the data, use yeo_johnson, or set undefined: null")
        family = _box_cox(self, logs) if box_cox else _yeo_johnson(stats, logs)
        if not logs.m2 or stats.std <= EPS * abs(stats.mean):
            family = replace(family, center=family.neutral, start=1.0, low=1.0, high=1.0)
        exponent, seen = yield from family.search()
        if not self.standardize:
            return family.of(exponent, family.neutral)
        map_ = family.of(exponent, family.center)
        behind = seen.get(exponent)
        if behind is None:
            (behind,) = yield [Ask(map_, keep=False)]
        return Chained((map_, Standard().solve(behind) if behind.finite else Affine()))


@dataclass(frozen=True)
class _Family:
    """The power maps of a column, and the likelihood of their exponents.

    Attributes:
        of: returns the map of an exponent and a center.
        neutral, center: the center of the usual map, and the one that keeps the digits of this column.
        low, high: the least and the largest exponent.
        start, known: an exponent whose likelihood needs no scan, and the statistics behind its map.
        logs: the statistics of the logarithms.
        slope: the mean of the logarithms less the logarithm of the center.
    """

    of: Callable[[float, float], ColumnMap]
    neutral: float
    center: float
    low: float
    high: float
    start: float
    known: ColumnStats
    logs: ColumnStats
    slope: float

    def search(self) -> Generator[Sequence[Ask], Sequence[ColumnStats], tuple[float, Mapping[float, ColumnStats]]]:
        """Return the exponent of the greatest likelihood, and the statistics behind all that were tried."""
        step = _STEP / self.logs.std if self.logs.std > 0 else math.inf
        first = {min(max(p, self.low), self.high) for p in (self.start - step, self.start, self.start + step)}
        likelihood = {self.start: self.likelihood(self.start, self.known)} if self.start in first else {}
        seen: dict[float, ColumnStats] = {}
        tried, guessed = sorted(first - likelihood.keys()), False
        for _ in range(_ROUNDS):
            if not tried:
                break
            behind = yield [Ask(self.of(p, self.center), keep=False) for p in tried]
            seen |= zip(tried, behind, strict=True)
            likelihood |= {p: self.likelihood(p, seen[p]) for p in tried}
            place = next_place(likelihood, self.low, self.high, _TOLERANCE)
            tried = [] if place is None else [place]
            if place is not None and not guessed and min(likelihood) < place < max(likelihood):
                tried, guessed = self._beside(place), True
        return max(likelihood, key=likelihood.__getitem__), seen

    def _beside(self, exponent: float) -> list[float]:
        """Return the exponents on both sides of one, as far as they are within the bounds."""
        step = _BESIDE / self.logs.std
        return [p for p in (exponent - step, exponent + step) if self.low <= p <= self.high] or [exponent]

    def likelihood(self, exponent: float, behind: ColumnStats) -> float:
        """Return the mean log-likelihood of a row, up to a constant.

        A center at the mean of the logarithms cancels their sum; ``slope`` is what rounding leaves of it, or all of
        it for a column without a center.
        """
        if not behind.finite or not behind.m2:
            return -math.inf
        log_var = math.log(behind.m2 / behind.finite) + 2 * behind.exp * math.log(2)
        return exponent * self.slope - log_var / 2


def _box_cox(step: Power, logs: ColumnStats) -> _Family:
    """Return the maps of a column of positive numbers."""
    mean = _mean(logs) if logs.finite else 0.0
    center = math.exp(min(mean, 709.0))
    far = max(logs.max - mean, mean - logs.min) if logs.finite else 1.0
    if not step.standardize:  # then the map has no center
        far = max(far, abs(logs.max), abs(logs.min))
    high = _FAR / far if far else 1.0
    return _Family(
        of=lambda exponent, about: BoxCoxMap(exponent, about, step.undefined),
        neutral=1.0,
        center=center,
        low=-high,
        high=high,
        start=0.0,
        known=logs,
        logs=logs,
        slope=mean - math.log(center),
    )


def _yeo_johnson(stats: ColumnStats, logs: ColumnStats) -> _Family:
    """Return the maps of a column of any numbers; only one whose numbers have one sign has a center."""
    low, high = _bounds(stats)
    mean = _mean(logs)
    one_sign = stats.min >= 0 or stats.max <= 0
    center = math.copysign(math.expm1(min(abs(mean), 709.0)), mean) if one_sign else 0.0
    return _Family(
        of=YeoJohnsonMap,
        neutral=0.0,
        center=center,
        low=low,
        high=high,
        start=1.0 if not one_sign else 0.0 if stats.min >= 0 else 2.0,
        known=logs if one_sign else stats,
        logs=logs,
        slope=mean - math.copysign(math.log1p(abs(center)), center),
    )


def _bounds(stats: ColumnStats) -> tuple[float, float]:
    """Return scikit-learn's bounds of a Yeo-Johnson exponent; where none is left, 1 and 1."""
    large = max(abs(stats.min), abs(stats.max))
    log = math.log1p(20 * large) if large < 1 else math.log(large) + math.log(20 + 1 / large)
    low, high = _LEAST / max(log, _TINY), _MOST / max(log, _TINY)
    if stats.max < 0:
        return 2 - high, 2 - low
    if stats.min < 0:
        low, high = max(2 - high, low), min(2 - low, high)
    return (low, high) if low <= high else (1.0, 1.0)


def _mean(stats: ColumnStats) -> float:
    return stats.mean + math.ldexp(stats.mean_lo, stats.exp)
