"""How much work something is, in calls of functions: the same on every machine, quiet or not."""

from __future__ import annotations

import cProfile
from collections.abc import Callable
from typing import Any


class Name(str):
    """A column's name that is compared and hashed in Python, so that `name in a_list` counts as what it costs."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return str.__eq__(self, other)  # type: ignore[arg-type]

    def __ne__(self, other: object) -> bool:
        return str.__ne__(self, other)  # type: ignore[arg-type]

    def __hash__(self) -> int:
        return str.__hash__(self)


def calls(work: Callable[[], Any]) -> int:
    """Return how many functions a work calls, C's as well."""
    profile = cProfile.Profile()
    profile.runcall(work)
    return sum(entry.callcount for entry in profile.getstats())


def assert_linear(work: Callable[[int], Callable[[], Any]], small: int = 2000) -> None:
    """Assert that a work of twice the columns is twice the calls, less what does not depend on them."""
    work(8)()  # what is imported and compiled at the first time
    once, twice = calls(work(small)), calls(work(2 * small))
    assert once > small / 4, f"only {once} calls: not a work on every column"
    assert twice < 2.2 * once, f"{small} columns: {once:,} calls, {2 * small}: {twice:,}"
