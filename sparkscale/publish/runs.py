"""Which run this is, and whether a target already holds its result.

A scheduler gives each run its id (``--run-id``) and may start one twice. Without it the id is a digest of the job
file, as it was filled in, of the input's files, and of the version of an artifact that is applied: the same work has
the same id. If only an
engine can tell the state of the input (an object store, a table of a catalog), every run gets a new id, so that it is
never mistaken for one that has finished.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sparkscale._version import __version__
from sparkscale.places import is_local, local_path

_LENGTH = 16


@dataclass(frozen=True)
class Run:
    """A run's id, and whether a scheduler gave it."""

    id: str
    given: bool = False

    def finished(self, published: Sequence[str], mode: str) -> bool:
        """Whether a target with these runs, the newest last, already has the result of this one.

        A run with an explicit id executes once. A digest stands for a result: if another run has replaced it since, the
        run executes again; what was appended stays. ``""`` stands for a publication by other programs.
        """
        if self.given or mode == "append":
            return self.id in published
        return bool(published) and published[-1] == self.id


def run_of(command: str, config: Any, paths: Sequence[str | None]) -> Run:
    """Return the run of a command with this configuration (JSON values) on what lies at these paths now."""
    states = [state(path) if path else None for path in paths]
    if None in states:
        return Run(secrets.token_hex(_LENGTH // 2))
    content = json.dumps([__version__, command, config, states], sort_keys=True)
    return Run(hashlib.sha256(content.encode()).hexdigest()[:_LENGTH])


def state(path: str) -> str | None:
    """Return a digest of the names, sizes and times of the files at a local path or pattern; None elsewhere."""
    if not is_local(path) or "{" in path:
        return None
    digest = hashlib.sha256()
    found = [local_path(path)] if os.path.exists(local_path(path)) else sorted(glob.glob(local_path(path)))  # noqa: PTH110, PTH207 - as written
    for name in found:
        for file in _files(Path(name)):
            known = file.stat()
            digest.update(f"{file}\0{known.st_size}\0{known.st_mtime_ns}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _files(place: Path) -> Iterator[Path]:
    """Yield all files at and below a place, in the order of their names."""
    if not place.is_dir():
        yield place
        return
    for folder, folders, files in os.walk(place):
        folders.sort()
        yield from (Path(folder, name) for name in sorted(files))
