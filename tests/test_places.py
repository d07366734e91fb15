"""Places that would overwrite one another: refused before anything is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from sparkscale.errors import (
    ConfigError,
)
from sparkscale.places import check_apart, check_outside

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
