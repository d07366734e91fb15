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
"""

from __future__ import annotations

import contextlib
import functools
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sparkscale.errors import DataError, InputMissingError, OutputError, TemporaryError
from sparkscale.places import local_path
from sparkscale.publish import filesystem, manifest, staging
from sparkscale.publish.manifest import Manifest
from sparkscale.publish.runs import Run

#: Seconds that a folder which was replaced stays as it was, for readers who are about to list it. Runs on Spark do not
#: wait for them: its session takes as long to stop.
GRACE = 0.2


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
        cause = f"output {output!r} already exists"
        raise OutputError("OUTPUT_EXISTS", cause, "set output.mode: overwrite, or choose another path")
    check_is_folder(output)


def check_is_folder(output: str) -> None:
    """Refuse a local target that is a file, or is below one.

    Raises:
        OutputError: (73).
    """
    target = Path(local_path(output))
    for place in (target, *target.parents):
        if place.exists() and not place.is_dir():
            cause = f"output.path: expected a folder, but {str(place)!r} is a file"
            raise OutputError("OUTPUT_EXISTS", cause, "choose another path")


@dataclass(frozen=True)
class Claim:
    """A target that this process alone may publish to, for as long as the claim lasts."""

    output: str
    target: Path
    folder: Path
    #: What an earlier run had left, in words.
    recovered: tuple[str, ...] = ()
    #: When (`time.monotonic`) it was published to, in place of what was there.
    _replaced: list[float] = field(default_factory=list)

    def finished(self, run: Run, mode: str) -> dict[str, Any] | None:
        """Return the record of a run whose complete result the target already holds, or None.

        Raises:
            DataError: (65) where the target's manifest is damaged.
        """
        with filesystem.named(self.output):
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
        return self.folder / staging.NEW

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
        with filesystem.named(self.output):
            _complete(self.new, self.target, mode, record)
            reached("complete")
            replacing = self.target.exists()
            _publish(self.folder, self.target, mode)
            if replacing:
                self._replaced.append(time.monotonic())
            reached("published")
            filesystem.sync(self.target.parent)

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
        with filesystem.named(output):
            made = [place for place in target.parents if not place.exists()]
            stack.callback(staging.remove_empty, made)
            target.parent.mkdir(parents=True, exist_ok=True)
            folder = staging.lock(target, stack)
            stack.push(functools.partial(staging.leave, folder))
            stack.callback(staging.clear, folder, target)
            reached("claimed")
            recovered = staging.clear(folder, target)
            reached("cleared")
        claim = Claim(output, target, folder, tuple(recovered))
        stack.callback(claim.linger)
        yield claim


def unclaimed(output: str) -> Claim:
    """Return a claim without a lock, to read a target."""
    target = Path(os.path.realpath(local_path(output)))
    return Claim(output, target, staging.of(target))


def recover(output: str) -> list[str]:
    """Clean up what a crash left at a target, and return what was done, in words.

    Raises:
        TemporaryError: (75) where a run is writing there.
    """
    if not unclaimed(output).folder.is_dir():
        return []
    with claimed(output) as claim:
        return list(claim.recovered) or [f"gave up the claim of a run that was stopped on {output}"]


def verify(output: str) -> Manifest:
    """Compare every file of an output with its manifest, and return the manifest.

    Raises:
        InputMissingError: (66) where there is no manifest, DataError: (65) naming every file that differs.
    """
    folder = unclaimed(output).target
    with filesystem.named(output, "verifying"):
        known = manifest.read(folder)
        if known is None:
            cause = f"expected a manifest in {output}, found none"
            raise InputMissingError(
                "MANIFEST_MISSING", cause, "run the job first; only plain files that sparkscale published have one"
            )
        problems = manifest.problems(folder, known)
    if problems:
        raise DataError.of([replace(problem, cause=f"{output}/{problem.cause}") for problem in problems])
    return known


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
    place.write_bytes(known.after(record, files).dump())
    filesystem.sync(place)
    for folder, _, _ in os.walk(new):
        filesystem.sync(Path(folder))


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
                filesystem.link(Path(place, name), new / inside / name)


def _publish(folder: Path, target: Path, mode: str) -> None:
    new, old = folder / staging.NEW, folder / staging.OLD
    if mode == "error" or not target.exists():
        if os.path.lexists(target):
            raise TemporaryError("OUTPUT_CONFLICT", f"another run wrote {target} meanwhile", "run it again")
        if not filesystem.rename(new, target, filesystem.NOREPLACE):
            new.rename(target)
    elif not filesystem.rename(new, target, filesystem.EXCHANGE):
        target.rename(old)
        reached("set aside")
        new.rename(target)
