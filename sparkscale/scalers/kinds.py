"""Steps by their kind: made of a mapping, as a job file or an artifact has them, and described as JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sparkscale.errors import nearest, shown
from sparkscale.scalers import selectors
from sparkscale.scalers.base import REGISTRY, Step, read, table_of
from sparkscale.scalers.fields import Table
from sparkscale.scalers.mismatch import FieldError, Mismatch


def from_dict(data: Any) -> Step:
    """Make a step of its kind and keys, as a job file or an artifact has them; raises :class:`FieldError`."""
    cls = class_of(data, REGISTRY)
    values = read(table_of(cls), data)
    return cls(**{name: value for name, value in values.items() if name != "kind"})


def class_of(data: Any, kinds: Mapping[str, type[Step]]) -> type[Step]:
    """Return the class that a mapping's ``kind`` names; raises :class:`FieldError`. A ``chain`` needs no kind."""
    if not isinstance(data, Mapping):
        raise FieldError([Mismatch((), "expected a mapping", data)])
    kind = data.get("kind", next((key for key in ("chain",) if key in data), None))
    cls = kinds.get(kind) if isinstance(kind, str) else None
    if cls is None:
        every = f"the kinds are {', '.join(sorted(kinds))}"
        if kind is None:
            raise FieldError([Mismatch((), "this step has no kind", hint=every)])
        raise FieldError([Mismatch((), f"unknown kind {shown(kind)}", hint=nearest(str(kind), kinds) or every)])
    return cls


def json_schema() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the JSON Schema of a step of any kind, and the definitions that it refers to."""
    places = {kind: f"#/$defs/{kind}" for kind in sorted(REGISTRY)}
    whole = {
        "discriminator": {"propertyName": "kind", "mapping": places},
        "oneOf": [{"$ref": place} for place in places.values()],
    }
    return whole, selectors.definitions() | {kind: described(cls, table_of(cls)) for kind, cls in REGISTRY.items()}


def described(cls: type[Step], table: Table) -> dict[str, Any]:
    """Return the JSON Schema of a kind of step, or of stage."""
    summary = (cls.__doc__ or "").partition("\n\n")[0]
    return {"title": cls.__name__, "description": summary} | table.schema()
