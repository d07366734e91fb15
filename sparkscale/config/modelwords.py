"""Turns validation errors into plain words: the place in the job file, what was expected, and a hint."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from sparkscale.config.models import JobConfig
from sparkscale.config.origins import Keys, Origins, cut
from sparkscale.config.redaction import hidden
from sparkscale.config.steps import MISMATCH
from sparkscale.config.where import Condition
from sparkscale.errors import Problem, nearest, nearest_or_all, shown
from sparkscale.scalers.mismatch import Mismatch

_EXPECTED = {
    "string_type": "a string",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "missing": "a value",
}

#: What pydantic's locations call the alternatives that it tried.
_ALTERNATIVES = ("str", "bool", "int", "float", "Condition")
#: Keys of earlier versions, and what they are called now.
_RENAMED: Mapping[str | int, str] = {"verify": "self_check"}


def problems(error: ValidationError, data: Any, origins: Origins, secrets: Sequence[str]) -> Iterator[Problem]:
    """Word pydantic's errors: one for each place, whatever alternatives were tried there."""
    found: dict[Keys, list[tuple[Keys, dict[str, Any]]]] = {}
    for item in error.errors(include_url=False):
        loc = item["loc"]
        found.setdefault(_real(loc, data), []).append((loc, dict(item)))
    around = {other[:end] for other in found for end in range(len(other))}
    for at, items in found.items():
        if at not in around:  # else another alternative got further, and says more
            yield _word(at, items, origins.place(at), secrets)


def _word(at: Keys, items: list[tuple[Keys, dict[str, Any]]], place: str, secrets: Sequence[str]) -> Problem:
    loc, item = items[0]
    kind, value = item["type"], hidden(item.get("input"), secrets)
    if kind == MISMATCH:
        mismatch: Mismatch = item["ctx"]["mismatch"]
        return mismatch.problem(place, lambda found: hidden(found, secrets))
    if kind == "extra_forbidden":
        hint = _renamed(at) or nearest_or_all(str(at[-1]), _siblings(loc))
        return Problem("CONFIG_KEY", f"{place}: unknown key {at[-1]!r:.80}", hint)
    if kind == "missing":
        return Problem("CONFIG_MISSING", f"{place}: this key is missing", "add it")
    if kind == "value_error":
        told = item["msg"].removeprefix("Value error, ")
        return Problem("CONFIG_VALUE", f"{place}: {cut(told)}")
    expected = _any_of(dict.fromkeys(_expected(other) for _, other in items))
    choices = re.findall(r"'([^']*)'", expected) if kind == "literal_error" else []
    hint = nearest(str(value), choices) if isinstance(value, str) else ""
    return Problem("CONFIG_VALUE", f"{place}: expected {expected}, found {shown(value)}", hint)


def _any_of(kinds: Iterable[str]) -> str:
    """Return the kinds of values that a key takes: ``a string, a number, true or false``."""
    found = list(kinds)
    numbers = [kind for kind in found if kind.endswith(" number")]
    found = [kind for kind in found if kind != "a whole number" or numbers == [kind]]
    *most, last = sorted(found, key=lambda kind: " or " in kind)
    return f"{', '.join(most)}{',' if ' or ' in last else ' or'} {last}" if most else last


def _renamed(at: Keys) -> str:
    return f"it is now {_RENAMED[at[0]]!r}" if len(at) == 1 and at[0] in _RENAMED else ""


def _real(loc: Keys, data: Any) -> Keys:
    """Return a pydantic location without the names of models and alternatives."""
    at: list[str | int] = []
    for n, part in enumerate(loc):
        if _holds(data, part):
            at.append(part)
            data = data[part]
        elif n == len(loc) - 1 and isinstance(data, dict) and str(part).isidentifier() and part not in _ALTERNATIVES:
            at.append(part)  # a key that is missing
    return tuple(at)


def _holds(data: Any, part: str | int) -> bool:
    if isinstance(data, list):
        return isinstance(part, int) and part < len(data)
    return isinstance(data, dict) and part in data


def _siblings(loc: Keys) -> Iterable[str]:
    """Return the keys that are valid where an unknown one was found."""
    if "Condition" in loc:
        return [field.alias or name for name, field in Condition.model_fields.items()]
    model: Any = JobConfig
    for part in loc[:-1]:
        field = model.model_fields.get(str(part))
        model = model if field is None else next(_models(field.annotation), model)
    return [field.alias or name for name, field in model.model_fields.items()]


def _models(annotation: Any) -> Iterator[Any]:
    """Yield the models that a value, or a value in it, can be."""
    if hasattr(annotation, "model_fields"):
        yield annotation
    for part in getattr(annotation, "__args__", ()):
        yield from _models(part)


def _expected(item: Mapping[str, Any]) -> str:
    kind = item["type"]
    if kind == "literal_error":
        return str(item["ctx"]["expected"])
    if kind in ("greater_than_equal", "less_than_equal"):
        return "at " + " ".join(
            {"ge": f"least {v}", "le": f"most {v}"}[k] for k, v in item["ctx"].items() if k in ("ge", "le")
        )
    text = str(item["msg"]).removeprefix("Input should be ").replace("String should have", "text of")
    return _EXPECTED.get(kind) or text
