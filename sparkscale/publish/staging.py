"""The staging folder beside a target: its name, its lock, and what a crash left in it.

Its name begins with ``_`` and holds no ``=``, so Spark and its peers do not read it as data.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import time
from pathlib import Path

from sparkscale.errors import TemporaryError

#: Inside a staging folder: what is being written; the target that it replaces, between two renames.
NEW, OLD = "new", "old"
#: Seconds after an interruption in which an engine that has been stopped may yet write.
LATE = 2.0


def of(target: Path) -> Path:
    """Return the staging folder of a target."""
    digest = hashlib.sha256(os.fsencode(target.name)).hexdigest()[:8]
    return target.parent / f"_sparkscale-{re.sub(r'[^A-Za-z0-9_.-]', '_', target.name)[:80]}-{digest}"


def lock(target: Path, stack: contextlib.ExitStack) -> Path:
    """Make and lock the staging folder of a target; the lock goes when the stack, or the process, ends."""
    staging = of(target)
    while True:
        staging.mkdir(exist_ok=True)
        with contextlib.ExitStack() as claim:
            try:
                folder = os.open(staging, os.O_RDONLY | os.O_DIRECTORY)
                claim.callback(os.close, folder)
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.path.samestat(os.fstat(folder), staging.stat()):
                    stack.push(claim.pop_all())
                    return staging
            except FileNotFoundError:
                continue  # the run that held it has ended, and cleared it
            except BlockingIOError as error:
                cause = f"another run is writing to {target}"
                raise TemporaryError("OUTPUT_CONFLICT", cause, "try again when that run has ended") from error


def clear(staging: Path, target: Path) -> list[str]:
    """Empty the staging folder; a target that was caught between two renames is put back first."""
    done = []
    if (staging / OLD).exists() and not os.path.lexists(target):
        (staging / OLD).rename(target)
        done.append(f"put back {target}, which a run that was stopped had set aside")
    for left in (staging / NEW, staging / OLD):
        if left.exists():
            shutil.rmtree(left, ignore_errors=True)
            done.append(f"removed what a run that was stopped had left beside {target}")
    return done


def leave(staging: Path, kind: type[BaseException] | None, *_: object) -> None:
    """Remove the staging folder; after an interruption for some time, because tasks that run on still write."""
    interrupted = kind is not None and not issubclass(kind, Exception)
    end = time.monotonic() + (LATE if interrupted else 0.0)
    while time.monotonic() < end:  # the folder itself stays while it is locked, so that nobody else can take it
        shutil.rmtree(staging / NEW, ignore_errors=True)
        time.sleep(0.05)
    shutil.rmtree(staging, ignore_errors=True)


def remove_empty(folders: list[Path]) -> None:
    """Remove the folders that were made for a target, innermost first, where nothing came into them."""
    with contextlib.suppress(OSError):
        for folder in folders:
            folder.rmdir()
