"""Several runs and readers of one folder at once: one run wins, and readers see whole folders only."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from sparkscale.errors import TemporaryError
from sparkscale.publish import files
from tests.publish.folders import fill, put, staged, start, tree


def test_conflict_where_another_published_first(tmp_path: Path) -> None:

    def work() -> None:
        with staged(str(tmp_path / "out"), "error") as staging:
            fill(staging)
            fill(str(tmp_path / "out"), "theirs")

    with pytest.raises(TemporaryError) as caught:
        work()
    assert caught.value.exit_code == 75
    assert tree(tmp_path) == {"out/part": "theirs"}


def test_refuse_a_second_run_while_one_is_alive(tmp_path: Path) -> None:
    fill(str(tmp_path / "out"), "old")
    with start(tmp_path / "out", "wait") as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "ready\n"
        with pytest.raises(TemporaryError, match="another run is writing") as caught, \
                staged(str(tmp_path / "out"), "overwrite"):  # fmt: skip
            pass
        assert caught.value.exit_code == 75
        with staged(str(tmp_path / "out 2"), "error") as staging:  # another target is nobody's business
            fill(staging, "other")
        first.communicate("go on\n", timeout=60)
        assert first.returncode == 0
    assert tree(tmp_path) == {"out/part": "new", "out 2/part": "other"}


def test_lock_the_folder_that_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between making the staging folder and locking it, the run that had it may end, clear it, and a third make it."""
    flock, locked = fcntl.flock, []

    def late(folder: int, how: int) -> None:
        if not locked:
            (staging,) = tmp_path.glob("_sparkscale-*")
            staging.rename(tmp_path / "gone")
            staging.mkdir()
        locked.append(folder)
        flock(folder, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with staged(str(tmp_path / "out"), "error") as staging:
        fill(staging)
        assert len(locked) == 2
        with pytest.raises(TemporaryError), staged(str(tmp_path / "out"), "error"):
            pass
    assert tree(tmp_path) == {"out/part": "new"}


def test_leave_what_was_replaced_to_those_who_list_it(
    tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader has opened the old folder when it is replaced: it still lists all of it, for a while."""
    put(tmp_path / "out", one="1", two="2")
    folder, listed = os.open(tmp_path / "out", os.O_RDONLY), []
    names_of = lambda: sorted(entry.name for entry in os.scandir(folder))
    clock = SimpleNamespace(monotonic=time.monotonic, sleep=lambda seconds: listed.append((seconds, names_of())))
    monkeypatch.setattr(files, "time", clock)  # the module's own: other threads of this process sleep as well
    monkeypatch.setattr(files, "GRACE", 0.2)
    with staged(str(tmp_path / "out"), "overwrite") as staging:
        fill(staging)
    ((seconds, names),) = listed
    assert 0.1 < seconds <= 0.2
    assert names == ["one", "two"]
    assert names_of() == []
    os.close(folder)
    with staged(str(tmp_path / "another"), "overwrite") as staging:  # nothing was replaced, and nobody waits
        fill(staging)
    assert len(listed) == 1


@pytest.mark.slow
def test_show_readers_whole_folders_only(tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Poll a target that is replaced again and again: by an exchange it is always there, and never a mixture."""
    target, seen, done = tmp_path / "out", [], threading.Event()
    fill(str(target), "0")

    def poll() -> None:
        while not done.is_set():
            try:
                seen.append((target / "part").read_text())
            except FileNotFoundError:
                seen.append("")

    reader = threading.Thread(target=poll)
    reader.start()
    try:
        for number in range(1, 20_000):
            with staged(str(target), "overwrite") as staging:
                fill(staging, str(number))
            if number >= 200 and len(set(seen)) > 20:
                break
    finally:
        done.set()
        reader.join()
    numbers = [int(text) for text in seen if text]
    assert numbers == sorted(numbers)
    assert len(set(numbers)) >= 20
    assert way == "two renames" or "" not in seen
