"""Promoting a version, and going back: each appends a record to the log of the store (`promotions.py`)."""

from __future__ import annotations

import datetime
import html
import secrets
from dataclasses import dataclass
from typing import Any

import obstore
from obstore.exceptions import AlreadyExistsError

from sparkscale.artifact import objects, promotions, store
from sparkscale.artifact.promotions import MAX_REASON, Action, Promotion
from sparkscale.artifact.store import Place
from sparkscale.errors import ConfigError, DataError, InputMissingError, TemporaryError
from sparkscale.pipeline.shown import printable


@dataclass(frozen=True)
class Promoted:
    """What a promotion or a rollback did.

    Attributes:
        path: of the store.
        record: the newest record of the store's log.
        before: the version that was promoted before; None if none was.
        changed: whether a record was added; not if the version was promoted already.
    """

    path: str
    record: Promotion
    before: int | None
    changed: bool

    @property
    def version(self) -> int:
        """The version that is promoted now."""
        return self.record.version

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        record = self.record.to_dict()
        told = {key: record[key] for key in ("action", "number", "time", "reason")}
        status = "done" if self.changed else "unchanged"
        return {"status": status, "path": self.path, "version": self.version, "before": self.before, **told}

    def __repr__(self) -> str:
        """Return one line."""
        if not self.changed:
            return f"version {self.version} of {printable(self.path)} is promoted already"
        before = "" if self.before is None else f", in place of version {self.before}"
        return f"version {self.version} of {printable(self.path)} is promoted{before}"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(repr(self))}</p>"


def promote(uri: Place, version: int, *, reason: str = "") -> Promoted:
    """Promote a version: :func:`sparkscale.load` and `sparkscale transform` take it from now on.

    Adds a numbered record to the store; nothing is replaced. A version that is promoted already stays so, without a
    new record. The version is read and checked first.

    Args:
        uri: a folder of versions.
        version: the number of one of them.
        reason: what to keep with it, at most 1,000 characters.

    Raises:
        InputMissingError: (66) if there is no such version.
        DataError: (65) if the version is damaged.
        TemporaryError: (75) if another version was promoted meanwhile.
    """
    number = store.which(version)
    if not isinstance(number, int):
        raise ConfigError("CONFIG_VALUE", f"version: expected a number, found {number!r}")
    store.load(uri, number)
    with store.worded(uri, writing=True) as (client, path):
        numbers = objects.numbers(client, promotions.FOLDER)
        now, newest = _last_readable(client, path, numbers), max(numbers, default=0)
        if now is not None and (now.number, now.version) == (newest, number):
            return Promoted(path, now, number, changed=False)
        made = _record("promote", newest + 1, number, now.number if now else None, reason)
        _append(client, path, made)
        return Promoted(path, made, now.version if now else None, changed=True)


def rollback(uri: Place, *, reason: str = "") -> Promoted:
    """Promote what was promoted before the version that is promoted now.

    A rollback is a record of its own, and the next one goes back one promotion further. The version that it goes back
    to is read and checked first.

    Args:
        uri: a folder of versions.
        reason: what to keep with it, at most 1,000 characters.

    Raises:
        InputMissingError: (66) if nothing was promoted before, or that version is gone.
        DataError: (65) if that version, or a record of the log, is damaged.
        TemporaryError: (75) if another version was promoted meanwhile.
    """
    with store.worded(uri, writing=True) as (client, path):
        now = promotions.current(client, path)
        if now is None or now.previous is None:
            found = "none" if now is None else f"none before that of version {now.version}"
            cause = f"expected an earlier promotion in {path} to go back to, found {found}"
            raise InputMissingError("PROMOTION_MISSING", cause, f"promote a version with `sparkscale promote {path} N`")
        back = promotions.read(client, path, now.previous)
        store.load(path, back.version)
        made = _record("rollback", now.number + 1, back.version, back.previous, reason)
        _append(client, path, made)
        return Promoted(path, made, now.version, changed=True)


def _record(action: Action, number: int, version: int, previous: int | None, reason: str) -> Promotion:
    if not isinstance(reason, str) or len(reason) > MAX_REASON or not _encodes(reason):
        cause = f"reason: expected at most {MAX_REASON:,} characters of text, found {reason!r:.80}"
        raise ConfigError("CONFIG_VALUE", cause, "shorten it")
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    return Promotion(number, version, previous, action, now, reason, secrets.token_hex(8))


def _encodes(text: str) -> bool:
    return text.encode("utf-8", errors="replace").decode() == text


def _last_readable(client: Any, uri: str, numbers: list[int]) -> Promotion | None:
    """Return the newest record that is not damaged: a new promotion is the way out of a damaged one."""
    for number in sorted(numbers, reverse=True):
        try:
            return promotions.read(client, uri, number)
        except DataError as error:
            if error.code == "PROMOTION_NEWER":
                raise
    return None


def _append(client: Any, uri: str, record: Promotion) -> None:
    """Put a record if its number is free. The same record may be there already: the store's first answer was lost."""
    try:
        obstore.put(client, objects.name(record.number, promotions.FOLDER), record.dump(), mode="create")
    except AlreadyExistsError as error:
        there = promotions.read(client, uri, record.number)
        if there != record:
            cause = f"version {there.version} of {uri} was promoted meanwhile; version {record.version} was not"
            hint = f"look at `sparkscale versions {uri}`, then run it again if you still want to"
            raise TemporaryError("PROMOTION_CONFLICT", cause, hint) from error
