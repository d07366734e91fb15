"""Which value of CSV files is not of its column's type: asked when a job has failed, by reading local files again."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from sparkscale.formats.headers import Dialect
from sparkscale.formats.reach import within
from sparkscale.formats.texttypes import LOOSE_FORM
from sparkscale.pipeline.schema import is_of

#: What engines read as a boolean, and as a whole number.
_BOOLEAN, _WHOLE = re.compile("true|false", re.IGNORECASE), re.compile("[-+]?[0-9]+")
_NUMBER = re.compile(LOOSE_FORM + "|[-+]?INF|[-+]?Inf")
#: Options that give numbers another form, or damaged values another meaning: then nothing is said.
_OTHER = ("locale", "linesep")
#: Signs that separate fields often, beside the comma.
_SEPARATORS = ";\t|,"


#: By a column's name in lower case, the name as it is written and the form of its values.
_Forms: TypeAlias = Mapping[str, tuple[str, re.Pattern[str]]]


@dataclass(frozen=True)
class Misread:
    """A value that is not of its column's type."""

    column: str
    value: str
    place: str

    def hint(self, otherwise: str) -> str:
        """Return what to do about it, or ``otherwise``."""
        null = f"if it stands for null, set input.options: {{nullValue: {self.value!r}}}"
        return f"{null}; otherwise fix it, or {otherwise}"


def find(files: Iterable[str], dialect: Dialect, types: Mapping[str, str], names: list[str] | None) -> Misread | None:
    """Return the first value in local files that its column's type cannot hold; None if there is no such value.

    Args:
        files: as an engine lists them.
        dialect: the form of the files.
        types: of the columns that are looked at; ``double`` for any number.
        names: of all columns, in their order; None where each file's header says them.
    """
    form = dialect.form()
    if form is None or any(key in dialect.options for key in _OTHER):
        return None
    forms = {name.lower(): (name, made) for name, type_ in types.items() if (made := _form(type_))}
    nulls = {"", *(dialect.options.get(key, "") for key in ("nullvalue", "nanvalue", "positiveinf", "negativeinf"))}
    for place in within(files)[0]:
        if dialect.can_open(place):
            for found in _misread(place, dialect, form, forms, names):
                if found.value not in nulls:
                    return found
    return None


def separator(header: Iterable[str], dialect: Dialect) -> str | None:
    """Return the sign that separates the names of a header which reads as one column; None of any other header."""
    names = list(header)
    found = [sign for sign in _SEPARATORS if len(names) == 1 and sign in names[0]]
    own = dialect.options.get("sep", dialect.options.get("delimiter", ","))
    return next((sign for sign in found if sign != own), None)


def _form(type_: str) -> re.Pattern[str] | None:
    if is_of(type_, "numeric"):
        return _WHOLE if is_of(type_, "integer") else _NUMBER
    return _BOOLEAN if type_ == "boolean" else None


def _misread(
    place: Path, dialect: Dialect, form: dict[str, object], forms: _Forms, names: list[str] | None
) -> Iterator[Misread]:
    """Yield the values of one file that do not match the form of their column."""
    comment = dialect.options.get("comment")
    with dialect.text(place) as text:
        records = csv.reader(text, **form)  # type: ignore[arg-type]
        rows = (row for row in records if row and not (comment and row[0].startswith(comment)))
        header = next(rows, []) if dialect.has_header else None
        keys = [name.lower() for name in names or header or ()]
        wanted = [(at, *forms[key]) for at, key in enumerate(keys) if key in forms]
        for row in rows:
            for at, name, matching in wanted:
                if at < len(row) and not matching.fullmatch(row[at].strip()):
                    yield Misread(name, row[at], f"line {records.line_num} of {place}")
