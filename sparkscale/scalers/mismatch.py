"""What is wrong with the fields of a step: where, what was expected, what was found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sparkscale.errors import ConfigError, Problem, shown

At: TypeAlias = tuple[str | int, ...]
_NOTHING: Any = object()


@dataclass(frozen=True)
class Mismatch:
    """One value that does not fit: where it is, what is wrong, what was found, and what to do."""

    at: At
    cause: str
    found: Any = _NOTHING
    hint: str = ""
    code: str = "CONFIG_VALUE"

    def problem(self, place: str, hide: Callable[[Any], Any] = lambda value: value) -> Problem:
        """Return this as a problem of the value at ``place``; ``hide`` removes what must not be printed."""
        cause = f"{place}: {self.cause}" if place else self.cause
        found = "" if self.found is _NOTHING else f", found {shown(hide(self.found))}"
        return Problem(self.code, f"{cause}{found}", self.hint)


class FieldError(ConfigError):
    """Some fields of a step are wrong; ``mismatches`` says which."""

    def __init__(self, mismatches: Sequence[Mismatch]) -> None:
        self.mismatches = tuple(mismatches)
        whole = ConfigError.of([mismatch.problem(dotted(mismatch.at)) for mismatch in self.mismatches])
        super().__init__(whole.code, whole.cause, whole.hint, problems=whole.problems)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle as a plain error: what was found may not be picklable."""
        return ConfigError.of, (self.problems,)


def dotted(at: Sequence[str | int]) -> str:
    """Return a place as it is written: ``steps[0].range``."""
    out = ""
    for part in at:
        out += f"[{part}]" if isinstance(part, int) else f".{part}" if out else str(part)
    return out
