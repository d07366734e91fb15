"""Temperature scaling: the temperature at which softmax is the most likely to give the labels.

Guo et al., "On Calibration of Modern Neural Networks", ICML 2017. The mean negative log-likelihood is convex in
``b = 1 / T``, so its slope is 0 at one b, or has one sign everywhere. A look at the data gives the slope at several b,
its derivative and, close to the root, its second derivative. Between two b the slope is interpolated by the polynomial
that has all these numbers: of degree 3, off by the fourth power of the distance, or of degree 5, off by the sixth.
So three looks are the rule: b from 1/4 to 4; two b that are 2 % from the root; and the root itself, for its losses.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Literal, TypeAlias

import numpy as np

from sparkscale.errors import DataError
from sparkscale.scalers.learning import LossAsk
from sparkscale.stats.calibration import HIGHEST, LOWEST, Calibration
from sparkscale.stats.losses import Losses, Point

#: The first look: each is twice the one before, which engines compute by squaring.
_FIRST = (0.25, 0.5, 1.0, 2.0, 4.0)
#: How many doublings a look beyond these has.
_FURTHER = 6
#: Derivatives of the loss that a look far from the root asks for: slope and curvature.
_FAR = 2
#: Points at most so far apart are near enough to interpolate: by the sixth power, to 1e-9.
_NEAR = 1.05
_APART = 1.02
#: After so many looks, the bracket is cut into equal parts.
_HASTY = 2
#: The looks of a fit as a rule, and at most: the first, two further out, two pairs, two cuts, the last.
LOOKS, MOST_LOOKS = 3, 8

Calibrating: TypeAlias = Generator[LossAsk, Losses, Calibration]


def calibrate(ask: LossAsk) -> Calibrating:
    """Find the temperature for the labels that ``ask`` names, as a generator that looks at the data.

    Raises:
        DataError: if labels name no class, or no row is left to learn from.
    """
    first = yield replace(ask, betas=_FIRST, binned=1.0, derivatives=_FAR)
    _refuse(ask.label, first)
    points = list(first.points)
    bound = _bound_of(first)
    while bound is None and (further := _further(points)):
        points += (yield replace(ask, betas=further, derivatives=_FAR)).points
    bound = bound or _bound_at(points)
    ends = {"lower": LOWEST, "upper": HIGHEST}
    temperature = ends[bound] if bound else 1.0 / (yield from _root(ask, points))
    temperature = float(f"{temperature:.12g}")
    last = yield replace(ask, betas=(1.0 / temperature,), binned=1.0 / temperature, derivatives=0)
    before, after = first.loss(_FIRST.index(1.0)), last.loss(0)
    errors = first.calibration_error, last.calibration_error
    return Calibration(ask.label, temperature, first.rows, before, after, *errors, bound)


def _refuse(label: str, first: Losses) -> None:
    """Raise for labels that name no class, and where no row has a label and finite scores."""
    rows = first.rows
    if rows.unknown:
        examples = f", such as {', '.join(map(repr, first.examples))}" if first.examples else ""
        raise DataError(
            "DATA_LABEL",
            f"label {label!r}: expected the names of the score columns, or places from 0, "
            f"found {rows.unknown:,} of {rows.rows:,} rows with others{examples}",
            "fix these labels, make them null, or name every class among the scores",
        )
    if not rows.used:
        raise DataError(
            "DATA_LABEL",
            f"label {label!r}: expected rows with a label and finite scores, found none in {rows.rows:,} rows "
            f"({rows.unlabelled:,} without a label, {rows.nulls:,} with null scores, "
            f"{rows.nonfinite:,} with NaN or infinite scores)",
            "fit on labelled rows, or set temperature to a number",
        )


def _bound_of(first: Losses) -> Literal["lower", "upper"] | None:
    """Return the bound that the first look shows already."""
    flat = all(point.slope == 0 and point.curvature == 0 for point in first.points)
    if flat and first.points[0].loss > 0:  # all scores of each row are the same
        return "upper"
    never_wrong = sum(one.right for one in first.bins) == sum(one.weight for one in first.bins)
    return "lower" if never_wrong and all(point.slope <= 0 for point in first.points) else None


def _further(points: Sequence[Point]) -> tuple[float, ...]:
    """Return where to look next if the root is beyond all points, and within the bounds."""
    betas = [point.beta for point in points]
    if all(point.slope <= 0 for point in points) and not _exact(points):
        return tuple(beta for n in range(_FURTHER) if (beta := max(betas) * 2.0 ** (n + 1)) <= 1 / LOWEST)
    if all(point.slope >= 0 for point in points) and not _exact(points):
        return tuple(beta for n in range(_FURTHER, 0, -1) if (beta := min(betas) * 2.0**-n) >= 1 / HIGHEST)
    return ()


def _bound_at(points: Sequence[Point]) -> Literal["lower", "upper"] | None:
    """Return the bound that the root is beyond."""
    if _exact(points):
        return None
    if all(point.slope <= 0 for point in points):
        return "lower"
    return "upper" if all(point.slope >= 0 for point in points) else None


def _exact(points: Sequence[Point]) -> list[float]:
    """Return the points that are the root."""
    return [point.beta for point in points if point.slope == 0 and point.curvature > 0]


def _root(ask: LossAsk, points: list[Point]) -> Generator[LossAsk, Losses, float]:
    """Return the inverse temperature at which the slope is 0, between points on both sides of it."""
    for number in range(MOST_LOOKS):
        if exact := _exact(points):
            return exact[0]
        low = max((point for point in points if point.slope < 0), key=lambda point: point.beta)
        high = min((point for point in points if point.slope > 0), key=lambda point: point.beta)
        root = _between(low, high)
        if high.beta <= low.beta * _NEAR:
            break
        if number < _HASTY:
            asked = [beta for beta in (root / _APART, root * _APART) if low.beta < beta < high.beta]
        else:
            asked = np.geomspace(low.beta, high.beta, _FURTHER + 2)[1:-1].tolist()
        points += (yield replace(ask, betas=tuple(asked))).points
    return root


def _between(low: Point, high: Point) -> float:
    """Return where a polynomial in ``log b`` is 0 that has the slope's values and derivatives, as many as are known."""
    width = math.log(high.beta / low.beta)
    (a, a1, a2), (b, b1, b2) = _derivatives(low, width), _derivatives(high, width)
    if math.isnan(a2 + b2):
        rise, lean = b - a - a1, b1 - a1
        powers: tuple[float, ...] = (a, a1, 3 * rise - lean, lean - 2 * rise)
    else:
        rise, lean, turn = b - a - a1 - a2 / 2, b1 - a1 - a2, b2 - a2
        powers = (
            a,
            a1,
            a2 / 2,
            10 * rise - 4 * lean + turn / 2,
            7 * lean - 15 * rise - turn,
            6 * rise - 3 * lean + turn / 2,
        )
    left, right = 0.0, 1.0
    for _ in range(60):
        middle = (left + right) / 2
        below = sum(power * middle**n for n, power in enumerate(powers)) < 0
        left, right = (middle, right) if below else (left, middle)
    return low.beta * math.exp(width * left)


def _derivatives(point: Point, width: float) -> tuple[float, float, float]:
    """Return the slope and its first two derivatives by ``log b`` in units of ``width``."""
    first = point.beta * point.curvature
    return point.slope, width * first, width * width * (point.beta * point.beta * point.bend + first)
