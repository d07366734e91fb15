"""What `versions` says: each version, which is promoted, what changed; a damaged one does not stop the list."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sparkscale as ss
from sparkscale.artifact import listing, store
from sparkscale.artifact.changes import changes
from sparkscale.errors import ConfigError, InputMissingError
from sparkscale.pipeline import origin
from sparkscale.pipeline.fitted import Fitted
from sparkscale.scalers.base import Step

X = np.array([1.0, 2.0, 4.0, 9.0])


def fitted(*steps: Step, **columns: Any) -> Fitted:
    return ss.Pipeline(steps or [ss.Standard("x")]).fit_arrays(columns or {"x": X})


def said(before: Fitted, after: Fitted) -> str:
    return str(changes(before, after, 1))


@pytest.fixture
def uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give a store of three versions, of two nights and of a notebook."""
    times = iter(["2026-01-30T02:00:00Z", "2026-01-31T02:00:00Z", "2026-02-01T09:30:00Z"])
    monkeypatch.setattr(origin, "when", lambda _: next(times))
    place = str(tmp_path / "stats")
    origin.stamped(fitted(), "night-30").save(place)
    origin.stamped(fitted(x=np.append(X, 20.0)), "night-31").save(place)
    fitted(ss.Standard("x"), ss.MinMax("y"), x=np.append(X, 20.0), y=np.append(X, 20.0)).save(place)
    monkeypatch.undo()
    return place


def test_list_versions_for_machines(uri: str) -> None:
    found = ss.versions(uri)
    first, second, third = json.loads(json.dumps(found.to_dict()))["versions"]
    assert first == {"version": 1, "promoted": False, "time": "2026-01-30T02:00:00Z", "run_id": "night-30", "rows": 4,
                     "features": 1, "changes": None, "damaged": None}  # fmt: skip
    shift = second["changes"].pop("mean_shift")
    assert shift == {"feature": "x", "value": pytest.approx((np.append(X, 20).mean() - X.mean()) / X.std(), rel=1e-15)}
    assert second["changes"] == {"since": 1, "rows": 1, "added": [], "removed": [], "steps": []}
    assert (third["features"], third["run_id"], third["changes"]["since"]) == (2, None, 2)
    assert (third["changes"]["added"], third["changes"]["steps"]) == (["y"], ["step 2 (minmax) added"])
    assert found.to_dict() | {"versions": []} == {"path": uri, "versions": [], "left_out": 0, "promotion": None,
                                                  "back": None, "problem": None}  # fmt: skip
    assert (len(found), found[-1].version, [row.version for row in found]) == (3, 3, [1, 2, 3])


def test_list_versions_for_people(uri: str) -> None:
    ss.promote(uri, 1)
    ss.promote(uri, 2, reason="better")
    when = origin.when(ss.versions(uri).promotion.time)  # type: ignore[union-attr]
    assert repr(ss.versions(uri)).splitlines() == [
        "version  promoted  fitted                rows  features  run       changes",
        "1                  2026-01-30T02:00:00Z     4         1  night-30",
        "2        promoted  2026-01-31T02:00:00Z     5         1  night-31  rows +1; mean of 'x' +1 std",
        "3                  2026-02-01T09:30:00Z     5         2  -         added 'y'; step 2 (minmax) added",
        f"version 2 is in use, promoted at {when} (better); a rollback promotes version 1",
    ]
    ss.rollback(uri)
    assert repr(ss.versions(uri)).splitlines()[-1].startswith("version 1 is in use, promoted at ")
    assert "rollback promotes" not in repr(ss.versions(uri))


def test_list_versions_in_a_notebook(uri: str) -> None:
    fitted(**{"<b>x": X}, x=X).save(uri)
    fitted(ss.Standard("<b>x"), **{"<b>x": X}).save(uri)
    shown = ss.versions(uri)._repr_html_()
    assert shown.count("<tr>") == 6
    assert "added &#x27;&lt;b&gt;x&#x27;" in shown
    assert "<b>" not in shown
    assert "<caption>no version was promoted: the newest is in use</caption>" in shown


def test_list_the_newest_and_the_promoted(uri: str) -> None:
    for number in range(4, 8):
        fitted(x=X * number).save(uri)
    ss.promote(uri, 2)
    found = ss.versions(uri, last=2)
    assert ([row.version for row in found], found.left_out) == ([2, 6, 7], 4)
    assert [row.changes and row.changes.since for row in found] == [1, 5, 6]  # the version before, listed or not
    assert [row.version for row in ss.versions(uri, last=99)] == list(range(1, 8))


def test_list_damaged_versions_as_damaged(uri: str) -> None:
    path = Path(uri, "00000002.json")
    path.write_bytes(path.read_bytes()[:-20])
    Path(uri, "00000004.json").write_bytes(b"")
    ss.promote(uri, 1)
    found = ss.versions(uri)
    assert [bool(row.damaged) for row in found] == [False, True, False, True]
    assert found[1].damaged is not None
    assert found[1].damaged.startswith(f"{uri}/00000002.json: expected a JSON artifact")
    assert (found[1].rows, found[1].changes) == (None, None)
    assert found[2].changes is not None
    assert found[2].changes.since == 1  # the last that can be read
    assert "\n2                  -" in repr(found)
    assert "damaged: " in repr(found)


def test_list_beside_a_broken_promotion(uri: str) -> None:
    ss.promote(uri, 2)
    Path(uri, "promotions", "00000002.json").write_bytes(b"2")
    found = ss.versions(uri)
    assert (len(found), found.promotion, any(row.promoted for row in found)) == (3, None, False)
    assert found.summary.startswith("no version is in use: ")
    assert "00000002.json: expected the record of a promotion" in found.summary
    assert found.problem is not None


def test_list_where_the_promoted_version_is_gone(uri: str) -> None:
    ss.promote(uri, 2)
    Path(uri, "00000002.json").unlink()
    found = ss.versions(uri, last=1)
    assert ([row.version for row in found], found.problem) == (
        [3], "version 2 is promoted and gone; restore it, or promote another")  # fmt: skip


def test_list_where_the_record_before_is_broken(uri: str) -> None:
    ss.promote(uri, 1)
    ss.promote(uri, 2)
    Path(uri, "promotions", "00000001.json").unlink()
    assert (ss.versions(uri).back, ss.versions(uri).promotion is None) == (None, False)


@pytest.mark.parametrize("last", [0, -1, 1.5, "2", True])
def test_refuse_a_wrong_number_of_versions(uri: str, last: Any) -> None:
    with pytest.raises(ConfigError, match="last: expected a whole number from 1, found"):
        ss.versions(uri, last=last)


def test_miss_versions_that_are_not_there(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("x")
    for place in (tmp_path, tmp_path / "none", tmp_path / "x.json"):
        with pytest.raises(InputMissingError) as caught:
            ss.versions(place)
        assert (caught.value.code, caught.value.exit_code) == ("ARTIFACT_MISSING", 66)


def test_list_one_listing_for_many_versions(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    versions = store.versions
    monkeypatch.setattr(store, "versions", lambda uri: calls.append(1) or versions(uri))
    listing.versions(uri)
    assert len(calls) == 1


# --- what changed -------------------------------------------------------------------------------------------------


def test_say_that_nothing_changed() -> None:
    assert said(fitted(), fitted()) == "same features, steps, rows and means"
    assert (
        said(fitted(ss.Softmax(["x", "y"]), x=X, y=X), fitted(ss.Softmax(["x", "y"]), x=X, y=X))
        == "same features, steps, rows and means"
    )


@pytest.mark.parametrize(("before", "after", "words"), [
    ([ss.Standard("x")], [ss.Standard("x", ddof=1)], "step 1 (standard): ddof 0 became 1"),
    ([ss.Standard("x")], [ss.MinMax("x")], "step 1: standard became minmax"),
    ([ss.Standard("x")], [ss.Standard("x"), ss.MinMax("y")], "added 'y'; step 2 (minmax) added"),
    ([ss.Standard("x"), ss.MinMax("y")], [ss.Standard("x")], "removed 'y'; step 2 (minmax) removed"),
    ([ss.Standard("x"), ss.MinMax("y")], [ss.MinMax("y")], "removed 'x'; step 1 (standard) removed"),
    ([ss.Standard("x")], [ss.MinMax("y"), ss.Standard("x")], "added 'y'; step 1 (minmax) added"),
    ([ss.Standard("x")], [ss.Standard("x", into="z")], "step 1 (standard): into null became 'z'"),
    ([ss.Standard("x")], [ss.Standard(["x", "y"])],
     "added 'y'; step 1 (standard): columns [\"x\"] became [\"x\", \"y\"]"),
    ([ss.Standard("x")], [ss.Softmax(["x", "y"])], "added 'y'; step 1: standard became softmax"),
])  # fmt: skip
def test_say_which_steps_changed(before: list[Step], after: list[Step], words: str) -> None:
    assert said(fitted(*before, x=X, y=X), fitted(*after, x=X, y=X)) == words


def test_say_that_the_weight_changed() -> None:
    columns = {"x": X, "w": np.ones(4)}
    plain, weighted = (ss.Pipeline([ss.Standard("x")], weight=w).fit_arrays(columns) for w in (None, "w"))
    assert said(plain, weighted) == "weight null became 'w'"


def test_say_which_mean_moved_most() -> None:
    steps = [ss.Standard(["x", "y", "z"])]
    before = fitted(*steps, x=X, y=X, z=X)
    after = fitted(*steps, x=X + 0.1, y=X - 1.0, z=X)
    told = changes(before, after, 1).mean_shift
    assert told is not None
    assert (told.feature, told.value) == ("y", pytest.approx(-1 / X.std(), rel=1e-14))
    assert said(before, after) == "mean of 'y' -0.32 std"


def test_keep_the_digits_of_a_mean_far_from_zero() -> None:
    rng = np.random.default_rng(1)
    x = 1e9 + rng.normal(size=1000)
    told = changes(fitted(x=x), fitted(x=x + 2.0**-8), 1).mean_shift
    assert told is not None
    assert told.value == pytest.approx(2.0**-8 / x.std(), rel=1e-6)


def test_say_that_a_constant_moved() -> None:
    before, after = fitted(x=np.ones(4)), fitted(x=np.full(4, 2.0))
    told = changes(before, after, 1)
    assert told.mean_shift is not None
    assert math.isinf(told.mean_shift.value)
    assert json.loads(json.dumps(told.to_dict()))["mean_shift"] == {"feature": "x", "value": None}
    assert str(told) == "mean of 'x' moved, which was constant"
    assert said(after, before) == "mean of 'x' moved, which was constant"
    assert said(before, before) == "same features, steps, rows and means"


def test_leave_out_columns_without_numbers() -> None:
    none = fitted(ss.Standard("x", empty="null"), x=np.full(4, np.nan))
    some = fitted(ss.Standard("x", empty="null"), x=X)
    assert said(none, some) == said(some, none) == "same features, steps, rows and means"


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_compare_means_at_both_ends_of_a_double(scale: float) -> None:
    told = changes(fitted(x=X * scale), fitted(x=(X + 1) * scale), 1).mean_shift
    assert told is not None
    assert told.value == pytest.approx(1 / X.std(), rel=1e-12)


def test_show_names_that_a_terminal_would_obey() -> None:
    odd = "\x1b[31mx"
    assert "\x1b" not in said(fitted(), fitted(ss.Standard(odd), **{odd: X}))
