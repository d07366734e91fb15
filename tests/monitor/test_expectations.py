"""Rules over statistics: which hold, which don't, and how that is said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sparkscale.monitor.expectations import Expectation, ExpectationRow, judge
from sparkscale.monitor.facts import FACTS, facts
from sparkscale.stats.column import EMPTY, ColumnStats

X = np.ma.array([1.0, 2.0, 4.0, np.nan, np.inf, -np.inf, -np.inf, 0.0], mask=[0] * 7 + [1])
STATS = {
    "x": ColumnStats.of(X),
    "flat": ColumnStats.of(np.full(8, 3.0)),
    "none": ColumnStats.of(np.ma.masked_all(8)),
}


def one(*arguments: Any, **fields: Any) -> ExpectationRow:
    (row,) = judge([Expectation(*arguments, **fields)], STATS, 8)
    return row


@pytest.mark.parametrize(("fact", "value"), [
    ("nulls", 1 / 8), ("nan", 1 / 8), ("infinite", 3 / 8), ("min", 1.0), ("max", 4.0), ("mean", 7 / 3),
    ("std", np.std([1.0, 2.0, 4.0])), ("rows", 8.0),
])  # fmt: skip
@pytest.mark.parametrize(("operator", "equal", "below"), [
    ("ge", True, False), ("gt", False, False), ("le", True, True), ("lt", False, True), ("eq", True, False),
])  # fmt: skip
def test_compare_every_fact(fact: str, value: float, operator: str, equal: bool, below: bool) -> None:
    for bound, holds in ((value, equal), (value + 0.5, below), (value - 0.5, operator in ("ge", "gt"))):
        row = one(fact, operator, bound, columns=("x",))
        assert (row.verdict, row.threshold, row.measure) == (
            "ok" if holds else "error", bound, f"expect.{fact}.{operator}",
        )  # fmt: skip
        assert row.value == pytest.approx(value, rel=1e-15)
        assert row.feature == ("*" if fact == "rows" else "x")


@pytest.mark.parametrize(("name", "constant", "holds"), [
    ("x", False, True), ("x", True, False), ("flat", True, True), ("flat", False, False), ("none", False, False),
    ("none", True, False),
])  # fmt: skip
def test_expect_a_constant_or_none(name: str, constant: bool, holds: bool) -> None:
    row = one("constant", "eq", float(constant), columns=(name,), on_fail="warn")
    assert (row.verdict, row.measure) == ("ok" if holds else "warn", "expect.constant")


def test_choose_by_name_glob_and_expression() -> None:
    rows = judge([Expectation("nulls", "le", 0.5, ("/^[xn]/", "fl*"))], STATS, 8)
    assert [(row.feature, row.verdict) for row in rows] == [("x", "ok"), ("flat", "ok"), ("none", "error")]
    assert judge([Expectation("nulls", "le", 0.5, ("gone",))], STATS, 8) == []


def test_say_what_was_expected_and_found() -> None:
    assert str(one("nulls", "le", 0.05, ("none",))) == "column 'none': expected nulls at most 0.05, found 1"
    assert str(one("min", "ge", 0.0, ("none",))) == "column 'none': expected min at least 0, found no finite value"
    assert str(one("rows", "ge", 1e6)) == "the input: expected rows at least 1000000, found 8"
    assert str(one("constant", "eq", 0.0, ("flat",))) == "column 'flat': expected more than one value, found a constant"


def test_fail_what_is_not_known() -> None:
    (row,) = judge([Expectation("rows", "ge", 0.0)], {}, None)  # row steps alone: nothing was scanned
    assert row.verdict == "error"
    (row,) = judge([Expectation("nulls", "le", 1.0)], {"x": EMPTY}, 0)
    assert (row.value, row.verdict) == (None, "error")


def test_list_the_facts_of_every_feature() -> None:
    rows = list(facts(STATS))
    assert len(rows) == len(FACTS) * len(STATS)
    assert {row.verdict for row in rows} == {"none"}
    assert {row.measure: row.value for row in rows if row.feature == "none"} == {
        "rows": 8.0, "nulls": 1.0, "nan": 0.0, "infinite": 0.0, "min": None, "max": None, "mean": None, "std": None,
    }  # fmt: skip
    weighted = {"x": ColumnStats.of(X, weights=np.array([1.0] * 7 + [3.0]))}
    assert {row.measure: row.value for row in facts(weighted)}["nulls"] == 0.3
