"""Which columns a step reads: names, globs, regular expressions and dtypes."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Literal, TypeAlias

from typing_extensions import TypedDict

from sparkscale.scalers.fields import Kind, kind_of, plain_of
from sparkscale.scalers.mismatch import At, Mismatch


class Pattern(Kind):
    """A name, a glob, or a regular expression between slashes."""

    def read(self, value: Any, at: At, wrong: list[Mismatch]) -> Any:
        """See :class:`Kind`."""
        plain = plain_of(value)
        if not isinstance(plain, str) or not plain:
            wrong.append(Mismatch(at, "expected a name or a pattern", plain))
            return plain
        try:
            pattern_of(plain)
        except re.error as error:
            wrong.append(Mismatch(at, "expected a regular expression between slashes", plain, str(error)))
        return str(plain)

    def schema(self) -> dict[str, Any]:
        """See :class:`Kind`."""
        return {"type": "string", "minLength": 1}


#: A choice of columns by dtype: ``{"dtype": "numeric", "except": ["year"]}``.
ByDtype = TypedDict(
    "ByDtype",
    {
        "dtype": Literal["numeric", "integer", "floating", "decimal"],
        "except": list[Annotated[str, Pattern()]],
    },
    total=False,
)
Selector: TypeAlias = str | ByDtype

_EXPECTED = "expected at least one name, pattern or {dtype: ...}"


class Selectors(Kind):
    """One selector, or several."""

    def read(self, value: Any, at: At, wrong: list[Mismatch]) -> Any:
        """See :class:`Kind`; returns a tuple."""
        plain = plain_of(value)
        if isinstance(plain, str | Mapping) or not isinstance(plain, Iterable):
            return (_selector(plain, at, wrong),)
        found = tuple(_selector(item, (*at, i), wrong) for i, item in enumerate(plain))
        if not found:
            wrong.append(Mismatch(at, _EXPECTED, plain))
        return found

    def schema(self) -> dict[str, Any]:
        """See :class:`Kind`."""
        return {"$ref": "#/$defs/Selectors"}


def _selector(value: Any, at: At, wrong: list[Mismatch]) -> Any:
    plain = plain_of(value)
    if not plain or not isinstance(plain, str | Mapping):
        wrong.append(Mismatch(at, _EXPECTED, plain))
        return plain
    return (Pattern() if isinstance(plain, str) else kind_of(ByDtype)).read(plain, at, wrong)


def definitions() -> dict[str, Any]:
    """Return the JSON Schemas that the schema of a step refers to."""
    one = [Pattern().schema(), {"$ref": "#/$defs/ByDtype"}]
    several = {"type": "array", "items": {"anyOf": one}, "minItems": 1}
    by_dtype = {"title": "ByDtype", "description": "Columns by dtype, except some."} | kind_of(ByDtype).schema()
    return {"Selectors": {"anyOf": [*one, several]}, "ByDtype": by_dtype | {"minProperties": 1}}


def matcher(selector: str) -> Callable[[str], bool]:
    """Return a test of names: by a regular expression between slashes, by the name itself, or by a glob."""
    pattern = pattern_of(selector)
    if pattern is not None:
        return lambda name: pattern.search(name) is not None
    return lambda name: name == selector or fnmatch.fnmatchcase(name, selector)


def pattern_of(selector: str) -> re.Pattern[str] | None:
    """Return the regular expression of ``/.../``, or None for a name or glob; raises :class:`re.error`."""
    if len(selector) <= 2 or not selector[0] == selector[-1] == "/":  # noqa: PLR2004 - two slashes and a pattern
        return None
    return re.compile(selector[1:-1])
