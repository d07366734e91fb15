"""Application = a map with the columns that it reads and the names that it writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sparkscale.maps import Map
from sparkscale.pipeline.schema import Column
from sparkscale.pipeline.shown import printable


@dataclass(frozen=True)
class Application:
    """One map with the columns it reads and the names it writes."""

    map: Map
    inputs: tuple[Column, ...]
    outputs: tuple[str, ...]
    dtype: Literal["float64", "float32"]
    over_array: bool = False
    #: Of its step, from 1.
    number: int = 1

    @property
    def label(self) -> str:
        """The application for people: what becomes what by which formula."""
        read = ", ".join(column.name for column in self.inputs)
        wrote = "" if [c.name for c in self.inputs] == list(self.outputs) else f" -> {', '.join(self.outputs)}"
        return printable(f"{read}{wrote}: {self.map.formula}")
