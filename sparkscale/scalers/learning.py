"""How a scaler learns: from the statistics of its column and, if these are not enough, by looking again.

A scaler that looks again is a generator. It yields :class:`Ask`: maps whose results it wants statistics of. It is sent
these, in the same order, until it returns its own map. What all scalers of a fit ask for in one round is measured
together.

A row step that learns is a generator as well. It yields :class:`LossAsk`: sums over the labelled rows of its scores.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sparkscale.errors import ConfigError
from sparkscale.maps import ColumnMap, RowMap
from sparkscale.stats.calibration import Calibration
from sparkscale.stats.column import ColumnStats
from sparkscale.stats.losses import DERIVATIVES, Losses
from sparkscale.stats.quantiles import QuantileSketch


@dataclass(frozen=True)
class Ask:
    """The statistics of a column as a map leaves it.

    Attributes:
        map: what the column goes through.
        quantiles: whether a sketch is asked for as well.
        keep: whether the fit keeps the answer for merging. It would be useless for a map that depends on the data so
            much that no other part asks for it.
    """

    map: ColumnMap
    quantiles: bool = False
    keep: bool = True


@dataclass(frozen=True)
class LossAsk:
    """The losses of the labelled rows of a row step's scores.

    Attributes:
        label: the column that holds the class of each row: the name of a score column, or a place from 0.
        partial: whether a row with a null score is used, by the scores that are there.
        betas: the inverse temperatures at which the losses are summed; one that is twice the one before costs less.
        binned: the inverse temperature at which confidences are binned, if they are; one of ``betas``.
        derivatives: how many derivatives of the losses are asked for: 1 is the slope, 2 its curvature, 3 its bend.
    """

    label: str
    partial: bool = False
    betas: tuple[float, ...] = ()
    binned: float | None = None
    derivatives: int = DERIVATIVES


#: Yields what it asks for, is sent the answers, and returns the map of the column.
Learning: TypeAlias = Generator[Sequence[Ask], Sequence[ColumnStats], ColumnMap]

#: The same for a row step; returns its map, and what it has found if that is a temperature.
RowLearning: TypeAlias = Generator[LossAsk, Losses, tuple[RowMap, Calibration | None]]


def learned(learning: Learning, answer: Callable[[Ask], ColumnStats]) -> ColumnMap:
    """Return the map of one learning, each of whose questions is answered at once."""
    try:
        asks = next(learning)
        while True:
            asks = learning.send([answer(ask) for ask in asks])
    except StopIteration as end:
        found: ColumnMap = end.value
        return found


def learned_row(learning: RowLearning, answer: Callable[[LossAsk], Losses]) -> tuple[RowMap, Calibration | None]:
    """Return the map of a row step, each of whose questions is answered at once."""
    try:
        ask = next(learning)
        while True:
            ask = learning.send(answer(ask))
    except StopIteration as end:
        found: tuple[RowMap, Calibration | None] = end.value
        return found


def sketch_of(stats: ColumnStats, kind: str) -> QuantileSketch:
    """Return the quantile sketch that a kind of scaler learns from; raises :class:`ConfigError` if there is none."""
    if stats.quantiles is None:
        raise ConfigError("STATS_QUANTILES", f"{kind}: expected statistics with a quantile sketch, found none")
    return stats.quantiles
