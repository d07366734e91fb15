"""Values as text, and back: what a CSV field and a JSON value of each shape are, independent of any engine."""

from __future__ import annotations

import base64
import datetime
import json
import re
from decimal import Decimal
from typing import Any

from roundtrips.shapes import Shape, is_decimal, unordered

_EPOCH = datetime.datetime(1970, 1, 1)  # noqa: DTZ001 - of wall clocks too
_TIMESTAMP = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?\s?(Z|UTC|[+-]\d\d:?\d\d(?::\d\d)?)?"
)
_SECOND = 10**9
_FLOATS = {"nan": "nan", "inf": "inf", "infinity": "inf", "+inf": "inf", "-inf": "-inf", "-infinity": "-inf"}


class Unreadable(ValueError):  # noqa: N818 - a verdict rather than an error
    """A text is no value of its shape."""


def text_of(shape: Shape, value: Any) -> str:  # noqa: PLR0911 - one line a shape
    """Return a value as people and programs write it into CSV."""
    if shape == "bool":
        return "true" if value else "false"
    if shape in ("timestamp", "timestamptz"):
        return _timestamp_text(value) + ("Z" if shape == "timestamptz" else "")
    if shape == "time":
        return _clock(value)
    if shape == "date":
        return datetime.date.fromordinal(value + _EPOCH.toordinal()).isoformat()
    if shape == "binary":
        return base64.b64encode(value).decode()
    if isinstance(shape, str) and shape.startswith("float"):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(value, value)
    return format(value, "f") if is_decimal(shape) else str(value)


def _timestamp_text(nanos: int) -> str:
    days, rest = divmod(nanos, 86_400 * _SECOND)
    return f"{text_of('date', days)} {_clock(rest)}"


def _clock(nanos: int) -> str:
    seconds, fraction = divmod(nanos, _SECOND)
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{text}.{fraction:09}".rstrip("0") if fraction else text


def json_of(shape: Shape, value: Any) -> str:
    """Return a value as JSON; a decimal is a number with all of its digits."""
    if value is None:
        return "null"
    if isinstance(shape, tuple):
        return _nested_json(shape, value)
    if is_decimal(shape) or shape == "bool" or "int" in shape:
        return text_of(shape, value)
    if shape.startswith("float"):
        return text_of(shape, value)  # NaN and Infinity bare, as Python writes them
    return json.dumps(text_of(shape, value))


def _nested_json(shape: Shape, value: Any) -> str:
    if shape[0] == "list":
        return f"[{', '.join(json_of(shape[1], each) for each in value)}]"
    shapes = dict(shape[1]) if shape[0] == "struct" else {}
    names = [key if shape[0] == "struct" else text_of(shape[1], key) for key, _ in value]
    parts = [
        f"{json.dumps(name)}: {json_of(shapes.get(name, shape[-1]), each)}"
        for name, (_, each) in zip(names, value, strict=True)
    ]
    return f"{{{', '.join(parts)}}}"


def parsed(shape: Shape, text: str) -> Any:  # noqa: PLR0911 - one line a shape
    """Return the value of a text; raise :class:`Unreadable` where it is none."""
    try:
        if shape == "string":
            return text
        if shape == "bool":
            return {"true": True, "false": False}[text]
        if shape in ("timestamp", "timestamptz"):
            return _timestamp(text, aware=shape == "timestamptz")
        if shape == "time":
            return _nanos(*re.fullmatch(r"(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?", text).groups())  # type: ignore[union-attr]
        if shape == "date":
            return datetime.date.fromisoformat(text).toordinal() - _EPOCH.toordinal()
        if shape == "binary":
            return base64.b64decode(text, validate=True)
        if shape == "null":
            raise Unreadable(text)
        if shape.startswith("float"):
            return _float(shape, text)
        return Decimal(text) if is_decimal(shape) else int(text)
    except (ValueError, KeyError, AttributeError, ArithmeticError) as error:
        raise Unreadable(f"{text!r} is no {shape}") from error


def _float(shape: Shape, text: str) -> str:
    if text.lower() in _FLOATS:
        return _FLOATS[text.lower()]
    number = float(text)
    if shape == "float64":
        return repr(number)
    import numpy as np

    return repr(float(np.dtype(shape).type(text)))


def _timestamp(text: str, *, aware: bool) -> int:
    found = _TIMESTAMP.fullmatch(text)
    if found is None or bool(found[8]) != aware:
        raise Unreadable(f"{text!r} is no timestamp {'with' if aware else 'without'} a zone")
    days = datetime.date(int(found[1]), int(found[2]), int(found[3])).toordinal() - _EPOCH.toordinal()
    nanos = days * 86_400 * _SECOND + _nanos(*found.group(4, 5, 6, 7))
    return nanos - _offset(found[8]) if aware else nanos


def _nanos(hours: str | None, minutes: str | None, seconds: str | None, fraction: str | None) -> int:
    whole = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)
    return whole * _SECOND + int((fraction or "0").ljust(9, "0"))


def _offset(text: str) -> int:
    if text in ("Z", "UTC"):
        return 0
    digits = text[1:].replace(":", "").ljust(6, "0")
    return (-1 if text[0] == "-" else 1) * _nanos(digits[:2], digits[2:4], digits[4:], None)


def from_json(shape: Shape, value: Any) -> Any:
    """Return the value of a JSON value that was read with its numbers as text (:class:`Token`)."""
    if value is None:
        return None
    if isinstance(shape, tuple):
        return _from_nested(shape, value)
    if shape == "bool" and isinstance(value, bool):
        return value
    is_number, is_text = isinstance(value, Token), type(value) is str
    wants_number = is_decimal(shape) or "int" in shape or shape.startswith("float")
    is_named = is_text and shape.startswith("float") and value.lower() in _FLOATS
    if not (is_number if wants_number else is_text) and not is_named:
        raise Unreadable(f"{value!r} is no {shape}")
    return parsed(shape, str(value))


def _from_nested(shape: Shape, value: Any) -> Any:
    if shape[0] == "list" and isinstance(value, list):
        return tuple(from_json(shape[1], each) for each in value)
    if shape[0] == "struct" and isinstance(value, dict) and value.keys() <= {name for name, _ in shape[1]}:
        return tuple((name, from_json(inner, value.get(name))) for name, inner in shape[1])
    if shape[0] == "map" and isinstance(value, dict):
        return unordered((parsed(shape[1], key), from_json(shape[2], each)) for key, each in value.items())
    raise Unreadable(f"{value!r} is no {shape[0]}")


class Token(str):
    """A JSON number, as the text has it."""

    __slots__ = ()


def load_json(line: str) -> Any:
    """Read one JSON value, its numbers as :class:`Token`."""
    return json.loads(line, parse_int=Token, parse_float=Token, parse_constant=Token)
