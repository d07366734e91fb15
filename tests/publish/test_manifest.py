"""The manifest of a folder: what is none, what is too large, and what differs from it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sparkscale.errors import (
    DataError,
)
from sparkscale.publish import manifest
from tests.publish.folders import put, staged

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
