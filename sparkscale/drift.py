"""Schema drift: how a table differs from the one of the fit, and which differences may pass.

Columns are found by name. A column that a step reads may have another type of numbers: it is *widened*
where every value of the old type is one of the new (int -> bigint, int -> double), *narrowed* where it is
the other way about, and *retyped* where neither holds (bigint -> double).
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from sparkscale import plan
from sparkscale.errors import Problem, closest
from sparkscale.plan import Plan, PlannedStep, listed, missing
from sparkscale.schema import Column, Field, Schema, holds, is_scalable, is_score_array

Action: TypeAlias = Literal["error", "warn", "ignore"]


@dataclass(frozen=True)
class Policy:
    """What to do about each kind of difference (see ``config.Drift`` for what each is).

    A column gone that a step reads is always an error.
    """

    extra: Action = "ignore"
    dropped: Action = "ignore"
    reordered: Action = "ignore"
    case: Action = "error"
    widened: Action = "ignore"
    narrowed: Action = "warn"
    retyped: Action = "warn"
    nullability: Action = "ignore"

    @classmethod
    def of(cls, action: Action) -> Policy:
        """Return the policy that does the same about every kind."""
        return cls(**{item.name: action for item in dataclasses.fields(cls)})


#: What applies where nothing is said.
DEFAULT = Policy()


@dataclass(frozen=True)
class Difference:
    """One difference of a kind that may pass: what was expected and found, and how to mend it."""

    kind: str
    text: str
    mend: str

    def problem(self) -> Problem:
        """Return the difference as an error."""
        return Problem("SCHEMA_DRIFT", str(self), f"{self.mend}, or in a job file take drift: {{{self.kind}: warn}}")

    def __str__(self) -> str:
        """Return what differs and of which kind it is."""
        return f"{self.text} ({self.kind})"


@dataclass(frozen=True)
class _Match:
    """The columns that steps read (by name, as fitted), and where they are in another table."""

    read: Mapping[str, Column]
    fitted: Mapping[str, Field]
    schema: Schema
    source: str
    found: Mapping[str, Column]
    #: By names that are not there: all that differ from them in case alone.
    cased: Mapping[str, Sequence[Column]]
    #: By names that are not there: new columns of the same type and a like name.
    renamed: Mapping[str, str]

    @property
    def extra(self) -> list[Field]:
        known = {*self.fitted, *self.renamed.values(), *(column.path[0] for column in self.found.values())}
        return [field for field in self.schema.fields if field.name not in known]

    @property
    def dropped(self) -> list[Field]:
        known = {*self.schema.names, *(column.path[0] for column in self.read.values())}
        return [field for name, field in self.fitted.items() if name not in known]


def bind(
    steps: Sequence[PlannedStep],
    fitted: Sequence[Field],
    schema: Schema,
    policy: Policy = DEFAULT,
    source: str = "the input",
) -> Plan:
    """Put a fitted pipeline onto another table; the differences that are to be told are the plan's ``warnings``.

    Args:
        steps: with the columns that they found in the fit.
        fitted: the columns of the fit's table.
        schema: of the other table.
        policy: what to do about each kind of difference.
        source: how errors name the other table.

    Raises:
        DataError: with all differences that may not pass, and all else that is wrong with the schema.
    """
    match = _match({column.name: column for step in steps for column in step.inputs}, fitted, schema, source)
    told: dict[str, list[Difference]] = {"error": [], "warn": [], "ignore": []}
    for difference in _differences(match):
        told[getattr(policy, difference.kind)].append(difference)
    problems = [*_absent(match), *(difference.problem() for difference in told["error"])]
    bound = plan.bind(steps, schema, match.found, problems)
    return dataclasses.replace(bound, warnings=tuple(map(str, told["warn"])))


def _match(read: Mapping[str, Column], fitted: Sequence[Field], schema: Schema, source: str) -> _Match:
    columns = {field.name: field for field in fitted}
    found = {name: column for name in read if (column := schema.find(name))}
    lost = [name for name in read if name not in found]
    cased = _cased(lost, {*columns, *read}, schema)
    found |= {name: others[0] for name, others in cased.items() if len(others) == 1}
    found = {name: found[name] for name in read if name in found}
    match = _Match(read, columns, schema, source, found, cased, {})
    return dataclasses.replace(match, renamed=_renamed([name for name in lost if name not in cased], match))


def _cased(lost: Sequence[str], known: set[str], schema: Schema) -> dict[str, list[Column]]:
    """Return by name the columns that differ from it in case alone; a column that the fit knew is none of them."""
    if not lost:
        return {}
    others: dict[str, list[Column]] = {}
    for column in schema.paths():
        if column.name not in known:
            others.setdefault(column.name.lower(), []).append(column)
    rivals = Counter(name.lower() for name in lost)
    return {n: others[n.lower()] * rivals[n.lower()] for n in lost if n.lower() in others}


def _renamed(lost: Sequence[str], match: _Match) -> dict[str, str]:
    """Return by name a new column of the same type that is like it; each new column once."""
    out: dict[str, str] = {}
    for name in lost:
        alike = [f.name for f in match.extra if f.type == match.read[name].type and f.name not in out.values()]
        close = closest(name, alike)
        if close is not None:
            out[name] = close
    return out


def _absent(match: _Match) -> Iterator[Problem]:
    """Yield the columns that steps read and that are not there, or not to be told from others."""
    for name in match.read:
        if name in match.found:
            continue
        problem = missing(name, match.schema, match.source)
        if name in match.cased:
            others = listed(dict.fromkeys(column.name for column in match.cased[name]))
            hint = f"expected one name that differs from it in case alone, found {others}; rename the one that is meant"
            problem = dataclasses.replace(problem, hint=hint)
        elif name in match.renamed:
            hint = f"renamed to {match.renamed[name]!r}? rename it back, or fit again"
            problem = dataclasses.replace(problem, hint=hint)
        yield problem


def _differences(match: _Match) -> Iterator[Difference]:
    """Yield what differs and may pass."""
    yield from _of_columns(match)
    yield from _of_nulls(match)
    source = match.source
    if match.dropped:
        text = f"expected the columns of the fit, {_typed(match.dropped)} not found in {source}"
        yield Difference("dropped", text, "bring them back")
    if match.extra:
        text = f"expected the columns of the fit, found others in {source}: {_typed(match.extra)}"
        yield Difference("extra", text, "take them out")
    yield from _of_order(match)


def _typed(fields: Sequence[Field]) -> str:
    return listed(fields, lambda field: f"{field.name!r} ({field.type})")


def _of_columns(match: _Match) -> Iterator[Difference]:
    """Yield other cases and other types of what steps read; a type that is none of numbers is the plan's to refuse."""
    for name, here in match.found.items():
        was, now = match.read[name].type, here.type
        if here.name != name:
            text = f"column {name!r}: expected the name of the fit, found {here.name!r} in {match.source}"
            yield Difference("case", text, "rename it")
        if was == now or not any(is_(was) and is_(now) for is_ in (is_scalable, is_score_array)):
            continue
        kind = "widened" if holds(now, was) else "narrowed" if holds(was, now) else "retyped"
        text = f"column {here.name!r}: expected {was} as in the fit, found {now} in {match.source}"
        yield Difference(kind, text, f"cast it to {was}, fit again")


def _of_nulls(match: _Match) -> Iterator[Difference]:
    """Yield top-level columns that steps read, whose type says for the first time that they may hold nulls."""
    now = {field.name: field for field in match.schema.fields}
    roots = {match.read[name].path[0]: here.path[0] for name, here in match.found.items()}
    for was, here in roots.items():
        if not match.fitted[was].nullable and now[here].nullable:
            text = f"column {here!r}: expected not null as in the fit, found that it may be null in {match.source}"
            yield Difference("nullability", text, "declare it not null")


def _of_order(match: _Match) -> Iterator[Difference]:
    roots = {match.read[name].path[0]: here.path[0] for name, here in match.found.items()}
    here = set(match.schema.names)
    expected = dict.fromkeys(name for name in (roots.get(name, name) for name in match.fitted) if name in here)
    found = [name for name in dict.fromkeys(match.schema.names) if name in expected]
    apart = [pair for pair in zip(expected, found, strict=True) if pair[0] != pair[1]]
    if apart:
        text = f"expected the order of the fit, found {apart[0][1]!r} before {apart[0][0]!r} in {match.source}"
        yield Difference("reordered", text, "select the columns in their order")
