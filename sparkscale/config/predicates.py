"""`input.where`: structured predicates, checked against the schema. No SQL is made of them."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from sparkscale.config.where import Condition, Where
from sparkscale.errors import Problem, nearest
from sparkscale.pipeline.schema import Column, Schema, is_of

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
    kind = _kind(column.type)
    for operator, value in parts.items():
        if operator == "nan" and not is_of(column.type, "floating"):
            cause = f"input.where: expected a float or double column for 'nan', but {column.name!r} is {column.type}"
            yield Problem("SCHEMA_TYPE", cause, "leave nan out: no other type holds NaN")
        if operator in ("null", "nan"):
            continue
        for one in value if isinstance(value, list) else [value]:
            if not _COMPARABLE[kind](one):
                yield Problem(
                    "SCHEMA_TYPE",
                    f"input.where: expected a value for column {column.name!r} of type {column.type}, found {one!r}",
                    _HINTS.get((kind, type(one)), ""),
                )


def _kind(type_: str) -> str:
    if is_of(type_, "numeric"):
        return "number"
    if type_.startswith(("string", "char", "varchar", "binary")):
        return "text"
    return type_ if type_ in _COMPARABLE else "other"


def _iso(form: str) -> Callable[[Any], bool]:
    """Return a test for dates of one ISO form: Spark reads other forms too, and some of them wrongly."""

    def test(value: Any) -> bool:
        with contextlib.suppress(ValueError):
            return isinstance(value, str) and bool(re.fullmatch(form, value)) and bool(datetime.fromisoformat(value))
        return False

    return test


_DATE = r"\d{4}-\d\d-\d\d"
_TIME = r"([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?%s)?"
#: By kind of column: whether a value can be compared with it.
_COMPARABLE: Mapping[str, Callable[[Any], bool]] = {
    "boolean": lambda value: isinstance(value, bool),
    # An engine takes a whole number as one of 64 bits.
    "number": lambda value: isinstance(value, float) or (type(value) is int and -(2**63) <= value < 2**63),
    "text": lambda value: isinstance(value, str),
    "date": _iso(_DATE),
    "timestamp": _iso(_DATE + _TIME % r"(Z|[+-]\d\d:\d\d)?"),
    "timestamp_ntz": _iso(_DATE + _TIME % ""),
    "other": lambda _: False,
}
_HINTS: Mapping[tuple[str, type], str] = {
    ("number", int): "write a number of more than 64 bits with an exponent, such as 1.0e+30",
    ("date", str): "write it as 2026-01-31",
    ("timestamp", str): "write it as 2026-01-31T12:00:00, 2026-01-31T12:00:00Z or 2026-01-31",
    ("timestamp_ntz", str): "write it as 2026-01-31T12:00:00 or 2026-01-31",
    **{
        ("other", kind): "such a column can only be tested with null: true or null: false"
        for kind in (str, int, float, bool)
    },
}
