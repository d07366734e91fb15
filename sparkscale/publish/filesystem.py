"""What publishing asks of a file system: links, flushes, renames in one step, and its errors in our words."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from sparkscale.errors import AccessError, OutputError, SparkscaleError, StorageError, TemporaryError

#: Of renameat2(2): relative to the working folder; fail where the target exists; exchange the two.
_HERE, NOREPLACE, EXCHANGE = -100, 1, 2


def link(source: Path, target: Path) -> None:
    """Make a hard link, or a copy on a file system without."""
    try:
        target.hardlink_to(source)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV):
            raise
        shutil.copy2(source, target)


def sync(place: Path) -> None:
    """Flush a file, or the names in a folder, to the disk."""
    opened = os.open(place, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def rename(source: Path, target: Path, how: int) -> bool:
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
def named(output: str, work: str = "publishing") -> Iterator[None]:
    """Turn errors of the file system into ours."""
    try:
        yield
    except OSError as error:
        raise storage_error(error, f"{work} {output}") from error


def storage_error(error: OSError, what: str) -> SparkscaleError:
    """Return our error for one of the file system's."""
    cause = f"{what}: {error.strerror or error}"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return AccessError("PERMISSION", cause, "check who may write there")
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageError("DISK_FULL", cause, "free some space, then run it again")
    if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
        return TemporaryError("OUTPUT_CONFLICT", cause, "run it again: another run wrote there")
    return OutputError("OUTPUT_FAILED", cause, "check the path and its disk")
