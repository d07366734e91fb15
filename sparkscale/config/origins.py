"""Where a value of a job file comes from: a line of the file, a variable, or a ``--set``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sparkscale.scalers import mismatch

#: The keys and indexes that lead to a value.
Keys: TypeAlias = tuple[str | int, ...]
#: How much of a key or a value a message shows.
LONG = 300


@dataclass(frozen=True)
class Origins:
    """The origins of values, by their paths, in a job file."""

    file: str
    known: Mapping[Keys, str]

    def place(self, at: Sequence[str | int]) -> str:
        """Return file, line and key of a value, or of the nearest thing around it."""
        for end in range(len(at), -1, -1):
            origin = self.known.get(tuple(at[:end]))
            if origin:
                return f"{origin}: {dotted(at)}" if at and not origin.startswith("--set") else origin
        return f"{self.file}: {dotted(at)}"


def dotted(at: Sequence[str | int]) -> str:
    """Return a path as text, cut where it is long."""
    return cut(mismatch.dotted(at))


def cut(text: str) -> str:
    """Return as much of a text as is shown."""
    return text if len(text) <= LONG else f"{text[:LONG]}..."
