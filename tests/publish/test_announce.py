"""Announcements: a table of files where nothing can be renamed. On a local folder, by the same client as on S3."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sparkscale.errors import DataError, SparkscaleError, TemporaryError
from sparkscale.publish import announce
from sparkscale.publish.announce import Announced, by_prefix
from sparkscale.publish.runs import Run


def put(uri: str, **files: str) -> None:
    """Write files; ``__`` in a name stands for ``/`` and ``_is_`` for ``=``."""
    for name, text in files.items():
        place = Path(uri, name.replace("_is_", "=").replace("__", "/"))
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)


def publish(folder: Path, run_id: str, mode: str, **files: str) -> Announced:
    """Publish files, and return what is announced then."""
    table = Announced.of(str(folder))
    table.clear(run_id)
    put(table.place(run_id), **files)
    table.announce(mode, {"run_id": run_id})
    return Announced.of(str(folder))


def names(table: Announced) -> list[str]:
    return sorted(table.table.files)


def test_announce_by_mode(tmp_path: Path) -> None:
    assert Announced.of(str(tmp_path)).table.files == {}
    first = publish(tmp_path, "a", "error", p_is_1__x="1", p_is_2__x="2", _SUCCESS="")
    assert names(first) == ["00000001-a/p=1/x", "00000001-a/p=2/x"]
    assert first.table.files["00000001-a/p=1/x"] == {"size": 1, "run_id": "a"}
    second = publish(tmp_path, "b", "append", p_is_1__y="3")
    assert names(second) == [*names(first), "00000002-b/p=1/y"]
    third = publish(tmp_path, "c", "overwrite_partitions", p_is_1__z="4")
    assert names(third) == ["00000001-a/p=2/x", "00000003-c/p=1/z"]
    assert by_prefix(list(third.table.files)) == {
        "00000001-a": ["00000001-a/p=2/x"],
        "00000003-c": ["00000003-c/p=1/z"],
    }
    assert (tmp_path / "00000001-a" / "p=1" / "x").exists()  # for those who read the table before
    fourth = publish(tmp_path, "d", "overwrite", q="5")
    assert names(fourth) == ["00000004-d/q"]
    assert not (tmp_path / "00000001-a" / "p=1" / "x").exists()
    assert (tmp_path / "00000001-a" / "p=2" / "x").exists()
    assert (fourth.number, fourth.table.run_ids) == (4, ["a", "b", "c", "d"])
    assert fourth.finished(Run("d"), "overwrite") == {"run_id": "d"}
    assert fourth.finished(Run("a"), "overwrite") is None
    assert fourth.finished(Run("a", given=True), "overwrite") == {"run_id": "a"}


def test_let_one_of_two_win(tmp_path: Path) -> None:
    publish(tmp_path, "a", "error", x="1")
    one, two = (Announced.of(str(tmp_path)) for _ in range(2))
    put(one.place("one"), x="2")
    one.announce("append", {"run_id": "one"})
    put(two.place("two"), x="3")
    with pytest.raises(TemporaryError, match="another run published") as caught:
        two.announce("append", {"run_id": "two"})
    two.discard("two")
    assert caught.value.exit_code == 75
    assert names(Announced.of(str(tmp_path))) == ["00000001-a/x", "00000002-one/x"]
    assert not list(tmp_path.glob("*-two/*"))


def test_announce_nothing_of_a_run_that_failed(tmp_path: Path) -> None:
    publish(tmp_path, "a", "error", x="1")
    table = Announced.of(str(tmp_path))
    put(table.place("b"), x="2")
    table.discard("b")
    assert Announced.of(str(tmp_path)) == table
    assert not list(tmp_path.glob("*-b/*"))


def test_keep_what_was_announced_though_the_answer_was_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that hears nothing of its put tries again, and hears that there is one: its own."""
    put_object = announce.obstore.put

    def twice(*arguments: Any, **options: Any) -> None:
        put_object(*arguments, **options)
        put_object(*arguments, **options)

    monkeypatch.setattr(announce.obstore, "put", twice)
    assert names(publish(tmp_path, "a", "error", x="1")) == ["00000001-a/x"]
    table = Announced.of(str(tmp_path))

    def lost(*arguments: Any, **options: Any) -> None:
        put_object(*arguments, **options)
        raise OSError("no answer")

    monkeypatch.setattr(announce.obstore, "put", lost)
    put(table.place("b"), x="2")
    with pytest.raises(SparkscaleError, match="no answer"):
        table.announce("append", {"run_id": "b"})
    table.discard("b")
    assert names(Announced.of(str(tmp_path))) == ["00000001-a/x", "00000002-b/x"]
    assert (tmp_path / "00000002-b" / "x").exists()


def test_clear_what_the_same_run_left(tmp_path: Path) -> None:
    """A run that was killed is done again: its own files go first, those of others stay until someone recovers."""
    publish(tmp_path, "a", "error", x="1")
    put(str(tmp_path), **{"00000001-b__old": "left", "00000002-b__old": "left", "00000002-c__old": "left"})
    assert Announced.of(str(tmp_path)).left_over() == ["00000001-b", "00000002-b", "00000002-c"]
    assert names(publish(tmp_path, "b", "append", x="2")) == ["00000001-a/x", "00000002-b/x"]
    assert not list(tmp_path.glob("*-b/old"))
    table = Announced.of(str(tmp_path))
    assert "removed 00000002-c, which no announcement names" in table.recover()
    assert {path.parent.name for path in tmp_path.glob("0*/*")} == {"00000001-a", "00000002-b"}


@pytest.mark.parametrize("text", ["", "{}", '{"format": "sparkscale-manifest", "format_version": 9, "runs": [], "files": {}}',
                                  '{"format": "sparkscale-manifest", "format_version": 1, "runs": [], '
                                  '"files": {"../../x": {"size": 1}}}'])  # fmt: skip
def test_refuse_announcement_that_is_none(tmp_path: Path, text: str) -> None:
    put(str(tmp_path), **{"_sparkscale__00000001.json": text})
    with pytest.raises(DataError, match="expected a manifest"):
        Announced.of(str(tmp_path))


def test_name_what_the_store_refuses(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    table = Announced.of(str(tmp_path / "out"))
    put(table.place("a"), x="1")
    (tmp_path / "out" / "_sparkscale").write_text("in the way")
    with pytest.raises(SparkscaleError) as caught:
        table.announce("error", {"run_id": "a"})
    assert caught.value.exit_code in (73, 74, 75)
