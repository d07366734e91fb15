"""Names and patterns that choose features."""

from __future__ import annotations

from collections.abc import Iterable

from sparkscale.scalers.selectors import matcher


def chosen(selectors: Iterable[str], names: Iterable[str]) -> list[str]:
    """Return the names that one of the selectors chooses, in their order."""
    tests = [matcher(selector) for selector in selectors]
    return [name for name in names if any(test(name) for test in tests)]
