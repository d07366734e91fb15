"""Tables in Markdown, and the types and defaults of a JSON Schema in words."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_SCALAR = {"string", "boolean", "integer", "number"}
_TYPES = {"string": "text", "boolean": "true or false", "integer": "whole number", "object": "mapping"}
_BOUNDS = {
    "minimum": "at least",
    "exclusiveMinimum": "more than",
    "maximum": "at most",
    "exclusiveMaximum": "less than",
}
#: A bound that only says what a 32-bit number holds is not worth a reader's time.
_HUGE = 2**31 - 1


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [list(head), ["---"] * len(head), *([_cell(text) for text in row] for row in rows)]
    return "\n".join(re.sub(r"\|  (?=\|)", "| ", f"| {' | '.join(line)} |") for line in lines)


def _cell(text: str) -> str:
    """Return the text of a cell without bars; in code, sites and forges read an escaped bar differently."""
    code = re.sub(r"`([^`|]*\|[^`]*)`", lambda found: f"<code>{html.escape(found[1], quote=False)}</code>", text)
    return code.replace("|", "&#124;")


def keys(properties: Mapping[str, Any], required: Iterable[str], definitions: Mapping[str, Any]) -> str:
    """Return the table of an object's keys: what each is, its type and its default."""
    rows = [
        [f"`{key}`", type_of(one, definitions), default_of(key, one, required), one.get("description", "")]
        for key, one in properties.items()
    ]
    return table(["key", "type", "default", "meaning"], rows)


def type_of(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """Return what a value can be, in words."""
    if "$ref" in schema:
        return _named(schema["$ref"].rpartition("/")[2], definitions)
    if parts := schema.get("anyOf") or schema.get("oneOf"):
        return _one_of(parts, definitions)
    if choices := schema.get("enum") or ([schema["const"]] if "const" in schema else []):
        return _joined([f"`{_json(choice)}`" for choice in choices if choice is not None])
    if schema.get("type") == "array":
        return _array(schema, definitions)
    bounds = [f"{words} {schema[key]}" for key, words in _BOUNDS.items() if schema.get(key, _HUGE) != _HUGE]
    return ", ".join([_TYPES.get(schema.get("type", ""), schema.get("type", "any value")), *bounds])


def default_of(key: str, schema: Mapping[str, Any], required: Iterable[str]) -> str:
    """Return a key's default as a job file writes it."""
    if key in required:
        return "required"
    default = schema.get("default")
    return "" if default in (None, [], {}) else f"`{_json(default)}`"


def _named(name: str, definitions: Mapping[str, Any]) -> str:
    one = definitions.get(name, {})
    if "properties" not in one:
        return type_of(one, definitions)
    return f"`{{{', '.join(one['properties'])}}}`" if len(one["properties"]) <= 2 else "mapping"


def _one_of(parts: Sequence[Mapping[str, Any]], definitions: Mapping[str, Any]) -> str:
    parts = [part for part in parts if part.get("type") != "null"]
    if {part.get("type") for part in parts} >= _SCALAR:
        others = [part for part in parts if part.get("type") not in _SCALAR]
        return _joined(["value", *(type_of(part, definitions) for part in others)])
    return _joined(list(dict.fromkeys(type_of(part, definitions) for part in parts)))


def _array(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    if items := schema.get("prefixItems"):
        return f"[{', '.join(type_of(item, definitions) for item in items)}]"
    one = schema.get("items", {})
    return "list" if "anyOf" in one or "oneOf" in one else f"list of {type_of(one, definitions)}"


def _joined(parts: Sequence[str]) -> str:
    return " or ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
