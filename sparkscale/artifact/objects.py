"""Numbered JSON objects in a store: ``00000001.json``, ``00000002.json``, ..., at its top or in a folder of it.

Each is written once, by a conditional create, which is atomic on local files, S3, GCS and Azure.
"""

from __future__ import annotations

import contextlib
import posixpath
import re
import stat
from pathlib import Path
from typing import Any

import obstore

from sparkscale.errors import DataError
from sparkscale.places import is_local, local_path

#: Eight digits, and as many as it takes beyond 99,999,999.
_NUMBERED = re.compile(r"(\d{8}|[1-9]\d{8,})\.json")


def numbers(client: Any, folder: str = "") -> list[int]:
    """Return the numbers in a folder, in no order; none where there is no such folder."""
    objects = obstore.list_with_delimiter(client, folder or None)["objects"]
    matches = (_NUMBERED.fullmatch(posixpath.basename(item["path"])) for item in objects)
    return [int(match[1]) for match in matches if match]


def name(number: int, folder: str = "") -> str:
    """Return the name of a numbered object."""
    return posixpath.join(folder, f"{number:08d}.json")


def read(client: Any, uri: str, key: str, cap: int, code: str = "ARTIFACT_INVALID") -> bytes:
    """Return an object's bytes, at most one more than ``cap``; ``uri`` is the client's, ``code`` that of a pipe."""
    refuse_special(uri, key, code)
    size = min(obstore.head(client, key)["size"], cap + 1)
    return bytes(obstore.get_range(client, key, start=0, end=size)) if size else b""


def refuse_special(uri: str, key: str, code: str = "ARTIFACT_INVALID") -> None:
    """Refuse a pipe or a device by an object's name with an error ``code``: opening it might never end."""
    if not is_local(uri):
        return
    path = Path(local_path(uri), key)
    with contextlib.suppress(OSError, ValueError):  # whatever is wrong with a file is the store's to say
        mode = path.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise DataError(code, f"{path}: expected a file, found a pipe or a device", "remove it")
