"""Clients of folders and of prefixes in object stores, and their errors in our words."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from obstore.exceptions import PermissionDeniedError, UnauthenticatedError
from obstore.store import LocalStore, from_url

from sparkscale.errors import AccessError, ConfigError, SparkscaleError, StorageError
from sparkscale.places import is_local, local_path

_SCHEMES = {"s3a": "s3", "s3n": "s3", "gs": "gs", "s3": "s3", "abfs": "abfs", "abfss": "abfss", "az": "az"}


def reaches(uri: str) -> bool:
    """Whether objects can be put at a path or URI, if only they are absent."""
    scheme, found, _ = uri.partition("://")
    return is_local(uri) or bool(found and scheme.lower() in _SCHEMES)


def opened(uri: str, *, create: bool = False) -> Any:
    """Return the client of a folder or of a prefix in a store; credentials are those of the environment."""
    if not is_local(uri):
        scheme, found, rest = uri.partition("://")
        if not reaches(uri):
            cause = f"artifact: expected a path or a URI, found {uri!r:.200}"
            every = f"the schemes are {', '.join(sorted(_SCHEMES))}"
            raise ConfigError("STORE_SCHEME", cause, every if found else "write ./ before a path that holds a colon")
        return from_url(f"{_SCHEMES[scheme.lower()]}://{rest}")
    path = Path(local_path(uri))
    if not create and not path.is_dir():
        raise FileNotFoundError(os.fspath(path))
    return LocalStore(path, mkdir=create)


def failure(error: Exception, what: str, kind: type[SparkscaleError]) -> SparkscaleError:
    """Turn a store's error into one with the right exit code, ``kind`` where nothing is known; one line says enough."""
    cause = f"{what}: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
    if isinstance(error, PermissionDeniedError | UnauthenticatedError | PermissionError):
        return AccessError("STORE_PERMISSION", cause, "check the credentials and the folder's rights")
    if "No space left" in cause:
        return StorageError("DISK_FULL", cause, "free some space, then run it again")
    return kind("STORE_FAILED", cause)
