"""Headers of CSV files: their first records, read without an engine, and what they say about a folder.

Spark compares a header with the schema when it reads the file, after the fit has begun, and by position. Sail does not
compare them at all.
"""

from __future__ import annotations

import bz2
import codecs
import csv
import gzip
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from urllib.parse import unquote

from sparkscale.errors import DataError
from sparkscale.places import is_local, local_path

_OPENERS = {".gz": gzip.open, ".bz2": bz2.open}
#: Names of files that only an engine can decompress.
_PACKED = re.compile(r"\.(zst|zstd|snappy|lz4|deflate|xz)\Z", re.IGNORECASE)
_PARTITION = re.compile(r"([^/=]+)=[^/]*")


@dataclass(frozen=True)
class Dialect:
    """The form of a job's CSV files, from the reader's options (names in lower case)."""

    options: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, options: Mapping[str, str]) -> Dialect:
        """Read the options as a job file writes them."""
        return cls({name.lower(): value for name, value in options.items()})

    @property
    def has_header(self) -> bool:
        """Whether the first record of each file holds the names."""
        return self.options.get("header", "false").lower() == "true"

    @property
    def by_position(self) -> bool:
        """Whether the user asked to pair the header with `input.schema` by position."""
        return self.options.get("enforceschema", "false").lower() == "true"

    def first_record(self, file: str) -> list[str] | None:
        """Return the first record of a file on this machine: [] of an empty file, None if only an engine can read it.

        Raises:
            DataError: (65) where the file is no text in the encoding that the job names.
        """
        place = Path(local_path(file))
        form = self.form()
        if form is None or not self.can_open(place):
            return None
        try:
            with self.text(place) as text:
                comment = self.options.get("comment") or None
                rows = csv.reader(text, **form)  # type: ignore[arg-type]
                return next((row for row in rows if row and not (comment and row[0].startswith(comment))), [])
        except (UnicodeError, csv.Error, EOFError, OSError) as error:
            cause = f"expected CSV text in {place}, found something else ({error})"
            raise DataError("INPUT_DAMAGED", cause, "check the file, and input.options.encoding") from error

    def can_open(self, place: Path) -> bool:
        """Whether Python can read a file of this name."""
        return not _PACKED.search(place.name)

    def text(self, place: Path) -> IO[str]:
        """Open a file on this machine, with its own line ends."""
        return io.TextIOWrapper(opened(place), encoding=self._encoding(), newline="")

    def form(self) -> dict[str, object] | None:
        """Return the form for Python's reader; None where it has no such form."""
        sep = self.options.get("sep", self.options.get("delimiter", ","))
        quote, escape = self.options.get("quote", '"'), self.options.get("escape", '"')
        odd = "linesep" in self.options and self.options["linesep"] not in ("\n", "\r\n", "\r")
        if len(sep) != 1 or len(quote) != 1 or len(escape) > 1 or odd or self._encoding() is None:
            return None
        doubled = escape in ("", quote)
        return {
            "delimiter": sep,
            "quotechar": quote,
            "doublequote": doubled,
            "escapechar": None if doubled else escape,
        }

    def _encoding(self) -> str | None:
        name = self.options.get("encoding", self.options.get("charset", "utf-8"))
        try:
            known = codecs.lookup(name).name
        except LookupError:
            return None
        return "utf-8-sig" if known == "utf-8" else known


def opened(place: Path) -> IO[bytes]:
    """Open a file on this machine, unpacked."""
    opener = _OPENERS.get(place.suffix.lower(), open)
    return opener(place, "rb")  # type: ignore[operator, no-any-return]


def named(record: Sequence[str], file: str, *, case_sensitive: bool) -> tuple[str, ...]:
    """Return the column names of a header; one without a name is ``_c0``, ``_c1`` ... by its position, as on Spark.

    Raises:
        DataError: (65) where a name occurs twice.
    """
    names = tuple(name or f"_c{number}" for number, name in enumerate(record))
    seen: set[str] = set()
    for name in names:
        key = name if case_sensitive else name.lower()
        if key in seen:
            cause = f"the header of {shown(file)} names column {name!r} twice"
            raise DataError("SCHEMA_DUPLICATE", cause, "give each column a name of its own")
        seen.add(key)
    return names


@dataclass(frozen=True)
class Headers:
    """The files of an input by their headers."""

    #: By header, the files that have it.
    groups: Mapping[tuple[str, ...], Sequence[str]]
    case_sensitive: bool = False

    @property
    def first(self) -> tuple[str, ...]:
        """The names of the first file, in its order."""
        return next(iter(self.groups))

    def check(self, expected: Sequence[str], source: str) -> None:
        """Refuse headers that do not have exactly these names, in whatever order.

        Raises:
            DataError: (65) ``SCHEMA_HEADER``, naming a file and what is missing or not expected there.
        """
        for header, files in self.groups.items():
            lost, more = self._without(expected, header), self._without(header, expected)
            if lost or more:
                parts = [f"no {_listed(lost)}"] if lost else []
                parts += [f"{_listed(more)} beside them"] if more else []
                cause = (
                    f"expected the columns of {source} in the header of {shown(files[0])}, found {' and '.join(parts)}"
                )
                hint = "name the columns as the header does"
                if source == "input.schema":
                    hint += ", or set input.options: {enforceSchema: true} to go by position"
                raise DataError("SCHEMA_HEADER", cause, hint)

    def in_order(self, header: Sequence[str], expected: Sequence[str]) -> list[str]:
        """Return the expected names in the order in which a header has them."""
        spelled = {self._key(name): name for name in expected}
        return [spelled[self._key(name)] for name in header]

    def _key(self, name: str) -> str:
        return name if self.case_sensitive else name.lower()

    def _without(self, names: Sequence[str], others: Sequence[str]) -> list[str]:
        there = {self._key(name) for name in others}
        return [name for name in names if self._key(name) not in there]


def shown(file: str) -> str:
    """Return a listed file's name for people.

    >>> shown("file:///data/my%20file.csv"), shown("s3://bucket/a.csv")
    ('/data/my file.csv', 's3://bucket/a.csv')
    """
    return "/" + local_path(unquote(file)).lstrip("/") if is_local(file) and ":" in file else file


def partition_keys(files: Sequence[str], root: str) -> list[str]:
    """Return the names in the folders below a path that say ``key=value``.

    A pattern in the path stands for as many folders as it has parts.

    >>> partition_keys(["file:///data/in/k=1/a.csv"], "/data/in")
    ['k']
    >>> partition_keys(["file:///data/in/k=1/a.csv"], "/data/in/*")
    []
    """
    depth = len(_parts(root))
    folders = (_parts(unquote(file))[depth:-1] for file in files)
    found = (_PARTITION.fullmatch(folder) for inside in folders for folder in inside)
    return list(dict.fromkeys(match[1] for match in found if match))


def _parts(path: str) -> list[str]:
    plain = local_path(path) if is_local(path) else path
    return [part for part in plain.split("/") if part]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""  # noqa: PLR2004 - what a line can hold
    return ", ".join(map(repr, names[:8])) + more
