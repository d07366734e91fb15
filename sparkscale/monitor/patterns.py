"""Names and patterns that choose features."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable

from sparkscale.scalers.selectors import pattern_of


def matcher(selector: str) -> Callable[[str], bool]:
    """Return a test of names: by a regular expression between slashes, by the name itself, or by a glob."""
    pattern = pattern_of(selector)
    if pattern is not None:
        return lambda name: pattern.search(name) is not None
    return lambda name: name == selector or fnmatch.fnmatchcase(name, selector)


def chosen(selectors: Iterable[str], names: Iterable[str]) -> list[str]:
    """Return the names that one of the selectors chooses, in their order."""
    tests = [matcher(selector) for selector in selectors]
    return [name for name in names if any(test(name) for test in tests)]
