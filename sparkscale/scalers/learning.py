"""How a scaler learns: from the statistics of its column and, if these are not enough, by looking again.

A scaler that looks again is a generator. It yields :class:`Ask`: maps whose results it wants statistics of. It is sent
these, in the same order, until it returns its own map. What all scalers of a fit ask for in one round is measured
together.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sparkscale.errors import ConfigError
from sparkscale.maps import ColumnMap
from sparkscale.stats.column import ColumnStats
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


#: Yields what it asks for, is sent the answers, and returns the map of the column.
Learning: TypeAlias = Generator[Sequence[Ask], Sequence[ColumnStats], ColumnMap]


def learned(learning: Learning, answer: Callable[[Ask], ColumnStats]) -> ColumnMap:
    """Return the map of one learning, each of whose questions is answered at once."""
    try:
        asks = next(learning)
        while True:
            asks = learning.send([answer(ask) for ask in asks])
    except StopIteration as end:
        found: ColumnMap = end.value
        return found


def sketch_of(stats: ColumnStats, kind: str) -> QuantileSketch:
    """Return the quantile sketch that a kind of scaler learns from; raises :class:`ConfigError` if there is none."""
    if stats.quantiles is None:
        raise ConfigError("STATS_QUANTILES", f"{kind}: expected statistics with a quantile sketch, found none")
    return stats.quantiles
