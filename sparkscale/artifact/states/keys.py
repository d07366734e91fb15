"""Keys of partitions: values of the columns that a table is partitioned by. Text, whole numbers or dates; null too."""

from __future__ import annotations

import datetime
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias
from urllib.parse import quote, unquote

from sparkscale.errors import ConfigError, DataError, Problem, nearest_or_all, shown

Value: TypeAlias = str | int | datetime.date | None
Key: TypeAlias = tuple[Value, ...]
KeyType: TypeAlias = Literal["string", "integer", "date"]
#: What stands for null in the name of a partition's folder, and on the command line.
NULL = "__HIVE_DEFAULT_PARTITION__"

_OF_SPARK: Mapping[str, KeyType] = {
    "tinyint": "integer",
    "smallint": "integer",
    "int": "integer",
    "bigint": "integer",
    "string": "string",
    "date": "date",
}
_INTEGER = re.compile(r"[+-]?\d{1,19}", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_DIGITS = re.compile(r"\d+", re.ASCII)


@dataclass(frozen=True)
class ByColumn:
    """A column of a key."""

    name: str
    type: KeyType

    def value(self, text: str) -> Value:
        """Read a value as a folder's name has it; raises ValueError."""
        if text == NULL:
            return None
        if self.type == "integer":
            if not _INTEGER.fullmatch(text) or not -(2**63) <= int(text) < 2**63:
                raise ValueError(text)
            return int(text)
        if self.type == "date":
            if not _DATE.fullmatch(text):
                raise ValueError(text)
            return datetime.date.fromisoformat(text)
        return text

    def holds(self, value: object) -> bool:
        """Whether this can be a value of the column."""
        if self.type == "integer":
            return value is None or (type(value) is int and -(2**63) <= value < 2**63)
        return value is None or type(value) is (str if self.type == "string" else datetime.date)


@dataclass(frozen=True)
class By:
    """The columns of a key, in their order."""

    columns: tuple[ByColumn, ...]

    @classmethod
    def of(cls, by: Sequence[str], types: Mapping[str, str]) -> By:
        """Return the key of columns with these SQL types; raises one :class:`DataError` with all that cannot be one."""
        problems = []
        for name in by:
            if name not in types:
                problems.append(
                    Problem("SCHEMA_MISSING", f"by: column {name!r} is not in the input", nearest_or_all(name, types))
                )
            elif types[name] not in _OF_SPARK:
                cause = f"by: expected text, whole numbers or dates, but column {name!r} is {types[name]}"
                problems.append(Problem("STATES_KEY_TYPE", cause, "partition the table by a date, a number or a name"))
        if problems:
            raise DataError.of(problems)
        return cls(tuple(ByColumn(name, _OF_SPARK[types[name]]) for name in by))

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return [column.name for column in self.columns]

    def of_texts(self, texts: Sequence[str]) -> Key:
        """Read a key as folders' names have it; raises :class:`DataError` where a text is not of the column's type."""
        key = []
        for column, text in zip(self.columns, texts, strict=True):
            try:
                key.append(column.value(text))
            except ValueError as error:
                cause = f"partition {column.name}={text}: expected {_article(column.type)}, found {shown(text)}"
                raise DataError(
                    "STATES_KEY", cause, "rename the folder, or choose another type of partition"
                ) from error
        return tuple(key)

    def parse(self, text: str) -> Key:
        """Read a key such as ``month=2013-02`` or ``year=2013/month=2``; raises :class:`ConfigError`."""
        pairs = dict(part.partition("=")[::2] for part in text.strip("/").split("/"))
        named = {unquote(name): unquote(value) for name, value in pairs.items()}
        if set(named) != set(self.names):
            expected = "/".join(f"{name}=..." for name in self.names)
            raise ConfigError("STATES_KEY", f"expected a key such as {expected}, found {shown(text)}")
        try:
            return self.of_texts([named[name] for name in self.names])
        except DataError as error:
            raise ConfigError(error.code, error.cause, "`sparkscale states list` shows the keys") from error

    def shown(self, key: Key) -> str:
        """Return a key as people write it."""
        texts = (NULL if value is None else quote(str(value), safe=" -:+,.~()'") for value in key)
        return "/".join(f"{quote(name, safe=' -')}={text}" for name, text in zip(self.names, texts, strict=True))

    def named(self, key: Key) -> dict[str, Any]:
        """Return a key as JSON values by column."""
        return dict(zip(self.names, to_json(key), strict=True))

    def from_json(self, values: Any) -> Key:
        """Read what :func:`to_json` wrote; raises ValueError."""
        if not isinstance(values, list) or len(values) != len(self.columns):
            raise ValueError(f"a key {values!r:.80} of {self.names}")
        key = []
        for column, value in zip(self.columns, values, strict=True):
            made = column.value(value) if column.type == "date" and isinstance(value, str) else value
            if not column.holds(made):
                raise ValueError(f"a key {value!r:.80} of type {column.type}")
            key.append(made)
        return tuple(key)

    def newest(self, keys: Collection[Key], count: int | None) -> list[Key]:
        """Return the newest keys, ascending: by numbers, dates, and texts that sort as they stand; null comes first.

        Raises:
            DataError: (65) where texts are numbers of several lengths, which do not sort.
        """
        ordered = sorted(keys, key=order)
        if count is None or len(ordered) <= count:
            return ordered
        for number, column in enumerate(self.columns):
            texts = [str(key[number]) for key in ordered if key[number] is not None]
            if column.type == "string" and len(set(map(len, texts))) > 1 and any(map(_DIGITS.fullmatch, texts)):
                cause = f"keep: expected keys that sort, found {column.name} as text of several lengths ({_few(texts)})"
                hint = f"give the partition its type, such as input.partitions: '{column.name} int'"
                raise DataError("STATES_ORDER", cause, hint)
        return ordered[-count:]


def to_json(key: Key) -> list[Any]:
    """Return a key as JSON values."""
    return [value.isoformat() if isinstance(value, datetime.date) else value for value in key]


def order(key: Key) -> tuple[Any, ...]:
    """Return what keys are sorted by: null first."""
    return tuple((value is not None, value) if value is not None else (False,) for value in key)


def _few(texts: Iterable[str]) -> str:
    by_length = {len(text): text for text in texts}
    return " and ".join(map(repr, list(by_length.values())[:2]))


def _article(type_: KeyType) -> str:
    return {"integer": "a whole number", "date": "a date such as 2013-02-28", "string": "text"}[type_]
