"""The schema of a table, apart from any engine: fields, their types, and how a column is found by name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

_SQL_NAMES = {"long": "bigint", "integer": "int", "short": "smallint", "byte": "tinyint"}
_INTEGERS = ("tinyint", "smallint", "int", "bigint")
_FLOATS = ("float", "double")
#: A type holds every whole number up to 2 to the power of this.
_BITS = {"boolean": 0, "tinyint": 7, "smallint": 15, "int": 31, "bigint": 63, "float": 24, "double": 53}
_DECIMAL = re.compile(r"decimal\((\d{1,2}),(-?\d{1,2})\)")


@dataclass(frozen=True)
class Field:
    """A column, or a field of a struct column. ``type`` is the SQL name; a struct's parts are its ``fields``.

    ``inner`` names every type inside a nested column, at any depth: of ``map<string,struct<t:timestamp>>`` these are
    ``string``, ``struct`` and ``timestamp``. A map whose keys are not strings adds ``map by int``.
    """

    name: str
    type: str
    fields: tuple[Field, ...] = ()
    nullable: bool = True
    inner: tuple[str, ...] = ()


#: Stands for the positions of all elements of an array.
EVERY = -1


@dataclass(frozen=True)
class Column:
    """A column as it was found: the path to it (one name, or several into structs) and its type.

    A feature may be a part of an array column: the elements at a ``position``, or at :data:`EVERY` position. The type
    is that of the elements then.
    """

    path: tuple[str, ...]
    type: str
    position: int | None = None

    @property
    def name(self) -> str:
        """The path as a user writes it; of a position in an array it is the last part, as in ``embedding.0``."""
        return self.whole + ("" if self.position in (None, EVERY) else f".{self.position}")

    @property
    def whole(self) -> str:
        """The path as a user writes it; of elements, that of their array."""
        return ".".join(self.path)

    def at(self, position: int) -> Column:
        """Return the elements of an array column at a position, or at every one."""
        return Column(self.path, self.type.removeprefix("array<").removesuffix(">"), position)

    @property
    def nested(self) -> bool:
        """Whether the column stands inside a struct."""
        return len(self.path) > 1


@dataclass(frozen=True)
class Schema:
    """The columns of a table, in their order. ``case_sensitive`` says whether ``a`` and ``A`` are two names.

    ``partitions`` are the columns that the table, or what is made of it, is partitioned by: no pattern chooses them.
    """

    fields: tuple[Field, ...]
    case_sensitive: bool = False
    partitions: frozenset[str] = frozenset()

    @classmethod
    def of(cls, struct: Mapping[str, Any], *, case_sensitive: bool = False) -> Schema:
        """Read the JSON form of a Spark ``StructType``."""
        return cls(tuple(_fields(struct)), case_sensitive)

    @cached_property
    def names(self) -> list[str]:
        """The names of the top-level columns."""
        return [field.name for field in self.fields]

    @property
    def top(self) -> tuple[Field, ...]:
        """The top-level columns without what is inside of them."""
        return tuple(replace(field, fields=(), inner=()) for field in self.fields)

    def find(self, name: str) -> Column | None:
        """Find a column by its exact name, or else by its path through structs."""
        return self._by_name.get(name)

    @cached_property
    def _by_name(self) -> dict[str, Column]:
        """Columns and fields of structs; of two with one name the first, and a column before any field."""
        return {column.name: column for column in reversed([*self.columns(), *self.paths()])}

    def columns(self) -> Iterator[Column]:
        """Yield the top-level columns."""
        for field in self.fields:
            yield Column((field.name,), field.type)

    def choices(self) -> Iterator[Column]:
        """Yield what a pattern chooses from: the top-level columns without those of partitions."""
        apart = set(map(self.key, self.partitions))
        yield from (column for column in self.columns() if self.key(column.name) not in apart)

    def paths(self) -> Iterator[Column]:
        """Yield every column, and every field of a struct."""
        yield from _paths(self.fields, ())

    def key(self, name: str) -> str:
        """Return the name for comparing it with other names."""
        return name if self.case_sensitive else name.lower()


def is_of(type_: str, group: str) -> bool:
    """Whether a type belongs to ``numeric``, ``integer``, ``floating`` or ``decimal``."""
    groups = {
        "integer": type_ in _INTEGERS,
        "floating": type_ in _FLOATS,
        "decimal": type_.startswith("decimal"),
    }
    return any(groups.values()) if group == "numeric" else groups[group]


def is_scalable(type_: str) -> bool:
    """Whether a column named outright can be a feature: a number, or a boolean that counts as 0 and 1."""
    return is_of(type_, "numeric") or type_ == "boolean"


def is_score_array(type_: str) -> bool:
    """Whether a column is an array of numbers."""
    return type_.startswith("array<") and is_of(type_[6:-1], "numeric")


def holds(type_: str, other: str) -> bool:
    """Whether every value of a type of numbers, ``other``, is one of ``type_``: bigint holds int, double does float.

    Of arrays it is their elements that count.
    """
    if type_ == other:
        return True
    if is_score_array(type_) and is_score_array(other):
        return holds(type_[6:-1], other[6:-1])
    ours, theirs = _reach(type_), _reach(other)
    if ours is None or theirs is None:
        return False
    if other in _FLOATS:
        return type_ in _FLOATS and ours >= theirs
    (top, scale), (least, digits) = ours, theirs
    return top >= least and digits <= scale


def common(types: Sequence[str]) -> str:
    """Return the type that holds all; where none of them does, the double that a fit makes of numbers."""
    widest = [type_ for type_ in types if all(holds(type_, other) for other in types)]
    if widest:
        return widest[0]
    if all(map(is_scalable, types)):
        return "double"
    return "array<double>" if all(map(is_score_array, types)) else types[0]


def decimal_of(type_: str) -> tuple[int, int] | None:
    """Return precision and scale of a decimal type, None for any other.

    >>> decimal_of("decimal(12,2)")
    (12, 2)
    """
    found = _DECIMAL.fullmatch(type_)
    return (int(found[1]), int(found[2])) if found else None


def _reach(type_: str) -> tuple[float, int] | None:
    """Return up to where a type holds every whole number, and its decimal places; None for what is no number."""
    if type_ in _BITS:
        return 2 ** _BITS[type_], 0
    found = decimal_of(type_)
    return found and (10 ** (found[0] - found[1]) - 1, found[1])


def _fields(struct: Mapping[str, Any]) -> Iterator[Field]:
    for field in struct["fields"]:
        type_ = field["type"]
        nested = tuple(_fields(type_)) if isinstance(type_, Mapping) and type_["type"] == "struct" else ()
        yield Field(field["name"], _type_name(type_), nested, field.get("nullable", True), tuple(_inner(type_)))


def _inner(type_: Any) -> Iterator[str]:
    """Yield the names of the types inside a nested type, at any depth."""
    if isinstance(type_, str):
        return
    if type_["type"] == "map" and _type_name(type_["keyType"]) != "string":
        yield f"map by {_type_name(type_['keyType'])}"
    parts = [type_[key] for key in ("elementType", "keyType", "valueType") if key in type_]
    for part in (*parts, *(field["type"] for field in type_.get("fields", ()))):
        yield _type_name(part).partition("<")[0]
        yield from _inner(part)


def _type_name(type_: Any) -> str:
    if isinstance(type_, str):
        return _SQL_NAMES.get(type_, type_)
    if type_["type"] == "array":
        return f"array<{_type_name(type_['elementType'])}>"
    return str(type_["type"])


def _paths(fields: tuple[Field, ...], path: tuple[str, ...]) -> Iterator[Column]:
    for field in fields:
        yield Column((*path, field.name), field.type)
        yield from _paths(field.fields, (*path, field.name))
