"""Schema drift: how a table differs from the one of the fit, and which differences may pass.

Columns are found by name. A column that a step reads may have another type of numbers: it is *widened*
where every value of the old type is one of the new (int -> bigint, int -> double), *narrowed* where it is
the other way about, and *retyped* where neither holds (bigint -> double).
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

from sparkscale.errors import Problem, closest
from sparkscale.pipeline import plan
from sparkscale.pipeline.choosing import GUESSES, listed, missing
from sparkscale.pipeline.plan import Plan
from sparkscale.pipeline.planned import PlannedStep
from sparkscale.pipeline.schema import Column, Field, Schema, holds, is_scalable, is_score_array

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
    """One difference of a kind that may pass: what was expected and found, and what to do."""

    kind: str
    text: str
    remedy: str

    def problem(self) -> Problem:
        """Return the difference as an error."""
        return Problem(
            "SCHEMA_DRIFT", str(self), f"{self.remedy}, or set schema_drift: {{{self.kind}: warn}} in the job file"
        )

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

    @cached_property
    def roots(self) -> dict[str, str]:
        """By their names in the fit, the names of the top-level columns that hold what steps read."""
        return {self.read[name].path[0]: here.path[0] for name, here in self.found.items()}

    @property
    def extra(self) -> list[Field]:
        known = {*self.fitted, *self.renamed.values(), *self.roots.values()}
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
    """Plan a fitted pipeline for another table; the plan's ``warnings`` are the differences to report.

    Args:
        steps: with the columns that they found in the fit.
        fitted: the columns of the fit's table.
        schema: of the other table.
        policy: what to do about each kind of difference.
        source: how errors name the other table.

    Raises:
        DataError: with all differences that may not pass, and all else that is wrong with the schema.
    """
    match = _match({column.name: column for step in steps for column in step.read}, fitted, schema, source)
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
    """Return by name the columns that differ from it only in case, without columns that the fit knew."""
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
    new = {field.name: field.type for field in match.extra}
    out: dict[str, str] = {}
    for name in lost[:GUESSES]:
        close = closest(name, [other for other, type_ in new.items() if type_ == match.read[name].type])
        if close is not None:
            out[name] = close
            del new[close]
    return out


def _absent(match: _Match) -> Iterator[Problem]:
    """Yield the columns that steps read and that are missing or ambiguous."""
    lost = [name for name in match.read if name not in match.found]
    for number, name in enumerate(lost):
        hint = "" if number < GUESSES else f"its columns are {listed(match.schema.names)}"
        if name in match.cased:
            others = listed(dict.fromkeys(column.name for column in match.cased[name]))
            hint = f"expected one name that differs only in case, found {others}; rename the one you mean"
        elif name in match.renamed:
            hint = f"renamed to {match.renamed[name]!r}? rename it back, or fit again"
        yield missing(name, match.schema, match.source, hint)


def _differences(match: _Match) -> Iterator[Difference]:
    """Yield what differs and may pass."""
    source = match.source
    yield from _of_case(match)
    yield from _of_types(match)
    yield from _of_nulls(match)
    if match.dropped:
        text = f"expected the columns of the fit, found {source} without {_typed(match.dropped)}"
        yield Difference("dropped", text, "bring them back")
    if match.extra:
        text = f"expected the columns of the fit, found others in {source}: {_typed(match.extra)}"
        yield Difference("extra", text, "remove them")
    yield from _of_order(match)


def _typed(fields: Sequence[Field]) -> str:
    return listed(fields, lambda field: f"{field.name!r} ({field.type})")


def _of_case(match: _Match) -> Iterator[Difference]:
    names = {name: here.name for name, here in match.found.items() if here.name != name}
    if names:
        found = f"found {listed(names.values())} in {match.source}"
        yield Difference("case", f"{_columns(names)}: expected the case of the fit, {found}", "rename to match")


def _of_types(match: _Match) -> Iterator[Difference]:
    """Yield changed types of the columns that steps read, grouped by change. Planning rejects non-numeric types."""
    alike: dict[tuple[str, str], list[str]] = {}
    for name, here in match.found.items():
        was, now = match.read[name].type, here.type
        if was != now and any(is_(was) and is_(now) for is_ in (is_scalable, is_score_array)):
            alike.setdefault((was, now), []).append(here.name)
    for (was, now), names in alike.items():
        kind = "widened" if holds(now, was) else "narrowed" if holds(was, now) else "retyped"
        text = f"{_columns(names)}: expected {was} as in the fit, found {now} in {match.source}"
        yield Difference(kind, text, f"cast to {was}, fit again")


def _of_nulls(match: _Match) -> Iterator[Difference]:
    """Yield top-level columns that steps read, whose type says for the first time that they may hold nulls."""
    now = {field.name: field for field in match.schema.fields}
    sure = {name for name, field in match.fitted.items() if not field.nullable}
    names = [here for was, here in match.roots.items() if was in sure and now[here].nullable]
    if names:
        text = f"{_columns(names)}: expected not null as in the fit, found nullable in {match.source}"
        yield Difference("nullability", text, "declare it not null")


def _columns(names: Collection[str]) -> str:
    return f"{'column' if len(names) == 1 else 'columns'} {listed(names)}"


def _of_order(match: _Match) -> Iterator[Difference]:
    here = set(match.schema.names)
    expected = dict.fromkeys(name for name in (match.roots.get(name, name) for name in match.fitted) if name in here)
    found = [name for name in dict.fromkeys(match.schema.names) if name in expected]
    apart = [pair for pair in zip(expected, found, strict=True) if pair[0] != pair[1]]
    if apart:
        text = f"expected the order of the fit, found {apart[0][1]!r} before {apart[0][0]!r} in {match.source}"
        yield Difference("reordered", text, "select the columns in that order")
