"""Explains YAML mistakes in plain words: quotes, tabs, indentation and brackets."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeAlias

from ruamel.yaml.error import MarkedYAMLError

#: A cause and a hint.
Words: TypeAlias = tuple[str, str]
#: What ends a line for YAML.
_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
#: Word a mistake: the lines of the file, the parser's error, its line and column, counted from 0.
Word: TypeAlias = Callable[[Sequence[str], MarkedYAMLError, int, int], Words]


def worded(text: str, error: MarkedYAMLError) -> tuple[int | None, str, str]:
    """Return the line of a mistake, counted from 1, or None; its cause; and what to do."""
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return None, _plain(error), ""
    told = f"{error.context or ''} {error.problem or ''}"
    lines = [*_BREAK.split(text), ""]
    for pattern, word in _WORDS:
        if re.search(pattern, told):
            cause, hint = word(lines, error, mark.line, mark.column)
            return mark.line + 1, cause, hint
    return mark.line + 1, _plain(error), ""


def _alias(lines: Sequence[str], _error: MarkedYAMLError, line: int, column: int) -> Words:
    start = lines[line].rfind("*", 0, column + 1)
    name = re.split(r"[\s,\]}]", lines[line][max(start, 0) :])[0][:80]
    return f"expected a value, found {name} without quotes", f"put names with * in quotes: '{name}'"


def _tab(lines: Sequence[str], _error: MarkedYAMLError, line: int, column: int) -> Words:
    how = "starts with" if not lines[line][:column].strip() else "has"
    return f"line {line + 1} {how} a tab", "use spaces"


def _sign(lines: Sequence[str], _error: MarkedYAMLError, line: int, column: int) -> Words:
    return f"expected a value, found one that starts with {lines[line][column : column + 1]}", "put it in quotes"


def _indent(lines: Sequence[str], _error: MarkedYAMLError, line: int, _column: int) -> Words:
    before = (n for n in range(line - 1, -1, -1) if lines[n].strip() and not lines[n].lstrip().startswith("#"))
    other = next(before, 0)
    return f"line {line + 1} is indented differently from line {other + 1}", "line up the keys of one section"


def _second_colon(lines: Sequence[str], error: MarkedYAMLError, line: int, column: int) -> Words:
    if ":" not in lines[line][:column]:  # a key, then, and the value of the line above goes on here
        return _indent(lines, error, line, column)
    return "expected one value, found a second ':' in the line", "put a value with ': ' in quotes"


def _no_colon(_lines: Sequence[str], error: MarkedYAMLError, line: int, _column: int) -> Words:
    at = error.context_mark.line if error.context_mark else line
    return f"line {at + 1} has no ':' after its key", "write key: value"


def _open_quote(_lines: Sequence[str], error: MarkedYAMLError, line: int, _column: int) -> Words:
    at = error.context_mark.line if error.context_mark else line
    return f"the quote that opens on line {at + 1} is not closed", "close it"


def _escape(_lines: Sequence[str], _error: MarkedYAMLError, _line: int, _column: int) -> Words:
    return "found a backslash in double quotes that starts no YAML escape", "use single quotes"


def _bracket(lines: Sequence[str], error: MarkedYAMLError, line: int, _column: int) -> Words:
    start = error.context_mark.line if error.context_mark else line
    at = next((n for n in range(start, -1, -1) if re.search(r"[\[{]", lines[n])), start)
    return f"the bracket that opens on line {at + 1} is not closed", "close it, or put a comma between its values"


def _plain(error: MarkedYAMLError) -> str:
    return " ".join(str(error.problem or error.context).split())[:200]


#: The first that fits, by what the parser says.
_WORDS: Sequence[tuple[str, Word]] = (
    ("found undefined alias|while scanning an alias", _alias),
    (r"found character '(\\t|\t)'", _tab),
    ("that cannot start any token", _sign),
    (r"expected <block end>, but found '<block (mapping|sequence) start>'", _indent),
    ("mapping values are not allowed here", _second_colon),
    ("could not find expected ':'", _no_colon),
    ("quoted scalar.*end of stream", _open_quote),
    ("unknown escape character", _escape),
    ("while parsing a flow .*(stream end|but got)", _bracket),
)
