"""Which columns of a table the selectors of a step choose, and what is wrong where they choose none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

from sparkscale.errors import Problem, nearest
from sparkscale.pipeline.schema import Column, Schema, is_of
from sparkscale.scalers.selectors import Selector, matcher, pattern_of

T = TypeVar("T")

_GLOB = frozenset("*?[")
#: How many missing columns get the nearest name for a hint: each is compared with all names of the table.
GUESSES = 20


@dataclass(frozen=True)
class Table:
    """The table of a plan, how errors name it, and the columns that weigh and group its rows."""

    schema: Schema
    source: str
    weight: str | None
    #: The label of the step that chooses.
    label: str | None = None
    #: The columns by which steps group.
    keys: frozenset[str] = frozenset()

    @property
    def numeric(self) -> Iterator[Column]:
        """The columns that a pattern can choose."""
        apart = {self.weight, self.label, *self.keys}
        return (one for one in self.schema.choices() if is_of(one.type, "numeric") and one.name not in apart)

    @property
    def spared(self) -> str:
        """The columns that no pattern chooses, for the hint of an error; empty if there are none."""
        partitions = listed(sorted(self.schema.partitions))
        apart = (
            f"; a pattern never chooses the partition columns {partitions}: name them" if self.schema.partitions else ""
        )
        apart += "" if self.weight is None else f"; a pattern never chooses the weight {self.weight!r}"
        apart += "" if self.label is None else f"; a pattern never chooses the label {self.label!r}"
        return apart + (
            f"; a pattern never chooses the keys of groups {listed(sorted(self.keys))}" if self.keys else ""
        )


def check_weight(table: Table) -> Iterator[Problem]:
    """Yield what is wrong with the column that weighs the rows."""
    if table.weight is None:
        return
    column = table.schema.find(table.weight)
    if column is None:
        problem = missing(table.weight, table.schema, table.source)
        yield replace(problem, cause=f"weight: {problem.cause}")
    elif not is_of(column.type, "numeric"):
        cause = f"weight: expected numbers, but column {column.name!r} is {column.type}"
        yield Problem("SCHEMA_TYPE", cause, "name a numeric column, or cast it before this job")


def choose(selectors: Iterable[Selector], table: Table, problems: list[Problem], wanted: str) -> tuple[Column, ...]:
    """Return the columns that the selectors choose, each once, in the order of choosing."""
    chosen: dict[str, Column] = {}
    for selector in selectors:
        found = list(_select(selector, table))
        if not found:
            hint = "" if len(problems) < GUESSES else f"its columns are {listed(table.schema.names)}"
            problems.append(_unmatched(selector, table, wanted, hint))
        chosen |= {column.name: column for column in found}
    return tuple(chosen.values())


def _select(selector: Selector, table: Table) -> Iterator[Column]:
    """Yield what one selector chooses: a name that exists comes before any pattern it could be."""
    if isinstance(selector, str):
        named = table.schema.find(selector)
        if named is not None:
            yield named
        elif _is_pattern(selector):
            matches = matcher(selector)
            yield from (one for one in table.numeric if matches(one.name))
        return
    excepted = [matcher(pattern) for pattern in selector.get("except", [])]
    for column in table.numeric:
        if is_of(column.type, selector.get("dtype", "numeric")) and not any(one(column.name) for one in excepted):
            yield column


def _is_pattern(selector: str) -> bool:
    return pattern_of(selector) is not None or bool(_GLOB & set(selector))


def _unmatched(selector: Selector, table: Table, wanted: str, hint: str) -> Problem:
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


def listed(names: Iterable[T], show: Callable[[T], str] = repr, most: int = 8) -> str:
    """Return names, as many as a line can hold, and how many more there are."""
    all_ = list(names)
    more = f" and {len(all_) - most} more" if len(all_) > most else ""
    return (", ".join(map(show, all_[:most])) or "none") + more
