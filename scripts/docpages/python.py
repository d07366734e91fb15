"""The names of `import sparkscale`: their signatures, and what they are for."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import sparkscale
from docpages.docstrings import summary
from docpages.tables import table
from sparkscale.scalers.base import Step

_LONG = 30


class _Omitted:
    def __repr__(self) -> str:
        return "..."


def names() -> str:
    """Return the table of public names, with the methods of classes below them."""
    rows = [row for name in _public() for row in _rows(name, getattr(sparkscale, name))]
    return table(["name", "what it does"], rows)


def details() -> str:
    """Return what mkdocstrings replaces by the signature and docstring of each public name."""
    return "\n\n".join(f"::: sparkscale.{name}" for name in _public())


def _public() -> list[str]:
    return [name for name in sparkscale.__all__ if not name.startswith("__")]


def _rows(name: str, one: Any) -> Iterator[list[str]]:
    shown = f"`{name}{_signature(one)}`"
    if isinstance(one, type) and issubclass(one, Step):
        shown = f"[{shown}](../steps/{one.kind}.md)"
    yield [shown, summary(one.__doc__ or "")]
    if isinstance(one, type) and not issubclass(one, (Step, Exception)):
        for method, function in vars(one).items():
            inner = inspect.unwrap(getattr(function, "__func__", function))
            if callable(inner) and not method.startswith("_"):
                yield [f"`{name}.{method}{_signature(getattr(one, method), bound=True)}`", summary(inner.__doc__ or "")]


def _signature(one: Any, *, bound: bool = False) -> str:
    """Return the parameters with their defaults; of a step only its own, as its page has the others."""
    if isinstance(one, type) and issubclass(one, Exception):
        return ""
    if isinstance(one, type) and issubclass(one, Step):
        own = [item for item in fields(one) if item.name not in {shared.name for shared in fields(Step)}]
        return f"({', '.join(['columns', '*', *(f'{item.name}={item.default!r}' for item in own), '...'])})"
    given = inspect.signature(one).parameters.values()
    return str(inspect.Signature([_plain(item) for item in given if not (bound and item.name == "self")]))


def _plain(item: inspect.Parameter) -> inspect.Parameter:
    """Return a parameter without its type, and with `...` for a long default."""
    short = item.default if len(repr(item.default)) <= _LONG else _Omitted()
    return item.replace(annotation=inspect.Parameter.empty, default=short)
