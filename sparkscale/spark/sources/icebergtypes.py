"""The types of columns by an Iceberg table's own metadata, on this machine: Spark does not name what it cannot read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple


class Typed(NamedTuple):
    """A column with its type, or with one inside its list, struct or map."""

    name: str
    type: str
    #: Whether the values of the column itself are, or were, the partitions.
    partition: bool


def columns(place: Path) -> list[Typed]:
    """Return the columns of a table's newest schema; none where its metadata is packed or damaged.

    Args:
        place: the table's folder, or a file of its metadata.
    """
    file = place if place.is_file() else _newest(place / "metadata")
    try:
        return list(_columns(json.loads(file.read_text(encoding="utf-8")))) if file else []
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # the engine's own words have to do
        return []


def _newest(folder: Path) -> Path | None:
    """Return the metadata of the highest number: `v12.metadata.json`, `00012-....metadata.json`."""
    numbered = [(re.match(r"v?(\d+)", file.name), file) for file in folder.glob("*.metadata.json")]
    return max(((int(number[1]), file) for number, file in numbered if number), default=(0, None))[1]


def _columns(metadata: Mapping[str, Any]) -> Iterator[Typed]:
    known = {schema["schema-id"]: schema for schema in metadata.get("schemas", ())}
    schema = known.get(metadata.get("current-schema-id")) or metadata["schema"]  # the first version has but one
    parts = [part for spec in metadata.get("partition-specs", ()) for part in spec["fields"]]
    whole = {part["source-id"] for part in parts if part["transform"] == "identity"}
    for field in schema["fields"]:
        for type_ in _types(field["type"]):
            yield Typed(field["name"], type_, field["id"] in whole)


def _types(type_: Any) -> Iterator[str]:
    """Yield a type, or those inside it."""
    if isinstance(type_, str):
        yield type_
        return
    inside = [type_[part] for part in ("element", "key", "value") if part in type_]
    for one in [*inside, *(field["type"] for field in type_.get("fields", ()))]:
        yield from _types(one)
