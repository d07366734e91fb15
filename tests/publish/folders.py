"""Folders of a few small files, and runs that publish them."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from sparkscale.publish import files, filesystem

#: A flag that no system knows: EINVAL.
NO_EXCHANGE = 1 << 30
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


def put(folder: Path, **files: str) -> None:
    """Write files; ``__`` in a name stands for ``/`` and ``_is_`` for ``=``."""
    for name, text in files.items():
        place = folder / name.replace("_is_", "=").replace("__", "/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)


def start(target: Path, step: str, exchange: int = filesystem.EXCHANGE) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", RUN, str(target), step, str(exchange)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
