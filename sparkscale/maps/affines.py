"""Affine maps of many groups as arrays: the arithmetic of :class:`~sparkscale.maps.affine.Affine`, row by row."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparkscale.maps.affine import HUGE, Affine
from sparkscale.maps.base import Bools, ColumnMap, Floats
from sparkscale.maps.family import Family, Places, beyond, held

_MAX, _EPS = sys.float_info.max, sys.float_info.epsilon
_NORMAL = sys.float_info.min
_MIN_EXP, _MAX_EXP = sys.float_info.min_exp, sys.float_info.max_exp


@dataclass(frozen=True)
class Affines(Family):
    """The fields of affine maps, an array each. NaN stands for no pin, infinities for no clip."""

    center: Floats
    scale: Floats
    gain: Floats
    offset: Floats
    prescale: Floats
    center_lo: Floats
    postscale: Floats
    clip_low: Floats
    clip_high: Floats
    pin_x: Floats
    pin_y: Floats

    @classmethod
    def of(cls, maps: Iterable[Affine], count: int) -> Affines:
        """Return the arrays of so many maps."""
        names = [item.name for item in fields(cls)]
        table = np.fromiter(map(_row, maps), dtype=np.dtype((np.float64, len(names))), count=count)
        return cls(*np.ascontiguousarray(table.reshape(count, len(names)).T))

    @classmethod
    def plain(cls, *, center: Floats, center_lo: Floats, scale: Floats, prescale: Floats) -> Affines:
        """Return the maps ``(x - center) / scale``."""
        one, none = np.ones(len(center)), np.full(len(center), np.nan)
        ends = np.full(len(center), np.inf)
        return cls(center, scale, one, 0 * one, prescale, center_lo, one, -ends, ends, none, none)

    def followed_by(self, map_: Affine) -> Affines:
        """Return the maps with one more."""
        return Affines(*(np.append(getattr(self, f.name), v) for f, v in zip(fields(self), _row(map_), strict=True)))

    @property
    def size(self) -> int:
        """See :class:`Family`."""
        return len(self.center)

    def at(self, place: int) -> ColumnMap:
        """See :class:`Family`."""
        own = {item.name: float(getattr(self, item.name)[place]) for item in fields(self)}
        clip, pin = (own.pop("clip_low"), own.pop("clip_high")), (own.pop("pin_x"), own.pop("pin_y"))
        no_clip, no_pin = math.isinf(clip[0]), math.isnan(pin[0])
        return Affine(**own, clip=None if no_clip else clip, pin=None if no_pin else pin)

    @cached_property
    def terms(self) -> Mapping[str, Floats]:
        """What the formula is made of; ``start`` is the center in the unit of the scale."""
        scale, gain = self._balanced
        return _alike(
            {
                "prescale": self.prescale,
                "start": self.center * self.prescale,
                "center_lo": self.center_lo,
                "scale": scale,
                "gain": gain,
                "offset": self.offset,
                "postscale": self.postscale,
                "pin_x": self.pin_x,
                "pin_y": self.pin_y,
                "clip_low": self.clip_low,
                "clip_high": self.clip_high,
            }
        )

    @cached_property
    def back(self) -> Mapping[str, Floats]:
        """What the formula of the inverse is made of."""
        scale, gain = self._inverse_balanced
        low, high = self._reach
        own = {
            name: self.terms[name]
            for name in ("prescale", "start", "center_lo", "offset", "postscale", "pin_x", "pin_y")
        }
        return _alike(own | {"scale": scale, "gain": gain, "reach_low": low, "reach_high": high})

    @property
    def _balanced(self) -> tuple[Floats, Floats]:
        """See :attr:`Affine.balanced`."""
        scale_exp, gain_exp = (np.frexp(part)[1].astype(np.int64) for part in (self.scale, self.gain))
        shift = np.minimum(gain_exp - 1, np.maximum(0, scale_exp - _MIN_EXP))
        shift = np.maximum(shift, scale_exp - _MAX_EXP).astype(np.int32)
        return np.ldexp(self.scale, -shift), np.ldexp(self.gain, -shift)

    @property
    def _inverse_balanced(self) -> tuple[Floats, Floats]:
        """See :attr:`Affine.inverse_balanced`."""
        scale, gain = self._balanced
        half = np.where((gain > 1) & (scale > 1), 0.5, 1.0)
        return scale * half, gain * half

    @property
    def _reach(self) -> tuple[Floats, Floats]:
        """See :attr:`Affine.reach`; NaN stands for no reach."""
        scale, gain = self._inverse_balanced
        back = {**self.terms, "scale": scale, "gain": gain}
        addend = np.abs(self.offset) * self.postscale
        ends = []
        with np.errstate(all="ignore"):
            for x, sign in ((-_MAX, -1.0), (_MAX, 1.0)):
                end = _forward(np.full(self.size, x), self.terms)
                wider = Affine.ulps * _EPS * np.maximum(np.minimum(np.abs(end), _MAX), addend)
                ends.append(np.clip(end + sign * wider, -_MAX, _MAX))
            none = np.isfinite(_inverse(ends[0], back)) & np.isfinite(_inverse(ends[1], back))
        return np.where(none, np.nan, ends[0]), np.where(none, np.nan, ends[1])

    def apply(self, x: Floats, null: Bools, places: Places) -> tuple[Floats, Bools]:
        """See :class:`Family`."""
        values, terms = x[:, 0], {name: _gathered(term, places) for name, term in self.terms.items()}
        with np.errstate(all="ignore"):
            y = _forward(values, terms)
        y = np.where(values == terms["pin_x"], terms["pin_y"], y)
        return held(y, terms["clip_low"], terms["clip_high"])[:, None], null

    def met(self, x: Floats, null: Bools, places: Places) -> dict[str, Bools]:
        """See :class:`Family`: what would give less or more than the ends of the clip."""
        with np.errstate(all="ignore"):
            y = _forward(x[:, 0], {name: _gathered(term, places) for name, term in self.terms.items()})
        return beyond(y, null[:, 0], self.clip_low, self.clip_high, places)

    def unapply(self, y: Floats, null: Bools, places: Places) -> tuple[Floats, Bools]:
        """See :class:`Family`."""
        values, terms = y[:, 0], {name: _gathered(term, places) for name, term in self.back.items()}
        with np.errstate(all="ignore"):
            x = _inverse(values, terms)
        rounded = np.isinf(x) & (values >= terms["reach_low"]) & (values <= terms["reach_high"])
        x = np.where(rounded, np.copysign(_MAX, x), x)
        return np.where(values == terms["pin_y"], terms["pin_x"], x)[:, None], null

    def addend_of(self, k: int) -> float:  # noqa: ARG002 - there is one cell
        """See :class:`Family`."""
        return float((np.abs(self.offset) * self.postscale).max(initial=0.0))


def units_of(center: Floats, spread: Floats) -> NDArray[np.int64]:
    """Do what :func:`sparkscale.maps.affine.unit_of` does, for all groups."""
    return np.where((np.abs(center) >= HUGE) | np.isinf(spread), 1, np.where(spread < _NORMAL, -128, 0))


def _row(map_: Affine) -> tuple[float, ...]:
    clip, pin = map_.clip or (-math.inf, math.inf), map_.pin or (math.nan, math.nan)
    own = (map_.center, map_.scale, map_.gain, map_.offset, map_.prescale, map_.center_lo + 0.0, map_.postscale)
    return (*own, *clip, *pin)


def _gathered(term: Floats, places: Places) -> Floats:
    """Return the term of each row, or the one number of all."""
    return term[places] if term.ndim else term


def _alike(terms: Mapping[str, Floats]) -> dict[str, Floats]:
    """Return terms, of which one that is the same for all groups is an array of no dimension."""
    out = {}
    for name, term in terms.items():
        same = term.ndim and np.all((term == term[0]) | (np.isnan(term) & np.isnan(term[0])))
        out[name] = np.asarray(term[0]) if same else term
    return out


def _forward(x: Floats, terms: Mapping[str, Any]) -> Floats:
    """Say ``Affine._forward``; a neutral term changes no bit."""
    y = x * terms["prescale"] - terms["start"] - terms["center_lo"]
    y = y / terms["scale"] * terms["gain"]
    y = np.where(terms["offset"] != 0, y + terms["offset"], y)
    return np.asarray(y * terms["postscale"])


def _inverse(y: Floats, terms: Mapping[str, Any]) -> Floats:
    """Say ``Affine._inverse``."""
    x = (y / terms["postscale"] - terms["offset"]) * terms["scale"] / terms["gain"]
    x = np.where(terms["center_lo"] != 0, x + terms["center_lo"], x)
    return np.asarray((x + terms["start"]) / terms["prescale"])
