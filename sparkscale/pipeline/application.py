"""Application = a map with the columns that it reads and the names that it writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sparkscale.maps import Elements, Inverse, Map
from sparkscale.maps.winners import Fact, Winners
from sparkscale.pipeline.schema import Column
from sparkscale.pipeline.shown import printable

if TYPE_CHECKING:
    from sparkscale.pipeline.groups import Groups


@dataclass(frozen=True)
class Mask:
    """Which elements of an array take part: those where a column of booleans is true.

    Attributes:
        column: array<boolean>; false and null leave an element out, as in SQL's WHERE.
        strict: whether a null among the elements that take part makes all of its row null.
    """

    column: Column
    strict: bool


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
    mask: Mask | None = None
    #: The groups by which the map chooses; it then reads two cells, of which the second is the number of the group.
    groups: Groups | None = None

    @property
    def facts(self) -> tuple[Fact, ...]:
        """The fact of a row that each output holds; none of a map whose outputs are those of its inputs."""
        return self.map.facts if isinstance(self.map, Winners) else ()

    def is_label(self, output: str) -> bool:
        """Whether an output holds the winners of the rows."""
        return ("label", output) in zip(self.facts, self.outputs, strict=False)

    @property
    def gives_arrays(self) -> bool:
        """Whether the one output is an array column."""
        return self.over_array and not self.facts

    @property
    def read(self) -> tuple[Column, ...]:
        """The columns that the map reads, without those of groups: its inputs, and its mask."""
        return (*self.inputs, *([self.mask.column] if self.mask else []))

    @property
    def array_length(self) -> int | None:
        """How many elements each array has to have; None if that may be any number."""
        map_ = self.map.map if isinstance(self.map, Inverse) else self.map
        return map_.length if isinstance(map_, Elements) else None

    @property
    def fills_rows(self) -> bool:
        """Whether a null array is read as one of null elements, which the map fills."""
        return isinstance(self.map, Elements) and self.map.fills_rows

    @property
    def label(self) -> str:
        """The application for people: what becomes what by which formula."""
        read = ", ".join(column.name for column in self.inputs)
        wrote = "" if [c.name for c in self.inputs] == list(self.outputs) else f" -> {', '.join(self.outputs)}"
        where = f" where {self.mask.column.name}" if self.mask else ""
        return printable(f"{read}{where}{wrote}: {self.map.formula}")
