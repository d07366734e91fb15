"""The store of artifacts: a folder of numbered versions, each written once.

``<uri>/00000001.json``, ``00000002.json``, ... The current version is the highest. A version is
written by a conditional create (put if absent), which is atomic on local files, S3, GCS and Azure:
there is no pointer to move and no lock to lose. Two fits that race get two numbers.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from pathlib import Path
from typing import Any, TypeAlias

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError, PermissionDeniedError, UnauthenticatedError
from obstore.store import LocalStore, from_url

from sparkscale.artifact import document
from sparkscale.errors import (
    AccessError,
    ConfigError,
    DataError,
    InputMissingError,
    OutputError,
    SparkscaleError,
    StorageError,
    TemporaryError,
)
from sparkscale.pipeline.fitted import Fitted
from sparkscale.places import is_local, local_path

#: Eight digits, and as many as it takes beyond 99,999,999.
_VERSION = re.compile(r"(\d{8}|[1-9]\d{8,})\.json")
_SCHEMES = {"s3a": "s3", "s3n": "s3", "gs": "gs", "s3": "s3", "abfs": "abfs", "abfss": "abfss", "az": "az"}
Place: TypeAlias = str | os.PathLike[str]
#: How many numbers a save tries while other runs take them.
_ATTEMPTS = 20


def save(fitted: Fitted, uri: Place) -> int:
    """Save the artifact as the next version and return its number.

    If the newest version already holds the same bytes, nothing is written and its number is returned. Raises
    :class:`TemporaryError` (75) if other runs keep taking the number.
    """
    uri, data = _text(uri), document.dump(fitted)
    try:
        store = opened(uri, create=True)
        for _ in range(_ATTEMPTS):
            newest = max(_versions(store), default=0)
            if newest and _holds(store, uri, newest, data):
                return newest
            try:
                obstore.put(store, _name(newest + 1), data, mode="create")
            except AlreadyExistsError:
                continue
            return newest + 1
    except (BaseError, OSError) as error:
        raise _failure(error, uri, writing=True) from error
    raise TemporaryError("ARTIFACT_CONFLICT", f"other runs kept taking the next version of {uri}", "run it again")


def load(uri: Place, version: int | None = None) -> Fitted:
    """Load the newest version, or version ``version``. ``uri`` may also name a ``.json`` file.

    Raises :class:`InputMissingError` (66) if it doesn't exist, :class:`DataError` (65) if it is
    not an artifact.
    """
    data, name = _read(_text(uri), version)
    return document.load(data, name)


def versions(uri: Place) -> list[int]:
    """Return the numbers of all versions, ascending; empty without a store."""
    uri = _text(uri)
    try:
        return sorted(_versions(opened(uri)))
    except (BaseError, OSError) as error:
        raise _failure(error, uri) from error


def resolve(uri: Place, version: int | None = None) -> int:
    """Return the number that a load would take."""
    known = versions(uri)
    if not known or (version is not None and version not in known):
        wanted = "an artifact" if version is None else f"version {version}"
        found = f"versions {known[0]} to {known[-1]}" if known else "none"
        raise InputMissingError("ARTIFACT_MISSING", f"expected {wanted} in {uri}, found {found}", "fit first")
    return version or known[-1]


def _read(uri: str, version: int | None) -> tuple[bytes, str]:
    folder, _, last = uri.rstrip("/").rpartition("/")
    try:
        single = last.endswith(".json") and not _is_folder(uri)
        if single:
            store, name = opened(folder or "."), last
        else:
            name = _name(resolve(uri, version))
            store = opened(uri)
        _refuse_special((folder or ".") if single else uri, name)
        result = obstore.get(store, name)
        size = result.meta["size"]
        # One byte over the cap is enough for document.load to refuse it; more is never held in memory.
        limit = min(size, document.MAX_BYTES + 1)
        data = bytes(obstore.get_range(store, name, start=0, end=limit)) if limit else b""
    except (BaseError, OSError, ValueError) as error:  # of a path that no file can have, a ValueError
        raise _failure(error, uri) from error
    return data, uri if single else f"{uri.rstrip('/')}/{name}"


def reaches(uri: str) -> bool:
    """Whether objects can be put at a path or URI, if only they are absent."""
    scheme, found, _ = uri.partition("://")
    return is_local(uri) or bool(found and scheme.lower() in _SCHEMES)


def opened(uri: str, *, create: bool = False) -> Any:
    """Return the client of a folder or of a prefix in a store; credentials are those of the environment."""
    if not is_local(uri):
        scheme, found, rest = uri.partition("://")
        if not reaches(uri):
            cause = f"expected a path or one of {', '.join(sorted(_SCHEMES))}, found {scheme}{found}"
            raise OutputError("STORE_SCHEME", cause, "" if found else "write ./ before a path that holds a colon")
        return from_url(f"{_SCHEMES[scheme.lower()]}://{rest}")
    path = Path(local_path(uri))
    if not create and not path.is_dir():
        raise FileNotFoundError(os.fspath(path))
    return LocalStore(path, mkdir=create)


def _is_folder(uri: str) -> bool:
    """Whether there is a folder of versions at a name that could be one artifact's as well."""
    return Path(local_path(uri)).is_dir() if is_local(uri) else bool(_versions(opened(uri)))


def _text(uri: Place) -> str:
    text = os.fspath(uri) if isinstance(uri, str | os.PathLike) else None
    if not isinstance(text, str) or not text:
        raise ConfigError("CONFIG_VALUE", f"artifact: expected a path or URI, found {uri!r:.200}", "name its folder")
    return text


def _versions(store: Any) -> list[int]:
    objects = obstore.list_with_delimiter(store)["objects"]
    matches = (_VERSION.fullmatch(item["path"]) for item in objects)
    return [int(match[1]) for match in matches if match]


def _name(version: int) -> str:
    return f"{version:08d}.json"


def _holds(store: Any, uri: str, version: int, data: bytes) -> bool:
    """Whether a version holds these bytes; no more than as many are read."""
    _refuse_special(uri, _name(version))
    result = obstore.get(store, _name(version))
    return result.meta["size"] == len(data) and bytes(result.bytes()) == data


def _refuse_special(folder: str, name: str) -> None:
    """Refuse a pipe or a device by an artifact's name: to open it might never end."""
    if not is_local(folder):
        return
    path = Path(local_path(folder), name)
    with contextlib.suppress(OSError, ValueError):  # whatever is wrong with a file is the store's to say
        mode = path.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise DataError("ARTIFACT_INVALID", f"{path}: expected a file, found a pipe or a device", "remove it")


def _failure(error: Exception, uri: str, *, writing: bool = False) -> SparkscaleError:
    """Turn a store's error into one with the right exit code, of an artifact."""
    if isinstance(error, NotFoundError | FileNotFoundError) and not writing:
        return InputMissingError("ARTIFACT_MISSING", f"expected an artifact in {uri}, found none", "fit first")
    return failure(error, f"artifact store {uri}", OutputError if writing else StorageError)


def failure(error: Exception, what: str, kind: type[SparkscaleError]) -> SparkscaleError:
    """Turn a store's error into one with the right exit code, ``kind`` where nothing is known; one line says enough."""
    cause = f"{what}: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
    if isinstance(error, PermissionDeniedError | UnauthenticatedError | PermissionError):
        return AccessError("STORE_PERMISSION", cause, "check the credentials and the folder's rights")
    if "No space left" in cause:
        return StorageError("DISK_FULL", cause, "free some space, then run it again")
    return kind("STORE_FAILED", cause)
