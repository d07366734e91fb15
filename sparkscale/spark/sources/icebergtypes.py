"""The types of columns by an Iceberg table's own metadata, on this machine: Spark does not name what it cannot read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


def types(place: Path) -> list[tuple[str, str]]:
    """Return each column of a table's newest schema with its type, or with those inside a list, struct or map.

    Args:
        place: the table's folder, or a file of its metadata.
    """
    return [(field["name"], found) for field in _fields(_metadata(place)) for found in _types(field["type"])]


def partition_types(place: Path) -> list[tuple[str, str]]:
    """Return the columns that a table is or was partitioned by as they are, with their types."""
    metadata = _metadata(place)
    of_id = {field["id"]: field for field in _fields(metadata)}
    parts = [part for spec in metadata.get("partition-specs", ()) for part in spec["fields"]]
    names = {part["source-id"] for part in parts if part["transform"] == "identity"}
    return [(field["name"], field["type"]) for id_, field in of_id.items() if id_ in names]


def _metadata(place: Path) -> Mapping[str, Any]:
    """Return a table's newest metadata; nothing where it is packed or damaged: the engine's own words have to do."""
    file = place if place.is_file() else _newest(place / "metadata")
    try:
        return dict(json.loads(file.read_text(encoding="utf-8"))) if file else {}
    except (OSError, ValueError):
        return {}


def _newest(folder: Path) -> Path | None:
    """Return the metadata of the highest number: `v12.metadata.json`, `00012-....metadata.json`."""
    numbered = [(re.match(r"v?(\d+)", file.name), file) for file in folder.glob("*.metadata.json")]
    return max(((int(number[1]), file) for number, file in numbered if number), default=(0, None))[1]


def _fields(metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the columns of the schema that is in force; a table of the first version may have but one."""
    known = {schema["schema-id"]: schema for schema in metadata.get("schemas", ())}
    schema = known.get(metadata.get("current-schema-id")) or metadata.get("schema") or {"fields": []}
    return list(schema["fields"])


def _types(type_: Any) -> Iterator[str]:
    """Yield a type, or those inside it."""
    if isinstance(type_, str):
        yield type_
        return
    inside = [type_[part] for part in ("element", "key", "value") if part in type_]
    for one in [*inside, *(field["type"] for field in type_.get("fields", ()))]:
        yield from _types(one)
