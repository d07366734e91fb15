"""JSON files on this machine: finds where the first document ends.

Spark reads one document a file (`multiLine`) or one a line, and silently skips whatever follows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from sparkscale.errors import ConfigError, DataError
from sparkscale.formats.headers import opened
from sparkscale.formats.reach import places, within

#: Texts, so that brackets inside them do not count, and brackets.
_TOKEN = re.compile(rb"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|[\[{]|([\]}])""", re.DOTALL)
_PACKED = re.compile(r"\.(zst|zstd|snappy|lz4|deflate|xz)\Z", re.IGNORECASE)
#: Bytes of a file's first line that are looked at.
_LINE = 1 << 20


def check_documents(files: Iterable[str], *, whole: bool) -> None:
    """Refuse local files of which Spark would read only the first document.

    Args:
        files: as an engine lists them.
        whole: whether a file is one document (`multiLine`); else each line is one, and the first is looked at.

    Raises:
        ConfigError: (78) where a file of more than one document is read as one.
        DataError: (65) where a line holds more than one.
    """
    for place in within(files)[0] if whole else places(files):
        if _PACKED.search(place.name):
            continue
        try:
            with opened(place) as stream:
                data = stream.read() if whole else stream.readline(_LINE)
        except (OSError, EOFError):
            continue  # not packed as its name says: the engine says so
        end = first_end(data)
        if end is None or not data[end:].strip(b" \t\r\n,"):
            continue
        if whole:
            cause = f"input.options.multiLine: expected one document a file, found more behind the first in {place}"
            raise ConfigError("CONFIG_OPTION", cause, "leave multiLine out for one document a line")
        cause = f"expected one JSON document a line, found more behind the first in {place}"
        raise DataError("INPUT_DAMAGED", cause, "put each on a line of its own: Spark would leave the others out")


def first_end(data: bytes) -> int | None:
    """Return where the first object or array ends; None if there is neither.

    >>> first_end(b'{"a": "}"} {"b": 2}'), first_end(b"[1, 2"), first_end(b"1")
    (10, None, None)
    """
    depth = 0
    for match in _TOKEN.finditer(data):
        if match[1] is not None:
            continue
        depth += -1 if match[2] else 1
        if depth <= 0:
            return match.end() if depth == 0 else None
    return None
