"""Where a thing is: a path or URI of this machine's file system, or of another place; and whether two are one."""

from __future__ import annotations

import fnmatch
import os
import posixpath
import re
from pathlib import Path

from sparkscale.errors import ConfigError

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(?://)?")
_WILD = frozenset("*?[{")
_FILE = re.compile(r"file:(?://)?", re.IGNORECASE)


def is_local(path: str) -> bool:
    """Whether a path or URI is on this machine's file system."""
    return _FILE.match(path) is not None or _SCHEME.match(path) is None


def local_path(path: str) -> str:
    """Return the local path of a path or ``file:`` URI; any other path is returned unchanged."""
    return path[match.end() :] if (match := _FILE.match(path)) else path


def found_at(path: str, *, patterns: bool) -> bool:
    """Whether there is something at a local path; a pattern that only Hadoop can expand counts as found."""
    place = Path(local_path(path))
    there = next(folder for folder in (place, *place.parents) if folder.exists() or folder == folder.parent)
    rest = place.relative_to(there).as_posix()
    if there == place or not (patterns and set(rest) & _WILD):
        return there == place
    return any(sign in rest for sign in ("{", "[^", "\\")) or any(there.glob(rest))


def check_apart(key: str, path: str, other_key: str, other: str) -> None:
    """Refuse a place that is another one, is inside it, or holds it; ``other`` may be a pattern of an input.

    Raises:
        ConfigError: (78) naming both.
    """
    ours = _names(path)
    if all(re.fullmatch(theirs, own) for own, theirs in zip(ours, _patterns(other), strict=False)):
        raise ConfigError(
            "CONFIG_OVERLAP",
            f"{key}: {path!r} overlaps {other_key} {other!r}",
            "choose another folder",
        )


def check_outside(key: str, path: str, other_key: str, other: str) -> None:
    """Refuse a place that is another one or is inside it; it may hold it.

    Raises:
        ConfigError: (78) naming both.
    """
    if len(_names(path)) >= len(_patterns(other)):
        check_apart(key, path, other_key, other)


#: Schemes of one store.
_SCHEMES = {"s3a": "s3", "s3n": "s3", "abfss": "abfs", "wasbs": "wasb"}


def _names(path: str) -> list[str]:
    """Return the parts of a path, links resolved; of a URI its scheme and host first."""
    return list(Path(os.path.realpath(local_path(path))).parts) if is_local(path) else _uri(path)


def _uri(path: str) -> list[str]:
    scheme, _, rest = path.partition(":")
    host, _, inside = rest.lstrip("/").partition("/")
    scheme = scheme.lower()
    parts = posixpath.normpath(f"/{inside}").split("/")
    return [f"{_SCHEMES.get(scheme, scheme)}://{host.rpartition('@')[2]}", *filter(None, parts)]


def _patterns(path: str) -> list[str]:
    """Return a regular expression for each part of a path, links resolved up to the first part with a wildcard."""
    if not is_local(path):
        store, *inside = _uri(path)
        return [re.escape(store), *map(_pattern, inside)]
    parts = Path(local_path(path)).absolute().parts
    plain = next((n for n, part in enumerate(parts) if set(part) & _WILD), len(parts))
    if Path(*parts).exists():
        plain = len(parts)
    real = Path(os.path.realpath(Path(*parts[:plain]))).parts
    return [*map(re.escape, real), *map(_pattern, parts[plain:])]


def _pattern(part: str) -> str:
    """Return the regular expression of a part with Hadoop's wildcards; of braces, one that matches all."""
    if "{" in part or "}" in part:
        return ".*"
    return fnmatch.translate(part.replace("[^", "[!"))
