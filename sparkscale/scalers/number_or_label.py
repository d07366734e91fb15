"""A field that holds a number above 0, or the column of labels that it is fitted to: the temperature of a softmax."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from typing_extensions import TypedDict

from sparkscale.scalers.fields import Exact, Kind, Number, Table, plain_of
from sparkscale.scalers.mismatch import At, Mismatch


class Fit(TypedDict):
    """The column of labels."""

    fit: str


class NumberOrLabel(Kind):
    """A number above 0, or ``{fit: label}``."""

    _table = Table({"fit": Exact(str, "the name of a column", "string")}, ("fit",))

    def read(self, value: Any, at: At, wrong: list[Mismatch]) -> Any:
        """See :class:`Kind`."""
        if isinstance(value, Mapping):
            inner: list[Mismatch] = []
            found = self._table.read(value, at, inner)
            if not inner and not found["fit"]:
                inner.append(Mismatch((*at, "fit"), "expected the name of a column", found["fit"]))
            wrong += inner
            return found
        unread: list[Mismatch] = []
        number = Number().read(value, at, unread)
        if unread or number <= 0:
            wrong.append(Mismatch(at, "expected a finite number > 0, or {fit: label}", plain_of(value)))
        return number

    def schema(self) -> dict[str, Any]:
        """See :class:`Kind`."""
        label = {"fit": {"type": "string", "minLength": 1}}
        fit = {"type": "object", "properties": label, "required": ["fit"], "additionalProperties": False}
        return {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, fit]}
