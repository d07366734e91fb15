"""What is wrong with the columns that steps read, and with the names that they write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sparkscale.errors import Problem
from sparkscale.pipeline import row_steps
from sparkscale.pipeline.choosing import listed
from sparkscale.pipeline.planned import PlannedStep
from sparkscale.pipeline.schema import Column, Schema, is_of, is_scalable, is_score_array
from sparkscale.scalers.base import RowStep, Scaler, Step
from sparkscale.stats.keys import DTYPES


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
        if not is_scalable(column.type) and column not in arrays:
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
            f"{at}: expected the scores of a row (two or more columns, or an array column), "
            f"found one column {inputs[0].name!r}"
            + (", whose softmax would be 1 in every row" if kind == "softmax" else ""),
            "to rescale a feature over all rows, use minmax or standard",
        )


def check_arrays(step: Step, inputs: Sequence[Column], number: int) -> Iterator[Problem]:
    """Yield what is wrong with a scaler over array columns, or over none."""
    if not isinstance(step, Scaler):
        return
    at, arrays = where(step, number), [column for column in inputs if is_score_array(column.type)]
    for column in inputs:
        if step.over == "all" and column not in arrays:
            cause = f"{at}: expected array columns for over: all, but column {column.name!r} is {column.type}"
            yield Problem("SCHEMA_TYPE", cause, "leave out 'over', or name an array column")
    for column in arrays:
        if step.key:
            cause = f"{at}: expected numbers to scale by group, but column {column.name!r} is {column.type}"
            yield Problem("SCHEMA_TYPE", cause, "leave out 'by', or fit each group as a pipeline of its own")
        if extra := step.extra_outputs(column.name):
            cause = f"{at}: expected numbers to write {extra[0]!r} for, but column {column.name!r} is {column.type}"
            yield Problem("SCHEMA_TYPE", cause, "leave out 'indicator'")


def changed_arrays(planned: PlannedStep, found: Mapping[str, Column], number: int) -> Iterator[Problem]:
    """Yield the columns of a scaler that hold arrays where the fit had numbers, or numbers where it had arrays."""
    for column in planned.inputs if isinstance(planned.step, Scaler) else ():
        now = found.get(column.name, column).type
        if is_score_array(now) != is_score_array(column.type) and (is_scalable(now) or is_score_array(now)):
            expected = f"expected {column.type} in {column.name!r} as in the fit"
            cause = f"{where(planned.step, number)}: {expected}, found {now}"
            yield Problem("SCHEMA_TYPE", cause, "bring that type back, or fit again")


def mistaken_positions(steps: Sequence[PlannedStep]) -> Iterator[Problem]:
    """Yield the columns whose name is that of a position in an array column, by which its statistics are known."""
    plain = {c.name: c for p in steps for c in p.inputs if isinstance(p.step, Scaler) and not is_score_array(c.type)}
    for array in dict.fromkeys(column.name for planned in steps for column in planned.by_position):
        for name in plain:
            if name.startswith(f"{array}.") and name.removeprefix(f"{array}.").isdecimal():
                cause = f"column {name!r} has the name of a position in the array column {array!r}"
                yield Problem("SCHEMA_CLASH", cause, "rename one of the two, or scale them by two pipelines")


def _same_name(name: str, written: Sequence[tuple[str, PlannedStep, str]]) -> Problem:
    labels = list(dict.fromkeys(label for _, _, label in written))
    if any(_is_fact(name, planned) for name, planned, _ in written):
        hint = "give each output a name of its own in 'outputs'"
    elif len(labels) == 1:
        hint = "use {column} in 'into', such as '{column}_scaled'"
    else:
        hint = "each step reads the input's columns; give one of them an 'into' such as '{column}_scaled'"
    return Problem("SCHEMA_CLASH", f"more than one output would be named {name!r}, by {' and '.join(labels)}", hint)


def _is_fact(name: str, planned: PlannedStep) -> bool:
    return name in row_steps.facts(planned.step).values()


def check_keys(step: Step, keys: Sequence[Column], number: int) -> Iterator[Problem]:
    """Yield the columns of a step's key that cannot be one."""
    for column in keys:
        if column.type not in DTYPES:
            yield Problem(
                "SCHEMA_KEY",
                f"{where(step, number)}: expected keys of strings, integers, dates or booleans, "
                f"but column {column.name!r} is {column.type}",
                "group by another column, or cast it before this job",
            )


def changed_keys(planned: PlannedStep, found: Mapping[str, Column], number: int) -> Iterator[Problem]:
    """Yield the key columns of another type than in the fit; integers may be wider or narrower."""
    for column in planned.keys:
        now = found.get(column.name, column).type
        alike = now == column.type or (is_of(now, "integer") and is_of(column.type, "integer"))
        if not alike and now in DTYPES:
            cause = f"{where(planned.step, number)}: expected keys {column.name!r} of type {column.type} as in the fit"
            yield Problem("SCHEMA_KEY", f"{cause}, found {now}", f"cast to {column.type}, or fit again")


def rewritten_keys(schema: Schema, steps: Sequence[PlannedStep]) -> Iterator[Problem]:
    """Yield the key columns that a step would rewrite: the inverse of the groups needs them."""
    written = {schema.key(name): where(p.step, number) for number, p in enumerate(steps, 1) for name in p.outputs}
    for number, planned in enumerate(steps, 1):
        for column in planned.keys:
            if (writer := written.get(schema.key(column.path[0]))) is not None:
                cause = f"{writer} would rewrite {column.name!r}, by which {where(planned.step, number)} groups"
                yield Problem("SCHEMA_KEY", cause, "give the step that writes it an 'into' such as '{column}_scaled'")


def clashes(schema: Schema, steps: Sequence[PlannedStep]) -> Iterator[Problem]:
    """Yield every name that two steps write, or that an ``into`` shares with a column of the input, each once."""
    key = schema.key
    existing = {key(name) for name in schema.names}
    in_place = {name for planned in steps if planned.step.into is None for name in planned.own}
    writers: dict[str, list[tuple[str, PlannedStep, str]]] = {}
    for number, planned in enumerate(steps, 1):
        label = where(planned.step, number)
        for name in planned.outputs:
            writers.setdefault(key(name), []).append((name, planned, label))
    for written in writers.values():
        (name, planned, label), *others = written
        if others:
            yield _same_name(name, written)
        elif key(name) in existing and name not in in_place:
            yield Problem(
                "SCHEMA_CLASH",
                f"{label} would write {name!r}, which the input already has",
                "choose another name in 'outputs'" if _is_fact(name, planned) else "choose another 'into'",
            )
