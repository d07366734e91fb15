"""A step with the columns that it reads and the names that it writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from sparkscale.pipeline import row_steps
from sparkscale.pipeline.schema import EVERY, Column, is_score_array
from sparkscale.scalers.base import Scaler, Step


@dataclass(frozen=True)
class PlannedStep:
    """A step with its columns found: it reads ``inputs`` and writes ``outputs``.

    The inputs that are ``mapped`` come first, then those that are read ``beside`` them, such as a mask.

    The ``main`` outputs come first: one for each mapped input (the ``own`` ones), then what a column step writes
    beside these. Behind them stand the facts that a row step writes of each row. Without ``into``, such a step has
    no main outputs. A row step over one array column maps that one input.
    """

    step: Step
    inputs: tuple[Column, ...]
    outputs: tuple[str, ...]
    #: The columns of the key by which a column step groups its statistics; none of them is an input.
    keys: tuple[Column, ...] = ()
    #: Of a scaler over array columns, the length of the arrays of each input; 1 until a fit has measured it.
    lengths: tuple[int, ...] = ()

    @property
    def over_array(self) -> bool:
        """Whether the step's scores are the elements of one array column."""
        return self.step.by_row and is_score_array(self.inputs[0].type)

    @property
    def features(self) -> tuple[tuple[Column, ...], ...]:
        """For each input of a scaler, the columns that have statistics: of an array its positions, or all elements."""
        if not isinstance(self.step, Scaler):
            return ()
        return tuple(tuple(self._features(*one)) for one in enumerate(self.inputs))

    @property
    def pairs(self) -> Iterator[tuple[Column, tuple[Column, ...]]]:
        """Each input of a scaler with its features."""
        return zip(self.inputs, self.features, strict=False)

    def _features(self, number: int, column: Column) -> Iterator[Column]:
        if not is_score_array(column.type):
            yield column
        elif isinstance(self.step, Scaler) and self.step.over == "all":
            yield column.at(EVERY)
        else:
            yield from map(column.at, range(self.lengths[number] if self.lengths else 1))

    @property
    def by_position(self) -> tuple[Column, ...]:
        """The array columns whose positions are scaled apart: their arrays must have one length."""
        apart = isinstance(self.step, Scaler) and self.step.over == "position"
        return tuple(column for column in self.inputs if apart and is_score_array(column.type))

    def measured(self, lengths: Mapping[str, int]) -> PlannedStep:
        """Return the step with the lengths of its array columns, by name; those of other columns do not count."""
        apart = self.by_position
        found = (lengths.get(column.name, 1) if column in apart else 1 for column in self.inputs)
        return replace(self, lengths=tuple(found)) if apart else self

    @property
    def by(self) -> tuple[str, ...]:
        """The names of the key's columns, as the step has them; none without groups."""
        return self.step.key if isinstance(self.step, Scaler) else ()

    @property
    def read(self) -> tuple[Column, ...]:
        """All columns that the step reads."""
        return (*self.inputs, *self.keys)

    @property
    def mapped(self) -> tuple[Column, ...]:
        """The inputs without what is read beside them."""
        return self.inputs[: len(self.inputs) - len(row_steps.beside(self.step))]

    @property
    def beside(self) -> tuple[Column, ...]:
        """The inputs that are read beside those that are mapped."""
        return self.inputs[len(self.mapped) :]

    @property
    def main(self) -> tuple[str, ...]:
        """The outputs without the facts of the rows."""
        return self.outputs[: len(self.outputs) - len(row_steps.facts(self.step))]

    @property
    def own(self) -> tuple[str, ...]:
        """The outputs that are named after an input, one for each that is mapped."""
        return self.main if self.step.by_row else self.main[: len(self.inputs)]

    @property
    def types(self) -> tuple[str, ...]:
        """The type of each output."""
        element = "float" if self.step.dtype == "float32" else "double"
        pairs = zip(self.mapped, self.own, strict=False)
        own = [f"array<{element}>" if is_score_array(column.type) else element for column, _ in pairs]
        facts = (row_steps.type_of(fact, element, over_array=self.over_array) for fact in row_steps.facts(self.step))
        return (*own, *(element for _ in self.main[len(own) :]), *facts)
