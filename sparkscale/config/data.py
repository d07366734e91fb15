"""Where data is: what a job reads, what it writes, and where the artifact of a fit lives."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from sparkscale.config.strict import Scalar, Strict
from sparkscale.config.where import Where
from sparkscale.errors import InputMissingError
from sparkscale.formats import registry
from sparkscale.places import found_at, is_local

Mode: TypeAlias = Literal["error", "overwrite", "overwrite_partitions", "append"]
#: Which keys read an earlier state of a format.
_AS_OF = {"delta": ("version", "timestamp"), "iceberg": ("snapshot", "tag", "timestamp")}
_ALL_AS_OF = ("version", "snapshot", "tag", "timestamp")
FILES = frozenset(("parquet", "csv", "json", "orc"))
_TYPED = re.compile(
    r"(?:`([^`]+)`|([^`\s,:]+))\s*[\s:]\s*"
    r"(tinyint|smallint|int|bigint|float|double|decimal\(\d+,\s*\d+\)|string|boolean|date|timestamp(?:_ntz)?)",
    re.IGNORECASE,
)
_TABLE = re.compile(r"(?:`(?:[^`]|``)+`|[^`.\s]+)(?:\.(?:`(?:[^`]|``)+`|[^`.\s]+)){0,7}")


@dataclass(frozen=True)
class _OneOf:
    """Text that must be a key of a registry: like a Literal, for a registry that grows."""

    known: Mapping[str, object]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "enum": list(self.known)}

    def _check(self, value: str) -> str:
        if value not in self.known:
            expected = " or ".join(", ".join(map(repr, self.known)).rsplit(", ", 1))  # as pydantic words a Literal
            raise PydanticCustomError("literal_error", "expected {expected}", {"expected": expected})
        return value


#: Plain files, tables with transactions, and any table of a catalog.
Read: TypeAlias = Annotated[str, _OneOf(registry.READ)]
Written: TypeAlias = Annotated[str, _OneOf(registry.WRITTEN)]
_OF_FORMAT = "Optional for a table of a catalog, which knows its format."


def public(path: str) -> str:
    """Return a path without the parts of a URI that may be secret: the user and the query."""
    scheme, found, rest = path.partition("://")
    if not found:
        return path
    host, slash, tail = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{tail.partition('?')[0]}"


def _table_name(name: str) -> str:
    """Refuse anything but a table's name: parts separated by dots, unusual ones in backticks."""
    if not _TABLE.fullmatch(name):
        raise ValueError(f"expected a name such as db.name or catalog.db.`odd name`, found {name!r}")
    return name


def _iso_time(text: str) -> str:
    """Return a time as engines read it, whole."""
    try:
        return datetime.datetime.fromisoformat(text).isoformat(sep=" ")
    except ValueError as error:
        raise ValueError(f"expected a time such as 2026-01-31 12:00:00, found {text!r}") from error


def _typed_names(text: object) -> dict[str, str]:
    """Return the types in ``month int, `odd name` decimal(10,2)`` by name; only types that a folder's name can hold."""
    if not isinstance(text, str):
        raise ValueError(f"expected text such as 'month int, day date', found {text!r}")  # noqa: TRY004 - pydantic's way
    found: dict[str, str] = {}
    for part in re.split(r",(?![^(`]*[)`])", text):
        match = _TYPED.fullmatch(part.strip())
        if match is None or (match[1] or match[2]) in found:
            raise ValueError(f"expected names and types such as 'month int, day date', found {part.strip()!r}")
        found[match[1] or match[2]] = match[3].lower()
    return found


def _version_worded(value: Any, inner: ValidatorFunctionWrapHandler) -> Any:
    """Say in one error what a version can be."""
    try:
        return inner(value)
    except ValidationError as error:
        expected = "a whole number from 1, 'newest' or 'promoted'"
        raise PydanticCustomError("literal_error", "expected {expected}", {"expected": expected}) from error


def _supports(format_: str) -> str:
    keys = _AS_OF.get(format_, ())
    return f"use {' or '.join(keys)}" if keys else "only delta and iceberg have one"


class Place(Strict):
    """Where data is: files or a table at a path, or a table of a catalog."""

    format: str = Field("table", description=_OF_FORMAT)
    path: str | None = Field(None, min_length=1, description="A file, a folder, or a Delta or Iceberg table's folder.")
    table: Annotated[str, AfterValidator(_table_name)] | None = Field(
        None, description="A table of a catalog instead of a path: db.name or catalog.db.name."
    )

    @model_validator(mode="after")
    def _one_place(self) -> Place:
        if (self.path is None) == (self.table is None):
            found = "neither; add one" if self.path is None else "both; remove one"
            raise ValueError(f"expected either 'path' or 'table', found {found}")
        if self.format == "table" and self.table is None:
            raise ValueError("a path needs a format; add one, such as format: parquet")
        return self

    @property
    def name(self) -> str:
        """The path or table for messages, without secrets."""
        return self.table or public(self.path or "")

    @property
    def is_files(self) -> bool:
        """Whether it is plain files."""
        return self.format in FILES

    @property
    def local(self) -> str | None:
        """The path, if it is on this machine."""
        return self.path if self.path is not None and is_local(self.path) else None


class Input(Place):
    """What a job reads."""

    format: Read = Field("table", description=_OF_FORMAT)
    version: int | None = Field(None, ge=0, description="Read a Delta table as of this version.")
    snapshot: int | None = Field(None, ge=0, description="Read an Iceberg table as of this snapshot.")
    tag: str | None = Field(None, min_length=1, description="Read an Iceberg table as of this tag or branch.")
    timestamp: Annotated[str, AfterValidator(_iso_time)] | None = Field(
        None, description="Read a Delta or Iceberg table as of this time, such as 2026-01-31 12:00:00."
    )
    table_schema: str | None = Field(
        None, alias="schema", description="Names and types, such as 'a double, b string' (default: from the data)."
    )
    partitions: Annotated[dict[str, str], BeforeValidator(_typed_names)] = Field(
        default={},
        description="Types of partition columns, such as 'month int, day date' (default: text).",
        json_schema_extra={"type": "string"},
    )
    where: Where = Field(default={}, description="Rows to keep: column: value, [values], or {ge: 1, lt: 7}.")
    options: dict[str, Scalar] = Field(
        default={}, description="Reader options. An option that the engine would ignore is an error."
    )

    @model_validator(mode="after")
    def _as_it_was(self) -> Input:
        given = [key for key in _ALL_AS_OF if getattr(self, key) is not None]
        allowed = _AS_OF.get(self.format, _ALL_AS_OF if self.format == "table" else ())
        if len(given) > 1:
            raise ValueError(f"expected one of {', '.join(given)}, found {len(given)} of them; keep one")
        if given and given[0] not in allowed:
            raise ValueError(f"{self.format} has no {given[0]} to read; {_supports(self.format)}")
        if self.table_schema is not None and self.format not in FILES:
            raise ValueError(f"a {self.format} table has its own schema; remove 'schema'")
        if self.partitions and (self.format not in FILES or self.table is not None):
            raise ValueError("a table has its own partition types; remove 'partitions'")
        return self

    def check_exists(self) -> None:
        """Raise :class:`InputMissingError` where a local input is not there; a pattern of files has to match one."""
        path = self.local
        if path is not None and not found_at(path, patterns=self.is_files):
            cause = f"expected an input at {path}, found nothing"
            raise InputMissingError("INPUT_MISSING", cause, "check input.path")

    @property
    def pinned(self) -> set[str]:
        """The columns that `where` narrows to one value."""
        rules = self.where.items()
        return {name for name, rule in rules if not isinstance(rule, list) and getattr(rule, "eq", rule) is not None}

    @property
    def as_of(self) -> dict[str, str]:
        """Spark's options for reading the table as it was."""
        asked = next((value for value in (self.version, self.snapshot, self.tag) if value is not None), None)
        if asked is not None:
            return {"versionAsOf": str(asked)}
        return {"timestampAsOf": self.timestamp} if self.timestamp else {}


class Artifact(Strict):
    """Where the artifact of a fit lives."""

    path: str = Field(min_length=1, description="A folder of numbered versions, local or s3://, gs://, az://.")
    version: Annotated[
        Annotated[int, Field(ge=1)] | Literal["newest", "promoted"] | None, WrapValidator(_version_worded)
    ] = Field(
        None,
        description="Version to apply: a number, newest or promoted (default: the promoted one, or the newest if none "
        "was promoted).",
    )


class Output(Place):
    """What a job writes."""

    format: Written = Field("table", description=_OF_FORMAT)
    mode: Mode = Field(
        "error",
        description="error: refuse an output that exists; overwrite: replace it; overwrite_partitions: replace the "
        "partitions that the result has rows in; append: add to it. Readers see the change in one step.",
    )
    partition_by: list[str] = Field(default=[], description="Columns whose values name folders, such as month=1.")
    rows_per_file: int | None = Field(None, ge=1, description="Maximum number of rows in a file (default: no limit).")
    options: dict[str, Scalar] = Field(
        default={}, description="Writer options. An option that the engine would ignore is an error."
    )

    @model_validator(mode="after")
    def _partitions(self) -> Output:
        if self.mode == "overwrite_partitions" and not self.partition_by:
            raise ValueError("mode: overwrite_partitions needs partition_by; name the partition columns there")
        if self.rows_per_file is not None and self.format == "iceberg":
            raise ValueError("Iceberg sizes its files itself; remove 'rows_per_file'")
        twice = next((name for n, name in enumerate(self.partition_by) if name in self.partition_by[:n]), None)
        if twice is not None:
            raise ValueError(f"partition_by names column {twice!r} twice; remove one")
        return self
