"""Promotions: which version of a store is in use, as an append-only log of numbered records.

``<store>/promotions/00000001.json``, ``00000002.json``, ... (UTF-8, keys sorted). The newest record counts::

    {
      "format": "sparkscale-promotion",  "format_version": 1,
      "checksum": "sha256:<hex>",       of the record without this key, keys sorted, no white space
      "id": "<hex>",                    a random number, which distinguishes equal records
      "action": "promote",              or "rollback"
      "version": 3,                     the version of the artifact that is promoted now
      "previous": 1,                    the record that a rollback goes back to; null if there is none
      "time": "2026-01-31T02:00:00Z",   in UTC
      "reason": "drift is fine"         what the user said; may be empty
    }

``previous`` makes a stack of the log: a promotion points to the record before it, a rollback to what the record it goes
back to points to. So each rollback goes back one promotion further.
"""

from __future__ import annotations

import dataclasses
import datetime
import re
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from obstore.exceptions import NotFoundError

from sparkscale.artifact import jsons, objects
from sparkscale.errors import DataError
from sparkscale.pipeline.origin import moment, when

FORMAT, FORMAT_VERSION = "sparkscale-promotion", 1
FOLDER = "promotions"
#: A record is 400 bytes with a short reason; larger ones are refused unread.
MAX_BYTES = 64 * 1024
MAX_REASON = 1000
Action: TypeAlias = Literal["promote", "rollback"]
_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class Promotion:
    """A record of the log: which version was promoted, when and why.

    Attributes:
        number: of this record, from 1.
        version: of the artifact that it promotes.
        previous: the number of the record that a rollback goes back to; None if there is none.
        action: ``promote``, or ``rollback``.
        time: when it was promoted, in UTC.
        reason: what the user said; may be empty.
        id: a random number, which distinguishes equal records.
    """

    number: int
    version: int
    previous: int | None
    action: Action
    time: datetime.datetime
    reason: str
    id: str

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return dataclasses.asdict(self) | {"time": when(self.time)}

    def dump(self) -> bytes:
        """Return the record's bytes."""
        record = {"format": FORMAT, "format_version": FORMAT_VERSION, **self.to_dict()}
        del record["number"]  # its name says it
        return jsons.text(record | {"checksum": jsons.checksum(record)})


def current(client: Any, uri: str) -> Promotion | None:
    """Return the newest record in a store, or None; ``uri`` is the client's. Raises :class:`DataError` (65)."""
    newest = max(objects.numbers(client, FOLDER), default=0)
    return read(client, uri, newest) if newest else None


def read(client: Any, uri: str, number: int) -> Promotion:
    """Return a record. Raises :class:`DataError` (65) if it is not one."""
    key = objects.name(number, FOLDER)
    name = f"{uri.rstrip('/')}/{key}"
    try:
        return load(objects.read(client, uri, key, MAX_BYTES), number, name)
    except (NotFoundError, FileNotFoundError) as error:
        raise _invalid(name, "nothing") from error


def load(data: bytes, number: int, name: str) -> Promotion:
    """Read the bytes of a record. Raises :class:`DataError` (65) that says what is wrong."""
    if len(data) > MAX_BYTES:
        raise _invalid(name, f"more than {MAX_BYTES:,} bytes")
    try:
        record = _opened(jsons.parse(data), name)
        return _promotion(record, number)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _invalid(name, f"something else ({error!r:.120})") from error


def _opened(record: Any, name: str) -> dict[str, Any]:
    """Check the envelope of a record, and return what is in it."""
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise ValueError(f"expected format {FORMAT!r}")
    version = record["format_version"]
    if type(version) is not int or version < 1:
        raise ValueError(f"format_version {version!r:.40}")
    if version > FORMAT_VERSION:
        cause = f"{name}: its format is version {version}, this sparkscale reads up to {FORMAT_VERSION}"
        raise DataError("PROMOTION_NEWER", cause, "upgrade sparkscale")
    if record.pop("checksum") != jsons.checksum(record):
        raise ValueError("its content does not match its checksum")
    return record


def _promotion(record: dict[str, Any], number: int) -> Promotion:
    wanted = {"format", "format_version", *(field.name for field in dataclasses.fields(Promotion))} - {"number"}
    if record.keys() != wanted:
        raise ValueError(f"keys {sorted(record)}")
    version, previous, reason = record["version"], record["previous"], record["reason"]
    if type(version) is not int or version < 1:
        raise ValueError(f"version {version!r:.40}")
    if previous is not None and not (type(previous) is int and 1 <= previous < number):
        raise ValueError(f"previous {previous!r:.40}")
    if record["action"] not in ("promote", "rollback"):
        raise ValueError(f"action {record['action']!r:.40}")
    if not isinstance(reason, str) or len(reason) > MAX_REASON:
        raise ValueError(f"reason {reason!r:.40}")
    if not isinstance(record["id"], str) or not _ID.fullmatch(record["id"]):
        raise ValueError(f"id {record['id']!r:.40}")
    return Promotion(number, version, previous, record["action"], moment(record["time"]), reason, record["id"])


def _invalid(name: str, found: str) -> DataError:
    cause = f"{name}: expected the record of a promotion, found {found}"
    return DataError("PROMOTION_INVALID", cause, "promote a version again, or restore the file")
