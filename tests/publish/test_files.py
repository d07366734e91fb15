"""Publishing: overlap refused, nothing seen before it is complete, nothing gone before it is replaced."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sparkscale.errors import (
    AccessError,
    ConfigError,
    DataError,
    OutputError,
    SparkscaleError,
    StorageError,
    TemporaryError,
)
from sparkscale.places import check_apart, check_outside
from sparkscale.publish import files, filesystem, manifest
from sparkscale.publish.runs import Run


def tree(folder: Path) -> dict[str, str]:
    """Return the files of a folder and what they hold."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.parent.name != "_sparkscale")
    return {str(path.relative_to(folder)): path.read_text() for path in found}


@contextlib.contextmanager
def staged(output: str, mode: str, run_id: str = "run") -> Iterator[str]:
    """Claim a target, and give the path to write to; when the block ends well, publish what is there."""
    with files.claimed(output) as claim:
        yield str(claim.new)
        claim.publish(mode, {"run_id": run_id})


def fill(staging: str, text: str = "new") -> None:
    Path(staging).mkdir()
    (Path(staging) / "part").write_text(text)


@pytest.mark.parametrize("mode", ["error", "overwrite"])
@pytest.mark.parametrize("target", ["out", "deep/er/out", "odd = näme*"])
def test_publish_new_folder(tmp_path: Path, mode: str, target: str) -> None:
    with staged(str(tmp_path / target), mode) as staging:
        beside = Path(staging).parent
        assert beside.parent == (tmp_path / target).parent
        assert beside.name.startswith("_sparkscale-")
        assert "=" not in beside.name
        fill(staging)
        assert not (tmp_path / target).exists()
    assert tree(tmp_path) == {f"{target}/part": "new"}


def test_publish_by_file_uri(tmp_path: Path) -> None:
    with staged(f"file://{tmp_path}/out", "error") as staging:
        fill(staging)
    assert tree(tmp_path) == {"out/part": "new"}


def test_replace_when_complete(tmp_path: Path, way: str) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").write_text("old")
    with staged(str(tmp_path / "out"), "overwrite") as staging:
        fill(staging)
        assert tree(tmp_path / "out") == {"old": "old"}
    assert tree(tmp_path) == {"out/part": "new"}


def test_keep_old_where_writing_fails(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").write_text("old")

    def work() -> None:
        with staged(str(tmp_path / "out"), "overwrite") as staging:
            fill(staging)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        work()
    assert tree(tmp_path) == {"out/old": "old"}


@pytest.fixture(params=["exchange", "two renames"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Replace a folder as this system does it best, and as one that cannot exchange two folders."""
    if request.param == "two renames":
        monkeypatch.setattr(filesystem, "EXCHANGE", 1 << 30)  # a flag that no system knows: EINVAL
    return str(request.param)


def test_keep_old_where_second_rename_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filesystem, "EXCHANGE", 1 << 30)
    fill(str(tmp_path / "out"), "old")
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if self.name == "new":
            raise OSError(errno.ENOSPC, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(StorageError, match=r"publishing .*: No space left") as caught, \
            staged(str(tmp_path / "out"), "overwrite") as staging:  # fmt: skip
        fill(staging)
    assert caught.value.exit_code == 74
    assert tree(tmp_path) == {"out/part": "old"}


def test_conflict_where_another_published_first(tmp_path: Path) -> None:

    def work() -> None:
        with staged(str(tmp_path / "out"), "error") as staging:
            fill(staging)
            fill(str(tmp_path / "out"), "theirs")

    with pytest.raises(TemporaryError) as caught:
        work()
    assert caught.value.exit_code == 75
    assert tree(tmp_path) == {"out/part": "theirs"}


#: A run that stops at a step of publishing (a call of ``os`` or ``Path``), and dies there; or waits for a sign.
RUN = """
import ctypes, os, pathlib, sys
from sparkscale.publish import files, filesystem, staging
target, step, exchange = sys.argv[1:]
filesystem.EXCHANGE = int(exchange)
with files.claimed(target) as claim:
    claim.new.mkdir()
    if step == "write":
        os._exit(9)
    (claim.new / "part").write_text("new")
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
        staging.shutil.rmtree = lambda *a, **k: os._exit(9)
    claim.publish("overwrite", {"run_id": "crashing"})
"""
NO_EXCHANGE = 1 << 30


def start(target: Path, step: str, exchange: int = filesystem.EXCHANGE) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", RUN, str(target), step, str(exchange)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


CRASHES = [
    ("write", filesystem.EXCHANGE, "old"),
    ("after exchange", filesystem.EXCHANGE, "new"),
    ("before rename 1", NO_EXCHANGE, "old"),
    ("before rename 2", NO_EXCHANGE, None),
    ("after exchange", NO_EXCHANGE, "new"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("step", "exchange", "seen"), CRASHES)
def test_mend_what_a_crash_left(tmp_path: Path, step: str, exchange: int, seen: str | None) -> None:
    fill(str(tmp_path / "out"), "old")
    with start(tmp_path / "out", step, exchange) as crashing:
        assert crashing.wait(60) == 9
    found = tree(tmp_path / "out") if (tmp_path / "out").exists() else {"part": None}
    assert found == {"part": seen}
    assert len(list(tmp_path.iterdir())) >= 1 + (seen is not None)  # there is something to repair
    with contextlib.suppress(RuntimeError), staged(str(tmp_path / "out"), "overwrite"):
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
    monkeypatch.setattr(files.time, "sleep", lambda seconds: listed.append((seconds, names_of())))
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


def test_name_staging_of_odd_targets_apart(tmp_path: Path) -> None:
    with staged(str(tmp_path / "a b"), "error") as one, staged(str(tmp_path / "a_b"), "error") as two:
        fill(one, "1")
        fill(two, "2")
    assert tree(tmp_path) == {"a b/part": "1", "a_b/part": "2"}


OVERLAPS = [
    ("in", "in"), ("in/", "in"), ("./in", "in"), ("in/deeper", "in"), (".", "in/part.parquet"), ("in", "in/a/b"),
    ("in", "in/*.parquet"), ("in/out", "in/{a,b}"), ("link", "in"), ("in", "link"), ("link/x", "in"),
    ("{here}/in", "in"), ("file://{here}/in", "in"), ("in", "file:{here}/in"), ("other/../in", "in"),
    ("in/day=2", "in/day*"), ("in/day=2", "in/day={1,2}"), ("in/day=2/deeper", "in/day=[12]"), ("in", "i?"),
    ("s3a://b/in", "s3://b/in"), ("s3://b/in/x", "s3n://b/in"), ("s3://b/", "s3a://key:pw@b/in/*"),
    ("S3A://b/a/../in", "s3://b/in/"), ("abfss://c@h/in", "abfs://h/in"), ("hdfs://n/in/day=2", "hdfs://n/in/day=*"),
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
    with pytest.raises(ConfigError, match=r"output\.path: .* overlaps the input") as caught:
        check_apart("output.path", output, "the input", source)
    assert (caught.value.code, caught.value.exit_code) == ("CONFIG_OVERLAP", 78)


@pytest.mark.parametrize(("output", "source"), [
    ("in2", "in"), ("out/in", "in"), ("out", "in/*"), ("out", "s3://b/out"), ("i", "in"), ("s3://b/in", "in"),
    ("s3://b/in2", "s3a://b/in"), ("s3://b2/in", "s3://b/in"), ("gs://b/in", "s3://b/in"),
    ("hdfs://n/out", "hdfs://n/in/*"),
    ("out/x", "*.parquet"), ("in/scaled", "in/day*"), ("in/day=3", "in/day=[12]"), ("odd1", "odd[1]"),
])  # fmt: skip
def test_accept_place_apart(here: Path, output: str, source: str) -> None:
    check_apart("output.path", output, "the input", source)


def test_refuse_artifact_that_would_go_with_the_output(here: Path) -> None:
    for artifact in ("out", "out/stats", "./out/a/b"):
        with pytest.raises(ConfigError, match=r"artifact\.path: .* overlaps the output"):
            check_outside("artifact.path", artifact, "the output", "out")
    for artifact in (".", "stats", "out2", "s3://b/out/x"):
        check_outside("artifact.path", artifact, "the output", "out")


@pytest.mark.parametrize("target", ["real", "not there yet"])
def test_publish_through_a_link(here: Path, target: str) -> None:
    if target == "real":
        fill(target, "old")
    (here / "latest").symlink_to(target)
    with staged("latest", "overwrite") as staging:
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
            files.check_target(str(tmp_path / name), mode)
        assert caught.value.exit_code == 73
    files.check_target(str(tmp_path / "folder"), "overwrite")


@pytest.mark.parametrize(("number", "kind"), [
    (errno.EACCES, AccessError), (errno.EROFS, AccessError), (errno.ENOSPC, StorageError), (errno.EDQUOT, StorageError),
    (errno.ENOTEMPTY, TemporaryError), (errno.EEXIST, TemporaryError), (errno.ENOTDIR, OutputError),
])  # fmt: skip
def test_name_errors_of_file_system(number: int, kind: type[SparkscaleError]) -> None:
    error = filesystem.storage_error(OSError(number, os.strerror(number)), "publishing out")
    assert type(error) is kind
    assert error.cause == f"publishing out: {os.strerror(number)}"


def put(folder: Path, **files: str) -> None:
    """Write files; ``__`` in a name stands for ``/`` and ``_is_`` for ``=``."""
    for name, text in files.items():
        place = folder / name.replace("_is_", "=").replace("__", "/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)


MODES = [
    ("error", {}, {"p=1/a": "A", "b": "B"}),
    ("overwrite", {"p_is_1__old": "1", "c": "C"}, {"p=1/a": "A", "b": "B"}),
    ("append", {"p_is_1__old": "1", "p_is_2__old": "2", "c": "C", "b": "kept"},
     {"p=1/old": "1", "p=2/old": "2", "c": "C", "b": "B", "p=1/a": "A"}),
    ("overwrite_partitions", {"p_is_1__old": "1", "p_is_1__.old.crc": "x", "p_is_2__old": "2", "p_is_2__q_is_1__x": "3"},
     {"p=2/old": "2", "p=2/q=1/x": "3", "p=1/a": "A"}),
    ("append", {}, {"p=1/a": "A", "b": "B"}),
    ("overwrite_partitions", {}, {"p=1/a": "A"}),
]  # fmt: skip


@pytest.mark.parametrize(("mode", "before", "after"), MODES)
@pytest.mark.parametrize("links", [True, False])
def test_publish_by_mode(
    tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch, mode: str, before: dict[str, str],
    after: dict[str, str], links: bool,
) -> None:  # fmt: skip
    if not links:
        monkeypatch.setattr(Path, "hardlink_to", lambda *_: (_ for _ in ()).throw(OSError(errno.EPERM, "no links")))
    put(tmp_path / "out", **before) if before else None
    inodes = {str(path): path.stat().st_ino for path in (tmp_path / "out").rglob("*")} if before else {}
    with staged(str(tmp_path / "out"), mode, "second") as staging:
        put(Path(staging), p_is_1__a="A", **({} if mode == "overwrite_partitions" else {"b": "B"}))
        assert tree(tmp_path / "out") if before else not (tmp_path / "out").exists()
    assert tree(tmp_path / "out") == after
    assert {path.name for path in tmp_path.iterdir()} == {"out"}
    known = manifest.read(tmp_path / "out")
    assert known is not None
    assert known.run_ids == ["second"]
    assert manifest.problems(tmp_path / "out", known) == []
    assert known.files["p=1/a"] == {"size": 1, "run_id": "second", "sha256": hashlib.sha256(b"A").hexdigest()}
    for name in known.files.keys() - {"p=1/a", "b"}:
        assert known.files[name] == {"size": 1}
        kept = tmp_path / "out" / name
        assert (kept.stat().st_ino == inodes[str(kept)]) == links


def test_keep_the_record_of_earlier_runs(tmp_path: Path) -> None:
    target, first, second = str(tmp_path / "out"), Run("a", given=True), Run("b", given=True)
    for run in (first, second):
        with staged(target, "append", run.id) as staging:
            put(Path(staging), **{f"part_{run.id}": run.id})
    with files.claimed(target) as claim:
        assert claim.finished(first, "append") == {"run_id": "a"}
        assert claim.finished(second, "overwrite") == {"run_id": "b"}
        assert claim.finished(first, "overwrite") == {"run_id": "a"}  # given: that work is done
        assert claim.finished(Run("a"), "overwrite") is None  # by content: another result has come over it
        assert claim.finished(Run("a"), "append") == {"run_id": "a"}
        assert claim.finished(Run("c"), "append") is None
        put(Path(target), stranger="x")
        assert claim.finished(second, "overwrite") is None
        assert claim.finished(second, "append") == {"run_id": "b"}
    known = manifest.read(tmp_path / "out")
    assert known is not None
    assert {name: file["run_id"] for name, file in known.files.items()} == {"part_a": "a", "part_b": "b"}


STEPS = ["claimed", "cleared", "written", "complete", "set aside", "published"]


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("mode", ["overwrite", "append", "overwrite_partitions"])
@pytest.mark.parametrize("fault", ["kill", "exception"])
def test_show_old_or_new_after_a_fault_at_any_step(tmp_path: Path, step: str, mode: str, fault: str) -> None:
    """Fail at each step of publishing; a reader finds the old or the new whole, and a second try ends with the new."""
    put(tmp_path / "out", p_is_1__part="1", p_is_2__part="2")
    old = tree(tmp_path / "out")
    exchange = NO_EXCHANGE if step == "set aside" else filesystem.EXCHANGE
    command = [sys.executable, "-c", FAULTY, str(tmp_path / "out"), mode, str(exchange)]
    done = subprocess.run([*command, step, fault], check=False, timeout=60, capture_output=True, text=True)
    assert done.returncode == (-9 if fault == "kill" else 1), done.stderr
    if fault == "exception":
        assert [path.name for path in tmp_path.iterdir()] == ["out"]
    between = tree(tmp_path / "out") if (tmp_path / "out").exists() else None
    again = subprocess.run([*command, "none", fault], check=False, timeout=60, capture_output=True, text=True)
    new = tree(tmp_path / "out")
    assert (again.returncode, [path.name for path in tmp_path.iterdir()]) == (0, ["out"])
    assert new == {"p=1/new": "n"} | ({"p=2/part": "2"} if mode != "overwrite" else {}) | (
        {"p=1/part": "1"} if mode == "append" else {})  # fmt: skip
    seen_new = step == "published"
    assert between == (new if seen_new else None if (step, fault) == ("set aside", "kill") else old)
    assert ("unchanged" in again.stdout) == seen_new
    assert ("recovered" in again.stdout) == (fault == "kill" and step not in ("claimed", "cleared"))


FAULTY = """
import os, pathlib, sys
from sparkscale.publish import files, filesystem, staging
from sparkscale.publish.runs import Run
target, mode, exchange, wanted, fault = sys.argv[1:]
filesystem.EXCHANGE = int(exchange)
def reached(step):
    if step == wanted:
        if fault == "kill":
            os.kill(os.getpid(), 9)
        raise RuntimeError(step)
files.reached = reached
with files.claimed(target) as claim:
    for line in claim.recovered:
        print("recovered", line)
    if claim.finished(Run("run"), mode):
        print("unchanged")
    else:
        place = claim.new / "p=1"
        place.mkdir(parents=True)
        (place / "new").write_text("n")
        claim.publish(mode, {"run_id": "run"})
"""


def test_leave_no_folder_of_a_run_that_failed(tmp_path: Path) -> None:
    with contextlib.suppress(RuntimeError), files.claimed(str(tmp_path / "a" / "b" / "out")):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


HOSTILE = [
    "", "{}", "[]", "null", '{"format": "sparkscale-manifest"}',
    '{"format": "sparkscale-manifest", "format_version": 2, "runs": [], "files": {}}',
    '{"format": "sparkscale-manifest", "format_version": 1, "runs": [1], "files": {}}',
    '{"format": "sparkscale-manifest", "format_version": 1, "runs": [{"run_id": 1}], "files": {}}',
    *(f'{{"format": "sparkscale-manifest", "format_version": 1, "runs": [], "files": {{"{name}": {{"size": 1}}}}}}'
      for name in ("../x", "/etc/passwd", "a/../../x", "", "a\\\\u0000b", "..")),
    '{"format": "sparkscale-manifest", "format_version": 1, "runs": [], "files": {"a": {"size": "1"}}}',
    '{"format": "sparkscale-manifest", "format_version": 1, "runs": [], "files": {"a": 1}}',
    "[" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_refuse_manifest_that_is_none(tmp_path: Path, text: str) -> None:
    put(tmp_path, **{"_sparkscale__manifest.json": text.replace("\\\\u", "\\u")})
    with pytest.raises(DataError, match="expected a manifest") as caught:
        manifest.read(tmp_path)
    assert caught.value.exit_code == 65


def test_refuse_large_manifest_unread(tmp_path: Path) -> None:
    put(tmp_path, **{"_sparkscale__manifest.json": ""})
    os.truncate(tmp_path / "_sparkscale" / "manifest.json", manifest.MAX_BYTES + 1)
    with pytest.raises(DataError, match="at most"):
        manifest.read(tmp_path)


def test_find_what_differs_from_a_manifest(tmp_path: Path) -> None:
    with staged(str(tmp_path / "out"), "error") as staging:
        put(Path(staging), a="1", b="2", c="3", p_is_1__d="4", _SUCCESS="")
    folder, known = tmp_path / "out", manifest.read(tmp_path / "out")
    assert known is not None
    assert manifest.is_whole(folder, known)
    put(folder, a="x", b="22", _other="", p_is_1__e="5")
    (folder / "c").unlink()
    assert [str(problem) for problem in manifest.problems(folder, known)] == [
        "a: its content is not what was published; restore it, or run the job again",
        "b: expected 1 byte, found 2; restore it, or run the job again",
        "c: expected this file, found none; restore it, or run the job again",
        "p=1/e: this file is not in the manifest; move it elsewhere",
    ]
    assert not manifest.is_whole(folder, known)


@pytest.mark.slow
def test_remove_again_what_an_engine_wrote_while_it_was_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed: list[Path] = []

    def racing(folder: Path, *, ignore_errors: bool) -> None:
        rmtree(folder, ignore_errors=ignore_errors)
        removed.append(folder)
        if len(removed) < 3:  # a task that has not heard yet that it is to end
            (Path(folder) / "_temporary").mkdir(parents=True)

    rmtree = shutil.rmtree
    monkeypatch.setattr(shutil, "rmtree", racing)
    with pytest.raises(KeyboardInterrupt), files.claimed(str(tmp_path / "out")):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
    assert len(removed) > 3
