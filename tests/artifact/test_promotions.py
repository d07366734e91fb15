"""Promotions: an append-only log of which version is in use; one of two at once wins, the other ends with an error."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import obstore
import pytest

import sparkscale as ss
from sparkscale.artifact import jsons, store
from sparkscale.artifact.promoting import promote, rollback
from sparkscale.errors import ConfigError, DataError, InputMissingError, OutputError, TemporaryError
from sparkscale.pipeline.fitted import Fitted


def fitted(number: float) -> Fitted:
    return ss.Pipeline([ss.MinMax("x")]).fit_arrays({"x": np.array([0.0, number])})


@pytest.fixture
def uri(tmp_path: Path) -> str:
    """Give a store of three versions."""
    place = str(tmp_path / "stats")
    assert [fitted(n).save(place) for n in (1, 2, 3)] == [1, 2, 3]
    return place


#: What takes the promoted version.
WHICH: tuple[store.Which, ...] = (None, "promoted")


def log(uri: str) -> list[Any]:
    return [json.loads(path.read_text()) for path in sorted(Path(uri, "promotions").glob("*.json"))]


def test_take_the_newest_until_one_is_promoted(uri: str) -> None:
    assert (store.resolve(uri), store.resolve(uri, "newest"), store.promoted(uri)) == (3, 3, None)
    with pytest.raises(
        InputMissingError, match=r"expected a promoted version in .*, found none; promote one"
    ) as caught:
        store.resolve(uri, "promoted")
    assert (caught.value.code, caught.value.exit_code) == ("PROMOTION_MISSING", 66)
    promote(uri, 2)
    assert [store.resolve(uri, which) for which in (None, "promoted", "newest", 1)] == [2, 2, 3, 1]
    assert ss.load(uri) == ss.load(uri, version="promoted") == fitted(2)
    assert ss.load(uri, version="newest") == ss.load(uri, 3) == fitted(3)
    assert fitted(4).save(uri) == 4
    assert (ss.load(uri), ss.load(uri, "newest")) == (fitted(2), fitted(4))


def test_keep_a_record_of_each_promotion(uri: str) -> None:
    assert promote(uri, 2, reason="drift is fine: ü").to_dict()["before"] is None
    done = promote(uri, 1)
    assert (done.version, done.before, done.changed) == (1, 2, True)
    first, second = log(uri)
    assert {key: first[key] for key in ("format", "format_version", "action", "version", "previous", "reason")} == {
        "format": "sparkscale-promotion", "format_version": 1, "action": "promote", "version": 2, "previous": None,
        "reason": "drift is fine: ü"}  # fmt: skip
    assert (second["version"], second["previous"], second["reason"]) == (1, 1, "")
    assert first["time"] <= second["time"]
    assert set(first) == {"format", "format_version", "checksum", "action", "version", "previous", "reason", "time",
                          "id"}  # fmt: skip


def test_promote_what_is_promoted_changes_nothing(uri: str) -> None:
    promote(uri, 2)
    again = promote(uri, 2)
    assert (again.changed, again.to_dict()["status"], len(log(uri))) == (False, "unchanged", 1)
    with pytest.raises(InputMissingError):
        rollback(uri)


def test_go_back_one_promotion_at_a_time(uri: str) -> None:
    for version in (1, 2, 3):
        promote(uri, version)
    assert [(done.version, done.before) for done in (rollback(uri), rollback(uri))] == [(2, 3), (1, 2)]
    with pytest.raises(InputMissingError, match="found none before that of version 1; promote a version") as caught:
        rollback(uri)
    assert (caught.value.code, caught.value.exit_code) == ("PROMOTION_MISSING", 66)
    assert [(record["action"], record["version"]) for record in log(uri)] == [
        ("promote", 1), ("promote", 2), ("promote", 3), ("rollback", 2), ("rollback", 1)]  # fmt: skip
    promote(uri, 3)
    promote(uri, 2)
    assert [rollback(uri).version for _ in range(2)] == [3, 1]


def test_refuse_to_go_back_without_a_promotion(uri: str) -> None:
    with pytest.raises(InputMissingError, match=r"expected an earlier promotion in .* to go back to, found none;"):
        rollback(uri)
    assert not Path(uri, "promotions").exists()


@pytest.mark.parametrize("version", [0, -1, 4])
def test_refuse_to_promote_what_is_not_there(uri: str, version: int) -> None:
    with pytest.raises(
        InputMissingError, match=f"expected version {version} in .*, found versions 1 to 3; see"
    ) as caught:
        promote(uri, version)
    assert (caught.value.code, caught.value.exit_code) == ("ARTIFACT_MISSING", 66)
    assert not Path(uri, "promotions").exists()


def test_refuse_to_promote_a_damaged_version(uri: str) -> None:
    promote(uri, 1)
    promote(uri, 3)
    for number in (1, 2):
        path = Path(uri, f"0000000{number}.json")
        path.write_bytes(path.read_bytes().replace(b'"rows": 2', b'"rows": 3', 1))
    changes: list[Callable[[], Any]] = [lambda: promote(uri, 2), lambda: rollback(uri)]
    for change in changes:
        with pytest.raises(DataError) as caught:
            change()
        assert (caught.value.code, caught.value.exit_code) == ("ARTIFACT_CHECKSUM", 65)
    assert (len(log(uri)), store.resolve(uri)) == (2, 3)


def test_never_take_another_where_the_promoted_one_is_gone(uri: str) -> None:
    promote(uri, 2)
    Path(uri, "00000002.json").unlink()
    for which in WHICH:
        with pytest.raises(
            InputMissingError, match=r"expected version 2, which is promoted, in .*; restore it, or prom"
        ):
            ss.load(uri, which)
    assert ss.load(uri, "newest") == fitted(3)


@pytest.mark.parametrize("version", ["promotd", True, 1.0, "2", [], b"newest"])
def test_refuse_what_names_no_version(uri: str, version: Any) -> None:
    for use in (ss.load, store.resolve, promote):
        with pytest.raises(ConfigError, match="version: expected a number, 'newest' or 'promoted', found ") as caught:
            use(uri, version)
        assert caught.value.exit_code == 78
    with pytest.raises(ConfigError, match="did you mean 'promoted'"):
        ss.load(uri, "promotd")  # type: ignore[arg-type]


@pytest.mark.parametrize("version", ["newest", "promoted", None])
def test_promote_needs_a_number(uri: str, version: Any) -> None:
    with pytest.raises(ConfigError, match="version: expected a number, found"):
        promote(uri, version)


def test_take_numbers_of_numpy(uri: str) -> None:
    assert promote(uri, np.int64(2)).to_dict()["version"] == 2  # type: ignore[arg-type]
    assert type(store.resolve(uri, np.int32(1))) is int  # type: ignore[arg-type]


def test_refuse_a_version_of_one_file(uri: str) -> None:
    with pytest.raises(ConfigError, match="which is one file, found 'promoted'; leave it out"):
        ss.load(f"{uri}/00000001.json", "promoted")


@pytest.mark.parametrize("reason", [None, 5, "x" * 1001, "\ud800"])
def test_refuse_a_reason_that_is_no_short_text(uri: str, reason: Any) -> None:
    with pytest.raises(ConfigError, match="reason: expected at most 1,000 characters of text, found"):
        promote(uri, 1, reason=reason)
    assert not log(uri)


def test_miss_a_store_that_is_not_there(tmp_path: Path) -> None:
    changes: list[Callable[[], Any]] = [lambda: promote(tmp_path / "none", 1), lambda: rollback(tmp_path / "none")]
    for change in changes:
        with pytest.raises(InputMissingError) as caught:
            change()
        assert (caught.value.code, caught.value.exit_code) == ("ARTIFACT_MISSING", 66)
    assert not (tmp_path / "none").exists()


def raced(monkeypatch: pytest.MonkeyPatch, other: Callable[[], Any]) -> None:
    """Let another command be first, just before the next record is put."""
    put = obstore.put

    def late(*arguments: Any, **options: Any) -> Any:
        monkeypatch.setattr(obstore, "put", put)
        other()
        return put(*arguments, **options)

    monkeypatch.setattr(obstore, "put", late)


def test_tell_the_loser_of_two_promotions(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    raced(monkeypatch, lambda: promote(uri, 3))
    with pytest.raises(
        TemporaryError, match=r"version 3 of .* was promoted meanwhile; version 2 was not; look"
    ) as caught:
        promote(uri, 2)
    assert (caught.value.code, caught.value.exit_code) == ("PROMOTION_CONFLICT", 75)
    assert ([record["version"] for record in log(uri)], store.resolve(uri)) == ([3], 3)
    assert promote(uri, 2).before == 3


def test_tell_the_loser_of_two_rollbacks(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for version in (1, 2, 3):
        promote(uri, version)
    raced(monkeypatch, lambda: rollback(uri))
    with pytest.raises(TemporaryError):
        rollback(uri)
    assert store.resolve(uri) == 2  # once, not twice


def test_succeed_where_the_answer_of_the_store_was_lost(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    put = obstore.put

    def twice(*arguments: Any, **options: Any) -> Any:
        put(*arguments, **options)
        return put(*arguments, **options)

    monkeypatch.setattr(obstore, "put", twice)
    assert promote(uri, 2).changed
    assert (len(log(uri)), store.resolve(uri)) == (1, 2)


def sealed(**changes: Any) -> bytes:
    """Return a good record but for the changes, with the checksum of the change."""
    record = {"format": "sparkscale-promotion", "format_version": 1, "id": "0" * 16, "action": "promote", "version": 2,
              "previous": 1, "time": "2026-01-31T02:00:00Z", "reason": ""} | changes  # fmt: skip
    record = {key: value for key, value in record.items() if value != "left out"}
    return jsons.text(record | {"checksum": jsons.checksum(record)})


BROKEN: dict[str, bytes] = {
    "nothing": b"", "text": b"2", "cut": sealed()[:100], "a list": b"[]", "an artifact": b'{"format": "sparkscale-artifact"}',
    "no checksum": json.dumps({"format": "sparkscale-promotion", "format_version": 1, "version": 2}).encode(),
    "another version": sealed().replace(b'"version": 2', b'"version": 3'),
    "a key twice": sealed().replace(b'"version": 2', b'"version": 2, "version": 2'),
    "NaN": sealed().replace(b'"version": 2', b'"version": NaN'),
    "deep": b"[" * 60_000, "too large": b" " * 70_000 + sealed(), "a bomb": b"[" * 50_000_000,
    **{f"{key} {value!r:.20}": sealed(**{key: value}) for key, value in [
        ("version", 0), ("version", -1), ("version", True), ("version", "2"), ("version", 2.0), ("version", None),
        ("previous", 0), ("previous", 2), ("previous", 3), ("previous", True), ("previous", "1"),
        ("action", "delete"), ("action", None), ("action", ["promote"]), ("time", "yesterday"), ("time", 0),
        ("time", "2026-13-31T02:00:00Z"), ("time", "2026-01-31T02:00:00+01:00"), ("time", "2026-01-31T02:00:00Z\n"),
        ("reason", None), ("reason", "x" * 1001), ("id", "x"), ("id", 5), ("format_version", 0),
        ("format_version", True), ("format_version", "1"), ("more", 1),
        *((key, "left out") for key in ("id", "action", "version", "previous", "time", "reason", "format_version"))]},
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_refuse_broken_record_and_promote_over_it(uri: str, case: str) -> None:
    promote(uri, 1)
    Path(uri, "promotions", "00000002.json").write_bytes(BROKEN[case])
    for use in (ss.load, rollback, lambda uri: store.resolve(uri, "promoted")):
        with pytest.raises(DataError, match=r"promotions/00000002\.json: expected the record of a promotion") as caught:
            use(uri)
        assert (caught.value.code, caught.value.exit_code) == ("PROMOTION_INVALID", 65)
        assert len(caught.value.line) < 500
    assert (ss.load(uri, "newest"), ss.load(uri, 2)) == (fitted(3), fitted(2))  # need no promotion
    assert (promote(uri, 3).before, rollback(uri).version) == (1, 1)


def test_refuse_the_record_of_a_newer_version(uri: str) -> None:
    promote(uri, 1)
    Path(uri, "promotions", "00000002.json").write_bytes(sealed(format_version=2))
    for use in (ss.load, rollback, lambda uri: promote(uri, 2)):
        with pytest.raises(
            DataError, match="its format is version 2, this sparkscale reads up to 1; upgrade"
        ) as caught:
            use(uri)
        assert caught.value.code == "PROMOTION_NEWER"


def test_refuse_to_go_back_to_a_record_that_is_gone(uri: str) -> None:
    promote(uri, 1)
    promote(uri, 2)
    Path(uri, "promotions", "00000001.json").unlink()
    with pytest.raises(
        DataError, match=r"promotions/00000001\.json: expected the record of a promotion, found nothing"
    ):
        rollback(uri)
    assert store.resolve(uri) == 2


def test_read_good_record_of_another_program(uri: str) -> None:
    promote(uri, 1)
    Path(uri, "promotions", "00000002.json").write_bytes(sealed())
    assert (store.resolve(uri), rollback(uri).version) == (2, 1)


def test_refuse_a_pipe_in_the_log(uri: str) -> None:
    promote(uri, 1)
    os.mkfifo(Path(uri, "promotions", "00000002.json"))
    with pytest.raises(DataError, match="expected a file, found a pipe or a device"):
        store.resolve(uri)


def test_ignore_other_files_in_the_log(uri: str) -> None:
    promote(uri, 2)
    for name in ("3.json", "00000009.json.tmp", "README", "00000005.json#1"):
        Path(uri, "promotions", name).write_text("x")
    Path(uri, "promotions", "00000008.json").mkdir()
    assert (store.resolve(uri), promote(uri, 1).record.number) == (2, 2)


def test_refuse_a_log_that_cannot_be_written(uri: str) -> None:
    Path(uri, "promotions").write_text("a file")
    assert store.resolve(uri) == 3
    with pytest.raises(OutputError) as caught:
        promote(uri, 2)
    assert (caught.value.code, caught.value.exit_code) == ("STORE_FAILED", 73)


def test_show_a_promotion(uri: str) -> None:
    promote(uri, 1)
    done = promote(uri, 2, reason="<b>")
    assert repr(done) == f"version 2 of {uri} is promoted, in place of version 1"
    assert repr(promote(uri, 2)) == f"version 2 of {uri} is promoted already"
    assert done._repr_html_() == f"<p>version 2 of {uri} is promoted, in place of version 1</p>"
    told = done.to_dict()
    assert {key: told[key] for key in told if key != "time"} == {
        "status": "done", "path": uri, "version": 2, "before": 1, "action": "promote", "number": 2, "reason": "<b>"}  # fmt: skip
