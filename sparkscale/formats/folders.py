"""Partitions of plain files by the names of their folders, ``month=2013-02``, and a fingerprint of each: no engine.

A fingerprint stands for the names, sizes and times of a partition's files (in an object store, for their entity tags
too): a file that is rewritten, added or deleted changes it. No file is opened.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias
from urllib.parse import unquote

from sparkscale.artifact import clients
from sparkscale.errors import StorageError
from sparkscale.places import is_local, local_path

#: The texts of a partition's key, one for each key column, as folders' names have them.
Texts: TypeAlias = tuple[str, ...]


@dataclass(frozen=True)
class File:
    """A data file: its name below the table's folder, and what changes with its content."""

    name: str
    state: str

    def key(self, by: Sequence[str]) -> Texts | None:
        """Return the key of a file; None where its folders do not name all columns."""
        pairs = (part.partition("=") for part in self.name.split("/")[:-1] if "=" in part)
        named = {unquote(name): unquote(value) for name, _, value in pairs}
        return tuple(named[name] for name in by) if named.keys() >= set(by) else None


def files_of(path: str) -> list[File] | None:
    """Return the data files below a folder or prefix; None where that cannot be listed here: a pattern, HDFS.

    Raises:
        SparkscaleError: where the folder or the store does not answer.
    """
    if is_local(path):
        folder = Path(local_path(path))
        try:
            return list(_local(folder, "")) if folder.is_dir() else None
        except OSError as error:
            raise clients.failure(error, f"input {path}", StorageError) from error
    return list(_remote(path)) if can_list(path) else None


def can_list(path: str) -> bool:
    """Whether the objects at a URI can be listed without an engine."""
    return clients.reaches(path) and not set(path) & set("*?[{")


def fingerprints(files: Iterable[File], by: Sequence[str]) -> Mapping[Texts, str] | None:
    """Return by key a digest of its files; None where a file stands in no folder of all the key's columns."""
    states: dict[Texts, list[str]] = {}
    for file in files:
        key = file.key(by)
        if key is None:
            return None
        states.setdefault(key, []).append(f"{file.name}\0{file.state}")
    return {key: digest(found) for key, found in states.items()}


def digest(states: Iterable[str]) -> str:
    """Return a digest of texts, whatever their order."""
    text = "\n".join(sorted(states))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _local(folder: Path, below: str) -> Iterator[File]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if _hidden(entry.name):
                continue
            if entry.is_dir():
                yield from _local(folder / entry.name, f"{below}{entry.name}/")
            else:
                known = entry.stat()
                yield File(below + entry.name, f"{known.st_size}\0{known.st_mtime_ns}")


def _remote(path: str) -> Iterator[File]:
    import obstore
    from obstore.exceptions import BaseError

    try:
        for page in obstore.list(clients.opened(path)):
            for item in page:
                if not any(map(_hidden, item["path"].split("/"))):
                    yield File(item["path"], f"{item['size']}\0{item['last_modified'].isoformat()}\0{item['e_tag']}")
    except BaseError as error:
        raise clients.failure(error, f"input {path}", StorageError) from error


def _hidden(name: str) -> bool:
    """Whether engines pass over a file or folder of this name."""
    return name.startswith((".", "_")) and "=" not in name
