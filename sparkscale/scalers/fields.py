"""What the fields of a step can hold. A type hint says it once: for Python, the job file and its JSON Schema.

:func:`kind_of` finds the :class:`Kind` of a type hint: bool, int, float, str, Literal, a tuple or list of them, a
TypedDict, or one of these or None. ``Annotated[float, Rule(...)]`` allows only some values of a kind, and
``Annotated[..., kind]`` names the kind itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from numbers import Real
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np
from typing_extensions import is_typeddict

from sparkscale.errors import counted, nearest, nearest_or_all
from sparkscale.scalers.mismatch import At, Mismatch


class Kind:
    """What a value can be."""

    def read(self, value: Any, at: At, wrong: list[Mismatch]) -> Any:
        """Return a value in its one form, NumPy's as Python's; add to ``wrong`` what does not fit."""
        raise NotImplementedError

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema."""
        raise NotImplementedError


@dataclass(frozen=True)
class Exact(Kind):
    """A value of exactly one Python type: ``1`` is no bool, and ``True`` no int."""

    type: type
    expected: str
    json: str

    def read(self, value: Any, at: At, wrong: list[Mismatch]) -> Any:
        """See :class:`Kind`."""
        plain = plain_of(value)
        if type(plain) is not self.type:
            wrong.append(Mismatch(at, f"expected {self.expected}", plain))
        return plain

    def schema(self) -> dict[str, Any]:
        """See :class:`Kind`."""
        return {"type": self.json}


class Number(Kind):
    """A finite number; -0 is read as 0."""

    def read(self, value: Any, at: At, wrong: list[Mismatch]) -> float:
        """See :class:`Kind`."""
        plain = plain_of(value)
        try:
            number = float(plain) + 0.0 if isinstance(plain, Real) and not isinstance(plain, bool) else math.nan
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            wrong.append(Mismatch(at, "expected a finite number", plain))
        return number

    def schema(self) -> dict[str, Any]:
        """See :class:`Kind`."""
        return {"type": "number"}


@dataclass(frozen=True)
class Choice(Kind):
    """One of some values, of the same type: ``True`` is not the choice 1. YAML's null is the choice ``'null'``."""

    choices: tuple[Any, ...]

    def read(self, value: Any, at: At, wrong: list[Mismatch]) -> Any:
        """See :class:`Kind`."""
        plain = "null" if value is None and "null" in self.choices else plain_of(value)
        if not any(type(plain) is type(choice) and plain == choice for choice in self.choices):
            *most, last = map(repr, self.choices)
            hint = nearest(plain, map(str, self.choices)) if isinstance(plain, str) else ""
            expected = f"expected {', '.join(most)} or {last}" if most else f"expected {last}"
            wrong.append(Mismatch(at, expected, plain, hint))
        return plain

    def schema(self) -> dict[str, Any]:
        """See :class:`Kind`."""
        choices = [*self.choices, None] if "null" in self.choices else list(self.choices)
        return {"enum": choices} if len(choices) > 1 else {"const": choices[0]}


@dataclass(frozen=True)
class Nullable(Kind):
    """A value of a kind, or None."""

    kind: Kind

    def read(self, value: Any, at: At, wrong: list[Mismatch]) -> Any:
        """See :class:`Kind`."""
        return None if value is None else self.kind.read(value, at, wrong)

    def schema(self) -> dict[str, Any]:
        """See :class:`Kind`."""
        return {"anyOf": [self.kind.schema(), {"type": "null"}]}


@dataclass(frozen=True)
class Fixed(Kind):
    """A tuple of a certain length."""

    kinds: tuple[Kind, ...]

    def read(self, value: Any, at: At, wrong: list[Mismatch]) -> Any:
        """See :class:`Kind`."""
        plain = plain_of(value)
        if not isinstance(plain, list | tuple) or len(plain) != len(self.kinds):
            wrong.append(Mismatch(at, f"expected {counted(len(self.kinds), 'value')}", plain))
            return plain
        return tuple(
            kind.read(item, (*at, i), wrong) for i, (kind, item) in enumerate(zip(self.kinds, plain, strict=True))
        )

    def schema(self) -> dict[str, Any]:
        """See :class:`Kind`."""
        size = len(self.kinds)
        return {
            "type": "array",
            "prefixItems": [kind.schema() for kind in self.kinds],
            "minItems": size,
            "maxItems": size,
        }


@dataclass(frozen=True)
class Many(Kind):
    """A list of any length."""

    kind: Kind

    def read(self, value: Any, at: At, wrong: list[Mismatch]) -> Any:
        """See :class:`Kind`."""
        plain = plain_of(value)
        if not isinstance(plain, list | tuple):
            wrong.append(Mismatch(at, "expected a list", plain))
            return plain
        return [self.kind.read(item, (*at, i), wrong) for i, item in enumerate(plain)]

    def schema(self) -> dict[str, Any]:
        """See :class:`Kind`."""
        return {"type": "array", "items": self.kind.schema()}


@dataclass(frozen=True)
class Table(Kind):
    """A mapping with certain keys."""

    kinds: Mapping[str, Kind]
    required: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)

    def read(self, value: Any, at: At, wrong: list[Mismatch]) -> Any:
        """See :class:`Kind`."""
        if not isinstance(value, Mapping):
            wrong.append(Mismatch(at, "expected a mapping", plain_of(value)))
            return value
        read = {key: kind.read(value[key], (*at, key), wrong) for key, kind in self.kinds.items() if key in value}
        wrong += [_missing(key, at) for key in self.required if key not in value]
        wrong += [_unknown(key, at, self.kinds) for key in value if key not in self.kinds]
        return read

    def schema(self) -> dict[str, Any]:
        """See :class:`Kind`."""
        defaults = {key: {"default": default} for key, default in self.defaults.items()}
        properties = {key: kind.schema() | defaults.get(key, {}) for key, kind in self.kinds.items()}
        required = {"required": list(self.required)} if self.required else {}
        return {"type": "object", "properties": properties, "additionalProperties": False} | required

    def without(self, *keys: str) -> Table:
        """Return the same mapping without some keys."""
        kinds = {key: kind for key, kind in self.kinds.items() if key not in keys}
        required = tuple(key for key in self.required if key not in keys)
        return Table(kinds, required, {key: value for key, value in self.defaults.items() if key not in keys})


def _missing(key: str, at: At) -> Mismatch:
    return Mismatch((*at, key), "this key is missing", hint="add it", code="CONFIG_MISSING")


def _unknown(key: Any, at: At, known: Iterable[str]) -> Mismatch:
    hint = nearest_or_all(str(key), known)
    return Mismatch((*at, str(key)), f"unknown key {key!r:.80}", hint=hint, code="CONFIG_KEY")


@dataclass(frozen=True, eq=False)
class Rule:
    """Which values of a type are allowed: in words, as a check, and as JSON Schema where that can say it."""

    expected: str
    holds: Callable[[Any], bool]
    schema: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Ruled(Kind):
    """A value of a kind for which a rule holds."""

    kind: Kind
    rule: Rule

    def read(self, value: Any, at: At, wrong: list[Mismatch]) -> Any:
        """See :class:`Kind`; the rule's words say all that is expected, but for what is wrong inside of a value."""
        inner: list[Mismatch] = []
        read = self.kind.read(value, at, inner)
        if not inner and not self.rule.holds(read):
            inner.append(Mismatch(at, "", plain_of(value)))
        expected = f"expected {self.rule.expected}"
        wrong += [replace(mismatch, cause=expected) if mismatch.at == at else mismatch for mismatch in inner]
        return read

    def schema(self) -> dict[str, Any]:
        """See :class:`Kind`."""
        return self.kind.schema() | dict(self.rule.schema)


_PLAIN: dict[Any, Kind] = {
    bool: Exact(bool, "true or false", "boolean"),
    int: Exact(int, "a whole number", "integer"),
    float: Number(),
    str: Exact(str, "a string", "string"),
}


def kind_of(hint: Any) -> Kind:
    """Return the kind of a type hint; raises TypeError for a type that no field can have."""
    if is_typeddict(hint):
        return Table({key: kind_of(part) for key, part in get_type_hints(hint, include_extras=True).items()})
    make = _MAKERS.get(get_origin(hint))
    if make is not None:
        return make(*get_args(hint))
    if hint in _PLAIN:
        return _PLAIN[hint]
    raise TypeError(f"expected a type of field as sparkscale.scalers.fields lists them, found {hint}")


def _annotated(hint: Any, *notes: Any) -> Kind:
    kind = next((note for note in notes if isinstance(note, Kind)), None) or kind_of(hint)
    for rule in (note for note in notes if isinstance(note, Rule)):
        kind = Ruled(kind, rule)
    return kind


def _union(*parts: Any) -> Kind:
    others = [part for part in parts if part is not NoneType]
    if len(others) != 1:
        raise TypeError(f"expected a field of one type, or of one type and None, found {Union[parts]}")  # noqa: UP007
    return Nullable(kind_of(others[0]))


_MAKERS: dict[Any, Callable[..., Kind]] = {
    Annotated: _annotated,
    Literal: lambda *choices: Choice(choices),
    Union: _union,
    UnionType: _union,
    tuple: lambda *parts: Fixed(tuple(map(kind_of, parts))),
    list: lambda part: Many(kind_of(part)),
}


def plain_of(value: Any) -> Any:
    """Return a NumPy scalar or array as Python's values."""
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else value
