"""A field that holds one of some words, or a number: the statistic of an imputing, the norm of a row."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sparkscale.errors import nearest
from sparkscale.scalers.fields import Kind, Number, plain_of
from sparkscale.scalers.mismatch import At, Mismatch


@dataclass(frozen=True)
class WordOrNumber(Kind):
    """One of some words, or a finite number, which may have a least value."""

    words: tuple[str, ...]
    least: float | None = field(default=None, kw_only=True)

    def read(self, value: Any, at: At, wrong: list[Mismatch]) -> Any:
        """See :class:`Kind`."""
        plain = plain_of(value)
        if isinstance(plain, str) and plain in self.words:
            return plain
        inner: list[Mismatch] = []
        number = Number().read(plain, at, inner)
        if inner or (self.least is not None and number < self.least):
            bound = "" if self.least is None else f" >= {self.least:g}"
            hint = nearest(plain, self.words) if isinstance(plain, str) else ""
            expected = f"expected {', '.join(map(repr, self.words))} or a finite number{bound}"
            wrong.append(Mismatch(at, expected, plain, hint))
        return number

    def schema(self) -> dict[str, Any]:
        """See :class:`Kind`."""
        bound = {} if self.least is None else {"minimum": self.least}
        return {"anyOf": [{"enum": list(self.words)}, {"type": "number"} | bound]}
