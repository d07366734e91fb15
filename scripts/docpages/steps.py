"""The steps of a job file: every kind that is registered, with its formula and its keys."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from docpages import distributions, docstrings
from docpages.tables import keys, table
from sparkscale.scalers import base
from sparkscale.scalers.kinds import json_schema


def kinds() -> str:
    """Return the table of all kinds."""
    rows = [
        [f"[`{kind}`](../steps/{kind}.md)", f"`{cls.formula}`", "a row" if cls.by_row else "a column"]
        for kind, cls in sorted(base.REGISTRY.items())
    ]
    return table(["kind", "formula", "over"], rows)


def shared() -> str:
    """Return the keys that every step has."""
    cls = next(iter(base.REGISTRY.values()))
    return _keys(cls, _names(base.Step))


def of_kind(kind: str) -> str:
    """Return what the docstring of a kind says, its picture, and its own keys."""
    return "\n\n".join(_parts(kind, base.REGISTRY[kind]))


def _parts(kind: str, cls: type[base.Step]) -> Iterator[str]:
    yield _importing(docstrings.markdown(cls.__doc__ or ""), cls.__name__)
    if distributions.svg(kind):
        yield f"![What {kind} does: numbers before and after](../pictures/{kind}.svg)"
    own = [name for name in _names(cls) if name not in _names(base.Step)]
    if own:
        yield _keys(cls, own)


def _importing(text: str, name: str) -> str:
    """Return a text whose first example imports what a module has by itself: a reader types it into an empty Python."""
    used = [one for one in (name, "ColumnStats") if f"{one}(" in text or f"{one}." in text]
    return text.replace("```pycon\n", f"```pycon\n>>> from sparkscale import {', '.join(sorted(used))}\n", 1)


def _names(cls: type[base.Step]) -> list[str]:
    return [item.name for item in dataclasses.fields(cls)]


def _keys(cls: type[base.Step], names: list[str]) -> str:
    """Return the table of some of a kind's keys, with what its docstring says of them."""
    _, definitions = json_schema()
    schema = definitions[cls.kind]
    said = docstrings.attributes(cls)
    chosen: dict[str, Any] = {name: schema["properties"][name] | {"description": said.get(name, "")} for name in names}
    return keys(chosen, schema["required"], definitions)
