"""File systems that are small, full, or read-only: tmpfs, which root can mount."""

from __future__ import annotations

import contextlib
import functools
import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

_BALLAST = "ballast"
#: Seconds between two looks at what was freed.
_OFTEN = 0.002


def _mount(*arguments: str) -> bool:
    done = subprocess.run(["mount", *arguments], capture_output=True, check=False)  # noqa: S607 - the system's
    return done.returncode == 0


def _unmount(folder: Path) -> None:
    subprocess.run(["umount", "--lazy", str(folder)], capture_output=True, check=False)  # noqa: S607 - the system's


@functools.cache
def available() -> bool:
    """Whether small file systems can be mounted here."""
    if os.geteuid() != 0:
        return False
    with tempfile.TemporaryDirectory() as folder:
        done = _mount("-t", "tmpfs", "-o", "size=64k", "faults", folder)
        _unmount(Path(folder))
    return done


@contextlib.contextmanager
def small(folder: Path, size: str) -> Iterator[Path]:
    """Mount a file system of a size on a folder."""
    folder.mkdir(exist_ok=True)
    if not _mount("-t", "tmpfs", "-o", f"size={size}", "faults", str(folder)):
        raise OSError(f"cannot mount a file system of {size} at {folder}")
    try:
        yield folder
    finally:
        _unmount(folder)


def remount(folder: Path, option: str) -> None:
    """Change what a file system is mounted with: ``ro``, ``rw``, ``size=64m``."""
    if not _mount("-o", f"remount,{option}", str(folder)):
        raise OSError(f"cannot remount {folder} with {option}")


@contextlib.contextmanager
def filled(folder: Path, left: int = 0) -> Iterator[None]:
    """Fill a file system but for some bytes, and take what is freed meanwhile, as Spark throws old shuffles away."""
    done = threading.Event()
    with (folder / _BALLAST).open("wb") as ballast:
        _fill(ballast.fileno(), folder, left)
        keeper = threading.Thread(target=_keep_full, args=(ballast.fileno(), folder, left, done))
        keeper.start()
        try:
            yield
        finally:
            done.set()
            keeper.join()
            (folder / _BALLAST).unlink()


def _keep_full(ballast: int, folder: Path, left: int, done: threading.Event) -> None:
    while not done.wait(_OFTEN):
        with contextlib.suppress(OSError):  # someone else was faster
            _fill(ballast, folder, left)


def _fill(ballast: int, folder: Path, left: int) -> None:
    free = os.statvfs(folder)
    more = free.f_bavail * free.f_frsize - left
    if more > 0:
        os.posix_fallocate(ballast, os.fstat(ballast).st_size, more)
