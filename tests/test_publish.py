"""Publishing: overlap refused, nothing seen before it is complete, nothing gone before it is replaced."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sparkscale import publish
from sparkscale.errors import (
    AccessError,
    ConfigError,
    OutputError,
    SparkscaleError,
    StorageError,
    TemporaryError,
)


def tree(folder: Path) -> dict[str, str]:
    """Return the files of a folder and what they hold."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.parent.name != "_sparkscale")
    return {str(path.relative_to(folder)): path.read_text() for path in found}


def fill(staging: str, text: str = "new") -> None:
    Path(staging).mkdir()
    (Path(staging) / "part").write_text(text)


@pytest.mark.parametrize("mode", ["error", "overwrite"])
@pytest.mark.parametrize("target", ["out", "deep/er/out", "odd = näme*"])
def test_publish_new_folder(tmp_path: Path, mode: str, target: str) -> None:
    with publish.staged(str(tmp_path / target), mode) as staging:
        beside = Path(staging).parent
        assert beside.parent == (tmp_path / target).parent
        assert beside.name.startswith("_sparkscale-")
        assert "=" not in beside.name
        fill(staging)
        assert not (tmp_path / target).exists()
    assert tree(tmp_path) == {f"{target}/part": "new"}


def test_publish_by_file_uri(tmp_path: Path) -> None:
    with publish.staged(f"file://{tmp_path}/out", "error") as staging:
        fill(staging)
    assert tree(tmp_path) == {"out/part": "new"}


def test_replace_when_complete(tmp_path: Path, way: str) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").write_text("old")
    with publish.staged(str(tmp_path / "out"), "overwrite") as staging:
        fill(staging)
        assert tree(tmp_path / "out") == {"old": "old"}
    assert tree(tmp_path) == {"out/part": "new"}


def test_keep_old_where_writing_fails(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").write_text("old")

    def work() -> None:
        with publish.staged(str(tmp_path / "out"), "overwrite") as staging:
            fill(staging)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        work()
    assert tree(tmp_path) == {"out/old": "old"}


@pytest.fixture(params=["exchange", "two renames"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Replace a folder as this system does it best, and as one that cannot exchange two folders."""
    if request.param == "two renames":
        monkeypatch.setattr(publish, "_EXCHANGE", 1 << 30)  # a flag that no system knows: EINVAL
    return str(request.param)


def test_keep_old_where_second_rename_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "_EXCHANGE", 1 << 30)
    fill(str(tmp_path / "out"), "old")
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if self.name == "new":
            raise OSError(errno.ENOSPC, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(StorageError, match=r"publishing .*: No space left") as caught, \
            publish.staged(str(tmp_path / "out"), "overwrite") as staging:  # fmt: skip
        fill(staging)
    assert caught.value.exit_code == 74
    assert tree(tmp_path) == {"out/part": "old"}


def test_conflict_where_another_published_first(tmp_path: Path) -> None:

    def work() -> None:
        with publish.staged(str(tmp_path / "out"), "error") as staging:
            fill(staging)
            fill(str(tmp_path / "out"), "theirs")

    with pytest.raises(TemporaryError) as caught:
        work()
    assert caught.value.exit_code == 75
    assert tree(tmp_path) == {"out/part": "theirs"}


#: A run that stops at a step of publishing (a call of ``os`` or ``Path``), and dies there; or waits to be told.
RUN = """
import ctypes, os, pathlib, sys
from sparkscale import publish
target, step, exchange = sys.argv[1:]
publish._EXCHANGE = int(exchange)
with publish.staged(target, "overwrite") as staging:
    pathlib.Path(staging).mkdir()
    if step == "write":
        os._exit(9)
    pathlib.Path(staging, "part").write_text("new")
    if step == "wait":
        print("ready", flush=True)
        sys.stdin.readline()
    rename, count = pathlib.Path.rename, 0
    def dying(self, other):
        global count
        count += 1
        if step == f"before rename {count}":
            os._exit(9)
        return rename(self, other)
    pathlib.Path.rename = dying
    if step == "after exchange":
        publish.shutil.rmtree = lambda *a, **k: os._exit(9)
"""
NO_EXCHANGE = 1 << 30


def start(target: Path, step: str, exchange: int = publish._EXCHANGE) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", RUN, str(target), step, str(exchange)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


CRASHES = [
    ("write", publish._EXCHANGE, "old"),
    ("after exchange", publish._EXCHANGE, "new"),
    ("before rename 1", NO_EXCHANGE, "old"),
    ("before rename 2", NO_EXCHANGE, None),
    ("after exchange", NO_EXCHANGE, "new"),
]


@pytest.mark.parametrize(("step", "exchange", "seen"), CRASHES)
def test_mend_what_a_crash_left(tmp_path: Path, step: str, exchange: int, seen: str | None) -> None:
    fill(str(tmp_path / "out"), "old")
    with start(tmp_path / "out", step, exchange) as crashing:
        assert crashing.wait(60) == 9
    found = tree(tmp_path / "out") if (tmp_path / "out").exists() else {"part": None}
    assert found == {"part": seen}
    assert len(list(tmp_path.iterdir())) >= 1 + (seen is not None)  # there is something to mend
    with contextlib.suppress(RuntimeError), publish.staged(str(tmp_path / "out"), "overwrite"):
        assert tree(tmp_path / "out") == {"part": seen or "old"}
        raise RuntimeError
    assert tree(tmp_path) == {"out/part": seen or "old"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_refuse_a_second_run_while_one_is_alive(tmp_path: Path) -> None:
    fill(str(tmp_path / "out"), "old")
    with start(tmp_path / "out", "wait") as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "ready\n"
        with pytest.raises(TemporaryError, match="another run is writing") as caught, \
                publish.staged(str(tmp_path / "out"), "overwrite"):  # fmt: skip
            pass
        assert caught.value.exit_code == 75
        with publish.staged(str(tmp_path / "out 2"), "error") as staging:  # another target is nobody's business
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

    monkeypatch.setattr(publish.fcntl, "flock", late)
    with publish.staged(str(tmp_path / "out"), "error") as staging:
        fill(staging)
        assert len(locked) == 2
        with pytest.raises(TemporaryError), publish.staged(str(tmp_path / "out"), "error"):
            pass
    assert tree(tmp_path) == {"out/part": "new"}


def test_show_readers_whole_folders_only(tmp_path: Path, way: str) -> None:
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
            with publish.staged(str(target), "overwrite") as staging:
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


def test_name_staging_of_odd_targets_apart(tmp_path: Path) -> None:
    with publish.staged(str(tmp_path / "a b"), "error") as one, publish.staged(str(tmp_path / "a_b"), "error") as two:
        fill(one, "1")
        fill(two, "2")
    assert tree(tmp_path) == {"a b/part": "1", "a_b/part": "2"}


OVERLAPS = [
    ("in", "in"), ("in/", "in"), ("./in", "in"), ("in/deeper", "in"), (".", "in/part.parquet"), ("in", "in/a/b"),
    ("in", "in/*.parquet"), ("in/out", "in/{a,b}"), ("link", "in"), ("in", "link"), ("link/x", "in"),
    ("{here}/in", "in"), ("file://{here}/in", "in"), ("in", "file:{here}/in"), ("other/../in", "in"),
    ("in/day=2", "in/day*"), ("in/day=2", "in/day={1,2}"), ("in/day=2/deeper", "in/day=[12]"), ("in", "i?"),
    ("link/day=2", "in/day?2"), ("FILE:{here}/in", "in"), ("odd[1]", "odd[1]"),
]  # fmt: skip


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with an input, a link to it, and a name that looks like a pattern."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    (tmp_path / "odd[1]").mkdir()
    (tmp_path / "link").symlink_to("in")
    return tmp_path


@pytest.mark.parametrize(("output", "source"), OVERLAPS)
def test_refuse_overlap_with_input(here: Path, output: str, source: str) -> None:
    output, source = (path.replace("{here}", str(here)) for path in (output, source))
    with pytest.raises(ConfigError, match=r"output\.path: expected a place apart from the input") as caught:
        publish.check_apart("output.path", output, "the input", source)
    assert (caught.value.code, caught.value.exit_code) == ("CONFIG_OVERLAP", 78)


@pytest.mark.parametrize(("output", "source"), [
    ("in2", "in"), ("out/in", "in"), ("out", "in/*"), ("out", "s3://b/out"), ("i", "in"), ("s3://b/in", "in"),
    ("out/x", "*.parquet"), ("in/scaled", "in/day*"), ("in/day=3", "in/day=[12]"), ("odd1", "odd[1]"),
])  # fmt: skip
def test_accept_place_apart(here: Path, output: str, source: str) -> None:
    publish.check_apart("output.path", output, "the input", source)


def test_refuse_artifact_that_would_go_with_the_output(here: Path) -> None:
    for artifact in ("out", "out/stats", "./out/a/b"):
        with pytest.raises(ConfigError, match=r"artifact\.path: expected a place apart from the output"):
            publish.check_outside("artifact.path", artifact, "the output", "out")
    for artifact in (".", "stats", "out2", "s3://b/out/x"):
        publish.check_outside("artifact.path", artifact, "the output", "out")


@pytest.mark.parametrize("target", ["real", "not there yet"])
def test_publish_through_a_link(here: Path, target: str) -> None:
    if target == "real":
        fill(target, "old")
    (here / "latest").symlink_to(target)
    with publish.staged("latest", "overwrite") as staging:
        fill(staging)
    assert (here / "latest").is_symlink()
    assert tree(here / target) == {"part": "new"}
    assert {path.name for path in here.iterdir()} == {"in", "link", "odd[1]", "latest", target}


def test_refuse_target_that_exists(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "folder").mkdir()
    for name, mode in (("file", "error"), ("file", "overwrite"), ("folder", "error"), ("dangling", "error"),
                       ("file/under", "error"), ("file/far/under", "overwrite")):  # fmt: skip
        with pytest.raises(OutputError) as caught:
            publish.check_target(str(tmp_path / name), mode)
        assert caught.value.exit_code == 73
    publish.check_target(str(tmp_path / "folder"), "overwrite")


def test_refuse_target_on_object_store() -> None:
    for uri in ("s3a://bucket/x", "hdfs://host/x", "gs://b/x"):
        with pytest.raises(ConfigError, match="expected a local path"):
            publish.check_target(uri, "error")


@pytest.mark.parametrize(("number", "kind"), [
    (errno.EACCES, AccessError), (errno.EROFS, AccessError), (errno.ENOSPC, StorageError), (errno.EDQUOT, StorageError),
    (errno.ENOTEMPTY, TemporaryError), (errno.EEXIST, TemporaryError), (errno.ENOTDIR, OutputError),
])  # fmt: skip
def test_name_errors_of_file_system(number: int, kind: type[SparkscaleError]) -> None:
    error = publish.storage_error(OSError(number, os.strerror(number)), "publishing out")
    assert type(error) is kind
    assert error.cause == f"publishing out: {os.strerror(number)}"
