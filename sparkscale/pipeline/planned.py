"""A step with the columns that it reads and the names that it writes."""

from __future__ import annotations

from dataclasses import dataclass

from sparkscale.pipeline import row_steps
from sparkscale.pipeline.schema import Column, is_score_array
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

    @property
    def over_array(self) -> bool:
        """Whether the step's scores are the elements of one array column."""
        return self.step.by_row and is_score_array(self.inputs[0].type)

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
        own = f"array<{element}>" if self.over_array else element
        facts = (row_steps.type_of(fact, element, over_array=self.over_array) for fact in row_steps.facts(self.step))
        return (*(own for _ in self.main), *facts)
