"""`input.where`: structured predicates, checked against the schema. No SQL is made of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sparkscale.config import Condition, Where
from sparkscale.errors import Problem, nearest
from sparkscale.schema import Column, Schema, is_of

Predicates = list[tuple[Column, Mapping[str, Any]]]


def conditions(where: Where, schema: Schema, source: str) -> tuple[Predicates, list[Problem]]:
    """Return each column with its operators and values, and what does not fit the schema."""
    found: Predicates = []
    problems: list[Problem] = []
    for name, rule in where.items():
        column = schema.find(name)
        if column is None:
            hint = nearest(name, schema.names)
            problems.append(Problem("SCHEMA_MISSING", f"column {name!r} of input.where is not in {source}", hint))
            continue
        parts = _parts(rule)
        problems += _mismatches(column, parts)
        found.append((column, parts))
    return found, problems


def _parts(rule: Any) -> dict[str, Any]:
    if isinstance(rule, Condition):
        return rule.parts
    return {"in": rule} if isinstance(rule, list) else {"eq": rule}


def _mismatches(column: Column, parts: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield values that cannot be compared with the column: text with a number, a number with a truth value."""
    for operator, value in parts.items():
        if operator == "null":
            continue
        for one in value if isinstance(value, list) else [value]:
            if not _comparable(column.type, one):
                yield Problem(
                    "SCHEMA_TYPE",
                    f"input.where: expected a value for column {column.name!r} of type {column.type}, found {one!r}",
                )


def _comparable(type_: str, value: Any) -> bool:
    if type_ == "boolean":
        return isinstance(value, bool)
    if is_of(type_, "numeric"):
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, str)
