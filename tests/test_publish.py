"""Publishing: overlap refused, nothing seen before it is complete, nothing gone before it is replaced."""

from __future__ import annotations

import errno
import os
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
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def fill(staging: str, text: str = "new") -> None:
    Path(staging).mkdir()
    (Path(staging) / "part").write_text(text)


@pytest.mark.parametrize("mode", ["error", "overwrite"])
@pytest.mark.parametrize("target", ["out", "deep/er/out", "odd = näme*"])
def test_publish_new_folder(tmp_path: Path, mode: str, target: str) -> None:
    with publish.staged(str(tmp_path / target), mode, "run") as staging:
        assert Path(staging).parent == (tmp_path / target).parent
        assert Path(staging).name.startswith("_sparkscale-")
        assert "=" not in Path(staging).name
        fill(staging)
        assert not (tmp_path / target).exists()
    assert tree(tmp_path) == {f"{target}/part": "new"}


def test_publish_by_file_uri(tmp_path: Path) -> None:
    with publish.staged(f"file://{tmp_path}/out", "error", "run") as staging:
        fill(staging)
    assert tree(tmp_path) == {"out/part": "new"}


def test_replace_when_complete(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").write_text("old")
    with publish.staged(str(tmp_path / "out"), "overwrite", "run") as staging:
        fill(staging)
        assert tree(tmp_path / "out") == {"old": "old"}
    assert tree(tmp_path) == {"out/part": "new"}


def test_keep_old_where_writing_fails(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").write_text("old")

    def work() -> None:
        with publish.staged(str(tmp_path / "out"), "overwrite", "run") as staging:
            fill(staging)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        work()
    assert tree(tmp_path) == {"out/old": "old"}


def test_keep_old_where_last_rename_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").write_text("old")
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if self.name == "_sparkscale-out-run":
            raise OSError(errno.ENOSPC, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(StorageError, match=r"publishing .*: No space left") as caught, \
            publish.staged(str(tmp_path / "out"), "overwrite", "run") as staging:  # fmt: skip
        fill(staging)
    assert caught.value.exit_code == 74
    assert tree(tmp_path) == {"out/old": "old"}


def test_conflict_where_another_published_first(tmp_path: Path) -> None:

    def work() -> None:
        with publish.staged(str(tmp_path / "out"), "error", "run") as staging:
            fill(staging)
            fill(str(tmp_path / "out"), "theirs")

    with pytest.raises(TemporaryError) as caught:
        work()
    assert caught.value.exit_code == 75
    assert tree(tmp_path) == {"out/part": "theirs"}


def test_clear_what_a_crash_left(tmp_path: Path) -> None:
    fill(str(tmp_path / "_sparkscale-out-run"), "left")
    with publish.staged(str(tmp_path / "out"), "error", "run") as staging:
        fill(staging)
    assert tree(tmp_path) == {"out/part": "new"}


def test_clear_what_a_crash_left_of_a_replacement(tmp_path: Path) -> None:
    fill(str(tmp_path / "out"), "old")
    fill(str(tmp_path / "_sparkscale-out-run"), "left")
    fill(str(tmp_path / "_sparkscale-out-run-old"), "older")
    with publish.staged(str(tmp_path / "out"), "overwrite", "run") as staging:
        fill(staging)
    assert tree(tmp_path) == {"out/part": "new"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


OVERLAPS = [
    ("in", "in"), ("in/", "in"), ("./in", "in"), ("in/deeper", "in"), (".", "in/part.parquet"), ("in", "in/a/b"),
    ("in", "in/*.parquet"), ("in/out", "in/{a,b}"), ("link", "in"), ("in", "link"), ("link/x", "in"),
    ("{here}/in", "in"), ("file://{here}/in", "in"), ("in", "file:{here}/in"), ("other/../in", "in"),
]  # fmt: skip


@pytest.mark.parametrize(("output", "source"), OVERLAPS)
def test_refuse_overlap_with_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str, source: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    (tmp_path / "link").symlink_to("in")
    with pytest.raises(ConfigError) as caught:
        publish.check_target(
            output.replace("{here}", str(tmp_path)), "overwrite", source.replace("{here}", str(tmp_path))
        )
    assert (caught.value.code, caught.value.exit_code) == ("CONFIG_OVERLAP", 78)


@pytest.mark.parametrize(("output", "source"), [("in2", "in"), ("out/in", "in"), ("out", "in/*"), ("out", "s3://b/out"),
                                                ("i", "in"), ("out", None)])  # fmt: skip
def test_accept_place_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str, source: str | None) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    publish.check_target(output, "error", source)


def test_refuse_target_that_exists(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "folder").mkdir()
    for name, mode in (("file", "error"), ("file", "overwrite"), ("folder", "error"), ("dangling", "error")):
        with pytest.raises(OutputError) as caught:
            publish.check_target(str(tmp_path / name), mode, None)
        assert caught.value.exit_code == 73
    publish.check_target(str(tmp_path / "folder"), "overwrite", None)


def test_refuse_target_on_object_store() -> None:
    for uri in ("s3a://bucket/x", "hdfs://host/x", "gs://b/x"):
        with pytest.raises(ConfigError, match="expected a local path"):
            publish.check_target(uri, "error", "in")


@pytest.mark.parametrize(("number", "kind"), [
    (errno.EACCES, AccessError), (errno.EROFS, AccessError), (errno.ENOSPC, StorageError), (errno.EDQUOT, StorageError),
    (errno.ENOTEMPTY, TemporaryError), (errno.EEXIST, TemporaryError), (errno.ENOTDIR, OutputError),
])  # fmt: skip
def test_name_errors_of_file_system(number: int, kind: type[SparkscaleError]) -> None:
    error = publish.storage_error(OSError(number, os.strerror(number)), "publishing out")
    assert type(error) is kind
    assert error.cause == f"publishing out: {os.strerror(number)}"
