"""Losses of labelled scores: the negative log-likelihood of a softmax by its inverse temperature, and its derivatives.

With the distances ``z = x - max(x)`` of a row's scores from the largest, and ``b = 1 / T``, the loss of a row is
``log(sum_j exp(b z_j)) - b z_label``. It is convex in b: its slope is ``E[z] - z_label``, its curvature ``Var[z]``, its
bend the third central moment of z, all under ``p = softmax(b z)``. Sums of them over rows merge by addition.

The expected calibration error (Guo et al., "On Calibration of Modern Neural Networks", ICML 2017) compares, in 15 bins
of equal width, the confidence of the winner with how often it is the label.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Derivatives of the loss that a look has at most: slope, curvature and bend.
DERIVATIVES = 3
#: Bins of the expected calibration error.
BINS = 15
#: What a score is below the largest at most: ``exp`` of it is 0 at any temperature that is tried, its cube a number.
FLOOR = -(2.0**30)
#: Rows at a time: their distances and exponentials stay in the processor's cache.
_CHUNK = 1 << 13


@dataclass(frozen=True)
class LabelledRows:
    """How many rows there are, and why some of them say nothing of a temperature; each row is counted once.

    Attributes:
        rows: all of them.
        unlabelled: rows without a label.
        unknown: rows whose label names no class.
        nulls: rows with a null score, without scores, or whose label's score takes no part.
        nonfinite: rows with NaN or an infinity among the scores that take part.
    """

    rows: int = 0
    unlabelled: int = 0
    unknown: int = 0
    nulls: int = 0
    nonfinite: int = 0

    @property
    def used(self) -> int:
        """The rows that are left."""
        return self.rows - self.unlabelled - self.unknown - self.nulls - self.nonfinite

    def __add__(self, other: LabelledRows) -> LabelledRows:
        """Return the counts of both parts."""
        return LabelledRows(*(getattr(self, item.name) + getattr(other, item.name) for item in fields(self)))


@dataclass(frozen=True)
class Point:
    """Sums over rows at one inverse temperature, each row by its weight; NaN for what was not asked for."""

    beta: float
    loss: float
    slope: float
    curvature: float
    bend: float

    def plus(self, other: Point) -> Point:
        """Return the sums of other rows as well."""
        sums = ("loss", "slope", "curvature", "bend")
        return Point(self.beta, *(getattr(self, name) + getattr(other, name) for name in sums))


@dataclass(frozen=True)
class Bin:
    """The rows whose confidence is in a bin: their weight, that of the right ones, and the sum of confidences."""

    weight: float = 0.0
    right: float = 0.0
    confidence: float = 0.0

    def plus(self, other: Bin) -> Bin:
        """Return the sums of other rows as well."""
        return Bin(self.weight + other.weight, self.right + other.right, self.confidence + other.confidence)


@dataclass(frozen=True)
class Losses:
    """What was seen of labelled rows: sums at inverse temperatures, and bins at one of them.

    Attributes:
        rows: the counts.
        weight: of the rows that are used.
        points: in the order in which they were asked for.
        bins: :data:`BINS` of them, by confidence from 0 to 1; or none.
        examples: a few labels that name no class.
    """

    rows: LabelledRows
    weight: float
    points: tuple[Point, ...]
    bins: tuple[Bin, ...] = ()
    examples: tuple[str, ...] = ()

    def __add__(self, other: Losses) -> Losses:
        """Return the sums of both parts, which were asked for the same."""
        points = (one.plus(two) for one, two in zip(self.points, other.points, strict=True))
        bins = [one.plus(two) for one, two in zip(self.bins, other.bins, strict=False)] or self.bins or other.bins
        return Losses(self.rows + other.rows, self.weight + other.weight, tuple(points), tuple(bins))

    @property
    def flat(self) -> list[float]:
        """All counts and sums, as doubles."""
        counts = [float(getattr(self.rows, item.name)) for item in fields(self.rows)]
        points = [x for p in self.points for x in (p.loss, p.slope, p.curvature, p.bend)]
        return [*counts, self.weight, *points, *(x for b in self.bins for x in (b.weight, b.right, b.confidence))]

    @classmethod
    def of_flat(cls, sums: Sequence[float], betas: Sequence[float]) -> Losses:
        """Read what :attr:`flat` gives, at these inverse temperatures; of no sums, those of no rows."""
        if not sums:
            return cls(LabelledRows(), 0.0, tuple(Point(beta, 0.0, 0.0, 0.0, 0.0) for beta in betas))
        first, rest = 6, sums[6 + 4 * len(betas) :]
        points = (Point(beta, *sums[first + 4 * n : first + 4 * n + 4]) for n, beta in enumerate(betas))
        bins = (Bin(*rest[n : n + 3]) for n in range(0, len(rest), 3))
        return cls(LabelledRows(*map(int, sums[:5])), sums[5], tuple(points), tuple(bins))

    def loss(self, number: int) -> float:
        """The mean loss at a point, in nats."""
        return self.points[number].loss / self.weight

    @property
    def calibration_error(self) -> float:
        """The expected calibration error: the mean of ``|right - confidence|`` over bins, weighted by their rows."""
        return sum(abs(one.right - one.confidence) for one in self.bins) / self.weight


#: In place of a label: there is none, or it names no class.
UNLABELLED, UNKNOWN = -1, -2


@dataclass(frozen=True)
class Scored:
    """Rows of as many scores with labels.

    Attributes:
        x: scores ``(rows, k)``.
        null: where a score is null; with a mask, also where it takes no part.
        label: the place of each row's label, from 0; :data:`UNLABELLED` or :data:`UNKNOWN`.
        weight: of each row, above 0.
        partial: whether a row with a null score is used: by the scores that are there.
    """

    x: NDArray[np.float64]
    null: NDArray[np.bool_]
    label: NDArray[np.int64]
    weight: NDArray[np.float64]
    partial: bool = False

    def losses(self, betas: Sequence[float], binned: float | None = None, derivatives: int = DERIVATIVES) -> Losses:
        """Return the sums at inverse temperatures, and the bins at ``binned``, which is one of them."""
        rows, used = self._used()
        sums, bins = np.zeros((len(betas), 4)), np.zeros((BINS, 3))
        for start in range(0, used.size, _CHUNK):
            part = used[start : start + _CHUNK]
            batch = _Distances.of(self.x[part], self.null[part], self.label[part], self.weight[part])
            for number, (beta, weights) in enumerate(batch.exponentials(betas)):
                total = weights.sum(axis=0)
                sums[number] += batch.sums(beta, weights, total, derivatives)
                if beta == binned:
                    bins += batch.bins(1.0 / total)
        points = tuple(Point(beta, *row) for beta, row in zip(betas, sums.tolist(), strict=True))
        found = tuple(Bin(*row) for row in bins.tolist()) if binned is not None else ()
        return Losses(rows, float(self.weight[used].sum()), points, found)

    def _used(self) -> tuple[LabelledRows, NDArray[np.int64]]:
        """Return the counts of rows, and the places of those that are used."""
        size, k = self.x.shape
        known = (self.label >= 0) & ((self.label < k) | (k == 0))
        own = self.null[np.arange(size), np.clip(self.label, 0, k - 1)] if k else np.ones(size, dtype=bool)
        null = own | (self.null.all(axis=1) if self.partial else self.null.any(axis=1))
        finite = np.isfinite(np.where(self.null, 0.0, self.x)).all(axis=1)
        good = known & ~null & finite
        counts = (self.label == UNLABELLED, (self.label != UNLABELLED) & ~known, known & null, known & ~null & ~finite)
        return LabelledRows(size, *(int(np.count_nonzero(one)) for one in counts)), np.flatnonzero(good)


@dataclass(frozen=True)
class Ragged:
    """Rows of scores with labels, whose lengths may differ: the scores of one row after those of the other.

    Attributes:
        x, null: of all scores; see :class:`Scored`.
        lengths: how many scores each row has.
        label, weight, partial: see :class:`Scored`.
    """

    x: NDArray[np.float64]
    null: NDArray[np.bool_]
    lengths: NDArray[np.int64]
    label: NDArray[np.int64]
    weight: NDArray[np.float64]
    partial: bool = False

    def losses(self, betas: Sequence[float], binned: float | None = None, derivatives: int = DERIVATIVES) -> Losses:
        """Return the sums at inverse temperatures, and the bins at one of them."""
        starts = np.cumsum(self.lengths) - self.lengths
        total = Losses.of_flat((), betas)
        for length in np.unique(self.lengths):
            alike = np.flatnonzero(self.lengths == length)
            if alike.size == self.lengths.size:
                x, null = self.x.reshape(-1, length), self.null.reshape(-1, length)
            else:
                cells = starts[alike][:, None] + np.arange(length)
                x, null = self.x[cells], self.null[cells]
            part = Scored(x, null, self.label[alike], self.weight[alike], self.partial)
            total += part.losses(betas, binned, derivatives)
        return total


def central(own: Any, means: Sequence[Any]) -> list[Any]:
    """Return slope, curvature and bend, as many as there are means of z, of its square and its cube.

    These are numbers, arrays, or columns of a table, as is ``own``, the distance of the label's score.
    """
    match means:
        case [one]:
            return [one - own]
        case [one, two]:
            return [one - own, two - one * one]
        case [one, two, three]:
            return [one - own, two - one * one, three - one * two * 3.0 + one * one * one * 2.0]
    return []


@dataclass(frozen=True)
class _Distances:
    """Distances ``z`` of scores from the largest of their row, those of a row in a column: ``(k, rows)``.

    Attributes:
        z: the distances; :data:`FLOOR` for scores that take no part.
        own: that of each row's label.
        right: whether the label's score is the largest, the first of ties.
        weight: of each row.
    """

    z: NDArray[np.float64]
    own: NDArray[np.float64]
    right: NDArray[np.bool_]
    weight: NDArray[np.float64]

    @classmethod
    def of(
        cls, x: NDArray[np.float64], null: NDArray[np.bool_], label: NDArray[np.int64], weight: NDArray[np.float64]
    ) -> _Distances:
        """Return the distances of rows ``(rows, k)`` that are used."""
        x, null = np.ascontiguousarray(x.T), np.ascontiguousarray(null.T)
        with np.errstate(over="ignore"):
            distance = x - np.where(null, -np.inf, x).max(axis=0)
        z = np.where(null, FLOOR, np.maximum(distance, FLOOR))
        return cls(z, z[label, np.arange(label.size)], z.argmax(axis=0) == label, weight)

    def exponentials(self, betas: Sequence[float]) -> Iterator[tuple[float, NDArray[np.float64]]]:
        """Yield each inverse temperature with ``exp(beta z)``; at twice the beta before, these are squares."""
        before, weights = 0.0, self.z
        for beta in betas:
            weights = weights * weights if before and beta == 2.0 * before else np.exp(beta * self.z)
            before = beta
            yield beta, weights

    def sums(
        self, beta: float, weights: NDArray[np.float64], total: NDArray[np.float64], derivatives: int
    ) -> list[float]:
        """Return the sums of loss, slope, curvature and bend; ``weights`` are ``exp(beta z)``, ``total`` their sums."""
        means, terms = [], weights
        for _ in range(derivatives):
            terms = terms * self.z
            means.append(terms.sum(axis=0) / total)
        found = [np.log(total) - beta * self.own, *central(self.own, means)]
        return [float((self.weight * y).sum()) for y in found] + [math.nan] * (DERIVATIVES - derivatives)

    def bins(self, confidence: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return, for each bin, the sums of weights, of the weights of right rows, and of weighted confidences."""
        place = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
        terms = (self.weight, self.weight * self.right, self.weight * confidence)
        return np.stack([np.bincount(place, weights=term, minlength=BINS) for term in terms], axis=1)
