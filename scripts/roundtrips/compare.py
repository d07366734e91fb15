"""The verdict on a column: what went in against what independent readers found."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from roundtrips import texts
from roundtrips.readers import JSON, TEXT
from roundtrips.shapes import Column, Shape, holds, is_decimal

EXACT, WIDER, AS_TEXT, WARNED, REFUSED, WRONG, NONE = (
    "exact", "wider", "as text", "warned", "refused", "WRONG", "-",
)  # fmt: skip
#: Losses that a warning makes good, by output: what nobody warned of, and whatever else changes, is wrong.
LOSSES = (
    ("orc", re.compile("timestamp became int64")),  # Spark's own form of a timestamp without a zone
    ("orc", re.compile("timestamptz.* became .*timestamp")),  # other readers see UTC without its zone
    *((f"{files}/k", re.compile("is no timestamptz")) for files in ("parquet", "csv", "json", "orc")),  # so do folders
    ("", re.compile("timestamp became timestamptz|Z' is no timestamp$")),  # Spark reads ORC's timestamp as an instant
    ("", re.compile("the column of nulls is gone")),  # Sail leaves nulls out of JSON, Spark a void out of Delta
    ("", re.compile("('{2}|\"{2}) became None")),  # Sail reads a quoted empty text of CSV as null
    ("json", re.compile("(NaN|Infinity).* became .*None")),  # Sail
)
#: Numbers that have one way to be written: no leading zero, no suffix, no blank.
_PLAIN = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")


@dataclass(frozen=True)
class Verdict:
    """What became of a column, and for people what exactly."""

    word: str
    detail: str = ""


def compare(expected: Column, found: Column | None) -> Verdict:
    """Compare a column that should not have changed."""
    if found is None:
        nulls = all(value is None for value in expected.values)
        return Verdict(WRONG, "the column of nulls is gone" if nulls else "the column is gone")
    if len(found.values) != len(expected.values):
        return Verdict(WRONG, f"{len(expected.values)} rows became {len(found.values)}")
    if expected.shape == "text":
        return _untyped(expected, found)
    return _as_text(expected, found) if found.shape in (TEXT, JSON) else _typed(expected, found)


def warned(verdict: Verdict, target: str, warning: str | None) -> Verdict:
    """Return the verdict on a column that the job warned of."""
    known = any(target.startswith(format_) and rule.search(verdict.detail) for format_, rule in LOSSES)
    if warning and (verdict.word == WIDER or (verdict.word == WRONG and known)):
        return Verdict(WARNED, f"{warning} [{verdict.detail}]")
    return verdict


def _typed(expected: Column, found: Column) -> Verdict:
    """Compare with a column of a type."""
    if expected.shape != found.shape and not holds(found.shape, expected.shape):
        return Verdict(WRONG, f"{_name(expected.shape)} became {_name(found.shape)}")
    wrong = _first((a, b) for a, b in zip(expected.values, found.values, strict=True) if not _same(a, b))
    if wrong:
        return Verdict(WRONG, f"{wrong[0]!r} became {wrong[1]!r} ({_name(found.shape)})")
    return Verdict(EXACT) if expected.shape == found.shape else Verdict(WIDER, _name(found.shape))


def _same(a: Any, b: Any) -> bool:
    """Compare two values with their Python types; those of a decimal are equal where its digits are."""
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, int) and isinstance(b, Decimal):
        return a == b
    return type(a) is type(b) and bool(a == b)


def _as_text(expected: Column, found: Column) -> Verdict:
    """Compare with text, or JSON, that must parse to the same value."""
    read = texts.parsed if found.shape == TEXT else texts.from_json
    for value, text in zip(expected.values, found.values, strict=True):
        try:
            back = None if text is None else read(expected.shape, text)
        except texts.Unreadable as error:
            return Verdict(WRONG, f"{_shown(expected.shape, value)} became {text!r}: {error}")
        if not _same(value, back):
            return Verdict(WRONG, f"{_shown(expected.shape, value)} became {text!r}")
    same = expected.shape == "string" or (found.shape == JSON and _is_json(expected.shape))
    return Verdict(EXACT if same else AS_TEXT)


def _is_json(shape: Shape) -> bool:
    """Whether JSON has the shape."""
    return shape in ("bool", "int64", "int32", "float64")


def _untyped(expected: Column, found: Column) -> Verdict:
    """Compare text without a type with what it became: the text, or plain numbers of the same value."""
    for text, value in zip(expected.values, _plain(found), strict=True):
        if not _same_text(text, value):
            return Verdict(WRONG, f"the text {text!r} became {value!r} ({_name(found.shape)})")
    same = all(type(a) is type(b) and a == b for a, b in zip(expected.values, _plain(found), strict=True))
    return Verdict(EXACT if same else AS_TEXT, "" if same else f"became {found.shape}")


def _plain(found: Column) -> list[Any]:
    """Return values as JSON has them: numbers as :class:`texts.Token`, text as text."""
    if found.shape in (TEXT, JSON):
        return list(found.values)
    return [_as_json(found.shape, value) for value in found.values]


def _as_json(shape: Shape, value: Any) -> Any:
    if value is None or shape == "bool":
        return value
    if isinstance(shape, tuple):
        return texts.load_json(texts.json_of(shape, value))
    if is_decimal(shape) or "int" in shape or shape.startswith("float"):
        return texts.Token(texts.text_of(shape, value))
    text = texts.text_of(shape, value)
    return text if shape == "string" else f"{text} ({shape})"  # a type that nobody asked for


def _same_text(text: Any, value: Any) -> bool:
    if isinstance(text, dict) and isinstance(value, dict):  # a key that a row does not have is a null of the others
        return all(_same_text(text.get(key), value.get(key)) for key in text.keys() | value.keys())
    if isinstance(text, list) and isinstance(value, list):
        return len(text) == len(value) and all(map(_same_text, text, value))
    if isinstance(text, bool) and value in ("true", "false"):  # of JSON, in CSV
        return text is (value == "true")
    if text is None or value is None or isinstance(text, bool) or isinstance(value, bool):
        return text is value
    return str(text) == str(value) or _same_number(str(text), str(value))


def _same_number(text: str, number: str) -> bool:
    """Whether two texts are the same number; a double is one where no digit of the text is lost on it."""
    if not _PLAIN.fullmatch(text) or not _PLAIN.fullmatch(number) or (text[0] == "-") != (number[0] == "-"):
        return False
    return Decimal(text) == Decimal(number) or (
        Decimal(repr(float(text))) == Decimal(text) and float(text) == float(number)
    )


def _shown(shape: Shape, value: Any) -> str:
    if value is None:
        return "null"
    return texts.json_of(shape, value)


def _name(shape: Shape) -> str:
    return shape if isinstance(shape, str) else str(shape).replace("'", "")


def _first(pairs: Iterable[tuple[Any, Any]]) -> tuple[Any, Any] | None:
    return next(iter(pairs), None)
