"""What an update knows of its input: its partitions with their fingerprints, and how to read them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sparkscale.artifact.states.keys import By, Key
from sparkscale.artifact.states.lengths import Lengths
from sparkscale.pipeline.looking import Answer, RowAnswer
from sparkscale.pipeline.plan import Plan
from sparkscale.stats.column import ColumnStats


@dataclass(frozen=True)
class Source:
    """The partitions of an input, found without reading them.

    Attributes:
        keys: the columns of the key.
        fingerprints: by key, what changes with the partition's content; None where the input doesn't tell its
            partitions apart: then all of it is read whenever ``reading`` changes.
        reading: what stands for how partitions are read. Without fingerprints it stands for the input's content too.
    """

    keys: By
    fingerprints: Mapping[Key, str] | None
    reading: str


class Reader(Protocol):
    """Reads partitions: an engine on its input."""

    @property
    def plan(self) -> Plan:
        """The plan of the pipeline for the input's schema."""

    def lengths(self, keys: Collection[Key] | None) -> Mapping[Key, Lengths]:
        """Return by partition how many rows it has, and how long its arrays are; of all where ``keys`` is None.

        A partition without rows is left out.
        """

    def measured(self, lengths: Mapping[str, int]) -> Reader:
        """Return a reader that knows the lengths of arrays by column: each position is a feature then."""

    def measure(
        self, keys: Collection[Key] | None, features: Collection[str]
    ) -> Mapping[Key, Mapping[str, ColumnStats]]:
        """Return the statistics of features by partition; of all partitions where ``keys`` is None.

        A partition without rows is left out, and so is a feature of all elements of a partition that has none.
        """

    def answer(self, keys: Sequence[Key]) -> Answer:
        """Return what looks at partitions again, for scalers that ask for it."""

    def losses(self, keys: Sequence[Key]) -> RowAnswer:
        """Return what looks at the labelled rows of partitions, for row steps that learn."""


def digest(*parts: Any) -> str:
    """Return a digest of JSON values."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def of_content(rows: int, states: Mapping[str, ColumnStats]) -> str:
    """Return the fingerprint of a partition by its rows and statistics.

    These are counts, ends, and 10 digits of the moments and of the sums of weights. If all weights double, the moments
    stay, but not the share of the partition in the whole.
    """
    return digest("content", rows, {name: _content(stats) for name, stats in states.items()})


def _content(stats: ColumnStats) -> list[int | str]:
    counts = [stats.nulls, stats.nans, stats.posinf, stats.neginf, stats.finite]
    weights = [] if stats.weights is None else stats.weights.to_dict().values()
    return [*counts, *(format(x, ".10g") for x in (stats.min, stats.max, stats.mean, stats.std, *weights))]
