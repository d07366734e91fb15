"""Hostile input, which is refused with its exit code, in bounded time and memory, and runs no code.

Here: what a store, a process and a terminal meet. In `test_config.py` 16 YAML documents (bombs of aliases, nesting, tags,
duplicate keys, more than 1 MB); in `test_document.py` 25 broken artifacts, 200 of wrong types under a right checksum, and
150 flipped bytes; in `test_quantiles.py` sketches; in `test_fuzz_config.py` 300 (20,000) job files. These are 59 more.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import os
import pickle
import resource
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import sparkscale as ss
from sparkscale.artifact import document, envelope, store
from sparkscale.errors import SparkscaleError
from tests.processes import last_line, sparkscale
from tests.samples import fitted

GOOD = document.dump(fitted())
NAME = "00000001.json"
#: Seconds and kilobytes that a refusal may take.
SECONDS, MEMORY = 5, 100_000


class Evil:
    """What a pickle of it would do."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("owned",)


def sealed(change: Callable[[Any], None]) -> bytes:
    """Return an artifact that was changed, with the checksum of the change."""
    content = json.loads(GOOD)
    change(content)
    del content["checksum"]
    bare = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return json.dumps(content | {"checksum": f"sha256:{hashlib.sha256(bare.encode()).hexdigest()}"}).encode()


def sketch(data: bytes) -> bytes:
    """Return an artifact whose column `a` has a sketch of these bytes."""
    return sealed(lambda content: content["stats"]["a"].update(quantiles=base64.b64encode(data).decode()))


def zipped() -> bytes:
    """Return a zip of 100 MB of zeros."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("00000001.json", b"\0" * 100_000_000)
    return stream.getvalue()


#: The sketch of a fit, and its number of values (n, eight bytes from the eighth) at its largest.
SKETCH = base64.b64decode(json.loads(GOOD)["stats"]["a"]["quantiles"])
FILES: dict[str, Callable[[], bytes]] = {
    "a pickle": lambda: pickle.dumps(Evil()),
    "a pickle of protocol 0": lambda: pickle.dumps(Evil(), protocol=0),
    "a zip bomb": zipped,
    "a gzip bomb": lambda: gzip.compress(b"[" * 50_000_000),
    "a billion spaces, nearly": lambda: b" " * 5_000_000,
    "deep lists": lambda: b"[" * 1_000_000,
    "deep maps": lambda: b'{"format":' * 200_000,
    "a huge integer": lambda: GOOD.replace(b'"rows": 50', b'"rows": ' + b"9" * 1_000_000, 1),
    "a huge exponent": lambda: GOOD.replace(b'"rows": 50', b'"rows": 1e999999999', 1),
    "a duplicate key": lambda: GOOD.replace(b"{", b'{"rows": 50,', 1),
    "zero bytes": lambda: b"\0" * 1000,
    "a byte order mark": lambda: b"\xef\xbb\xbf" + GOOD,
    "UTF-16": lambda: GOOD.decode().encode("utf-16"),
    "bad base64": lambda: sealed(lambda content: content["stats"]["a"].update(quantiles="@@@@")),
    "base64 of nothing": lambda: sketch(b""),
    "a sketch that is cut": lambda: sketch(SKETCH[:-8]),
    "a sketch of more": lambda: sketch(SKETCH + b"\0" * 8),
    "a sketch of 2**64 values": lambda: sketch(SKETCH[:8] + b"\xff" * 8 + SKETCH[16:]),
    "a sketch of 255 levels": lambda: sketch(SKETCH[:18] + b"\xff" + SKETCH[19:]),
    "a sketch of the largest k": lambda: sketch(SKETCH[:4] + b"\xff\xff" + SKETCH[6:]),
    "a pickle for a sketch": lambda: sketch(pickle.dumps(Evil())),
    "a newer format": lambda: sealed(lambda content: content.update(format_version=10**6)),
    "a wrong checksum": lambda: GOOD.replace(b'"checksum": "sha256:', b'"checksum": "sha256:f', 1),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
@pytest.mark.timeout(60)
def test_refuse_file_as_artifact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / NAME).write_bytes(FILES[name]())
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(SparkscaleError) as caught:
        ss.load(".")
    assert caught.value.exit_code == 65
    assert len(caught.value.line) < 600
    assert time.perf_counter() - start < SECONDS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEMORY
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def place(name: str, path: Path) -> None:
    if name == "a pipe":
        os.mkfifo(path)
    elif name == "a link to a device":
        path.symlink_to("/dev/zero")
    elif name == "a link to itself":
        path.symlink_to(path.name)
    elif name == "a link to nothing":
        path.symlink_to("nothing")
    elif name == "a link to what is no artifact":
        path.symlink_to("/etc/passwd")
    else:
        with path.open("wb") as file:
            file.truncate(envelope.MAX_BYTES * 4000)  # sparse: a terabyte


ODD = {
    "a pipe": 65, "a link to a device": 65, "a link to itself": 74, "a link to nothing": 66,
    "a link to what is no artifact": 65,
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("single", [False, True], ids=["store", "file"])
@pytest.mark.parametrize("name", ODD)
def test_refuse_odd_file_and_wait_for_none(tmp_path: Path, name: str, single: bool) -> None:
    """In a process of its own: what waits for a pipe cannot be interrupted."""
    place(name, tmp_path / NAME)
    done = sparkscale("inspect", NAME if single else ".", cwd=tmp_path)
    assert done.returncode == ODD[name], done.stderr
    assert "Traceback" not in done.stderr
    assert "root:" not in done.stdout + done.stderr


@pytest.mark.parametrize("name", ["a pipe", "a link to a device", "a terabyte"])
@pytest.mark.timeout(60)
def test_save_beside_an_odd_version(tmp_path: Path, name: str) -> None:
    """It is not waited for, nor read whole: either refused, or passed by."""
    place(name, tmp_path / NAME)
    if name == "a terabyte":
        assert store.save(fitted(), tmp_path) == 2
        return
    with pytest.raises(SparkscaleError, match="expected a file, found a pipe or a device") as caught:
        store.save(fitted(), tmp_path)
    assert caught.value.exit_code == 65


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_read_no_more_than_the_cap_of_a_terabyte(tmp_path: Path) -> None:
    place("a terabyte", tmp_path / NAME)
    with pytest.raises(SparkscaleError, match="expected at most 268,435,456 bytes, found 268,435,457") as caught:
        ss.load(tmp_path)
    assert caught.value.exit_code == 65


@pytest.mark.parametrize("uri", ["a\0b", "a\0b.json", "s3://b\0", "x" * 5000, "\ud800", "../" * 2000])
def test_refuse_odd_place_of_a_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SparkscaleError) as caught:
        ss.load(uri)
    assert caught.value.exit_code in (66, 73, 74)
    assert len(caught.value.line.splitlines()) == 1


def test_keep_names_that_climb_inside_the_store(tmp_path: Path) -> None:
    """A version is a number: no name in an artifact becomes a path."""
    names = ["../../escape", "/etc/owned", "a/../b", "..", "."]
    whole = ss.Pipeline([ss.MinMax(names)]).fit_arrays({name: [0.0, 1.0] for name in names})
    whole.save(tmp_path / "store")
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")] == ["store", f"store/{NAME}"]


HTML = "<script>alert(1)</script><img src=x onerror='a' \"b\">"
TERMINAL = "x\x1b]0;owned\x07\x1b[2J\x1b[31m\r\x9b\u202e"


def test_escape_html_in_names() -> None:
    whole = ss.Pipeline([ss.MinMax(HTML), ss.Softmax([HTML, "b"], into="p{column}")]).fit_arrays(
        {HTML: [0.0, 1.0], "b": [0.0, 1.0]}
    )
    shown = whole._repr_html_()
    assert "<script" not in shown
    assert "<img" not in shown
    assert "&lt;script&gt;" in shown


def test_show_a_terminal_nothing_to_obey(tmp_path: Path) -> None:
    ss.Pipeline([ss.MinMax(TERMINAL)]).fit_arrays({TERMINAL: [1.0, 1.0]}).save(tmp_path)
    done = sparkscale("inspect", ".", cwd=tmp_path)
    assert done.returncode == 0
    assert "x\\x1b]0;owned\\x07" in done.stdout
    assert "is constant" in done.stderr
    assert (done.stdout + done.stderr).replace("\n", "").isprintable()


@pytest.mark.slow
@pytest.mark.parametrize("text", [
    f'"{TERMINAL}": 1'.encode("unicode_escape").decode(), '"\\e[31mred": 1', 'engine: "\\e]0;owned\\a"',
])  # fmt: skip
def test_show_a_terminal_nothing_of_a_job_file_to_obey(tmp_path: Path, text: str) -> None:
    (tmp_path / "job.yaml").write_text(f"version: 1\ninput: {{format: csv, path: in}}\n{text}\n")
    done = sparkscale("check", "-c", "job.yaml", cwd=tmp_path)
    assert done.returncode == 78
    assert last_line(done).startswith("sparkscale: error[CONFIG_")
    assert done.stderr.replace("\n", "").isprintable(), done.stderr


@pytest.mark.parametrize("run_id", ["../x", "..", "a/b", "/", "a\\b", "a b", "$(id)", "a\nb", ".", "x" * 65])
def test_refuse_run_id_that_is_a_path(tmp_path: Path, run_id: str) -> None:
    from sparkscale.config import jobfile

    (tmp_path / "job.yaml").write_text("version: 1\ninput: {format: csv, path: in}\n")
    with pytest.raises(SparkscaleError) as caught:
        jobfile.load(str(tmp_path / "job.yaml"), run_id=run_id)
    assert (caught.value.code, caught.value.exit_code) == ("USAGE_RUN_ID", 64)
