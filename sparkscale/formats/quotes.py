"""Quotes in CSV files on this machine: one that is never closed swallows all records behind it, on every engine.

Engines don't report it. Counting the quotes finds it at the speed of reading the file: in a file of RFC 4180 their
number is even. Only where it is odd is the file read record by record, as a field without quotes may have one inside.
An open quote in a file that also has an odd number of such lone quotes is not found. Files are read in parts, so they
take no more memory than their longest field; how many are read is for :mod:`~sparkscale.formats.reach` to say.
"""

from __future__ import annotations

import csv
import functools
import itertools
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sparkscale.errors import DataError
from sparkscale.formats.headers import Dialect, opened
from sparkscale.formats.reach import within

_CHUNK = 1 << 20
#: Files that are read at a time: unpacking and waiting for a disk leave Python free.
_THREADS = 4
_FIELD = 1 << 26


def check_quotes(files: Iterable[str], dialect: Dialect) -> None:
    """Refuse a local file that ends inside quotes; files elsewhere, and in forms that Python lacks, are not read.

    Raises:
        DataError: (65) ``INPUT_DAMAGED``, naming the file.
    """
    form = dialect.form()
    if form is None:
        return
    places = [place for place in within(files)[0] if dialect.can_open(place)]
    with ThreadPoolExecutor(_THREADS) as pool:
        odd = list(pool.map(functools.partial(_is_odd, quote=str(form["quotechar"])), places))
    for place in itertools.compress(places, odd):
        if _ends_inside(place, dialect, form):
            cause = f"expected a closing quote in {place}, found the end of the file"
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
    """Read a file to its end, strictly: Python stops at an open quote, and at text behind a closing one.

    It stops at a field of more than :data:`_FIELD` characters as well, which is one that an open quote made.
    """
    before = csv.field_size_limit(_FIELD)
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
