"""The artifact's document and its maps."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator

from docpages import docstrings
from docpages.tables import table
from sparkscale.artifact import document, promotions, states
from sparkscale.maps.base import KINDS, Map
from sparkscale.stats.column import ColumnStats


def shape() -> str:
    """Return what the code says of the document's form."""
    return docstrings.markdown((document.__doc__ or "").partition("\n")[2])


def log() -> str:
    """Return what the code says of the log of promotions."""
    return docstrings.markdown((promotions.__doc__ or "").partition("\n")[2])


def states_shape() -> str:
    """Return what the code says of the form of stored states."""
    return docstrings.markdown((states.__doc__ or "").partition("\n")[2])


def statistics() -> str:
    """Return the table of what is kept of a column."""
    return _fields(ColumnStats)


def kinds() -> str:
    """Return a section for each kind of map: its formula, and its fields."""
    return "\n\n".join(text for kind in sorted(KINDS) for text in _section(kind, KINDS[kind]))


def _section(kind: str, cls: type[Map]) -> Iterator[str]:
    yield f"### `{kind}`"
    yield docstrings.markdown(cls.__doc__ or "")
    if dataclasses.fields(cls):
        yield _fields(cls)


def _fields(cls: type) -> str:
    said = docstrings.attributes(cls)
    rows = [[f"`{one.name}`", _default(one), said.get(one.name, "")] for one in dataclasses.fields(cls)]
    return table(["field", "default", "meaning"], rows)


def _default(one: dataclasses.Field[object]) -> str:
    return "" if one.default is dataclasses.MISSING else f"`{json.dumps(one.default, default=str)}`"
