"""Stored states that a benchmark merges."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import sparkscale as ss
from sparkscale.artifact.states.keys import By, Key
from sparkscale.artifact.states.source import Source
from sparkscale.artifact.states.states import States
from sparkscale.artifact.states.work import Rules
from sparkscale.pipeline import arrays
from sparkscale.pipeline.looking import Answer
from sparkscale.pipeline.plan import Plan, plan
from sparkscale.stats.column import ColumnStats


class Days:
    """Partitions of made-up statistics."""

    def __init__(self, cols: int) -> None:
        """Plan z-scores of so many columns."""
        names = {f"f{i}": np.zeros(1) for i in range(cols)}
        self.plan: Plan = plan([ss.Standard(["f*"])], arrays.schema_of(names))

    def measure(
        self, keys: Collection[Key] | None, features: Collection[str]
    ) -> Mapping[Key, Mapping[str, ColumnStats]]:
        """Return statistics that differ a little."""
        random, base = np.random.default_rng(0), ColumnStats.of(np.arange(50.0))
        return {
            key: {name: replace(base, mean=20 + float(random.uniform())) for name in features} for key in keys or ()
        }

    def answer(self, keys: Sequence[Key]) -> Answer:
        """Look at nothing again."""
        raise NotImplementedError


def of_days(folder: Path, days: int, cols: int) -> str:
    """Make the states of so many days; return their place."""
    place = str(folder / f"states-{days}x{cols}")
    by: Any = By.of(["day"], {"day": "int"})
    source = Source(by, {(day,): "as it was" for day in range(days)}, "")
    States(place).brought_up(source, Days(cols), Rules())
    return place
