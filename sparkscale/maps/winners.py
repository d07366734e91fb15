"""What a softmax says of a row as a whole: which score wins, how probable it is, and how certain that is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal, TypeAlias, get_args

import numpy as np

from sparkscale.maps.base import Bools, Floats, RowMap
from sparkscale.maps.softmax import SoftmaxMap, Weighed

#: Each is one number a row; see :class:`Winners`.
Fact: TypeAlias = Literal["label", "confidence", "margin", "entropy"]
FACTS: tuple[Fact, ...] = get_args(Fact)


@dataclass(frozen=True)
class Winners(RowMap):
    """Facts of each row's probabilities ``p``, one number a fact: for the engines, and never stored.

    With the logits ``l = (x - max) / T`` and the weights ``w = exp(l)``:

    - ``label``: the place of the largest score, from 0; the first of ties. Null where a score is NaN.
    - ``confidence``: its probability, ``1 / sum(w)``.
    - ``margin``: the probability less the second, ``-expm1(l2) / sum(w)``: 0 for ties, the confidence for one score.
    - ``entropy``: ``-sum(p log p)`` in nats, as ``log1p(sum(w) - 1) + sum(-l w) / sum(w)``. No term is negative, so
      nothing cancels, and a weight that underflows adds 0.

    They are null where the row is, and where it has no softmax: with ``undefined: zeros`` too, as zeros are no
    distribution. With ``undefined: uniform`` they are those of the uniform distribution. The logarithm of a softmax
    has the same facts.
    """

    partial: ClassVar[bool] = True

    map: SoftmaxMap = field(default_factory=SoftmaxMap)
    facts: tuple[Fact, ...] = FACTS

    def width(self, k: int) -> int:  # noqa: ARG002 - however many scores there are
        """How many facts there are."""
        return len(self.facts)

    def forward(self, x: Floats, null: Bools) -> tuple[Floats, Bools]:
        """Return the facts of scores ``(rows, k)``, and which of them are null."""
        shape = (len(x), len(self.facts))
        if x.shape[1] == 0:
            return np.full(shape, np.nan), np.ones(shape, dtype=bool)
        row = self.map.weighed(x, null)
        facts = {"label": _label, "confidence": _confidence, "margin": _margin, "entropy": _entropy}
        with np.errstate(all="ignore"):
            y = np.concatenate([facts[fact](row) for fact in self.facts], axis=1)
        gone = row.null.all(axis=1, keepdims=True)
        if self.map.undefined in ("null", "zeros"):
            gone = gone | row.undefined
        return y, gone | (np.array(self.facts) == "label") & ~row.largest.any(axis=1, keepdims=True)

    def undefined_rows(self, x: Floats, null: Bools) -> Bools:
        """Return which rows have no softmax."""
        return self.map.undefined_rows(x, null)

    def doubt(self, x: Floats, null: Bools) -> str:
        """Say what looks wrong to the softmax."""
        return self.map.doubt(x, null)

    @property
    def formula(self) -> str:
        """The map as a formula for people."""
        return f"{', '.join(self.facts)} of {self.map.formula}"


def _label(row: Weighed) -> Floats:
    return np.asarray(row.largest.argmax(axis=1)[:, None], dtype=np.float64)


def _confidence(row: Weighed) -> Floats:
    return np.asarray(1.0 / row.total)


def _margin(row: Weighed) -> Floats:
    ties = np.count_nonzero(row.largest, axis=1, keepdims=True)
    below = np.where(row.largest | row.null, -np.inf, row.logits).max(axis=1, keepdims=True)
    return np.asarray((0.0 - np.expm1(np.where(ties > 1, 0.0, below))) / row.total)


def _entropy(row: Weighed) -> Floats:
    terms = np.where(row.weights == 0, 0.0, row.weights * -row.logits)  # 0 log 0 = 0, also for a logit of -inf
    return row.log_total + np.asarray(terms.sum(axis=1, keepdims=True)) / row.total
