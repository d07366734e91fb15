"""Commits of the log of states: documents that say what changes, and the state that they make together."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sparkscale.artifact import jsons, values
from sparkscale.artifact.states import plans
from sparkscale.artifact.states.keys import By, ByColumn, Key, to_json
from sparkscale.errors import DataError, SparkscaleError
from sparkscale.pipeline.plan import Plan

FORMAT = "sparkscale-states"
FORMAT_VERSION = 1
#: A commit of 100,000 partitions is 30 MB; larger ones are refused unread.
MAX_BYTES = 64 * 1024 * 1024

_SHA = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"data/[0-9a-f]{32}\.parquet")
_WAY_OUT = "restore the file, or choose another place for the states and read all partitions again"


@dataclass(frozen=True)
class DataFile:
    """A Parquet file of states; ``features`` says of each whether its sketches are there."""

    name: str
    size: int
    sha256: str
    features: Mapping[str, bool]


@dataclass(frozen=True)
class Partition:
    """What the log says of one key."""

    key: Key
    rows: int
    fingerprint: str
    reading: str
    files: tuple[str, ...]
    #: The number of the commit that said it first.
    commit: int
    dropped: bool = False


@dataclass(frozen=True)
class Commit:
    """What one commit changes; a ``whole`` one says all that there is."""

    keys: By
    pipeline: Plan | None = None
    files: tuple[DataFile, ...] = ()
    partitions: tuple[Partition, ...] = ()
    removed: tuple[Key, ...] = ()
    whole: bool = False


@dataclass(frozen=True)
class State:
    """What the commits up to number ``number`` say together; 0 before the first one."""

    number: int = 0
    keys: By | None = None
    pipeline: Plan | None = None
    partitions: Mapping[Key, Partition] = field(default_factory=dict)
    files: Mapping[str, DataFile] = field(default_factory=dict)

    def after(self, commit: Commit, number: int) -> State:
        """Return the state behind a commit; raises ValueError where it does not follow."""
        before = State() if commit.whole else self
        if not commit.whole and number != self.number + 1:
            raise ValueError(f"it follows commit {self.number}")
        if before.keys not in (None, commit.keys):
            raise ValueError(f"keys {commit.keys.names} after {before.keys}")
        partitions = dict(before.partitions) | {one.key: one for one in commit.partitions}
        for key in commit.removed:
            partitions.pop(key, None)
        files = dict(before.files) | {one.name: one for one in commit.files}
        used = {name for one in partitions.values() for name in one.files}
        if lost := used - files.keys():
            raise ValueError(f"a partition in {min(lost)!r:.100}, which no commit adds")
        live = {name: files[name] for name in files if name in used}
        return State(number, commit.keys, commit.pipeline or before.pipeline, partitions, live)

    def as_commit(self) -> Commit:
        """Return a commit that says all of it."""
        assert self.keys is not None  # noqa: S101 - a state of some commit
        return Commit(self.keys, self.pipeline, tuple(self.files.values()), tuple(self.partitions.values()), whole=True)

    def described(self, partition: Partition) -> dict[str, Any]:
        """Return what a list of states says of a partition, as JSON values."""
        known = {
            "rows": partition.rows,
            "features": len(self.features(partition)),
            "fingerprint": partition.fingerprint,
        }
        return {**self.named(partition.key), **known, "commit": partition.commit, "dropped": partition.dropped}

    def named(self, key: Key) -> dict[str, Any]:
        """Return a key as JSON values by column."""
        return self.keys.named(key) if self.keys else {}

    def shown(self, key: Key) -> str:
        """Return a key as people write it."""
        return self.keys.shown(key) if self.keys else ""

    def features(self, partition: Partition) -> dict[str, tuple[str, bool]]:
        """Return by feature of a partition the file that has its states, and whether with sketches."""
        return {
            feature: (name, sketched)
            for name in partition.files
            for feature, sketched in self.files[name].features.items()
        }


def dump(commit: Commit) -> bytes:
    """Return a commit's bytes."""
    document: dict[str, Any] = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "whole": commit.whole,
        "by": [{"name": column.name, "type": column.type} for column in commit.keys.columns],
        "pipeline": None if commit.pipeline is None else plans.to_json(commit.pipeline),
        "files": [
            {"name": one.name, "size": one.size, "sha256": one.sha256, "features": dict(one.features)}
            for one in commit.files
        ],
        "partitions": [
            {
                "key": to_json(one.key),
                "rows": one.rows,
                "fingerprint": one.fingerprint,
                "reading": one.reading,
                "files": list(one.files),
                "commit": one.commit,
                "dropped": one.dropped,
            }
            for one in commit.partitions
        ],
        "removed": [to_json(key) for key in commit.removed],
    }
    try:
        document["checksum"] = jsons.checksum(document)
    except UnicodeEncodeError as error:
        cause = f"expected names and keys in Unicode, found an unpaired Unicode surrogate in {error.object!r:.80}"
        raise DataError("STATES_TEXT", cause, "rename the column or the partition") from error
    return jsons.compact(document) + b"\n"


def load(data: bytes, name: str) -> Commit:
    """Read a commit without running any code in it; raises :class:`DataError` (65) that says what is wrong."""
    if len(data) > MAX_BYTES:
        raise DataError("STATES_INVALID", f"{name}: expected at most {MAX_BYTES:,} bytes, found more", _WAY_OUT)
    try:
        document = jsons.parse(data)
    except (ValueError, RecursionError) as error:
        cause = f"{name}: expected a commit of states in JSON, found something else ({str(error)[:120]})"
        raise DataError("STATES_INVALID", cause, _WAY_OUT) from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        found = document.get("format") if isinstance(document, dict) else type(document).__name__
        raise DataError("STATES_FORMAT", f"{name}: expected format {FORMAT!r}, found {str(found)[:80]!r}", _WAY_OUT)
    _check_version(document.get("format_version"), name)
    stated = document.pop("checksum", None)
    try:
        if stated != jsons.checksum(document):
            cause = f"{name}: its content does not match its checksum"
            raise DataError("STATES_CHECKSUM", cause, "the file was changed or damaged: " + _WAY_OUT)
        return _commit(document)
    except SparkscaleError as error:
        code = error.code if error.code.startswith("STATES_") else "STATES_INVALID"
        cause = error.cause if name in error.cause else f"{name}: {error.cause}"
        raise DataError(code, cause, error.hint or _WAY_OUT) from error
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        cause = f"{name}: its content is not that of a commit of states: {error!r:.200}"
        raise DataError("STATES_INVALID", cause, _WAY_OUT) from error


def digest(data: bytes) -> str:
    """Return the SHA-256 of bytes, in hex."""
    return hashlib.sha256(data).hexdigest()


def _check_version(version: object, name: str) -> None:
    if type(version) is not int or version < 1:
        raise DataError("STATES_INVALID", f"{name}: expected a format_version, found {str(version)[:80]!r}", _WAY_OUT)
    if version > FORMAT_VERSION:
        cause = f"{name}: its format is version {version}, this sparkscale reads up to {FORMAT_VERSION}"
        raise DataError("STATES_NEWER", cause, "upgrade sparkscale")


def _commit(document: Mapping[str, Any]) -> Commit:
    expected = {"format", "format_version", "whole", "by", "pipeline", "files", "partitions", "removed"}
    if set(document) != expected or not isinstance(document["whole"], bool):
        raise ValueError(f"fields {sorted(document)!r:.200}")
    keys = By(tuple(_column(item) for item in values.items(document["by"])))
    if not keys.columns or len(set(keys.names)) < len(keys.names):
        raise ValueError(f"key columns {keys.names!r:.80}")
    partitions = tuple(_partition(item, keys) for item in values.items(document["partitions"]))
    if len({one.key for one in partitions}) < len(partitions):
        raise ValueError("a key stands twice")
    pipeline = document["pipeline"]
    return Commit(
        keys,
        None if pipeline is None else plans.from_json(pipeline),
        tuple(map(_file, values.items(document["files"]))),
        partitions,
        tuple(keys.from_json(key) for key in values.items(document["removed"])),
        document["whole"],
    )


def _column(item: Mapping[str, Any]) -> ByColumn:
    if item["type"] not in ("string", "integer", "date") or not isinstance(item["name"], str) or not item["name"]:
        raise ValueError(f"a key column {item!r:.80}")
    return ByColumn(item["name"], item["type"])


def _file(item: Mapping[str, Any]) -> DataFile:
    size, sha, features = item["size"], item["sha256"], item["features"]
    if not _NAME.fullmatch(item["name"]) or not _SHA.fullmatch(sha):
        raise ValueError(f"a file {item['name']!r:.80}")
    if type(size) is not int or size < 0 or not all(type(sketched) is bool for sketched in features.values()):
        raise ValueError(f"a file {item['name']!r:.80}")
    return DataFile(item["name"], size, sha, dict(features))


def _partition(item: Mapping[str, Any], keys: By) -> Partition:
    rows, commit, dropped = item["rows"], item["commit"], item["dropped"]
    if type(dropped) is not bool or any(type(count) is not int or not 0 <= count < 2**63 for count in (rows, commit)):
        raise ValueError(f"a partition of {rows!r:.80} rows")
    texts = (item["fingerprint"], item["reading"], *values.items(item["files"]))
    if not all(isinstance(text, str) for text in texts):
        raise TypeError(f"expected text, found {texts!r:.80}")
    return Partition(keys.from_json(item["key"]), rows, texts[0], texts[1], texts[2:], commit, dropped)
