"""Publishing a folder: written beside its target, complete, and only then put into its place.

A run claims its target by the staging folder beside it, ``_sparkscale-<name>-<digest>``, which holds a lock
(``flock``) that the system takes back when the process ends, however it ends. So there are three states: no
staging folder; one that is locked, whose run is alive, and a second run ends with 75; one that is not, which a
crash left, and the next run clears it, and first puts back what it finds there of a target that is gone.

A new target appears whole, by one rename. An existing one is exchanged in one step where the system can
(``renameat2`` on Linux: ext4, xfs, btrfs, tmpfs, overlay ...): a reader who opens it meets the old folder or the
new one. Elsewhere it takes two renames, between which a reader can meet no folder for some microseconds. A reader
that listed the old folder's files before the exchange can miss them after it, as with any table of plain files.
Staging names begin with ``_`` and hold no ``=``, which Spark and its peers do not read as data.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import fnmatch
import hashlib
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
from sparkscale.places import is_local, local_path

#: Inside a staging folder: what is being written; the target that it replaces, between two renames.
_NEW, _OLD = "new", "old"
#: Of renameat2(2): relative to the working folder; fail where the target exists; exchange the two.
_HERE, _NOREPLACE, _EXCHANGE = -100, 1, 2
_WILD = frozenset("*?[{")


def check_target(output: str, mode: str) -> None:
    """Refuse, before anything runs, a target that cannot be published to.

    Raises:
        ConfigError: (78) where it is not a local path.
        OutputError: (73) where it exists and mode is ``error``, or is a file.
    """
    if not is_local(output):
        raise ConfigError(
            "CONFIG_OUTPUT",
            f"output.path: expected a local path, found {output}",
            "an object store cannot rename a folder; its publishing is not built yet",
        )
    target = Path(local_path(output))
    if mode == "error" and os.path.lexists(target):
        cause = f"expected nothing at {output}, found an output"
        raise OutputError("OUTPUT_EXISTS", cause, "take mode: overwrite, or another path")
    for place in (target, *target.parents):
        if place.exists() and not place.is_dir():
            raise OutputError("OUTPUT_EXISTS", f"output.path: expected a folder or nothing, {place} is a file")


def check_apart(key: str, path: str, other_key: str, other: str) -> None:
    """Refuse a place that is another one, is inside it, or holds it; ``other`` may be a pattern of an input.

    Raises:
        ConfigError: (78) naming both.
    """
    if not (is_local(path) and is_local(other)):
        return
    ours = Path(os.path.realpath(local_path(path))).parts
    if all(re.fullmatch(theirs, own) for own, theirs in zip(ours, _patterns(other), strict=False)):
        raise ConfigError(
            "CONFIG_OVERLAP",
            f"{key}: expected a place apart from {other_key}, but {path} overlaps {other}",
            "take another folder",
        )


def check_outside(key: str, path: str, other_key: str, other: str) -> None:
    """Refuse a place that is another one or is inside it; it may hold it.

    Raises:
        ConfigError: (78) naming both.
    """
    if is_local(other) and len(Path(os.path.realpath(local_path(path))).parts) >= len(_patterns(other)):
        check_apart(key, path, other_key, other)


def _patterns(path: str) -> list[str]:
    """Return a regular expression for each part of a path, links resolved up to the first part with a wildcard."""
    parts = Path(local_path(path)).absolute().parts
    plain = next((n for n, part in enumerate(parts) if set(part) & _WILD), len(parts))
    if Path(*parts).exists():
        plain = len(parts)
    real = Path(os.path.realpath(Path(*parts[:plain]))).parts
    return [*map(re.escape, real), *map(_pattern, parts[plain:])]


def _pattern(part: str) -> str:
    """Return the regular expression of a part with Hadoop's wildcards; of braces, one that matches all."""
    if "{" in part or "}" in part:
        return ".*"
    return fnmatch.translate(part.replace("[^", "[!"))


@contextlib.contextmanager
def staged(output: str, mode: str) -> Iterator[str]:
    """Give a path to write to, where nothing is yet; when the block ends well, publish it, else remove it.

    Raises:
        OutputError: (73), StorageError: (74), AccessError: (77) where the file system refuses,
        TemporaryError: (75) where another run writes to the same target, or published there first.
    """
    target = Path(os.path.realpath(local_path(output)))  # of a link, the folder that it names is replaced
    with contextlib.ExitStack() as stack:
        with _named(output):
            target.parent.mkdir(parents=True, exist_ok=True)
            staging = _claim(target, stack)
            stack.callback(shutil.rmtree, staging, ignore_errors=True)
            stack.callback(_clear, staging, target)
            _clear(staging, target)
        yield str(staging / _NEW)
        with _named(output):
            _publish(staging, target, mode)


def _claim(target: Path, stack: contextlib.ExitStack) -> Path:
    """Make and lock the staging folder of a target; the lock goes when the stack, or the process, ends."""
    digest = hashlib.sha256(os.fsencode(target.name)).hexdigest()[:8]
    staging = target.parent / f"_sparkscale-{re.sub(r'[^A-Za-z0-9_.-]', '_', target.name)[:80]}-{digest}"
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
                raise TemporaryError("OUTPUT_CONFLICT", cause, "run it again when that one has ended") from error


def _clear(staging: Path, target: Path) -> None:
    """Empty the staging folder; a target that was caught between two renames is put back first."""
    if (staging / _OLD).exists() and not os.path.lexists(target):
        (staging / _OLD).rename(target)
    for left in (_NEW, _OLD):
        shutil.rmtree(staging / left, ignore_errors=True)


def _publish(staging: Path, target: Path, mode: str) -> None:
    new, old = staging / _NEW, staging / _OLD
    if mode == "error" or not target.exists():
        if os.path.lexists(target):
            raise TemporaryError("OUTPUT_CONFLICT", f"another run wrote {target} meanwhile", "run it again")
        if not _rename(new, target, _NOREPLACE):
            new.rename(target)
    elif not _rename(new, target, _EXCHANGE):
        target.rename(old)
        new.rename(target)


def _rename(source: Path, target: Path, how: int) -> bool:
    """Rename by ``renameat2`` and say whether system and file system have it."""
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        return False
    if renameat2(_HERE, os.fsencode(source), _HERE, os.fsencode(target), how) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP):
        return False
    raise OSError(code, os.strerror(code), os.fspath(target))


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
