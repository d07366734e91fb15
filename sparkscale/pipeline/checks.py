"""What is wrong with the columns that steps read, and with the names that they write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sparkscale.errors import Problem
from sparkscale.pipeline import row_steps
from sparkscale.pipeline.choosing import listed
from sparkscale.pipeline.planned import PlannedStep
from sparkscale.pipeline.schema import Column, Schema, is_scalable, is_score_array
from sparkscale.scalers.base import RowStep, Step


def wanted(step: Step) -> str:
    """Return what a step reads, in words."""
    return "numbers, or one array of numbers" if step.by_row else "numbers"


def where(step: Step, number: int) -> str:
    """Return how errors name a step."""
    return f"step {number} ({step.kind})"


def check_inputs(step: Step, inputs: Sequence[Column], number: int) -> Iterator[Problem]:
    """Yield what is wrong with the columns of one step."""
    at = where(step, number)
    arrays = [column for column in inputs if is_score_array(column.type)]
    for column in inputs:
        if not is_scalable(column.type) and not (step.by_row and column in arrays):
            yield Problem(
                "SCHEMA_TYPE",
                f"{at}: expected {wanted(step)}, but column {column.name!r} is {column.type}",
                "name a numeric column, or cast it before this job",
            )
        if column.nested and step.into is None and not row_steps.facts(step):
            yield Problem(
                "SCHEMA_NESTED",
                f"{at}: column {column.name!r} is inside a struct, and structs are not changed in place",
                "set 'into' to write the result to a column of its own",
            )
    if isinstance(step, RowStep) and inputs:
        yield from _check_row(at, step.kind, inputs, arrays)


def _check_row(at: str, kind: str, inputs: Sequence[Column], arrays: Sequence[Column]) -> Iterator[Problem]:
    if arrays and len(inputs) > 1:
        yield Problem(
            "SCHEMA_TYPE",
            f"{at}: expected score columns or one array column, found {listed(c.name for c in inputs)}",
            "give each array column a step of its own",
        )
    if not arrays and len(inputs) == 1 and is_scalable(inputs[0].type):
        yield Problem(
            "SCHEMA_ONE_SCORE",
            f"{at}: expected the scores of a row, two or more columns or an array column, "
            f"found one column {inputs[0].name!r}"
            + (", whose softmax would be 1 in every row" if kind == "softmax" else ""),
            "to rescale a feature over all rows, use minmax or standard",
        )


def _same_name(name: str, written: Sequence[tuple[str, PlannedStep, str]]) -> Problem:
    labels = list(dict.fromkeys(label for _, _, label in written))
    if any(name not in planned.main for name, planned, _ in written):
        hint = "give each output a name of its own in 'outputs'"
    elif len(labels) == 1:
        hint = "use {column} in 'into', such as '{column}_scaled'"
    else:
        hint = "each step reads the input's columns; give one of them an 'into' such as '{column}_scaled'"
    return Problem("SCHEMA_CLASH", f"more than one output would be named {name!r}, by {' and '.join(labels)}", hint)


def clashes(schema: Schema, steps: Sequence[PlannedStep]) -> Iterator[Problem]:
    """Yield every name that two steps write, or that an ``into`` shares with a column of the input, each once."""
    key = schema.key
    existing = {key(name) for name in schema.names}
    writers: dict[str, list[tuple[str, PlannedStep, str]]] = {}
    for number, planned in enumerate(steps, 1):
        for name in planned.outputs:
            writers.setdefault(key(name), []).append((name, planned, where(planned.step, number)))
    for written in writers.values():
        (name, planned, label), *others = written
        if others:
            yield _same_name(name, written)
        elif key(name) in existing and (planned.step.into is not None or name not in planned.own):
            yield Problem(
                "SCHEMA_CLASH",
                f"{label} would write {name!r}, which the input has already",
                "choose another 'into'" if name in planned.main else "choose another name in 'outputs'",
            )
