"""Quotes in CSV files on this machine: one that is never closed swallows all records behind it, on every engine.

Engines say nothing of it. Counting the quotes finds it at the speed of reading the file: in a file of RFC 4180 their
number is even. Only where it is odd is the file read record by record, as a field without quotes may have one inside.
An open quote in a file that also has an odd number of such lone quotes is not found.
"""

from __future__ import annotations

import csv
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import unquote

from sparkscale.errors import DataError
from sparkscale.formats.headers import Dialect, opened, shown
from sparkscale.places import is_local, local_path

_CHUNK = 1 << 20


def check_quotes(files: Iterable[str], dialect: Dialect) -> None:
    """Refuse a local file that ends inside quotes; files elsewhere, and in forms that Python lacks, are not read.

    Raises:
        DataError: (65) ``INPUT_DAMAGED``, naming the file.
    """
    form = dialect.form()
    if form is None:
        return
    for file in filter(is_local, files):
        place = Path(local_path(unquote(file)))
        if dialect.can_open(place) and _is_odd(place, str(form["quotechar"])) and _ends_inside(place, dialect, form):
            cause = f"expected a closing quote in {shown(file)}, found the end of the file"
            hint = "close it; if quotes have no meaning there, set input.options.quote to a character that is not used"
            raise DataError("INPUT_DAMAGED", cause, hint)


def _is_odd(place: Path, quote: str) -> bool:
    try:
        with opened(place) as stream:
            chunks = iter(lambda: stream.read(_CHUNK), b"")
            return sum(chunk.count(quote.encode()) for chunk in chunks) % 2 == 1
    except (OSError, EOFError):
        return False  # not packed as its name says: the engine says so


def _ends_inside(place: Path, dialect: Dialect, form: dict[str, object]) -> bool:
    """Read a file to its end, strictly: Python stops at an open quote, and at text behind a closing one."""
    before = csv.field_size_limit(sys.maxsize)
    try:
        with dialect.text(place) as text:
            deque(csv.reader(_lines(text, dialect), strict=True, **form), maxlen=0)  # type: ignore[arg-type]
    except csv.Error:
        return True
    except UnicodeError:
        return False  # no text in that encoding: the engine says so
    finally:
        csv.field_size_limit(before)
    return False


def _lines(text: Iterable[str], dialect: Dialect) -> Iterator[str]:
    comment = dialect.options.get("comment")
    return (line for line in text if not (comment and line.startswith(comment)))
