"""Spark's exceptions -> ours: each failure gets its exit code and one line."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterator, Sequence

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException, PySparkRuntimeError
from pyspark.errors.exceptions.captured import CapturedException

from sparkscale.errors import InternalError, SparkscaleError, UnfitEnvironmentError
from sparkscale.spark.session import conditions, messages
from sparkscale.spark.session.conditions import Meaning

#: What a JVM says of a program that it cannot start: a Python by its name, or by who wanted it.
_NO_PYTHON = re.compile(
    r'Cannot run program "([^"]*(?:python|pypy)[^"]*)"|Cannot run program "([^"]*)".*?PythonWorkerFactory', re.DOTALL
)

#: What Spark advises; our hint says what a job can do.
_ADVICE = re.compile(
    r" (Please ensure that the file is in|It must be specified manually)[^.]*\.?$|: _corrupt_record\.?$"
    r"|! Consider explicitly setting .*$"
)


@contextlib.contextmanager
def translated(what: str) -> Iterator[None]:
    """Raise our error for whatever Spark raises inside the block; ``what`` names the work for people."""
    try:
        yield
    except (PySparkException, PySparkRuntimeError, Py4JError) as error:
        raise translate(error, what) from error


def word_once() -> None:
    """Keep exceptions of the JVM from being worded without end, for the rest of this process.

    To word one, PySpark asks the session for a setting. Where a wrong setting keeps the session from being built, that
    raises the same exception, which is worded, and so on. One that is met while another is worded gives its bare text.
    """
    asking, theirs = threading.local(), CapturedException.__str__
    if theirs.__module__ == __name__:
        return

    def text(self: CapturedException) -> str:
        if getattr(asking, "now", False):
            return self._desc or ""
        asking.now = True
        try:
            return theirs(self)
        finally:
            asking.now = False

    CapturedException.__str__ = text  # type: ignore[method-assign]


def translate(error: Exception, what: str) -> SparkscaleError:
    """Return our error for one of Spark's: by its condition, and by its text where it has none that says enough."""
    text = "\nCaused by: ".join(_told(error))
    if absent := _NO_PYTHON.search(text):
        cause = f"{what}: the executors have no Python at {absent[1] or absent[2]}"
        return UnfitEnvironmentError("ENV_WORKER", cause, "set PYSPARK_PYTHON to a Python that they have")
    found = _by_text(text, messages.OURS) or _by_condition(error, text) or _by_text(text, messages.MEANINGS)
    if found is None:
        hint = "run it again with --debug to see Spark's whole message"
        return InternalError("SPARK_FAILED", f"{what}: {_first_line(text)}", hint)
    meaning, match = found
    cause = _cause(text, match)
    if not meaning.code:  # ours: what stands before it are the engine's words for an error that a query raises
        cause = cause.partition(f"{match[1]}: ")[2] or cause
    return meaning.kind(meaning.code or match[1], f"{what}: {cause}", meaning.hint)


def _by_condition(error: Exception, text: str) -> tuple[Meaning, re.Match[str]] | None:
    for condition in dict.fromkeys((*_conditions(error), *conditions.named(text))):
        meaning = conditions.meaning(condition)
        match = re.search(re.escape(condition), text) or re.match("", text)
        if meaning is not None and match is not None:
            return meaning, match
    return None


def _by_text(text: str, meanings: Sequence[tuple[str, Meaning]]) -> tuple[Meaning, re.Match[str]] | None:
    for pattern, meaning in meanings:
        if match := re.search(pattern, text):
            return meaning, match
    return None


def _conditions(error: BaseException | None) -> Iterator[str]:
    """Yield the condition of an exception, and those of the JVM's exceptions that caused it."""
    while error is not None:
        if isinstance(error, PySparkException):
            with contextlib.suppress(PySparkException, Py4JError, OSError, AssertionError):  # the JVM may be gone
                yield error.getCondition() or ""
        error = getattr(error, "_cause", None)


def _told(error: BaseException | None) -> Iterator[str]:
    """Yield what an exception says, and those of the JVM that caused it."""
    while error is not None:
        yield str(error)
        error = getattr(error, "_cause", None)


def _cause(text: str, match: re.Match[str]) -> str:
    """Return the line around the match: it says more than the first line of a long Java story.

    Where it says only which file could not be read, what caused that follows.
    """
    start = text.rfind("\n", 0, match.start()) + 1
    end = text.find("\n", match.end())
    line = _short(text[start : end if end >= 0 else None])
    if "NO_HINT" not in line and "CSV header" not in line:
        return line
    nested = re.findall(r"Caused by: (.*?)(?=\nParse Mode|\n\tat |\Z)", text[start:], re.DOTALL)
    told = dict.fromkeys([line, *map(_short, nested)])
    return ": ".join([one for one in told if not any(other != one and other.startswith(one) for other in told)][:3])


def _first_line(text: str) -> str:
    """Return the first line that says something: py4j's first line only has the number of a call."""
    lines = (line for line in text.splitlines() if line.strip() and not line.startswith("An error occurred while call"))
    return _short(next(lines, "no message"))


def _short(line: str) -> str:
    line = re.sub(r"^(?:Caused by: |: |[\w.$]+(?:Exception|Error): )+", "", " ".join(line.split()))
    line = re.sub(r"\s*SQLSTATE: \w+.*$", "", line)
    line = _ADVICE.sub("", line).rstrip(".")
    return line if len(line) <= 300 else line[:297] + "..."  # noqa: PLR2004 - one line of a log
