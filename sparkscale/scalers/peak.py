"""The maximum of a concave function that is costly to evaluate."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

#: The most points that a polynomial goes through.
_POINTS = 6
#: How far a polynomial may be from the parabola's guess, as a part of the bracket.
_TRUST = 0.25


def next_place(known: Mapping[float, float], low: float, high: float, tolerance: float) -> float | None:
    """Return where to evaluate a smooth concave function next to find its maximum; None once that is found.

    The next place is the top of a polynomial through the points nearest to the best one. While the points are far
    apart, the top of a parabola is the safer guess. The search ends when two polynomials, one through fewer points,
    both promise less than ``tolerance``, or when no concave function through the points can have more.

    Args:
        known: values of the function by place; -inf where it has no value.
        low: the lower end of the interval that is searched.
        high: the upper end.
        tolerance: how far below the maximum the best value may stay.
    """
    places = sorted(known)
    best = max(places, key=known.__getitem__)
    if not math.isfinite(known[best]):
        return None
    if best == places[0] > low:
        return max(2 * best - places[-1], low)
    if best == places[-1] < high:
        return min(2 * best - places[0], high)
    at = places.index(best)
    bracket = places[max(at - 1, 0) : at + 2]
    place = _within(known, best, bracket, tolerance)
    return None if place in known else place


def _within(known: Mapping[float, float], best: float, bracket: Sequence[float], tolerance: float) -> float | None:
    """Return the next place in a bracket around the best; None if the best is good enough."""
    others = sorted((x for x in known if math.isfinite(known[x])), key=lambda x: abs(x - best))
    near = sorted({*others[:_POINTS], *(x for x in bracket if x in others)}, key=lambda x: abs(x - best))
    fewer = [x for x in near if x in bracket or x != near[-1]]
    many, few = (_top(known, best, points, bracket) for points in (near, fewer))
    if _ceiling(known, best, sorted(others)) < tolerance:
        return None
    enclosed = len(fewer) < len(near) and all(x in others for x in bracket)
    if enclosed and all(top is None or top[1] < tolerance for top in (many, few)):
        return None
    parabola = _top(known, best, bracket, bracket)
    width = bracket[-1] - bracket[0]
    if many and parabola and abs(many[0] - parabola[0]) > _TRUST * width:
        return parabola[0]
    if many or parabola:
        return (many or parabola or (best,))[0]
    wider = max(bracket, key=lambda x: abs(x - best))
    return (best + wider) / 2


def _ceiling(known: Mapping[float, float], best: float, places: Sequence[float]) -> float:
    """Return how far a concave function can be above its best value."""
    at = places.index(best)
    if not 0 < at < len(places) - 1:
        return math.inf
    return max(_height(known, places, gap) for gap in (at - 1, at)) - known[best]


def _height(known: Mapping[float, float], places: Sequence[float], gap: int) -> float:
    """Return how high a concave function can be between a place and the next: below the chords beside that gap."""
    chords = (places[gap], places[gap - 1 : gap]), (places[gap + 1], places[gap + 2 : gap + 3])
    width = places[gap + 1] - places[gap]
    return min(
        known[end] + max((known[end] - known[beyond]) / abs(end - beyond), 0.0) * width
        for end, outside in chords
        for beyond in outside
    )


def _top(
    known: Mapping[float, float], best: float, points: Sequence[float], bracket: Sequence[float]
) -> tuple[float, float] | None:
    """Return the top of the polynomial through points, and how far it is above the best; None where it has none."""
    if not all(math.isfinite(known[x]) for x in points):
        return None
    width = bracket[-1] - bracket[0]
    scaled = (np.array(points) - best) / width
    above = np.array([known[x] - known[best] for x in points])
    polynomial = np.linalg.solve(np.vander(scaled), above)
    ends = (bracket[0] - best) / width, (bracket[-1] - best) / width
    flat = [x.real for x in np.roots(np.polyder(polynomial)) if x.imag == 0 and ends[0] <= x.real <= ends[1]]
    height, top = max(((float(np.polyval(polynomial, x)), float(x)) for x in flat), default=(-1.0, 0.0))
    return (best + top * width, height) if height >= 0 else None
