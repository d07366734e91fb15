"""Softmax and log-softmax of the scores of a row."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from sparkscale.errors import DataError, counted
from sparkscale.maps.base import Bools, Floats, RowMap


@dataclass(frozen=True)
class Weighed:
    """Rows of scores ``(rows, k)`` on the way to their softmax.

    Attributes:
        null: where there is no result, by a null.
        undefined: ``(rows, 1)``, whether all scores are -inf.
        largest: which scores are the largest of their row; none where one is NaN.
        logits: ``(x - max) / T``, 0 for the largest.
        weights: ``exp(logits)``, 0 where null.
    """

    null: Bools
    undefined: Bools
    largest: Bools
    logits: Floats
    weights: Floats

    @property
    def total(self) -> Floats:
        """The sum of the weights, ``(rows, 1)``."""
        return np.asarray(self.weights.sum(axis=1, keepdims=True))

    @property
    def log_total(self) -> Floats:
        """Its logarithm: log1p of all but one of the largest, whose weight is 1."""
        ties = np.count_nonzero(self.largest, axis=1, keepdims=True)
        others: Floats = np.where(self.largest, 0.0, self.weights).sum(axis=1, keepdims=True) + (ties - 1.0)
        return np.log1p(others)


@dataclass(frozen=True)
class SoftmaxMap(RowMap, kind="softmax"):
    """``exp(x_i / T) / sum_j exp(x_j / T)``, or its logarithm; the row maximum is subtracted first.

    Sums to 1 within ``k * 2**-53``. At infinity the limit applies: the scores of +inf share the
    whole, -inf gives 0. A NaN makes the row NaN. A null makes the row null, or (``mask``) is left out.
    A row whose scores are all -inf has no softmax: ``undefined`` says what it gets.

    Attributes:
        temperature: T, which divides the scores first.
        nulls: ``null``: a null score makes the row null; ``mask``: it is left out.
        undefined: the result of a row whose scores are all -inf.
        log: whether the result is the logarithm.
    """

    partial: ClassVar[bool] = True

    temperature: float = 1.0
    nulls: Literal["null", "mask"] = "null"
    undefined: Literal["null", "zeros", "uniform", "error"] = "null"
    log: bool = False

    def __post_init__(self) -> None:
        """Refuse options that make no softmax."""
        super().__post_init__()
        if isinstance(self.temperature, bool) or not 0 < self.temperature < math.inf:
            raise ValueError(f"expected a finite temperature > 0, found {self.temperature}")
        if self.nulls not in ("null", "mask") or self.undefined not in ("null", "zeros", "uniform", "error"):
            raise ValueError(f"expected nulls: null|mask and undefined: null|zeros|uniform|error, found {self}")
        if not isinstance(self.log, bool):
            raise TypeError(f"expected log: true|false, found {self.log!r}")

    def forward(self, x: Floats, null: Bools) -> tuple[Floats, Bools]:
        """Map scores ``(rows, k)``; see :class:`RowMap`."""
        if x.shape[1] == 0:
            return x, null
        row = self.weighed(x, null)
        with np.errstate(all="ignore"):
            y = row.logits - row.log_total if self.log else row.weights / row.total
        if self.undefined == "zeros":
            y = np.where(row.undefined, -np.inf if self.log else 0.0, y)
        return (y, row.null | row.undefined) if self.undefined == "null" else (y, row.null)

    def weighed(self, x: Floats, null: Bools) -> Weighed:
        """Return the weights of one or more scores a row, before they are divided by their sum."""
        self._refuse_nonfinite(x, null)
        null = null | null.any(axis=1, keepdims=True) if self.nulls == "null" else null
        top = np.where(null, -np.inf, x).max(axis=1, keepdims=True)
        undefined = (top == -np.inf) & ~null.all(axis=1, keepdims=True)
        self._refuse_undefined(undefined)
        with np.errstate(all="ignore"):
            largest = (x == top) & ~null
            logits = np.where(largest, 0.0, self._logits(x, top))
            return Weighed(null, undefined, largest, logits, np.where(null, 0.0, np.exp(logits)))

    def undefined_rows(self, x: Floats, null: Bools) -> Bools:
        """Return in which rows all scores are -inf, but for nulls that are left out."""
        if x.shape[1] == 0:
            return np.zeros(len(x), dtype=bool)
        null = null | null.any(axis=1, keepdims=True) if self.nulls == "null" else null
        return np.asarray(((x == -np.inf) | null).all(axis=1) & ~null.all(axis=1))

    def _logits(self, x: Floats, top: Floats) -> Floats:
        """Return ``(x - top) / T``."""
        return (x * 0.5 - top * 0.5) / (self.temperature * 0.5) if self.by_halves else (x - top) / self.temperature

    @property
    def by_halves(self) -> bool:
        """Whether the scores are halved so that their difference cannot overflow.

        Up to T = 1 an overflow is the result's own: -inf, whose exponential is 0. Above, halves are safe: what they
        lose of a subnormal score, 2**-1075, is nothing to a logit once it is divided by T.
        """
        return self.temperature > 1

    def addend_of(self, k: int) -> float:
        """The size of the logarithm of the sum, which is added to each logit: at most ``log(k)``."""
        return 1.0 + math.log(max(k, 1)) if self.log else 0.0

    def doubt(self, x: Floats, null: Bools) -> str:
        """Say if the scores look like probabilities."""
        with np.errstate(all="ignore"):  # inf - inf, and sums that overflow
            apart = np.abs(x.sum(axis=1) - 1.0)
        if not x.size or null.any() or not (x >= 0).all() or not (apart < x.shape[1] * 1e-6).all():
            return ""
        looks = "the scores look like probabilities already (each row sums to 1)"
        return f"{looks}; the softmax of probabilities flattens them"

    def _refuse_undefined(self, undefined: Bools) -> None:
        if self.undefined == "error" and undefined.any():
            raise DataError(
                "DATA_UNDEFINED",
                f"{self.kind}: expected a score above -inf in every row (undefined: error), "
                f"found {counted(int(np.count_nonzero(undefined)), 'row')} without one",
                "fix the data, or set undefined: null, zeros or uniform",
            )

    @property
    def formula(self) -> str:
        """The map as a formula for people."""
        scores = "x" if self.temperature == 1 else f"x / {self.temperature!r}"
        return f"{'log_' if self.log else ''}softmax({scores})"
