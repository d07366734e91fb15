"""Publishing files to an object store, where nothing can be renamed.

A run writes below its own prefix. Last, it puts one small object, if its number is free, which announces what the
table is now::

    <output>/00000002-<run id>/part-0.parquet     what a run wrote
    <output>/_sparkscale/00000002.json            announcement 2: the manifest of the whole table

The table is the files that the newest announcement names, of this run and of earlier ones. A reader that follows it
sees the old table or the new one, whole; sparkscale's own reader does. A reader that lists the folder instead finds
every run's files, including those of replaced and unfinished runs.

Two runs that announce at once claim the same number: one gets it, and the other ends with 75. After an announcement,
the files that neither it nor the one before it names are deleted; readers of the old table have until the next one.
"""

from __future__ import annotations

import contextlib
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError

from sparkscale.artifact import clients
from sparkscale.errors import ConfigError, OutputError, SparkscaleError, TemporaryError
from sparkscale.publish import manifest
from sparkscale.publish.manifest import Manifest
from sparkscale.publish.runs import Run

_NUMBER = re.compile(rf"{manifest.FOLDER}/(\d{{8,}})\.json")
#: A run's prefix: the number that it means to announce, and its id.
_PREFIX = re.compile(r"\d{8,}-[A-Za-z0-9_.-]{1,64}")


def check_place(uri: str, name: str) -> None:
    """Refuse (78) a place that no announcement can be put to; ``name`` is the place for people."""
    if not clients.reaches(uri):
        cause = f"output.path: expected a local path, or s3, gs, az or abfs, for plain files, found {name}"
        raise ConfigError("CONFIG_OUTPUT", cause, "set format: delta or iceberg, which publish atomically anywhere")


@dataclass(frozen=True)
class Announced:
    """A table of files in an object store, as its announcements describe it."""

    uri: str
    #: The newest announcement's number, 0 without one, and what it says.
    number: int = 0
    table: Manifest = field(default_factory=Manifest)
    before: Manifest = field(default_factory=Manifest)

    @classmethod
    def of(cls, uri: str) -> Announced:
        """Read the newest announcement and the one before it."""
        with _worded(uri):
            opened = clients.opened(uri, create=True)
            numbers = sorted(_numbers(opened))
            read = [Manifest(), Manifest(), *(_read(opened, uri, number) for number in numbers[-2:])]
        return cls(uri, max(numbers, default=0), read[-1], read[-2])

    def finished(self, run: Run, mode: str) -> dict[str, Any] | None:
        """Return the record of a run whose result the table already holds, or None."""
        if not run.finished(self.table.run_ids, mode):
            return None
        found: dict[str, Any] = next(record for record in reversed(self.table.runs) if record["run_id"] == run.id)
        return found

    def place(self, run_id: str) -> str:
        """Return the URI of the prefix that a run writes to."""
        return f"{self.uri.rstrip('/')}/{self._prefix(run_id)}"

    def clear(self, run_id: str) -> None:
        """Delete what an unfinished attempt of this run left, except what announcements name."""
        with _worded(self.uri):
            opened = clients.opened(self.uri, create=True)
            named = self.table.files.keys() | self.before.files.keys()
            for prefix in _prefixes(opened):
                if prefix.partition("-")[2] == run_id:
                    _delete(opened, set(_below(opened, prefix)) - named)

    def announce(self, mode: str, record: Mapping[str, Any]) -> None:
        """Announce the files below the run's prefix.

        Args:
            mode: of the output.
            record: of the run, with its ``run_id``.

        Raises:
            TemporaryError: (75) where another run announced meanwhile; StorageError and its like for the store's own.
        """
        with _worded(self.uri):
            opened = clients.opened(self.uri, create=True)
            table = self._after(opened, mode, record)
            if not self._put(opened, table):
                cause = f"another run published to {self.uri} meanwhile"
                raise TemporaryError("OUTPUT_CONFLICT", cause, "run it again")
            _delete(opened, (self.before.files.keys() - table.files.keys()) - self.table.files.keys())

    def discard(self, run_id: str) -> None:
        """Delete what a run wrote, as far as the store allows; not what is announced, even if the answer was lost."""
        with contextlib.suppress(BaseError, OSError, SparkscaleError):
            Announced.of(self.uri).clear(run_id)

    def _prefix(self, run_id: str) -> str:
        return f"{self.number + 1:08d}-{run_id}"

    def _after(self, opened: Any, mode: str, record: Mapping[str, Any]) -> Manifest:
        """Return the whole table with what the run wrote."""
        prefix = self._prefix(record["run_id"])
        written = {
            name: {"size": size, "run_id": record["run_id"]}
            for name, size in _listed(opened, prefix)
            if manifest.is_data(posixpath.relpath(name, prefix))
        }
        kept = dict(self.table.files) if mode in ("append", "overwrite_partitions") else {}
        if mode == "overwrite_partitions":
            replaced = {partition_of(name) for name in written}
            kept = {name: known for name, known in kept.items() if partition_of(name) not in replaced}
        return self.table.after(record, kept | written)

    def _put(self, opened: Any, table: Manifest) -> bool:
        """Put the announcement if its number is free; return whether it is there, even if the answer was lost."""
        data = table.dump()
        try:
            obstore.put(opened, _name(self.number + 1), data, mode="create")
        except AlreadyExistsError:
            return bytes(obstore.get(opened, _name(self.number + 1)).bytes()) == data
        return True

    def left_over(self) -> list[str]:
        """Return the prefixes of runs that no announcement of the last two names: unfinished, alive, or replaced."""
        named = {name.partition("/")[0] for name in self.table.files.keys() | self.before.files.keys()}
        with _worded(self.uri):
            return sorted(set(_prefixes(clients.opened(self.uri, create=True))) - named)

    def recover(self) -> list[str]:
        """Delete what unfinished runs left. No other run may be writing there: a store has no lock to show it."""
        found = self.left_over()
        with _worded(self.uri):
            opened = clients.opened(self.uri, create=True)
            for prefix in found:
                _delete(opened, _below(opened, prefix))
        return [f"removed {prefix}, which no announcement names" for prefix in found]


def partition_of(name: str) -> str:
    """Return the partition of a file: the folders between its run's prefix and its name."""
    return posixpath.dirname(name.partition("/")[2])


def by_prefix(names: Iterator[str] | list[str]) -> dict[str, list[str]]:
    """Return files by the prefix of their runs, both in order."""
    out: dict[str, list[str]] = {}
    for name in sorted(names):
        out.setdefault(name.partition("/")[0], []).append(name)
    return out


def _name(number: int) -> str:
    return f"{manifest.FOLDER}/{number:08d}.json"


def _numbers(opened: Any) -> Iterator[int]:
    objects = obstore.list_with_delimiter(opened, manifest.FOLDER)["objects"]
    yield from (int(match[1]) for item in objects if (match := _NUMBER.fullmatch(item["path"])))


def _read(opened: Any, uri: str, number: int) -> Manifest:
    name = _name(number)
    size = min(obstore.head(opened, name)["size"], manifest.MAX_BYTES + 1)
    data = bytes(obstore.get_range(opened, name, start=0, end=size)) if size else b""
    return manifest.load(data, f"{uri.rstrip('/')}/{name}")


def _prefixes(opened: Any) -> Iterator[str]:
    yield from (name for name in obstore.list_with_delimiter(opened)["common_prefixes"] if _PREFIX.fullmatch(name))


def _listed(opened: Any, prefix: str) -> Iterator[tuple[str, int]]:
    for batch in obstore.list(opened, prefix):
        yield from ((item["path"], item["size"]) for item in batch)


def _below(opened: Any, prefix: str) -> list[str]:
    return [name for name, _ in _listed(opened, prefix)]


def _delete(opened: Any, names: Any) -> None:
    """Delete objects; one that is already gone is fine."""
    wanted = sorted(names)
    if wanted:
        with contextlib.suppress(NotFoundError):
            obstore.delete(opened, wanted)


@contextlib.contextmanager
def _worded(uri: str) -> Iterator[None]:
    """Turn the store's errors into ours."""
    try:
        yield
    except (BaseError, OSError) as error:
        raise clients.failure(error, f"output {uri}", OutputError) from error
