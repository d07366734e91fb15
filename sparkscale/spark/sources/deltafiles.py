"""The files of a Delta table by its own log, read without an engine: of which partition each is, and what it holds.

Source: the Delta transaction protocol (delta-io/delta, PROTOCOL.md): commits and checkpoints, deletion vectors, column
mapping. Neither data files nor their folders are listed or read.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import obstore
import pyarrow as pa
import pyarrow.parquet as pq
from obstore.exceptions import BaseError

from sparkscale.artifact import clients
from sparkscale.artifact.states.keys import NULL
from sparkscale.errors import DataError, StorageError
from sparkscale.formats.folders import Texts, digest

_COMMIT = re.compile(r"_delta_log/(\d{20})\.json")
_CHECKPOINT = re.compile(r"_delta_log/(\d{20})\.checkpoint(?:\.(\d{10})\.(\d{10}))?\.parquet")
#: What is read of a checkpoint.
_COLUMNS = ("add", "metaData", "sidecar")


@dataclass
class Table:
    """A table as the actions of its log make it."""

    metadata: Mapping[str, Any] = field(default_factory=dict)
    #: By path and deletion vector, the partition of each file.
    files: dict[tuple[str, str], Mapping[str, str | None]] = field(default_factory=dict)

    def act(self, action: Mapping[str, Any]) -> None:
        """Apply one action of the log."""
        if meta := action.get("metaData"):
            self.metadata = meta
        if added := action.get("add"):
            self.files[added["path"], _vector(added)] = dict(added["partitionValues"])
        if removed := action.get("remove"):
            self.files.pop((removed["path"], _vector(removed)), None)

    def partitions(self, by: Sequence[str]) -> Mapping[Texts, str] | None:
        """Return by key a digest of its files; None where the table is not partitioned by all columns of the key."""
        names = {name: self._physical(name) for name in by}
        if not set(by) <= set(self.metadata.get("partitionColumns") or ()):
            return None
        found: dict[Texts, list[str]] = {}
        for (path, vector), values in self.files.items():
            key = tuple(values.get(names[name]) or NULL for name in by)
            found.setdefault(key, []).append(f"{path}\0{vector}")
        return {key: digest(files) for key, files in found.items()}

    def _physical(self, name: str) -> str:
        """Return the name of a column in the log, which column mapping makes another one."""
        fields = json.loads(self.metadata.get("schemaString") or "{}").get("fields", ())
        known: Mapping[str, Any] = next((one for one in fields if one["name"] == name), {})
        return str(known.get("metadata", {}).get("delta.columnMapping.physicalName", name))


def partitions(path: str, by: Sequence[str], version: int | None = None) -> Mapping[Texts, str] | None:
    """Return the partitions of a table, the newest version by default, each with a fingerprint.

    None where the table is not partitioned by these columns, or its log has a form that only an engine reads.

    Raises:
        DataError: (65) where the log is damaged, StorageError and its like where the store does not answer.
    """
    try:
        table = _read(clients.opened(path), version)
    except (BaseError, OSError) as error:
        raise clients.failure(error, f"input {path}", StorageError) from error
    except (ValueError, KeyError, TypeError, AttributeError, pa.ArrowException) as error:
        cause = f"expected a Delta table's log in {path}/_delta_log, found something else ({error!r:.120})"
        raise DataError("INPUT_DAMAGED", cause, "restore the log") from error
    return None if table is None else table.partitions(by)


def _read(store: Any, version: int | None) -> Table | None:
    paths = [item["path"] for page in obstore.list(store, "_delta_log") for item in page]
    commits = {int(match[1]): path for path in paths if (match := _COMMIT.fullmatch(path))}
    last = max(commits, default=-1) if version is None else version
    start, parts = _checkpoint(paths, last)
    wanted = range(start + 1, last + 1)
    if last < 0 or not all(number in commits for number in wanted):
        return None
    table = Table()
    for part in parts:
        for action in _actions(bytes(obstore.get(store, part).bytes())):
            if action.get("sidecar"):  # which has the files elsewhere
                return None
            table.act(action)
    for number in wanted:
        for line in bytes(obstore.get(store, commits[number]).bytes()).splitlines():
            if line.strip():
                table.act(json.loads(line))
    return table


def _checkpoint(paths: Iterable[str], last: int) -> tuple[int, list[str]]:
    """Return the newest whole checkpoint up to a version, and its files; -1 without one."""
    found: dict[tuple[int, int], list[str]] = {}
    for path in sorted(paths):
        if (match := _CHECKPOINT.fullmatch(path)) and int(match[1]) <= last:
            found.setdefault((int(match[1]), int(match[3] or 1)), []).append(path)
    whole = [(number, parts) for (number, count), parts in found.items() if len(parts) == count]
    return max(whole, default=(-1, []))


def _actions(data: bytes) -> Iterator[dict[str, Any]]:
    file = pq.ParquetFile(io.BytesIO(data))
    columns = [name for name in _COLUMNS if name in file.schema_arrow.names]
    for batch in file.iter_batches(columns=columns):
        yield from batch.to_pylist()


def _vector(action: Mapping[str, Any]) -> str:
    """Return the id of a file's deletion vector; empty without one."""
    vector = action.get("deletionVector")
    return "" if not vector else f"{vector['storageType']}{vector['pathOrInlineDv']}@{vector.get('offset')}"
