"""Local files that a job reads before the engine does, to find what engines silently skip.

One machine does this, so it has a limit. A driver reads 8 GB of text in about ten seconds, which an engine then
takes minutes to parse; it must not read 10 TB.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote

from sparkscale.places import is_local, local_path

#: Bytes of text that are read, all files together.
LIMIT = 8 << 30
#: What a byte of a packed file costs, in bytes of text.
_COST = {".gz": 4, ".bz2": 25}


def places(files: Iterable[str]) -> list[Path]:
    """Return the files of this machine among those that an engine lists."""
    return [Path(local_path(unquote(file))) for file in filter(is_local, files)]


def within(files: Iterable[str]) -> tuple[list[Path], list[Path]]:
    """Return the local files that are read, in their order up to the limit, and those behind it."""
    read: list[Path] = []
    left: list[Path] = []
    spent = 0
    for place in places(files):
        spent += _cost(place)
        (left if spent > LIMIT else read).append(place)
    return read, left


def _cost(place: Path) -> int:
    size = place.stat().st_size if place.is_file() else 0
    return size * _COST.get(place.suffix.lower(), 1)
