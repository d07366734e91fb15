"""The store of artifacts: a folder of numbered versions, each written once.

``<uri>/00000001.json``, ``00000002.json``, ... The newest version is the highest. A version is
written by a conditional create (put if absent), which is atomic on local files, S3, GCS and Azure:
there is no pointer to move and no lock to lose. Two fits that race get two numbers. Which version a load
takes is decided by the promotions beside them (:mod:`sparkscale.artifact.promotions`).
"""

from __future__ import annotations

import contextlib
import numbers
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError

from sparkscale.artifact import clients, document, envelope, objects, promotions, tables
from sparkscale.errors import (
    ConfigError,
    DataError,
    InputMissingError,
    OutputError,
    SparkscaleError,
    StorageError,
    TemporaryError,
    nearest,
)
from sparkscale.pipeline import origin
from sparkscale.pipeline.fitted import Fitted
from sparkscale.places import is_local, local_path

#: What to do where there is no artifact.
FIT = "run `sparkscale fit` first, or check the path"
Place: TypeAlias = str | os.PathLike[str]
#: A version's number, or which is meant; None is the promoted one if any was promoted, else the newest.
Which: TypeAlias = int | Literal["newest", "promoted"] | None
#: At most so many bytes of an artifact say when it was fitted, and by which run.
_STAMP = 200
#: What is found in a store without a version, and what to do.
_NONE = ("none", FIT)
#: How many numbers a save tries while other runs take them.
_ATTEMPTS = 20


def save(fitted: Fitted, uri: Place) -> int:
    """Save the artifact as the next version and return its number.

    The artifact says when it was fitted: now, if it does not say so already. If the newest version already holds the
    same fit, made at another time or by another run, nothing is written and its number is returned. Raises
    :class:`TemporaryError` (75) if other runs keep taking the number.
    """
    uri = _text(uri)
    data, files = document.written(origin.stamped(fitted))
    try:
        store = clients.opened(uri, create=True)
        for name, content in files.items():  # first: no version is without its files
            with contextlib.suppress(AlreadyExistsError):  # its name says its content
                obstore.put(store, name, content, mode="create")
        for _ in range(_ATTEMPTS):
            newest = max(objects.numbers(store), default=0)
            if newest and _holds(store, uri, newest, fitted, len(data)):
                return newest
            try:
                obstore.put(store, objects.name(newest + 1), data, mode="create")
            except AlreadyExistsError:
                continue
            return newest + 1
    except (BaseError, OSError) as error:
        raise _failure(error, uri, writing=True) from error
    raise TemporaryError("ARTIFACT_CONFLICT", f"other runs kept taking the next version of {uri}", "run it again")


def load(uri: Place, version: Which = None) -> Fitted:
    """Load an artifact: the promoted version, or the newest if none was promoted.

    Args:
        uri: a folder of versions, or one ``.json`` file.
        version: a number, ``"newest"`` or ``"promoted"``; by default the promoted version if any was promoted, else
            the newest.

    Raises:
        InputMissingError: (66) if it doesn't exist.
        DataError: (65) if it is not an artifact.
    """
    return parsed(*read(_text(uri), locate(uri, version)))


def parsed(data: bytes, name: str) -> Fitted:
    """Read an artifact of this place, and what belongs beside it."""
    folder = name.rpartition("/")[0] or "."
    return document.load(data, name, lambda file: _beside(folder, file))


def versions(uri: Place) -> list[int]:
    """Return the numbers of all versions, ascending; empty without a store."""
    with worded(uri) as (client, _):
        return sorted(objects.numbers(client))


def resolve(uri: Place, version: Which = None) -> int:
    """Return the number of the version that :func:`load` takes.

    Raises:
        InputMissingError: (66) if it doesn't exist, or if ``"promoted"`` is asked for and none was promoted.
        DataError: (65) if the newest promotion is damaged.
        ConfigError: (78) if ``version`` is something else.
    """
    uri = _text(uri)
    version = which(version)
    by_promotion = version in (None, "promoted")
    number = promoted(uri) if by_promotion else None if version == "newest" else version
    if version == "promoted" and number is None:
        hint = f"promote one with `sparkscale promote {uri} N`, or use the newest"
        raise InputMissingError("PROMOTION_MISSING", f"expected a promoted version in {uri}, found none", hint)
    known = versions(uri)  # after the promotion, whose version is older than it
    if number is None and known:
        return known[-1]
    if isinstance(number, int) and number in known:
        return number
    wanted = "an artifact" if number is None else f"version {number}"
    found, hint = (_range(known), f"see `sparkscale versions {uri}`") if known else _NONE
    if by_promotion and number:
        wanted, hint = f"{wanted}, which is promoted,", "restore it, or promote another"
    raise InputMissingError("ARTIFACT_MISSING", f"expected {wanted} in {uri}, found {found}", hint)


def _range(known: list[int]) -> str:
    return f"version {known[0]}" if len(known) == 1 else f"versions {known[0]} to {known[-1]}"


def promoted(uri: Place) -> int | None:
    """Return the number of the promoted version, or None. Raises :class:`DataError` (65) if its record is damaged."""
    with worded(uri) as (client, text):
        record = promotions.current(client, text)
    return record.version if record else None


@contextlib.contextmanager
def worded(uri: Place, *, writing: bool = False) -> Iterator[tuple[Any, str]]:
    """Give the client of a store that is there, and the store as text; turn the store's errors into ours."""
    text = _text(uri)
    try:
        client = clients.opened(text)
    except (BaseError, OSError) as error:
        raise _failure(error, text) from error
    try:
        yield client, text
    except (BaseError, OSError) as error:
        raise _failure(error, text, writing=writing) from error


def which(version: object) -> Which:
    """Return what names a version, checked. Raises :class:`ConfigError` (78)."""
    if isinstance(version, numbers.Integral) and not isinstance(version, bool):
        return int(version)
    if version is None or (isinstance(version, str) and version in ("newest", "promoted")):
        return cast("Which", version)
    cause = f"version: expected a number, 'newest' or 'promoted', found {version!r:.80}"
    raise ConfigError("CONFIG_VALUE", cause, nearest(str(version), ("newest", "promoted")))


def locate(uri: Place, version: Which = None) -> int | None:
    """Return the number of the version that :func:`load` takes; None if the place is one file, which has no versions.

    Raises what :func:`resolve` raises.
    """
    text = _text(uri)
    try:
        single = _is_one_file(text)
    except ConfigError:  # a ValueError as well
        raise
    except (BaseError, OSError, ValueError) as error:
        raise _failure(error, text) from error
    if not single:
        return resolve(text, version)
    if version is not None:
        cause = f"version: expected none for {text}, which is one file, found {version!r:.80}"
        raise ConfigError("CONFIG_VALUE", cause, "leave it out, or name the folder")
    return None


def read(uri: str, number: int | None) -> tuple[bytes, str]:
    """Return the bytes of a version, or of one file, and the name for errors."""
    folder, _, last = uri.rstrip("/").rpartition("/")
    place, name = (folder or ".", last) if number is None else (uri, objects.name(number))
    try:
        data = objects.read(clients.opened(place), place, name, envelope.MAX_BYTES)
    except ConfigError:  # a ValueError as well
        raise
    except (BaseError, OSError, ValueError) as error:  # of a path that no file can have, a ValueError
        raise _failure(error, uri) from error
    return data, uri if number is None else f"{uri.rstrip('/')}/{name}"


def _beside(folder: str, name: str) -> bytes:
    """Return a file beside an artifact."""
    try:
        client = clients.opened(folder)
        size = obstore.head(client, name)["size"]
        if size > tables.MAX_BYTES:
            raise DataError("ARTIFACT_INVALID", f"{name}: expected at most {tables.MAX_BYTES:,} bytes, found {size:,}")
        return objects.read(client, folder, name, tables.MAX_BYTES)
    except (NotFoundError, FileNotFoundError) as error:
        cause = f"expected the file {name} beside the artifact, found none"
        raise DataError("ARTIFACT_INVALID", cause, "restore it, or fit again") from error
    except (BaseError, OSError) as error:
        raise _failure(error, folder) from error


def _is_one_file(uri: str) -> bool:
    """Whether a place is named as one artifact, and is no folder of versions."""
    if not uri.rstrip("/").endswith(".json"):
        return False
    return not (Path(local_path(uri)).is_dir() if is_local(uri) else objects.numbers(clients.opened(uri)))


def _text(uri: Place) -> str:
    text = os.fspath(uri) if isinstance(uri, str | os.PathLike) else None
    if not isinstance(text, str) or not text:
        raise ConfigError("CONFIG_VALUE", f"artifact: expected a path or URI, found {uri!r:.200}", "name its folder")
    return text


def _holds(client: Any, uri: str, version: int, fitted: Fitted, size: int) -> bool:
    """Whether a version holds this fit. One whose ``size`` differs by more than time and run is not read."""
    name = objects.name(version)
    objects.refuse_special(uri, name)
    if abs(obstore.head(client, name)["size"] - size) > _STAMP:
        return False
    try:
        there = document.content_of(objects.read(client, uri, name, envelope.MAX_BYTES), name)
    except DataError:  # damaged
        return False
    return there == document.content(fitted)


def _failure(error: Exception, uri: str, *, writing: bool = False) -> SparkscaleError:
    """Turn a store's error into one with the right exit code, of an artifact."""
    if isinstance(error, NotFoundError | FileNotFoundError) and not writing:
        if is_local(uri) and not uri.endswith("/") and Path(local_path(uri)).is_file():
            cause = f"expected a folder of versions at {uri}, found a file"
            return InputMissingError("ARTIFACT_MISSING", cause, "name the folder")
        return InputMissingError("ARTIFACT_MISSING", f"expected an artifact in {uri}, found none", FIT)
    return clients.failure(error, f"artifact store {uri}", OutputError if writing else StorageError)
