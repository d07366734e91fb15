"""References in job files: a file's text is a value, and whatever is wrong with one is reported with the rest."""

from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import Any

import pytest

from sparkscale.config import jobfile
from sparkscale.config.references import MAX_BYTES
from sparkscale.errors import ConfigError

JOB = """version: 1
input: {format: parquet, path: in}
steps: [{kind: minmax, columns: x}]
output: {format: parquet, path: out}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def load(more: str, **options: Any) -> jobfile.Job:
    Path("job.yaml").write_text(JOB + more, encoding="utf-8")
    return jobfile.load("job.yaml", **options)


def problems(more: str, **options: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(more, **options)
    assert caught.value.exit_code == 78
    return [f"{problem.code} {problem}" for problem in caught.value.problems]


@pytest.mark.parametrize(("content", "value"), [
    (b"hunter22", "hunter22"), (b"hunter22\n", "hunter22"), (b"hunter22\r\n", "hunter22"), (b"a\nb\n\n", "a\nb\n"),
    (b" x ", " x "), (b"12", "12"), ("pässwört 🚀".encode(), "pässwört 🚀"), (b"${env:HOME}", "${env:HOME}"),
    (b"x" * (MAX_BYTES - 1) + b"\n", "x" * (MAX_BYTES - 1)),
])  # fmt: skip
def test_take_the_text_of_a_file(content: bytes, value: str) -> None:
    Path("secret").write_bytes(content)
    loaded = load("spark: {conf: {my.key: '${file:secret}'}}\n")
    assert loaded.config.spark.conf["my.key"] == value
    assert loaded.secrets == (value,)


def test_take_an_empty_file_and_no_default_for_a_file() -> None:
    Path("secret").write_bytes(b"\n")
    loaded = load("spark: {conf: {my.key: 'a${file:secret}b'}}\n")
    assert (loaded.config.spark.conf["my.key"], loaded.secrets) == ("ab", ())
    (found,) = problems("name: '${file:none:-default}'\n")
    assert "file 'none:-default': expected a file that can be read" in found


def test_take_files_among_other_references_wherever_a_value_is_from(folder: Path) -> None:
    (folder / "user").write_text("ann\n")
    (folder / "word").write_text("hunter22\n")
    uri = "'s3://${file:user}:${file:word}@${env:HOST}/${date}'"
    for options in ({"overrides": [f"input.path={uri}"]}, {"environ": {"SPARKSCALE__INPUT__PATH": uri}}):
        options["environ"] = {"HOST": "lake", **options.get("environ", {})}  # type: ignore[dict-item]
        loaded = load("", date="2026-01-31", **options)
        assert loaded.config.input.path == "s3://ann:hunter22@lake/2026-01-31"
        assert set(loaded.secrets) == {"ann", "hunter22", "lake"}


def test_follow_links_as_mounted_secrets_are(folder: Path) -> None:
    (folder / "data").mkdir()
    (folder / "data" / "word").write_text("hunter22\n")
    (folder / "word").symlink_to("data/word")
    assert load(f"name: '${{file:{folder}/word}}'\n").config.name == "hunter22"


def make(name: str) -> None:
    path = Path("secret")
    if name == "a folder":
        path.mkdir()
    elif name == "a pipe":
        os.mkfifo(path)
    elif name == "a link to itself":
        path.symlink_to("secret")
    elif name == "a device":
        path.symlink_to("/dev/zero")
    elif name == "too large":
        path.write_bytes(b"x" * (MAX_BYTES + 1))
    elif name == "sparse":
        with path.open("wb") as file:
            file.truncate(2**40)
    elif name == "bytes":
        path.write_bytes(b"hunter\xff22")
    elif name == "a zero byte":
        path.write_bytes(b"hunter\x0022")


MEND, RIGHT = "mount it, or fix its path or permissions", "is this the right file?"
WRONG = {
    "missing": f"a file that can be read, found no such file or directory; {MEND}",
    "a folder": f"a regular file, found something else; {RIGHT}",
    "a pipe": f"a regular file, found something else; {RIGHT}",
    "a device": f"a regular file, found something else; {RIGHT}",
    "a link to itself": f"a file that can be read, found too many levels of symbolic links; {MEND}",
    "too large": f"at most 65,536 bytes, found more; {RIGHT}",
    "sparse": f"at most 65,536 bytes, found more; {RIGHT}",
    "bytes": f"UTF-8 text, found other bytes; {RIGHT}",
    "a zero byte": f"UTF-8 text, found a zero byte; {RIGHT}",
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.timeout(20)
def test_refuse_file_with_place_and_key(name: str) -> None:
    make(name)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (found,) = problems("spark:\n  conf:\n    my.key: '${file:secret}'\n")
    assert found == f"CONFIG_FILE_REFERENCE job.yaml:7: spark.conf.my.key: file 'secret': expected {WRONG[name]}"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000
    assert "hunter" not in found


def test_refuse_file_without_rights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may read anything: the system's answer is made up."""
    Path("secret").write_text("hunter22")
    theirs = Path.open

    def forbidden(self: Path, *arguments: Any, **more: Any) -> Any:
        if self.name == "secret":
            raise PermissionError(13, "Permission denied")
        return theirs(self, *arguments, **more)

    Path("job.yaml").write_text(JOB + "name: '${file:secret}'\n")
    monkeypatch.setattr(Path, "open", forbidden)
    with pytest.raises(
        ConfigError, match=f"file 'secret': expected a file that can be read, found permission denied; {MEND}"
    ):
        jobfile.load("job.yaml")


def test_refuse_file_names_that_are_none() -> None:
    for path in ("x" * 5000, "a\\0b"):
        (found,) = problems(f'name: "${{file:{path}}}"\n')
        assert found.startswith("CONFIG_FILE_REFERENCE job.yaml:5: name: file '")
        assert len(found) < 400


def test_tell_every_problem_at_once() -> None:
    found = problems("name: '${file:none} ${env:NONE} ${file:}'\nself_check: no\nenginee: x\n")
    assert [text.split()[0] for text in found] == [
        "CONFIG_ENV", "CONFIG_FILE_REFERENCE", "CONFIG_ENV", "CONFIG_VALUE", "CONFIG_KEY"]  # fmt: skip
    assert (
        "expected ${env:NAME}, ${env:NAME:-default}, ${file:PATH}, ${date} or ${run_id}, found '${file:}'" in found[0]
    )
    assert all(text.partition(" ")[2].startswith("job.yaml:") for text in found)


@pytest.mark.parametrize("key", ["${file:secret}", "x${env:HOME}", "${date}"])
def test_refuse_references_in_keys(key: str) -> None:
    Path("secret").write_text("hunter22")
    found = problems(f"spark: {{conf: {{'{key}': 1}}}}\n", environ={"HOME": "/home"})
    assert found == [f"CONFIG_KEY job.yaml:5: spark.conf.{key}: expected references only in values, found one in a key"]


def test_refuse_variable_that_is_no_text() -> None:
    (found,) = problems("name: '${env:ODD}'\n", environ={"ODD": "hunter\udcff22"})
    assert found == "CONFIG_ENV job.yaml:5: name: environment variable ODD: expected UTF-8 text, found other bytes"
