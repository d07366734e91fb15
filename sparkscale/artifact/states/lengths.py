"""How long the arrays of partitions are, if their positions are features: all that are merged have one length.

A partition whose states are known has a feature for each position. Others are looked at before they are measured.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from sparkscale.artifact.states.commits import State
from sparkscale.artifact.states.keys import By, Key, order
from sparkscale.artifact.states.plans import LONGEST
from sparkscale.errors import DataError, Problem, counted
from sparkscale.pipeline.choosing import listed
from sparkscale.pipeline.elements import with_lengths
from sparkscale.pipeline.plan import Plan
from sparkscale.pipeline.schema import Column

#: How many lengths, and partitions of one length, an error shows.
_SHOWN = 4
_HINT = (
    "fix those rows, set over: all, or drop those partitions with `sparkscale states drop`; "
    "for arrays of a new length in all partitions, choose another path for the states"
)


@dataclass(frozen=True)
class Lengths:
    """The rows of a partition, and by array column how many of them have each length; a null has none."""

    rows: int = 0
    counts: Mapping[str, Mapping[int, int]] = field(default_factory=dict)


#: By length of an array, the partitions that have it, with the number of their rows; None where it is that of states.
_Found: TypeAlias = Mapping[int, Sequence[tuple[Key, int | None]]]


def agreed(planned: Plan, keys: By, state: State, stored: Iterable[Key], looked: Mapping[Key, Lengths]) -> Plan:
    """Return the plan with the lengths of its arrays; unchanged if there are no rows.

    Args:
        planned: the plan.
        keys: the columns of the keys.
        state: that of the partitions ``stored``.
        stored: keys of partitions whose states count.
        looked: partitions that are to be measured.

    Raises:
        DataError: (65) for arrays of several lengths, with the partitions and rows of each, or for none at all.
    """
    known = {key: frozenset(state.features(state.partitions[key])) for key in stored}
    found = {name: _found(column, known, looked) for name, column in planned.by_position.items()}
    if problems := [problem for name, one in found.items() for problem in _unfit(name, one, keys)]:
        raise DataError.of(problems)
    if not any(one.rows for one in looked.values()) and not any(found.values()):
        return planned
    counts = {name: {length: _rows(one) for length, one in by.items()} for name, by in found.items()}
    return with_lengths(planned, counts)


def _found(column: Column, known: Mapping[Key, frozenset[str]], looked: Mapping[Key, Lengths]) -> _Found:
    found: dict[int, list[tuple[Key, int | None]]] = {}
    for key, names in known.items():
        if length := next(number for number in itertools.count() if column.at(number).name not in names):
            found.setdefault(length, []).append((key, None))
    for key, one in looked.items():
        for length, rows in one.counts.get(column.name, {}).items():
            found.setdefault(length, []).append((key, rows))
    return found


def _rows(found: Iterable[tuple[Key, int | None]]) -> int:
    return sum(rows or 0 for _, rows in found)


def _unfit(name: str, found: _Found, keys: By) -> Iterator[Problem]:
    if max(found, default=0) > LONGEST:
        cause = f"column {name!r}: expected arrays of at most {LONGEST:,} elements, found {max(found):,}"
        yield Problem("DATA_LENGTH", cause, "set over: all")
    if len(found) > 1:
        yield _unlike(name, found, keys)


def _unlike(name: str, found: _Found, keys: By) -> Problem:
    most = sorted(found, key=lambda length: (all(rows is not None for _, rows in found[length]), -_rows(found[length])))
    parts = [f"{counted(length, 'element')} in {_where(found[length], keys)}" for length in most[:_SHOWN]]
    more = f" and {counted(len(most) - _SHOWN, 'other length')}" if len(most) > _SHOWN else ""
    cause = f"column {name!r}: expected arrays of one length (over: position), found {', '.join(parts)}{more}"
    return Problem("DATA_LENGTH", cause, _HINT)


def _where(found: Sequence[tuple[Key, int | None]], keys: By) -> str:
    """Return where arrays of a length are: in states of partitions, in rows of others."""
    stored, looked = ([one for one in found if (one[1] is None) == known] for known in (True, False))
    said = [f"the states of {_shown(stored, keys)}"] if stored else []
    return " and ".join([*said, *([f"{counted(_rows(looked), 'row')} of {_shown(looked, keys)}"] if looked else [])])


def _shown(found: Iterable[tuple[Key, int | None]], keys: By) -> str:
    return listed(map(keys.shown, sorted((key for key, _ in found), key=order)), str, _SHOWN)
