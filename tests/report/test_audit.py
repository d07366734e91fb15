"""The lines of an audit, and what a run's record keeps of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sparkscale.pipeline.audit import Audit, Counts
from sparkscale.report.audit import lines
from sparkscale.report.tables import Report

AUDIT = Audit(
    20000,
    (
        Counts(1, "minmax", ("a",), {"nulls": 3, "nans": 0, "infinite": 1, "clipped_low": 0, "clipped_high": 2}),
        Counts(1, "minmax", ("b\x1b",), {"nulls": 12345, "nans": 0, "infinite": 0}),
        Counts(2, "log1p", ("c",), {"nulls": 1, "nans": 0, "infinite": 0, "undefined": 7}),
        Counts(3, "softmax", ("p_a", "p_b", "winner"), {"nulls": 2, "nans": 0, "infinite": 0, "undefined": 4}),
        Counts(4, "standard", ("d",), {"nulls": 1, "nans": 0, "infinite": 0, "unseen": 5}),
    ),
)


def test_list_what_is_not_zero(snapshot: Any) -> None:
    one, none = (Audit(1, (Counts(1, "standard", ("x",), {"nulls": nulls}),)) for nulls in (1, 0))
    snapshot("\n".join([*lines(AUDIT), *lines(one), *lines(none)]))


def test_tell_of_rows_without_a_softmax_once(snapshot: Any) -> None:
    report = Report("run", "r", rows=20000, audit=AUDIT, undefined_rows={"step 3 (softmax)": 4})
    snapshot("\n".join(report.lines()))


def test_write_json_and_read_it_from_a_record() -> None:
    report = Report("run", "r", rows=20000, audit=AUDIT)
    found = json.loads(json.dumps(report.to_dict()))["audit"]
    assert found[0] == {
        "step": 1,
        "kind": "minmax",
        "outputs": ["a"],
        "nulls": 3,
        "nans": 0,
        "infinite": 1,
        "clipped_low": 0,
        "clipped_high": 2,
    }
    again = Report("run", "r")
    again.unchanged({"rows": 20000, "audit": found})
    assert (again.audit, again.to_dict()["audit"]) == (AUDIT, found)
    assert Report("run", "r").to_dict()["audit"] == []


@pytest.mark.parametrize("record", [
    {}, {"rows": 5}, {"rows": "5", "audit": []}, {"rows": True, "audit": []}, {"rows": 5, "audit": {}},
    {"rows": 5, "audit": [3]}, {"rows": 5, "audit": [{"step": 1}]},
    {"rows": 5, "audit": [{"step": 1, "kind": "x", "outputs": "abc"}]},
    {"rows": 5, "audit": [{"step": 1, "kind": "x", "outputs": [None]}]},
    {"rows": 5, "audit": [{"step": 1, "kind": "x", "outputs": ["y"], "nulls": "3"}]},
])  # fmt: skip
def test_read_nothing_from_other_records(record: dict[str, Any]) -> None:
    assert Audit.of_record(record) is None


def test_give_plain_rows_for_metrics() -> None:
    rows = list(AUDIT.measures())
    assert rows[0] == ("", "rows", 20000)
    assert ("a", "clipped_high", 2) in rows
    assert [row for row in rows if row[1] == "undefined"] == [
        ("c", "undefined", 7),
        *((output, "undefined", 4) for output in ("p_a", "p_b", "winner")),
    ]
