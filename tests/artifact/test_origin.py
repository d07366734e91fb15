"""When a fit was made, and by which run: kept with it, and no reason for a new version."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sparkscale as ss
from sparkscale.artifact import document, jsons, store
from sparkscale.errors import DataError
from sparkscale.pipeline import origin
from sparkscale.pipeline.fitted import Fitted
from tests.artifact.test_hostile import sealed
from tests.samples import fitted as every_kind


def fitted(number: float = 1.0) -> Fitted:
    return ss.Pipeline([ss.MinMax("x")]).fit_arrays({"x": np.array([0.0, number])})


def test_save_the_time_of_a_fit(tmp_path: Path) -> None:
    before = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    fitted().save(tmp_path)
    (run,) = [ss.load(tmp_path).provenance["run"]]
    assert before <= origin.moment(run["time"]) <= datetime.datetime.now(datetime.UTC)
    assert run.keys() == {"time"}  # no job, no run
    assert json.loads((tmp_path / "00000001.json").read_text())["provenance"]["run"] == run


def test_keep_the_first_of_equal_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert origin.stamped(fitted(), "a").save(tmp_path) == 1
    data = (tmp_path / "00000001.json").read_bytes()
    monkeypatch.setattr(origin, "when", lambda _: "2030-01-01T00:00:00Z")
    for run_id in ("b", "x" * 64, None):
        assert origin.stamped(fitted(), run_id).save(tmp_path) == 1
    assert store.versions(tmp_path) == [1]
    assert (tmp_path / "00000001.json").read_bytes() == data
    assert origin.stamped(fitted(2), "b").save(tmp_path) == 2
    assert [ss.load(tmp_path, n).provenance["run"].get("id") for n in (1, 2)] == ["a", "b"]


def test_keep_the_time_of_a_fit_that_is_copied(tmp_path: Path) -> None:
    origin.stamped(fitted(), "a").save(tmp_path / "one")
    copied = ss.load(tmp_path / "one")
    copied.save(tmp_path / "two")
    assert (tmp_path / "two" / "00000001.json").read_bytes() == (tmp_path / "one" / "00000001.json").read_bytes()
    assert origin.stamped(copied, "b").provenance["run"]["id"] == "a"


def test_forget_the_runs_of_parts(tmp_path: Path) -> None:
    parts = [origin.stamped(fitted(n), "a") for n in (1, 2)]
    assert "run" not in ss.merge(parts).provenance


def test_add_a_version_beside_a_damaged_one(tmp_path: Path) -> None:
    fitted().save(tmp_path)
    path = tmp_path / "00000001.json"
    path.write_bytes(path.read_bytes().replace(b'"time": "2', b'"time": "3'))  # the checksum covers it
    with pytest.raises(DataError) as caught:
        ss.load(tmp_path)
    assert caught.value.code == "ARTIFACT_CHECKSUM"
    assert fitted().save(tmp_path) == 2


def test_tell_fits_by_their_content() -> None:
    one, later = every_kind(), origin.stamped(every_kind(), "a")
    assert document.content(one) == document.content(later) == document.content_of(document.dump(later))
    assert document.content(one) != document.content(every_kind(seed=1))
    assert document.content(fitted(1)) != document.content(fitted(2))


@pytest.mark.parametrize("run", [
    None, [], "nightly", {}, {"id": "a"}, {"time": "now"}, {"time": 1}, {"time": None}, {"time": "2026-02-30T00:00:00Z"},
    *({"time": "2026-01-31T02:00:00Z", **more} for more in (
        {"id": ""}, {"id": None}, {"id": 5}, {"id": "a b"}, {"id": "x" * 65}, {"id": "<b>"}, {"host": "h"})),
])  # fmt: skip
def test_refuse_broken_origin(run: Any) -> None:
    data = sealed(lambda content: content["provenance"].update(run=run))
    with pytest.raises(DataError) as caught:
        document.load(data)
    assert (caught.value.code, caught.value.exit_code) == ("ARTIFACT_INVALID", 65)
    assert "a run" in str(caught.value) or "a time" in str(caught.value) or "day is out of range" in str(caught.value)


def test_read_good_origin() -> None:
    run = {"time": "2026-01-31T02:00:00Z", "id": "nightly_2026-01-31.a"}
    assert document.load(sealed(lambda content: content["provenance"].update(run=run))).provenance["run"] == run


@pytest.mark.parametrize("provenance", [None, [], "x"])
def test_never_take_what_has_no_provenance_for_the_same(tmp_path: Path, provenance: Any) -> None:
    fitted().save(tmp_path)
    content = json.loads((tmp_path / "00000001.json").read_text())
    del content["checksum"]
    content["provenance"] = provenance
    (tmp_path / "00000002.json").write_bytes(jsons.text(content | {"checksum": jsons.checksum(content)}))
    assert fitted().save(tmp_path) == 3
