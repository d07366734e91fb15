"""Publishes a folder: writes it beside its target, and puts it in place when it is complete.

A run claims its target by the staging folder beside it, ``_sparkscale-<name>-<digest>``, which holds a lock
(``flock``) that the system takes back when the process ends, however it ends. So there are three states: no
staging folder; one that is locked, whose run is alive, and a second run ends with 75; one that is not, which a
crash left, and the next run clears it, and first puts back what it finds there of a target that is gone.

Whatever the mode, what is published is a whole folder: of ``append`` and ``overwrite_partitions`` it holds the files
that stay as hard links, which cost no copy, beside the new ones, and a manifest of all
(`sparkscale.publish.manifest`). Data and manifest are on the disk (``fsync``) before they are shown.

A new target appears whole, by one rename. An existing one is exchanged in one step where the system can
(``renameat2`` on Linux: ext4, xfs, btrfs, tmpfs, overlay ...): a reader who opens it meets the old folder or the
new one. Elsewhere it takes two renames, between which a reader can meet no folder for some microseconds. A reader
that listed the old folder's files before the exchange finds those that stay under their old names, and misses those
that were replaced, as with any table of plain files; some say so, and pyarrow passes them over in silence. The old
folder is removed only after a while (``GRACE``): a reader who has opened it and lists it, while its files go, would
list a part of them, or none, as if that were the data.
Staging names begin with ``_`` and hold no ``=``, which Spark and its peers do not read as data.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import functools
import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sparkscale.errors import (
    AccessError,
    DataError,
    InputMissingError,
    OutputError,
    SparkscaleError,
    StorageError,
    TemporaryError,
)
from sparkscale.places import local_path
from sparkscale.publish import manifest
from sparkscale.publish.manifest import Manifest
from sparkscale.publish.runs import Run

#: Inside a staging folder: what is being written; the target that it replaces, between two renames.
_NEW, _OLD = "new", "old"
#: Of renameat2(2): relative to the working folder; fail where the target exists; exchange the two.
_HERE, _NOREPLACE, _EXCHANGE = -100, 1, 2
#: Seconds that a folder which was replaced stays as it was, for readers who are about to list it. Runs on Spark do not
#: wait for them: its session takes as long to stop.
GRACE = 0.2
#: Seconds after an interruption in which an engine that has been stopped may yet write.
LATE = 2.0


def _nothing(_step: str) -> None:
    """Do nothing."""


#: Called at each step of publishing with its name. A campaign of faults puts its own in this place, and fails there.
reached: Callable[[str], None] = _nothing


def check_target(output: str, mode: str) -> None:
    """Refuse a local target that can't be published to, before anything runs.

    Raises:
        OutputError: (73) where it exists and mode is ``error``, or is a file.
    """
    if mode == "error" and os.path.lexists(local_path(output)):
        cause = f"output {output} already exists"
        raise OutputError("OUTPUT_EXISTS", cause, "set mode: overwrite, or choose another path")
    check_is_folder(output)


def check_is_folder(output: str) -> None:
    """Refuse a local target that is a file, or is below one.

    Raises:
        OutputError: (73).
    """
    target = Path(local_path(output))
    for place in (target, *target.parents):
        if place.exists() and not place.is_dir():
            raise OutputError("OUTPUT_EXISTS", f"output.path: expected a folder or nothing, {place} is a file")


@dataclass(frozen=True)
class Claim:
    """A target that this process alone may publish to, for as long as the claim lasts."""

    output: str
    target: Path
    staging: Path
    #: What an earlier run had left, in words.
    recovered: tuple[str, ...] = ()
    #: When (`time.monotonic`) it was published to, in place of what was there.
    _replaced: list[float] = field(default_factory=list)

    def finished(self, run: Run, mode: str) -> dict[str, Any] | None:
        """Return the record of a run whose complete result the target already holds, or None.

        Raises:
            DataError: (65) where the target's manifest is damaged.
        """
        with named(self.output):
            known = manifest.read(self.target)
            if known is None or not run.finished(known.run_ids, mode):
                return None
            if mode != "append" and not manifest.is_whole(self.target, known):
                return None
        found: dict[str, Any] = next(record for record in reversed(known.runs) if record["run_id"] == run.id)
        return found

    @property
    def new(self) -> Path:
        """Where to write what :meth:`publish` puts in the target's place; empty at first."""
        return self.staging / _NEW

    def publish(self, mode: str, record: Mapping[str, Any]) -> None:
        """Complete what was written to :attr:`new`, and put it into the target's place.

        Args:
            mode: of the output.
            record: of the run, with its ``run_id``; it goes into the manifest.

        Raises:
            OutputError: (73), StorageError: (74), AccessError: (77) where the file system refuses,
            TemporaryError: (75) where another run published there first.
        """
        reached("written")
        with named(self.output):
            _complete(self.new, self.target, mode, record)
            reached("complete")
            replacing = self.target.exists()
            _publish(self.staging, self.target, mode)
            if replacing:
                self._replaced.append(time.monotonic())
            reached("published")
            _sync(self.target.parent)

    def linger(self) -> None:
        """Wait until no reader can be about to list what was replaced."""
        for when in self._replaced:
            time.sleep(max(when + GRACE - time.monotonic(), 0))


@contextlib.contextmanager
def claimed(output: str) -> Iterator[Claim]:
    """Claim a target, clean up what a crash left there, and give the claim up when the block ends.

    Raises:
        TemporaryError: (75) where another run writes to the same target,
        OutputError: (73), StorageError: (74), AccessError: (77) where the file system refuses.
    """
    target = Path(os.path.realpath(local_path(output)))  # of a link, the folder that it names is replaced
    with contextlib.ExitStack() as stack:
        with named(output):
            made = [place for place in target.parents if not place.exists()]
            stack.callback(_remove_empty, made)
            target.parent.mkdir(parents=True, exist_ok=True)
            staging = _claim(target, stack)
            stack.push(functools.partial(_leave, staging))
            stack.callback(_clear, staging, target)
            reached("claimed")
            recovered = _clear(staging, target)
            reached("cleared")
        claim = Claim(output, target, staging, tuple(recovered))
        stack.callback(claim.linger)
        yield claim


def unclaimed(output: str) -> Claim:
    """Return a claim without a lock, to read a target."""
    target = Path(os.path.realpath(local_path(output)))
    return Claim(output, target, _staging_of(target))


def recover(output: str) -> list[str]:
    """Clean up what a crash left at a target, and return what was done, in words.

    Raises:
        TemporaryError: (75) where a run is writing there.
    """
    if not unclaimed(output).staging.is_dir():
        return []
    with claimed(output) as claim:
        return list(claim.recovered) or [f"gave up the claim of a run that was stopped on {output}"]


def verify(output: str) -> Manifest:
    """Compare every file of an output with its manifest, and return the manifest.

    Raises:
        InputMissingError: (66) where there is no manifest, DataError: (65) naming every file that differs.
    """
    folder = unclaimed(output).target
    with named(output, "verifying"):
        known = manifest.read(folder)
        if known is None:
            cause = f"expected a manifest in {output}, found none"
            raise InputMissingError("MANIFEST_MISSING", cause, "only what sparkscale has published as files has one")
        problems = manifest.problems(folder, known)
    if problems:
        raise DataError.of([replace(problem, cause=f"{output}/{problem.cause}") for problem in problems])
    return known


def _staging_of(target: Path) -> Path:
    digest = hashlib.sha256(os.fsencode(target.name)).hexdigest()[:8]
    return target.parent / f"_sparkscale-{re.sub(r'[^A-Za-z0-9_.-]', '_', target.name)[:80]}-{digest}"


def _claim(target: Path, stack: contextlib.ExitStack) -> Path:
    """Make and lock the staging folder of a target; the lock goes when the stack, or the process, ends."""
    staging = _staging_of(target)
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


def _clear(staging: Path, target: Path) -> list[str]:
    """Empty the staging folder; a target that was caught between two renames is put back first."""
    done = []
    if (staging / _OLD).exists() and not os.path.lexists(target):
        (staging / _OLD).rename(target)
        done.append(f"put back {target}, which a run that was stopped had set aside")
    for left in (staging / _NEW, staging / _OLD):
        if left.exists():
            shutil.rmtree(left, ignore_errors=True)
            done.append(f"removed what a run that was stopped had left beside {target}")
    return done


def _leave(staging: Path, kind: type[BaseException] | None, *_: object) -> None:
    """Remove the staging folder; after an interruption for some time, because tasks that run on still write."""
    interrupted = kind is not None and not issubclass(kind, Exception)
    end = time.monotonic() + (LATE if interrupted else 0.0)
    while time.monotonic() < end:  # the folder itself stays while it is locked, so that nobody else can take it
        shutil.rmtree(staging / _NEW, ignore_errors=True)
        time.sleep(0.05)
    shutil.rmtree(staging, ignore_errors=True)


def _remove_empty(folders: list[Path]) -> None:
    """Remove the folders that were made for a target, innermost first, where nothing came into them."""
    with contextlib.suppress(OSError):
        for folder in folders:
            folder.rmdir()


def _complete(new: Path, target: Path, mode: str, record: Mapping[str, Any]) -> None:
    """Link the files that stay beside the new ones, and write the manifest of all."""
    names = list(manifest.data_files(new))
    files = manifest.describe(new, names, record["run_id"])
    known = manifest.read(target) or Manifest()
    if mode in ("append", "overwrite_partitions") and target.exists():
        replaced = {os.path.dirname(name) for name in names} if mode == "overwrite_partitions" else set()  # noqa: PTH120 - a name
        _keep(target, new, replaced)
        kept = [name for name in manifest.data_files(new) if name not in files]
        files |= {name: known.files.get(name, {"size": (new / name).stat().st_size}) for name in kept}
    (new / manifest.FOLDER).mkdir(exist_ok=True)
    place = new / manifest.FOLDER / manifest.NAME
    place.write_bytes(Manifest([*known.runs, dict(record)], files).dump())
    _sync(place)
    for folder, _, _ in os.walk(new):
        _sync(Path(folder))


def _keep(old: Path, new: Path, replaced: set[str]) -> None:
    """Link the files of a folder into another, but for those in the folders that were replaced, and the manifest."""
    for place, folders, files in os.walk(old):
        inside = str(Path(place).relative_to(old))
        if inside == ".":
            folders[:] = [name for name in folders if name != manifest.FOLDER]
        if inside in replaced:
            folders.clear()
            continue
        (new / inside).mkdir(parents=True, exist_ok=True)
        for name in files:
            if not (new / inside / name).exists():
                _link(Path(place, name), new / inside / name)


def _link(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV):
            raise
        shutil.copy2(source, target)  # a file system without hard links


def _sync(place: Path) -> None:
    """Flush a file, or the names in a folder, to the disk."""
    opened = os.open(place, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _publish(staging: Path, target: Path, mode: str) -> None:
    new, old = staging / _NEW, staging / _OLD
    if mode == "error" or not target.exists():
        if os.path.lexists(target):
            raise TemporaryError("OUTPUT_CONFLICT", f"another run wrote {target} meanwhile", "run it again")
        if not _rename(new, target, _NOREPLACE):
            new.rename(target)
    elif not _rename(new, target, _EXCHANGE):
        target.rename(old)
        reached("set aside")
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
        return AccessError("PERMISSION", cause, "check the folder's rights")
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageError("DISK_FULL", cause, "free some space, then run it again")
    if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
        return TemporaryError("OUTPUT_CONFLICT", cause, "another run wrote there; run it again")
    return OutputError("OUTPUT_FAILED", cause)
