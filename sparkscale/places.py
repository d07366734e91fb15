"""Where a thing is: a path or URI of this machine's file system, or of another place."""

from __future__ import annotations

import re

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(?://)?")
_FILE = re.compile(r"file:(?://)?", re.IGNORECASE)


def is_local(path: str) -> bool:
    """Whether a path or URI is on this machine's file system."""
    return _FILE.match(path) is not None or _SCHEME.match(path) is None


def local_path(path: str) -> str:
    """Return the local path of a path or ``file:`` URI; what is not local stays as it is."""
    return path[match.end() :] if (match := _FILE.match(path)) else path
