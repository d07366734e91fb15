"""Publishing a folder: written beside its target, complete, and only then renamed into its place.

On a local (POSIX) file system a rename is atomic. A new target appears whole. Replacing one takes
two renames (the old aside, the new in); between them, for some microseconds, the target is not
there: a reader meets the old data, no folder, or the new data, never a mixture and never a part.
Staging names begin with ``_`` and hold no ``=``, which Spark and its peers do not read as data.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from sparkscale.errors import (
    AccessError,
    ConfigError,
    OutputError,
    SparkscaleError,
    StorageError,
    TemporaryError,
)

_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*):(//)?")


def is_local(path: str) -> bool:
    """Whether a path is on this machine's file system."""
    match = _SCHEME.match(path)
    return match is None or match[1].lower() == "file"


def local_path(path: str) -> str:
    """Return the local path of a path or ``file:`` URI."""
    return re.sub(r"^file:(//)?", "", path) if is_local(path) else path


def check_target(output: str, mode: str, source: str | None) -> None:
    """Refuse, before anything runs, a target that cannot be published to.

    Raises:
        ConfigError: (78) where it overlaps the input, or is not a local path.
        OutputError: (73) where it exists and mode is ``error``.
    """
    if not is_local(output):
        raise ConfigError(
            "CONFIG_OUTPUT",
            f"output.path: expected a local path, found {output}",
            "an object store cannot rename a folder; its publishing is not built yet",
        )
    if source is not None and is_local(source):
        _check_apart(output, source)
    target = Path(local_path(output))
    if mode == "error" and os.path.lexists(target):
        cause = f"expected nothing at {output}, found an output"
        raise OutputError("OUTPUT_EXISTS", cause, "take mode: overwrite, or another path")
    if target.exists() and not target.is_dir():
        raise OutputError("OUTPUT_EXISTS", f"output.path: expected a folder or nothing, {output} is a file")


def _check_apart(output: str, source: str) -> None:
    fixed = re.split(r"[*?\[{]", local_path(source), maxsplit=1)[0]
    ours, theirs = Path(os.path.realpath(local_path(output))), Path(os.path.realpath(fixed))
    if ours == theirs or ours in theirs.parents or theirs in ours.parents:
        raise ConfigError(
            "CONFIG_OVERLAP",
            f"output.path: expected a place apart from the input, but {output} overlaps {source}",
            "write to another folder",
        )


@contextlib.contextmanager
def staged(output: str, mode: str, run_id: str) -> Iterator[str]:
    """Give a path to write to; when the block ends well, publish it, else remove it.

    Raises:
        OutputError: (73), StorageError: (74), AccessError: (77) where the file system refuses,
        TemporaryError: (75) where another run published there first.
    """
    target = Path(local_path(output)).absolute()
    with _named(output):
        target.parent.mkdir(parents=True, exist_ok=True)
    staging = target.parent / f"_sparkscale-{_plain(target.name)}-{run_id}"
    shutil.rmtree(staging, ignore_errors=True)
    try:
        yield str(staging)
        with _named(output):
            _publish(staging, target, mode)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _publish(staging: Path, target: Path, mode: str) -> None:
    if mode == "error" or not target.exists():
        if os.path.lexists(target):
            raise TemporaryError("OUTPUT_CONFLICT", f"another run wrote {target} meanwhile", "run it again")
        staging.rename(target)
        return
    aside = staging.with_name(staging.name + "-old")
    shutil.rmtree(aside, ignore_errors=True)
    target.rename(aside)
    try:
        staging.rename(target)
    except OSError:
        aside.rename(target)
        raise
    shutil.rmtree(aside)


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name)


@contextlib.contextmanager
def _named(output: str) -> Iterator[None]:
    """Turn the file system's errors into ours."""
    try:
        yield
    except OSError as error:
        raise storage_error(error, f"publishing {output}") from error


def storage_error(error: OSError, what: str) -> SparkscaleError:
    """Return our error for one of the file system's."""
    cause = f"{what}: {error.strerror or error}"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return AccessError("PERMISSION", cause, "check the folder's rights")
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageError("DISK_FULL", cause, "free some space, then run it again")
    if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
        return TemporaryError("OUTPUT_CONFLICT", cause, "another run wrote there; run it again")
    return OutputError("OUTPUT_FAILED", cause)
