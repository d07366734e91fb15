"""Compares a type, or every column of a plan's result, with the table of capabilities."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sparkscale.errors import Problem
from sparkscale.formats.capabilities import (
    EXACT,
    KINDS,
    PARTITIONS,
    READ,
    READ_ICEBERG,
    READ_ICEBERG_PARTITIONS,
    WRITTEN,
    Reading,
    Verdict,
)
from sparkscale.pipeline.choosing import listed
from sparkscale.pipeline.plan import Plan

#: Columns that a warning names; of more, it says how many.
_NAMED = 100
#: Of Spark's widest decimal; Arrow's, and so Sail's, has 76.
_DIGITS = 38
_KIND_OF = {
    "tinyint": "tinyint, smallint",
    "smallint": "tinyint, smallint",
    "int": "int, bigint",
    "bigint": "int, bigint",
    "float": "float, double",
    "double": "float, double",
    "null": "void",
    "char": "string",
    "varchar": "string",
}


def read_verdict(engine: str, type_: str) -> Verdict:
    """Return how an engine reads a column of a Parquet file, by the name of its type in Arrow."""
    return _first(READ[engine], type_)


def iceberg_verdict(type_: str, *, partition: bool = False) -> Verdict:
    """Return how Spark reads a column of an Iceberg table by the name of its type there; ``partition``: it is one's."""
    return _first([*READ_ICEBERG, *(READ_ICEBERG_PARTITIONS if partition else ())], type_)


def _first(table: Sequence[Reading], type_: str) -> Verdict:
    return next((one.verdict for one in table if re.fullmatch(one.pattern, type_)), EXACT)


def kind_of(type_: str) -> str:
    """Return the row of the table that a type belongs to."""
    if type_.startswith("map by "):
        return "map by another type than string"
    name = re.split(r"[<( ]", type_, maxsplit=1)[0]
    if name == "decimal" and int(re.findall(r"\d+", type_)[0]) > _DIGITS:
        return "decimal of more than 38 digits"
    kind = _KIND_OF.get(name, name)
    return kind if kind in KINDS else "another type"


def verdict(engine: str, format_: str, kind: str, *, partition: bool = False) -> Verdict:
    """Return what an engine keeps of a kind of column in a format."""
    table = PARTITIONS if partition else WRITTEN
    return table.get((engine, format_), {}).get(kind, EXACT)


def judge(
    planned: Plan, engine: str, format_: str, partition_by: Sequence[str] = ()
) -> tuple[list[Problem], list[str]]:
    """Check every column of a plan's result: refuse what a format can't hold, and warn of what it changes."""
    problems: list[Problem] = []
    changed: dict[str, list[str]] = {}
    for name, type_, found in _verdicts(planned, engine, format_, partition_by):
        if found.kept == "refused":
            cause = f"output.format {format_} cannot hold column {name!r}, {type_}: {found.why}"
            problems.append(Problem("SCHEMA_FORMAT", cause, found.hint))
        else:
            changed.setdefault(found.why, []).append(name)
    return problems, [warning(format_, names, why) for why, names in changed.items()]


def warning(format_: str, names: Sequence[str], why: str) -> str:
    """Return what is said of columns that a format changes. Nobody should have to guess which ones: it names them."""
    return f"{format_}, {'column' if len(names) == 1 else 'columns'} {listed(names, most=_NAMED)}: {why}"


def _verdicts(
    planned: Plan, engine: str, format_: str, partition_by: Sequence[str]
) -> Iterator[tuple[str, str, Verdict]]:
    """Yield the columns that are not kept exactly, each with its type."""
    inner = {field.name: field.inner for field in planned.schema.fields}
    made = {name for step in planned.steps for name in step.outputs}
    for name, type_ in planned.output_types.items():
        if name in partition_by:  # what is refused of them, the sink says with the key of the job file
            found = verdict(engine, format_, kind_of(type_), partition=True)
            if found.kept == "warned":
                yield name, type_, found
            continue
        outer = verdict(engine, format_, kind_of(type_))
        if outer.kept in ("warned", "refused"):
            yield name, type_, outer
            continue
        if outer.also:
            yield name, type_, Verdict("warned", outer.also)
        # The write pass does not look into nested values: what it would check of them is a warning.
        parts = {} if name in made else {one: verdict(engine, format_, kind_of(one)) for one in inner.get(name, ())}
        for one in sorted(parts, key=lambda one: parts[one].kept != "refused"):
            if parts[one].kept != "exact":
                yield name, f"{type_} with {one}", parts[one]
                if parts[one].also:
                    yield name, type_, Verdict("warned", parts[one].also)
                break
