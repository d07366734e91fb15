"""Publishing a folder of files: nothing is seen before it is complete, nothing gone before it is replaced."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from pathlib import Path

import pytest

from sparkscale.errors import (
    AccessError,
    OutputError,
    SparkscaleError,
    StorageError,
    TemporaryError,
)
from sparkscale.publish import files, filesystem, manifest
from sparkscale.publish.runs import Run
from tests.publish.folders import NO_EXCHANGE, fill, put, staged, tree


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


def test_keep_old_where_second_rename_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filesystem, "EXCHANGE", NO_EXCHANGE)
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


def test_name_staging_of_odd_targets_apart(tmp_path: Path) -> None:
    with staged(str(tmp_path / "a b"), "error") as one, staged(str(tmp_path / "a_b"), "error") as two:
        fill(one, "1")
        fill(two, "2")
    assert tree(tmp_path) == {"a b/part": "1", "a_b/part": "2"}


@pytest.mark.parametrize("target", ["real", "not there yet"])
def test_publish_through_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    monkeypatch.chdir(tmp_path)
    if target == "real":
        fill(target, "old")
    (tmp_path / "latest").symlink_to(target)
    with staged("latest", "overwrite") as staging:
        fill(staging)
    assert (tmp_path / "latest").is_symlink()
    assert tree(tmp_path / target) == {"part": "new"}
    assert {path.name for path in tmp_path.iterdir()} == {"latest", target}


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


def test_leave_no_folder_of_a_run_that_failed(tmp_path: Path) -> None:
    with contextlib.suppress(RuntimeError), files.claimed(str(tmp_path / "a" / "b" / "out")):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
