"""Values of strict JSON, of the type that is expected; anything else raises TypeError or ValueError."""

from __future__ import annotations

from typing import Any


def text(value: object) -> str:
    """Return a text."""
    if not isinstance(value, str):
        raise TypeError(f"expected text, found {value!r:.80}")
    return value


def texts(value: object) -> tuple[str, ...]:
    """Return the texts of a list, one at least."""
    found = tuple(map(text, items(value)))
    if not found:
        raise ValueError("expected names, found none")
    return found


def items(value: object) -> list[Any]:
    """Return a list."""
    if not isinstance(value, list):
        raise TypeError(f"expected a list, found {value!r:.80}")
    return value
