"""The manifest of a folder of data files: which runs published it, and each file's size and checksum.

``<output>/_sparkscale/manifest.json`` (engines do not read names with ``_`` as data)::

    {
      "format": "sparkscale-manifest",  "format_version": 1,
      "runs": [{"run_id": "...", "command": "run", "mode": "append", "rows": 336776, "config": "<digest>",
                "artifact": {"path": "out/stats", "version": 3},             the newest last
                "audit": [{"step": 1, "kind": "minmax", "outputs": ["price"], "nulls": 0, ...}]}],   of the newest
      "files": {"month=1/part-0.parquet": {"size": 1234, "sha256": "<hex>", "run_id": "..."}}
    }

A file that was in the folder before sparkscale first wrote there is listed with its size only.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

from sparkscale.errors import DataError, Problem, counted

FORMAT, FORMAT_VERSION = "sparkscale-manifest", 1
FOLDER, NAME = "_sparkscale", "manifest.json"
#: A manifest of a million files is 200 MB; larger ones are refused unread.
MAX_BYTES = 256 * 1024 * 1024
_CHUNK = 1 << 20
#: Checksums are computed outside Python's lock; more threads than this wait for the disk.
_THREADS = 8


@dataclass(frozen=True)
class Manifest:
    """What was published to a folder. ``runs`` stand in their order, the newest last."""

    runs: Sequence[dict[str, Any]] = ()
    files: Mapping[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def run_ids(self) -> list[str]:
        """The ids of the runs, the newest last."""
        return [str(run["run_id"]) for run in self.runs]

    def after(self, record: Mapping[str, Any], files: Mapping[str, dict[str, Any]]) -> Manifest:
        """Return the manifest once another run is published; only the newest run keeps the counts of its audit."""
        runs = [{key: value for key, value in run.items() if key != "audit"} for run in self.runs]
        return Manifest([*runs, dict(record)], files)

    def dump(self) -> bytes:
        """Return the manifest's bytes."""
        document = {"format": FORMAT, "format_version": FORMAT_VERSION, "runs": list(self.runs), "files": self.files}
        return (json.dumps(document, indent=1, sort_keys=True) + "\n").encode()


def read(folder: Path) -> Manifest | None:
    """Return the manifest of a folder, or None.

    Raises:
        DataError: (65) if it is not a manifest, or names files outside its folder.
    """
    place = folder / FOLDER / NAME
    if not place.is_file():
        return None
    with place.open("rb") as stream:
        return load(stream.read(MAX_BYTES + 1) if place.stat().st_size <= MAX_BYTES else b"", str(place))


def load(data: bytes, name: str) -> Manifest:
    """Read a manifest; raises :class:`DataError` (65) where it is none, or names files outside its folder."""
    try:
        return _manifest(json.loads(data))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        cause = f"{name}: expected a manifest of at most {MAX_BYTES:,} bytes, found something else ({str(error)[:120]})"
        raise DataError("MANIFEST_INVALID", cause, "restore it, or remove it to publish without its record") from error


def _manifest(document: Any) -> Manifest:
    if document["format"] != FORMAT or document["format_version"] != FORMAT_VERSION:
        raise ValueError(f"format {document['format']!r:.40} version {document['format_version']!r:.40}")
    for run in document["runs"]:
        if not isinstance(run["run_id"], str):
            raise TypeError("a run_id that is no text")
    for name, known in document["files"].items():
        parts = PurePosixPath(name).parts
        if not parts or name.startswith("/") or ".." in parts or "\0" in name:
            raise ValueError(f"a file outside its folder: {name!r:.80}")
        if type(known["size"]) is not int:
            raise TypeError(f"no size of {name!r:.80}")
    return Manifest(document["runs"], document["files"])


def data_files(folder: Path) -> Iterator[str]:
    """Yield the relative names of the data files below a folder, sorted, without those that readers skip."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not _hidden(name))
        yield from (str(Path(place, name).relative_to(folder)) for name in sorted(files) if not _hidden(name))


def is_data(name: str) -> bool:
    """Whether readers treat a file with this relative name as data."""
    return not any(_hidden(part) for part in PurePosixPath(name).parts)


def _hidden(name: str) -> bool:
    return name.startswith((".", "_")) and "=" not in name


def partition_keys(folder: Path) -> tuple[str, ...]:
    """Return the keys in the names of a table's folders, as ``month`` of ``month=1``."""
    inner = next((place for place in sorted(folder.iterdir()) if place.is_dir() and "=" in place.name), None)
    return (unquote(inner.name.partition("=")[0]), *partition_keys(inner)) if inner else ()


def describe(folder: Path, names: Sequence[str], run_id: str) -> dict[str, dict[str, Any]]:
    """Return size and checksum of files, and flush them to the disk (``fsync``)."""

    def one(name: str) -> dict[str, Any]:
        size, digest = _digest(folder / name, sync=True)
        return {"size": size, "sha256": digest, "run_id": run_id}

    with ThreadPoolExecutor(_THREADS) as pool:
        return dict(zip(names, pool.map(one, names), strict=True))


def _digest(file: Path, *, sync: bool = False) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
        if sync:
            os.fsync(stream.fileno())
    return size, digest.hexdigest()


def is_whole(folder: Path, manifest: Manifest) -> bool:
    """Whether a folder holds the files of its manifest and no others, by name and size; reads none of them."""
    found = set(data_files(folder))
    return found == set(manifest.files) and all(
        (folder / name).stat().st_size == known["size"] for name, known in manifest.files.items()
    )


_RESTORE = "restore it, or run the job again"


def problems(folder: Path, manifest: Manifest) -> list[Problem]:
    """Compare every file of a folder with its manifest, and return every difference."""
    found = set(data_files(folder))
    gone, more = sorted(manifest.files.keys() - found), sorted(found - manifest.files.keys())
    out = [Problem("FILE_MISSING", f"{name}: expected this file, found none", _RESTORE) for name in gone]
    out += [Problem("FILE_UNKNOWN", f"{name}: this file is not in the manifest", "move it elsewhere") for name in more]

    def one(name: str) -> Problem | None:
        known = manifest.files[name]
        size, digest = _digest(folder / name)
        if size != known["size"]:
            return Problem(
                "FILE_DAMAGED", f"{name}: expected {counted(known['size'], 'byte')}, found {size:,}", _RESTORE
            )
        if known.get("sha256") not in (None, digest):
            return Problem("FILE_DAMAGED", f"{name}: its content is not what was published", _RESTORE)
        return None

    with ThreadPoolExecutor(_THREADS) as pool:
        out += filter(None, pool.map(one, found & manifest.files.keys()))
    return sorted(out, key=str)
