"""Every kind of error, with its exit code and a hint.

Exit codes follow BSD ``sysexits.h``, so that a scheduler can tell bad data (don't retry) from a lost executor
(retry). An error may carry several problems: a job file with three mistakes is one error with three problems,
reported at once.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: a stable ``code``, the ``cause`` (expected and found), and a ``hint``."""

    code: str
    cause: str
    hint: str = ""

    def __str__(self) -> str:
        """Return the cause and, after a semicolon, what to do about it."""
        return f"{self.cause}; {self.hint}" if self.hint else self.cause


class SparkscaleError(Exception):
    """Base class of every error that sparkscale raises."""

    exit_code: ClassVar[int] = 70

    def __init__(self, code: str, cause: str, hint: str = "", *, problems: Sequence[Problem] = ()) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems) or (Problem(code, cause, hint),)
        self.code = code
        self.cause = cause
        self.hint = hint
        super().__init__(self._message())

    @classmethod
    def of(cls, problems: Sequence[Problem]) -> SparkscaleError:
        """Make one error of all the problems found; its own line is the first of them, and their number."""
        first = problems[0]
        cause = first.cause if len(problems) == 1 else f"{len(problems)} problems, the first: {first.cause}"
        return cls(first.code, cause, first.hint, problems=problems)

    def _message(self) -> str:
        """Return all problems: Python shows nothing else."""
        if len(self.problems) == 1:
            return str(Problem(self.code, self.cause, self.hint))
        return "\n".join([f"{len(self.problems)} problems:", *(f"  {problem}" for problem in self.problems)])

    @property
    def line(self) -> str:
        """The last line that a failed run prints: schedulers show only the tail of a log."""
        told = Problem(self.code, self.cause, self.hint)
        return " ".join(f"sparkscale: error[{self.code}] {told} (exit {self.exit_code})".splitlines())

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by the constructor's arguments (errors cross from Python workers to the driver)."""
        return _rebuild, (type(self), self.code, self.cause, self.hint, self.problems)


def _rebuild(
    cls: type[SparkscaleError], code: str, cause: str, hint: str, problems: Sequence[Problem]
) -> SparkscaleError:
    return cls(code, cause, hint, problems=problems)


class UsageError(SparkscaleError):
    """The command was called wrongly."""

    exit_code = 64


class DataError(SparkscaleError):
    """The data, its schema or an artifact doesn't fit the job."""

    exit_code = 65


class InputMissingError(SparkscaleError):
    """The input, or the artifact to apply, doesn't exist."""

    exit_code = 66


class UnfitEnvironmentError(SparkscaleError):
    """The environment can't run the job: no Java, a missing package, an unreachable master, too little memory."""

    exit_code = 69


class InternalError(SparkscaleError):
    """A bug in sparkscale, or engines that disagree."""

    exit_code = 70


class OutputError(SparkscaleError):
    """The output can't be created."""

    exit_code = 73


class StorageError(SparkscaleError):
    """Reading or writing failed: a full disk, a lost device."""

    exit_code = 74


class TemporaryError(SparkscaleError):
    """A conflict with another run, or a lost executor. Try the same run again."""

    exit_code = 75


class AccessError(SparkscaleError):
    """Permission was denied."""

    exit_code = 77


class ConfigError(SparkscaleError, ValueError):
    """The job file, or a field of a step, is wrong."""

    exit_code = 78


class SchemaDriftWarning(UserWarning):
    """A table differs from the one that the pipeline was fitted on."""


class InverseWarning(UserWarning):
    """What an inverse could not bring back."""


def closest(name: str, names: Iterable[str]) -> str | None:
    """Return the name most like ``name``, or None where none is like it."""
    return next(iter(difflib.get_close_matches(name, list(names), n=1, cutoff=0.6)), None)


def nearest(name: str, names: Iterable[str]) -> str:
    """Return the hint ``did you mean 'x'?`` for the name most like ``name``, or an empty string."""
    close = closest(name, names)
    return "" if close is None else f"did you mean {close!r}?"


def nearest_or_all(key: str, keys: Iterable[str]) -> str:
    """Return the hint for an unknown key: the key most like it, or all that there are."""
    known = sorted(keys)
    return nearest(key, known) or (f"the keys here are {', '.join(known)}" if len(known) > 1 else "remove it")


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun; the plural ends in s by default.

    >>> counted(1, "step"), counted(12345, "row"), counted(2, "query", "queries")
    ('1 step', '12,345 rows', '2 queries')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def shown(value: object) -> str:
    """Return a value for an error, as a job file would write it: ``null`` and ``true``, cut to what a line can hold."""
    try:
        text = repr(value) if isinstance(value, str) else json.dumps(value, default=_plain)
    except (TypeError, ValueError, RecursionError):  # of keys that JSON lacks, or of more digits than Python writes
        text = f"a value of type {type(value).__name__}"
    return text if len(text) <= 80 else text[:77] + "..."  # noqa: PLR2004 - what a line can hold


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else repr(value)
