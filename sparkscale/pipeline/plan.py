"""(steps, schema) -> Plan: which columns each step reads and which names it writes.

Every problem of the schema is found here, all of them at once and before any job runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sparkscale.errors import DataError, Problem
from sparkscale.pipeline import row_steps
from sparkscale.pipeline.checks import (
    changed_arrays,
    changed_keys,
    check_arrays,
    check_inputs,
    check_keys,
    clashes,
    mistaken_positions,
    rewritten_keys,
    wanted,
    where,
)
from sparkscale.pipeline.choosing import Table, check_weight, choose, missing
from sparkscale.pipeline.planned import PlannedStep
from sparkscale.pipeline.schema import Column, Schema
from sparkscale.scalers.base import Scaler, Step


@dataclass(frozen=True)
class Grouped:
    """The columns of a key, and those that are measured by it, by name."""

    keys: tuple[Column, ...]
    features: dict[str, Column]


@dataclass(frozen=True)
class Plan:
    """What a pipeline does with a table of a certain schema."""

    schema: Schema
    steps: tuple[PlannedStep, ...]
    #: What a user should know of the schema.
    warnings: tuple[str, ...] = ()
    #: The name of the column that weighs the rows of a fit; None if all count the same.
    weight: str | None = None
    #: Whether all features are sketched, and not only those whose quantiles some step needs.
    sketch_all: bool = False

    @property
    def features(self) -> dict[str, Column]:
        """The columns that need statistics, by name, each once."""
        return {column.name: column for planned in self.steps for own in planned.features for column in own}

    @property
    def arrays(self) -> dict[str, Column]:
        """The array columns whose elements are features, by name."""
        columns = [(column, own[0]) for planned in self.steps for column, own in planned.pairs]
        return {column.name: column for column, first in columns if first.position is not None}

    @property
    def by_position(self) -> dict[str, Column]:
        """Those of them whose arrays must have one length."""
        return {column.name: column for planned in self.steps for column in planned.by_position}

    @property
    def lengths(self) -> dict[str, int]:
        """The lengths of these arrays, as far as they are known."""
        pairs = (pair for planned in self.steps for pair in zip(planned.inputs, planned.lengths, strict=False))
        return {column.name: length for column, length in pairs if column.name in self.by_position}

    def measured(self, lengths: Mapping[str, int]) -> Plan:
        """Return the plan with the lengths of these arrays: each position is a feature then."""
        return replace(self, steps=tuple(planned.measured(lengths) for planned in self.steps))

    @property
    def grouped(self) -> dict[tuple[str, ...], Grouped]:
        """By key, the columns whose statistics are measured by it."""
        out: dict[tuple[str, ...], Grouped] = {}
        for planned in self.steps:
            if planned.by:
                group = out.setdefault(planned.by, Grouped(planned.keys, {}))
                group.features.update({column.name: column for column in planned.inputs})
        return out

    @property
    def ungrouped(self) -> dict[str, Column]:
        """The columns that are measured over all rows: of others, that is the sum of their groups."""
        apart = {name for group in self.grouped.values() for name in group.features}
        return {name: column for name, column in self.features.items() if name not in apart}

    @property
    def quantile_features(self) -> frozenset[str]:
        """The names of the features that are sketched: all, or those whose quantiles some step needs."""
        if self.sketch_all:
            return frozenset(self.features)
        needing = (planned for planned in self.steps if planned.step.needs_quantiles)
        return frozenset(column.name for planned in needing for own in planned.features for column in own)

    @property
    def weight_column(self) -> Column | None:
        """The column that weighs the rows."""
        return None if self.weight is None else self.schema.find(self.weight)

    @property
    def labels(self) -> dict[int, Column]:
        """The columns of labels that row steps learn from, by the number of the step from 1."""
        wanted = {number: row_steps.label(planned.step) for number, planned in enumerate(self.steps, 1)}
        found = {number: self.schema.find(name) for number, name in wanted.items() if name is not None}
        return {number: column for number, column in found.items() if column is not None}

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
    keys = frozenset(name for step in steps if isinstance(step, Scaler) for name in step.key)
    table = Table(schema, source, weight, keys=keys)
    problems = list(check_weight(table))
    planned = []
    for number, step in enumerate(steps, 1):
        inputs = choose(step.selectors, replace(table, label=row_steps.label(step)), problems, wanted(step))
        problems += row_steps.check_label(where(step, number), step, inputs, table)
        found = {name: schema.find(name) for name in row_steps.beside(step)}
        problems += [missing(name, schema, source) for name, column in found.items() if column is None]
        beside = tuple(column for column in found.values() if column is not None)
        problems += [*check_inputs(step, inputs, number), *row_steps.check(where(step, number), inputs, beside)]
        keys_here = _keys(step, table, problems)
        problems += [*check_keys(step, keys_here, number), *check_arrays(step, inputs, number)]
        planned.append(PlannedStep(step, (*inputs, *beside), _outputs(step, inputs), keys_here))
    return _checked(Plan(schema, tuple(planned), weight=weight), problems)


def _keys(step: Step, table: Table, problems: list[Problem]) -> tuple[Column, ...]:
    """Return the columns of a step's key that are there; of others, add the problem."""
    names = step.key if isinstance(step, Scaler) else ()
    problems += [missing(name, table.schema, table.source) for name in names if table.schema.find(name) is None]
    return tuple(column for name in names if (column := table.schema.find(name)) is not None)


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
            *check_inputs(planned.step, here, number),
            *row_steps.check(where(planned.step, number), here, beside),
            *changed_arrays(planned, found, number),
        ]
        keys = tuple(found[column.name] for column in planned.keys if column.name in found)
        problems += [*check_keys(planned.step, keys, number), *changed_keys(planned, found, number)]
        outputs = planned.outputs
        if planned.own and planned.step.into is None:
            outputs = (*(column.name for column in here), *outputs[len(planned.own) :])
        bound.append(replace(planned, inputs=(*here, *beside), outputs=outputs, keys=keys))
    return _checked(Plan(schema, tuple(bound)), problems)


def _checked(plan: Plan, problems: list[Problem]) -> Plan:
    problems += [*clashes(plan.schema, plan.steps), *rewritten_keys(plan.schema, plan.steps)]
    problems += mistaken_positions(plan.steps)
    if problems:
        raise DataError.of(list(dict.fromkeys(problems)))
    return plan


def _outputs(step: Step, inputs: Sequence[Column]) -> tuple[str, ...]:
    """Return the outputs in their order; of what a column step writes beside its own, the first of each input first."""
    facts = row_steps.facts(step)
    own = () if facts and step.into is None else tuple(_output_name(step, column) for column in inputs)
    extra = zip(*(step.extra_outputs(column.name) for column in inputs), strict=True)
    return (*own, *(name for alike in extra for name in alike), *facts.values())


def _output_name(step: Step, column: Column) -> str:
    return column.name if step.into is None else step.into.replace("{column}", column.name)
