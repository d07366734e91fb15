"""(steps, schema) -> Plan: which columns each step reads and which names it writes.

Every problem of the schema is found here, all of them at once and before any job runs.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from sparkscale.errors import DataError, Problem, nearest
from sparkscale.pipeline import row_steps
from sparkscale.pipeline.planned import PlannedStep
from sparkscale.pipeline.schema import Column, Schema, is_of, is_scalable, is_score_array
from sparkscale.scalers.base import RowStep, Step
from sparkscale.scalers.selectors import Selector, pattern_of

T = TypeVar("T")

_GLOB = frozenset("*?[")
#: How many missing columns get the nearest name for a hint: each is compared with all names of the table.
GUESSES = 20


@dataclass(frozen=True)
class Plan:
    """What a pipeline does with a table of a certain schema."""

    schema: Schema
    steps: tuple[PlannedStep, ...]
    #: What a user should know of the schema.
    warnings: tuple[str, ...] = ()
    #: The name of the column that weighs the rows of a fit; None if all count the same.
    weight: str | None = None

    @property
    def features(self) -> dict[str, Column]:
        """The columns that need statistics, by name, each once."""
        columnwise = (planned for planned in self.steps if not planned.step.by_row)
        return {column.name: column for planned in columnwise for column in planned.inputs}

    @property
    def quantile_features(self) -> frozenset[str]:
        """The names of the features whose quantiles some step needs."""
        needing = (planned for planned in self.steps if planned.step.needs_quantiles)
        return frozenset(column.name for planned in needing for column in planned.inputs)

    @property
    def weight_column(self) -> Column | None:
        """The column that weighs the rows."""
        return None if self.weight is None else self.schema.find(self.weight)

    @property
    def output_names(self) -> list[str]:
        """All columns of the result: the input's in their order, then what steps add in theirs."""
        return output_names(self.schema.names, self.steps)

    @property
    def output_types(self) -> dict[str, str]:
        """The type of every column of the result."""
        types = {field.name: field.type for field in self.schema.fields}
        for planned in self.steps:
            types |= dict(zip(planned.outputs, planned.types, strict=True))
        return types


def output_names(existing: Iterable[str], steps: Iterable[PlannedStep]) -> list[str]:
    """Return the existing columns in their order, then the added ones in theirs."""
    return list(dict.fromkeys([*existing, *(name for step in steps for name in step.outputs)]))


def plan(steps: Sequence[Step], schema: Schema, source: str = "the input", weight: str | None = None) -> Plan:
    """Find every step's columns; raises one :class:`DataError` with all that is wrong.

    Args:
        steps: the pipeline.
        schema: of the table that it is for.
        source: how errors name that table.
        weight: the column that weighs the rows. No pattern chooses it; a step that names it scales it.
    """
    table = _Table(schema, source, weight)
    problems = list(_check_weight(table))
    planned = []
    for number, step in enumerate(steps, 1):
        inputs = _choose(step.selectors, table, problems, _wanted(step))
        found = {name: schema.find(name) for name in row_steps.beside(step)}
        problems += [missing(name, schema, source) for name, column in found.items() if column is None]
        beside = tuple(column for column in found.values() if column is not None)
        problems += [*_check_inputs(step, inputs, number), *row_steps.check(_where(step, number), inputs, beside)]
        planned.append(PlannedStep(step, (*inputs, *beside), _outputs(step, inputs)))
    return _checked(Plan(schema, tuple(planned), weight=weight), problems)


@dataclass(frozen=True)
class _Table:
    """The table of a plan, how errors name it, and the column that weighs its rows."""

    schema: Schema
    source: str
    weight: str | None

    @property
    def numeric(self) -> Iterator[Column]:
        """The columns that a pattern can choose."""
        return (one for one in self.schema.choices() if is_of(one.type, "numeric") and one.name != self.weight)

    @property
    def spared(self) -> str:
        """The columns that no pattern chooses, for the hint of an error; empty if there are none."""
        partitions = listed(sorted(self.schema.partitions))
        apart = (
            f"; a pattern never chooses the partition columns {partitions}: name them" if self.schema.partitions else ""
        )
        return apart + ("" if self.weight is None else f"; a pattern never chooses the weight {self.weight!r}")


def _check_weight(table: _Table) -> Iterator[Problem]:
    if table.weight is None:
        return
    column = table.schema.find(table.weight)
    if column is None:
        problem = missing(table.weight, table.schema, table.source)
        yield replace(problem, cause=f"weight: {problem.cause}")
    elif not is_of(column.type, "numeric"):
        cause = f"weight: expected numbers, but column {column.name!r} is {column.type}"
        yield Problem("SCHEMA_TYPE", cause, "name a numeric column, or cast it before this job")


def bind(
    steps: Sequence[PlannedStep], schema: Schema, found: Mapping[str, Column], problems: Iterable[Problem] = ()
) -> Plan:
    """Put steps that were planned before (a loaded artifact's) onto another table.

    Args:
        steps: with the columns of the table that they were planned for.
        schema: of the other table.
        found: by their names in the plan, the columns in the other table; one that is not there is among the
            ``problems``. What is written in place bears the name found there.
        problems: what is known to be wrong already; all are raised as one :class:`DataError`.
    """
    problems = list(problems)
    bound = []
    for number, planned in enumerate(steps, 1):
        here, beside = (
            tuple(found[column.name] for column in columns if column.name in found)
            for columns in (planned.mapped, planned.beside)
        )
        problems += [
            *_check_inputs(planned.step, here, number),
            *row_steps.check(_where(planned.step, number), here, beside),
        ]
        outputs = planned.outputs
        if planned.own and planned.step.into is None:
            outputs = (*(column.name for column in here), *outputs[len(planned.own) :])
        bound.append(replace(planned, inputs=(*here, *beside), outputs=outputs))
    return _checked(Plan(schema, tuple(bound)), problems)


def _checked(plan: Plan, problems: list[Problem]) -> Plan:
    problems += _clashes(plan)
    if problems:
        raise DataError.of(list(dict.fromkeys(problems)))
    return plan


def _wanted(step: Step) -> str:
    return "numbers, or one array of numbers" if step.by_row else "numbers"


def _choose(selectors: Iterable[Selector], table: _Table, problems: list[Problem], wanted: str) -> tuple[Column, ...]:
    """Return the columns that the selectors choose, each once, in the order of choosing."""
    chosen: dict[str, Column] = {}
    for selector in selectors:
        found = list(_select(selector, table))
        if not found:
            hint = "" if len(problems) < GUESSES else f"its columns are {listed(table.schema.names)}"
            problems.append(_unmatched(selector, table, wanted, hint))
        chosen |= {column.name: column for column in found}
    return tuple(chosen.values())


def _select(selector: Selector, table: _Table) -> Iterator[Column]:
    """Yield what one selector chooses: a name that exists comes before any pattern it could be."""
    if isinstance(selector, str):
        named = table.schema.find(selector)
        if named is not None:
            yield named
        elif _is_pattern(selector):
            matches = _matcher(selector)
            yield from (one for one in table.numeric if matches(one.name))
        return
    excepted = [_matcher(pattern) for pattern in selector.get("except", [])]
    for column in table.numeric:
        if is_of(column.type, selector.get("dtype", "numeric")) and not any(one(column.name) for one in excepted):
            yield column


def _is_pattern(selector: str) -> bool:
    return pattern_of(selector) is not None or bool(_GLOB & set(selector))


def _matcher(selector: str) -> Callable[[str], bool]:
    """Return a test of names: by a regular expression, by the name itself, or by a glob."""
    pattern = pattern_of(selector)
    if pattern is not None:
        return lambda name: pattern.search(name) is not None
    return lambda name: name == selector or fnmatch.fnmatchcase(name, selector)


def _unmatched(selector: Selector, table: _Table, wanted: str, hint: str) -> Problem:
    if isinstance(selector, str) and not _is_pattern(selector):
        return missing(selector, table.schema, table.source, hint)
    return Problem(
        "SCHEMA_NO_MATCH",
        f"columns: expected {wanted}, but {selector!r} matches no numeric column of {table.source}",
        f"its numeric columns are {listed(column.name for column in table.numeric)}{table.spared}",
    )


def missing(name: str, schema: Schema, source: str, hint: str = "") -> Problem:
    """Return the problem of a column that is not there; its hint is the nearest name, if no other is given."""
    hint = hint or nearest(name, schema.names) or f"its columns are {listed(schema.names)}"
    return Problem("SCHEMA_MISSING", f"column {name!r} is not in {source}", hint)


def listed(names: Iterable[T], show: Callable[[T], str] = repr) -> str:
    """Return up to eight names, and how many more there are."""
    all_ = list(names)
    more = f" and {len(all_) - 8} more" if len(all_) > 8 else ""  # noqa: PLR2004 - what a line can hold
    return (", ".join(map(show, all_[:8])) or "none") + more


def _check_inputs(step: Step, inputs: Sequence[Column], number: int) -> Iterator[Problem]:
    """Yield what is wrong with the columns of one step."""
    where = _where(step, number)
    arrays = [column for column in inputs if is_score_array(column.type)]
    for column in inputs:
        if not is_scalable(column.type) and not (step.by_row and column in arrays):
            yield Problem(
                "SCHEMA_TYPE",
                f"{where}: expected {_wanted(step)}, but column {column.name!r} is {column.type}",
                "name a numeric column, or cast it before this job",
            )
        if column.nested and step.into is None and not row_steps.facts(step):
            yield Problem(
                "SCHEMA_NESTED",
                f"{where}: column {column.name!r} is inside a struct, which is not rewritten in place",
                "give the step an 'into' for its output",
            )
    if isinstance(step, RowStep) and inputs:
        yield from _check_row(where, inputs, arrays)


def _check_row(where: str, inputs: Sequence[Column], arrays: Sequence[Column]) -> Iterator[Problem]:
    if arrays and len(inputs) > 1:
        yield Problem(
            "SCHEMA_TYPE",
            f"{where}: expected score columns or one array column, found {listed(c.name for c in inputs)}",
            "give each array column a step of its own",
        )
    if not arrays and len(inputs) == 1 and is_scalable(inputs[0].type):
        yield Problem(
            "SCHEMA_ONE_SCORE",
            f"{where}: expected the scores of a row, two or more columns or an array column, "
            f"found one column {inputs[0].name!r}, whose softmax would be 1 in every row",
            "to rescale a feature over all rows, use minmax or standard",
        )


def _where(step: Step, number: int) -> str:
    return f"step {number} ({step.kind})"


def _outputs(step: Step, inputs: Sequence[Column]) -> tuple[str, ...]:
    """Return the outputs in their order; of what a column step writes beside its own, the first of each input first."""
    facts = row_steps.facts(step)
    own = () if facts and step.into is None else tuple(_output_name(step, column) for column in inputs)
    extra = zip(*(step.extra_outputs(column.name) for column in inputs), strict=True)
    return (*own, *(name for alike in extra for name in alike), *facts.values())


def _output_name(step: Step, column: Column) -> str:
    return column.name if step.into is None else step.into.replace("{column}", column.name)


def _clashes(plan: Plan) -> Iterator[Problem]:
    """Yield every name that two steps write, or that an ``into`` shares with a column of the input, each once."""
    key = plan.schema.key
    existing = {key(name) for name in plan.schema.names}
    writers: dict[str, list[tuple[str, PlannedStep, str]]] = {}
    for number, planned in enumerate(plan.steps, 1):
        for name in planned.outputs:
            writers.setdefault(key(name), []).append((name, planned, _where(planned.step, number)))
    for written in writers.values():
        (name, planned, label), *others = written
        if others:
            labels = list(dict.fromkeys(label for _, _, label in written))
            yield Problem(
                "SCHEMA_CLASH",
                f"more than one output would be named {name!r}, by {' and '.join(labels)}",
                "give each output a name of its own in 'outputs'"
                if any(name not in planned.main for name, planned, _ in written)
                else "each step reads the input's columns; give one of them an 'into' such as '{column}_scaled'",
            )
        elif key(name) in existing and (planned.step.into is not None or name not in planned.own):
            yield Problem(
                "SCHEMA_CLASH",
                f"{label} would write {name!r}, which the input has already",
                "choose another 'into'" if name in planned.main else "choose another name in 'outputs'",
            )
