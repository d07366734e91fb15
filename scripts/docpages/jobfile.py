"""The keys of the job file, from its JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from docpages.docstrings import markdown
from docpages.tables import keys
from sparkscale.config import models


def schema() -> str:
    """Return the JSON Schema as `conf/job.schema.json` has it."""
    return json.dumps(models.json_schema(), indent=1) + "\n"


def top() -> str:
    """Return the table of the keys at the top of a job file."""
    whole = models.json_schema()
    linked = {key: _linked(key, one, whole["$defs"]) for key, one in whole["properties"].items()}
    return keys(linked, whole["required"], whole["$defs"])


def sections() -> str:
    """Return a heading, a sentence and a table of keys for each section and the mappings inside of it."""
    whole = models.json_schema()
    shown: dict[str, str] = {}  # what several keys hold is shown once
    for path, one in _mappings("", whole, whole["$defs"]):
        shown.setdefault("\n\n".join([markdown(one.get("description", "")), _keys(one, whole)]), path)
    return "\n\n".join(f"### `{path}`\n\n{text}" for text, path in shown.items())


def _keys(one: Mapping[str, Any], whole: Mapping[str, Any]) -> str:
    return keys(one["properties"], one.get("required", ()), whole["$defs"])


def _mappings(path: str, one: Mapping[str, Any], definitions: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield every mapping with named keys below a section, with its place; steps have a page of their own."""
    for key, value in one["properties"].items():
        name = _definition(value)
        if "properties" in definitions.get(name, {}):
            place = f"{path}.{key}" if path else key
            yield place, definitions[name]
            others = {other: known for other, known in definitions.items() if other != name}  # it may hold itself
            yield from _mappings(place, definitions[name], others)


def _definition(schema: Mapping[str, Any]) -> str:
    """Return the name of the definition that a value, or a value of a mapping, can be."""
    inner = schema.get("additionalProperties") or schema.get("items")
    parts = [schema, *schema.get("anyOf", ())] + ([inner, *inner.get("anyOf", ())] if isinstance(inner, dict) else [])
    return next((part["$ref"].rpartition("/")[2] for part in parts if "$ref" in part), "")


def _linked(key: str, one: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Return a key with the first sentence of its section, and a link to it."""
    name = _definition(one)
    if not name:
        return dict(one)
    said = one.get("description") or markdown(definitions[name].get("description", "")).partition("\n\n")[0]
    return {**one, "description": f"{said} [Keys](#{key})"}
