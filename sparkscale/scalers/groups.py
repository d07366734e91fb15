"""What the fields of grouped scaling can hold: the columns of the key."""

from __future__ import annotations

from typing import Any

from sparkscale.scalers.fields import Kind, plain_of
from sparkscale.scalers.mismatch import At, Mismatch

_EXPECTED = "expected the name of a column, or a list of different names"


class KeyNames(Kind):
    """One name of a column, or several."""

    def read(self, value: Any, at: At, wrong: list[Mismatch]) -> Any:
        """See :class:`Kind`; returns a tuple of names."""
        plain = plain_of(value)
        names = plain if isinstance(plain, list | tuple) else [plain]
        known = bool(names) and all(isinstance(name, str) and name for name in names)
        if not known or len(set(names)) < len(names):
            wrong.append(Mismatch(at, _EXPECTED, plain))
            return plain
        return tuple(names)

    def schema(self) -> dict[str, Any]:
        """See :class:`Kind`."""
        name = {"type": "string", "minLength": 1}
        return {"anyOf": [name, {"type": "array", "items": name, "minItems": 1, "uniqueItems": True}]}
