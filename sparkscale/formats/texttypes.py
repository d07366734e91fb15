"""The types of CSV columns without a schema: one rule, the same on every engine.

A column is text until all of its values are plain numbers. Then it is ``bigint`` where all are whole, else ``double``,
but text where a double would lose a digit of them and no step names the column. Dates, times and truth values are
never guessed. So ``00123``, ``12D`` and ``08:15:00`` stay text.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

#: What a value is; a column is the bitwise "or" of its values.
EMPTY, WHOLE, PLAIN, LOOSE, TEXT = 1, 2, 4, 8, 16

_EXPONENT = r"[eE][-+]?"
# The forms match whole texts, so they have no `^` and `$`: `$` means another place to each engine.
#: Most numbers, by a pattern that is quick to match. Whether one of digits alone fits 64 bits is for :data:`LEAST` and
#: :data:`MOST` to say.
SIMPLE_FORM = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?"
LEAST, MOST = "-9223372036854775808", "9223372036854775807"
#: Numbers without leading zeros, plus signs, separators or suffixes, whose exponent cannot leave a double's range.
PLAIN_FORM = (
    rf"-?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:{_EXPONENT}[0-9]{{1,2}})?"
    rf"|[1-9](?:\.[0-9]+)?{_EXPONENT}[12][0-9]{{2}})"
)
#: What reads as a number where a step asks for one by name.
LOOSE_FORM = (
    r"(?:[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?(?:[0-9]{1,2}|[12][0-9]{2}|30[0-7]))?"
    r"|[-+]?[0-9](?:\.[0-9]+)?[eE]-3[0-9]{2}|[-+]?1(?:\.[0-7][0-9]*)?[eE]\+?308|NaN|[-+]?Infinity)"
)
#: Characters that are not digits of the number itself; zeros at its end are not either.
NO_DIGIT = r"^-?0?\.?0*|\.|[eE].*"
#: The length up to which a double keeps all digits of a number with a point or an exponent: 15 of them, and that.
#: Of longer ones, a double keeps those that the shortest text of it has: not the last of ``0.10000000000000001``.
SHORT = 16
#: A longer text is no plain number: hundreds of zeros can leave a double's range.
LONGEST = 48

_NUMBERS = ("double", "float")


@dataclass(frozen=True)
class Decided:
    """The types that the values of an input decided."""

    types: Mapping[str, str]
    #: Columns of numbers with quoted empty values in them, which are nulls.
    quoted: frozenset[str] = frozenset()

    @property
    def summary(self) -> str:
        """Return how many columns have each type."""
        kinds = list(self.types.values())
        parts = [f"{kinds.count(kind)} {kind}" for kind in sorted(set(kinds))]
        return ", ".join(parts)

    @property
    def fractions(self) -> set[str]:
        """The columns whose numbers an engine may print in another form than they were written: 1.50, 1e3."""
        return {name for name, type_ in self.types.items() if type_ in _NUMBERS}

    def as_text(self, names: Collection[str]) -> Decided:
        """Return this with text for some columns."""
        return Decided({**self.types, **dict.fromkeys(names, "string")}, self.quoted.difference(names))


@dataclass(frozen=True)
class Wanted:
    """What a job knows about the columns before it looks at the values."""

    #: Columns that steps name outright.
    named: frozenset[str] = frozenset()
    #: Of an artifact: its columns' types.
    known: Mapping[str, str] = field(default_factory=dict)
    #: The types, where they are decided already.
    decided: Decided | None = None


def is_text(value: str | None, name: str, wanted: Wanted) -> bool:
    """Whether one value is enough to know that its column is text."""
    form = LOOSE_FORM if name in wanted.named else PLAIN_FORM
    return bool(value) and not re.fullmatch(form, value or "")


def decide(masks: Mapping[str, int | None], wanted: Wanted) -> Decided:
    """Return the types of columns from the bitwise "or" of what their values are; None where all are null."""
    types = {name: _type(mask, name in wanted.named, wanted.known.get(name)) for name, mask in masks.items()}
    numbers = {name for name, type_ in types.items() if type_ != "string"}
    return Decided(
        types,
        frozenset(name for name in numbers if (masks[name] or 0) & EMPTY),
    )


def _type(mask: int | None, named: bool, known: str | None) -> str:  # noqa: FBT001 - a fact about the column
    found = (mask or 0) & ~EMPTY
    if known == "string" or found & TEXT:
        return "boolean" if known == "boolean" and named else "string"
    if not found:  # nothing to decide by
        return (
            known if known in (*_NUMBERS, "bigint", "int", "smallint", "tinyint") else "double" if named else "string"
        )
    if found & LOOSE and not named:
        return "string"
    whole = found == WHOLE
    if known in _NUMBERS or (known in ("int", "smallint", "tinyint") and whole):
        return known or ""
    return "bigint" if whole else "double"
