"""Numbers and nouns that agree."""

from __future__ import annotations


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun; the plural ends in s by default.

    >>> counted(1, "step"), counted(12345, "row"), counted(2, "query", "queries")
    ('1 step', '12,345 rows', '2 queries')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
