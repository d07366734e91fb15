"""Expectations: rules over the statistics of a fit, and whether they hold."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from sparkscale.monitor.facts import FACTS
from sparkscale.monitor.patterns import chosen
from sparkscale.monitor.rows import Row, Verdict
from sparkscale.stats.column import ColumnStats

#: What a rule compares by, and how it is said.
OPERATORS: Mapping[str, tuple[Callable[[float, float], bool], str]] = {
    "ge": (operator.ge, "at least"),
    "gt": (operator.gt, "above"),
    "le": (operator.le, "at most"),
    "lt": (operator.lt, "below"),
    "eq": (operator.eq, "exactly"),
}
#: The feature that a rule about the whole table has.
TABLE = "*"


@dataclass(frozen=True)
class Expectation:
    """One thing that has to hold.

    Attributes:
        fact: ``rows``, which is about the table; ``constant``; or a name of :data:`~sparkscale.monitor.facts.FACTS`.
        operator: one of :data:`OPERATORS`.
        bound: what the fact is compared with; of ``constant``, 1 or 0.
        columns: names and patterns of the features that it is about.
        on_fail: the verdict where it does not hold.
    """

    fact: str
    operator: str
    bound: float
    columns: tuple[str, ...] = ("*",)
    on_fail: Literal["error", "warn"] = "error"


@dataclass(frozen=True)
class ExpectationRow(Row):
    """Whether one expectation holds for one feature. Its ``measure`` is such as ``expect.nulls.le``.

    Attributes:
        text: the expectation and what was found, in words.
    """

    text: str = ""

    def __str__(self) -> str:
        """Return it in words."""
        return self.text


def judge(
    expectations: Iterable[Expectation], stats: Mapping[str, ColumnStats], rows: int | None
) -> list[ExpectationRow]:
    """Return a row for each expectation and feature, in the order of the expectations.

    A minimum, maximum, mean or std that does not exist, as there is no finite value, fails what is expected of it.
    """
    return [row for expected in expectations for row in _judged(expected, stats, rows)]


def _judged(expected: Expectation, stats: Mapping[str, ColumnStats], rows: int | None) -> Iterator[ExpectationRow]:
    if expected.fact == "rows":
        yield _row(expected, TABLE, None if rows is None else float(rows))
        return
    for name in chosen(expected.columns, stats):
        yield _row(expected, name, _found(expected.fact, stats[name]))


def _found(fact: str, stats: ColumnStats) -> float | None:
    if fact == "constant":
        return float(stats.constant) if stats.finite else None
    return FACTS[fact](stats)


def _row(expected: Expectation, feature: str, value: float | None) -> ExpectationRow:
    compare, _ = OPERATORS[expected.operator]
    holds = value is not None and compare(value, expected.bound)
    verdict: Verdict = "ok" if holds else expected.on_fail
    measure = "expect.constant" if expected.fact == "constant" else f"expect.{expected.fact}.{expected.operator}"
    return ExpectationRow(
        feature, measure, value, None, expected.bound, verdict, text=_worded(expected, feature, value)
    )


def _worded(expected: Expectation, feature: str, value: float | None) -> str:
    where = "the input" if feature == TABLE and expected.fact == "rows" else f"column {feature!r}"
    if expected.fact == "constant":
        wanted = "a constant" if expected.bound else "more than one value"
        found = "no finite value" if value is None else "a constant" if value else "more than one value"
        return f"{where}: expected {wanted}, found {found}"
    found = "no finite value" if value is None else f"{value:.10g}"
    return f"{where}: expected {expected.fact} {OPERATORS[expected.operator][1]} {expected.bound:.10g}, found {found}"
