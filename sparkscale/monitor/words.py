"""Words that drift and expectations share."""

from __future__ import annotations

from collections.abc import Sequence

_SHOWN = 8


def listed(names: Sequence[str]) -> str:
    """Return up to eight names, and how many more there are."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(map(repr, names[:_SHOWN])) + more


def number(value: float | None) -> str:
    """Return a number for a table; a dash for none."""
    return "-" if value is None else f"{value:.4g}"


def printable(text: str) -> str:
    """Return a text for people: a name may hold what a terminal would obey, which is escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
