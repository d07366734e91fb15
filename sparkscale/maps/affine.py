"""The affine map of a column: ``(x - center) / scale * gain + offset``."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from typing import ClassVar

import numpy as np

from sparkscale.maps.base import ColumnMap, Floats
from sparkscale.maps.extent import Extent, greatest, least
from sparkscale.stats.column import ColumnStats

_MAX, _EPS, _NORMAL = sys.float_info.max, sys.float_info.epsilon, sys.float_info.min
#: From here on, adding a number to the largest double can overflow: half of that double's last place.
HUGE = 2.0**970
#: The prescale of subnormal spreads: it makes the least std of 2**63 doubles, about 2**-1106, a normal number.
FINE = 2.0**128


@dataclass(frozen=True)
class Affine(ColumnMap, kind="affine"):
    """``y = ((x * prescale - center * prescale - center_lo) / scale * gain + offset) * postscale``, then the clip.

    The scale divides; it is never multiplied as a reciprocal. At mean 1e9 and std 1 the form
    ``x * gain + bias`` is off by 1e-7 where subtract-then-divide has 4e-16.

    No finite result is lost to an overflow or underflow on the way, forward or inverse: see :attr:`balanced`.

    Attributes:
        center: in the unit of ``x``; subtracted first.
        scale: in the unit of ``x`` times ``prescale``; positive.
        gain, offset: in the unit of ``y`` divided by ``postscale``; ``gain`` is positive.
        prescale: 1; 1/2 where ``x - center`` can overflow; 2**128 where the scale is subnormal in the unit of ``x``.
        clip: the two ends that ``y`` is held within, or None. The inverse of a clipped map is lossy.
        pin: ``(x, y)``: exactly this ``x`` gives exactly this ``y``. Needed where no double ``gain``
            has ``gain + offset`` equal to the end of the range.
        center_lo: the remainder of the center that its double cannot hold, in the unit of ``scale``; subtracted second.
        postscale: 1; 2 where adding the offset can overflow.

    NaN gives NaN. An infinity gives itself, or the end of the clip.

    >>> import numpy as np
    >>> from sparkscale.maps import Affine
    >>> onto = Affine.spanning(-33.0, 1301.0, center=-33.0, onto=(-1.0, 1.0), clip=(-1.0, 1.0))
    >>> onto.formula
    'clip((x - -33.0) / 1334.0 * 2.0 + -1.0, -1.0, 1.0)'
    >>> onto.forward(np.array([-33.0, 634.0, 1301.0, np.inf]))
    array([-1.,  0.,  1.,  1.])
    """

    increasing: ClassVar[bool] = True

    center: float = 0.0
    scale: float = 1.0
    gain: float = 1.0
    offset: float = 0.0
    prescale: float = 1.0
    clip: tuple[float, float] | None = None
    pin: tuple[float, float] | None = None
    center_lo: float = 0.0
    postscale: float = 1.0

    def __post_init__(self) -> None:
        """Refuse values that make no affine map."""
        pairs = [pair for pair in (self.clip, self.pin) if pair is not None]
        if not all(isinstance(pair, tuple) and len(pair) == 2 for pair in pairs):  # noqa: PLR2004 - a pair
            raise ValueError(f"expected two numbers or none in clip and pin, found {self}")
        numbers = [self.center, self.center_lo, self.scale, self.gain, self.offset, self.prescale, self.postscale]
        if any(isinstance(number, bool) or not math.isfinite(number) for number in chain(numbers, *pairs)):
            raise ValueError(f"expected finite numbers, found {self}")
        if self.clip is not None and self.clip[0] > self.clip[1]:
            raise ValueError(f"expected a clip [low, high], low <= high, found {self}")
        if self.scale <= 0 or self.gain <= 0:
            raise ValueError(f"expected scale > 0 and gain > 0, found {self}")
        if self.prescale not in (0.5, 1.0, FINE) or self.postscale not in (1.0, 2.0):
            raise ValueError(f"expected prescale 1/2, 1 or 2**128 and postscale 1 or 2, found {self}")

    @classmethod
    def spanning(  # noqa: PLR0913 - one by position, the others by name
        cls,
        low: float,
        high: float,
        *,
        center: float,
        center_lo: tuple[float, int] = (0.0, 0),
        onto: tuple[float, float] = (0.0, 1.0),
        clip: tuple[float, float] | None = None,
    ) -> Affine:
        """Map with the scale ``high - low``, safe where that overflows; ``onto`` holds offset and offset + gain.

        Where ``center`` is ``low``, both ends map to the ends of ``onto`` bit for bit. The remainder of
        the center, ``(m, e)``, is ``m * 2**e``.
        """
        unit = unit_of(center, high - low) if high > low else int(abs(center) >= HUGE)
        unit = unit if center_lo[0] else max(unit, 0)  # the difference of two doubles is exact where it is subnormal
        prescale, postscale = 2.0**-unit, 2.0 if abs(onto[0]) >= HUGE else 1.0
        start, end = onto[0] / postscale, onto[1] / postscale
        gain = _gain(start, end)
        pin = (high, onto[1]) if center == low < high and (gain + start) * postscale != onto[1] else None
        return cls(
            center=center,
            center_lo=math.ldexp(center_lo[0], center_lo[1] - unit),
            scale=high * prescale - low * prescale if high > low else prescale,  # of a constant: 1, in the unit of x
            gain=gain,
            offset=start,
            prescale=prescale,
            postscale=postscale,
            clip=clip,
            pin=pin,
        )

    @property
    def lossless(self) -> bool:
        """Whether the inverse gives back what went in: not what a clip has cut."""
        return self.clip is None

    @property
    def extent(self) -> Extent:
        """Which values the clip holds: those that would give less or more than its ends."""
        if self.clip is None:
            return Extent()
        (low, high), (first, last) = self.clip, self._inverse(np.array(self.clip)).tolist()
        start = least(lambda x: self._forward(x) >= low, near=first)
        return Extent(whole=(start, greatest(lambda x: self._forward(x) <= high, near=last)))

    @property
    def addend(self) -> float:
        """The size of the number that is added last, which the result may cancel."""
        return abs(self.offset) * self.postscale

    def addend_of(self, k: int) -> float:  # noqa: ARG002 - there is one cell
        """The size of the number that is added last."""
        return self.addend

    @property
    def balanced(self) -> tuple[float, float]:
        """Scale and gain, both divided by the power of 2 with which no quotient overflows or underflows to its harm.

        With a gain in [1, 2) the quotient overflows only where the result does, and what it loses by being
        subnormal the result loses as well. Where no double holds such a scale, the largest or smallest
        power that keeps it normal serves: then the quotient is near 1, or the gain below 1. Both are exact.
        """
        scale_exp, gain_exp = math.frexp(self.scale)[1], math.frexp(self.gain)[1]
        shift = max(min(gain_exp - 1, max(0, scale_exp - sys.float_info.min_exp)), scale_exp - sys.float_info.max_exp)
        return math.ldexp(self.scale, -shift), math.ldexp(self.gain, -shift)

    @property
    def inverse_balanced(self) -> tuple[float, float]:
        """The same for the inverse, which multiplies by the scale first: there the gain is 1 or less."""
        scale, gain = self.balanced
        half = 0.5 if gain > 1 and scale > 1 else 1.0
        return scale * half, gain * half

    @property
    def reach(self) -> tuple[float, float] | None:
        """The images of the largest doubles, a few last places wider; None where the inverse overflows within neither.

        Between these ends the inverse is a double, and an infinity is the fault of rounding alone.
        """
        ends = self._forward(np.array([-_MAX, _MAX]))
        with np.errstate(all="ignore"):
            wider = self.ulps * _EPS * np.maximum(np.minimum(np.abs(ends), _MAX), self.addend)
            low, high = np.clip(ends + np.array([-1.0, 1.0]) * wider, -_MAX, _MAX).tolist()
        return None if np.isfinite(self._inverse(np.array([low, high]))).all() else (low, high)

    def after(self, stats: ColumnStats) -> ColumnStats | None:
        """Return the statistics behind the map, by arithmetic; None behind a clip, or near the ends of doubles."""
        ratio = self.gain / self.scale
        if self.clip is not None or self.prescale != 1 or self.postscale != 1 or not _NORMAL <= ratio <= _MAX:
            return None
        if not stats.finite:
            return stats
        low, high = self.forward(np.array([stats.min, stats.max])).tolist()
        if not math.isfinite(high - low):
            return None
        return stats.mapped(low, high, self._mean(stats), ratio, self.forward)

    def _mean(self, stats: ColumnStats) -> Fraction:
        """Return the image of the mean, exactly."""
        mean = Fraction(stats.mean) + Fraction(stats.mean_lo) * Fraction(2) ** stats.exp
        apart = mean - Fraction(self.center) - Fraction(self.center_lo)
        return apart / Fraction(self.scale) * Fraction(self.gain) + Fraction(self.offset)

    def forward(self, x: Floats) -> Floats:
        """Map values (1-D float64); neutral terms (gain 1, offset 0) are left out, as in every engine."""
        y = self._forward(x)
        if self.pin is not None:
            y = np.where(x == self.pin[0], self.pin[1], y)
        return y if self.clip is None else np.clip(y, *self.clip)

    def _forward(self, x: Floats) -> Floats:
        scale, gain = self.balanced
        with np.errstate(all="ignore"):
            y = x - self.center if self.prescale == 1 else x * self.prescale - self.center * self.prescale
            if self.center_lo != 0:
                y -= self.center_lo
            y /= scale
            if gain != 1:
                y *= gain
            if self.offset != 0:
                y += self.offset
            if self.postscale != 1:
                y *= self.postscale
        return y

    def inverse(self, y: Floats) -> Floats:
        """Map values back; values beyond a clip come back as the end of the fitted range."""
        x = self._inverse(y)
        reach = self.reach
        if reach is not None:
            x = np.where(np.isinf(x) & (y >= reach[0]) & (y <= reach[1]), np.copysign(_MAX, x), x)
        return x if self.pin is None else np.where(y == self.pin[1], self.pin[0], x)

    def _inverse(self, y: Floats) -> Floats:
        scale, gain = self.inverse_balanced
        with np.errstate(all="ignore"):
            x = y / self.postscale if self.postscale != 1 else y
            x = x - self.offset if self.offset != 0 else x
            x = x * scale
            if gain != 1:
                x /= gain
            if self.center_lo != 0:
                x += self.center_lo
            x += self.center * self.prescale
            if self.prescale != 1:
                x /= self.prescale
        return x

    @property
    def formula(self) -> str:
        """The map as a formula for people."""
        half = "" if self.prescale == 1 else f" * {self.prescale!r}"
        low = f" - {self.center_lo!r}" if self.center_lo != 0 else ""
        text = f"(x{half} - {self.center * self.prescale!r}{low}) / {self.scale!r}"
        text += f" * {self.gain!r}" if self.gain != 1 else ""
        text += f" + {self.offset!r}" if self.offset != 0 else ""
        text = text if self.postscale == 1 else f"({text}) * {self.postscale!r}"
        return text if self.clip is None else f"clip({text}, {self.clip[0]!r}, {self.clip[1]!r})"


def nonzero(scale: float) -> float:
    """Return the scale, or 1 where it is 0 or undefined: a constant column keeps its offset from the constant."""
    return scale if scale > 0 else 1.0


def unit_of(center: float, spread: float) -> int:
    """Return the exponent of the unit, a power of 2, in which a column with this center and spread is scaled."""
    if abs(center) >= HUGE or math.isinf(spread):
        return 1
    return -128 if spread < _NORMAL else 0


def _gain(start: float, end: float) -> float:
    """Return the gain next to ``end - start`` for which ``gain + start`` is ``end``, or the last below it."""
    gain = end - start
    while gain + start > end:
        gain = math.nextafter(gain, 0.0)
    higher = math.nextafter(gain, math.inf)
    return higher if gain + start < end and higher + start == end else gain
