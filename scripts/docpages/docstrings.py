"""Docstrings as Markdown: roles, literal blocks and examples."""

from __future__ import annotations

import inspect
import re
import textwrap
from typing import Any

_SECTION = re.compile(r"^(Args|Attributes|Raises|Returns|Warns|Yields):\n((?:[ \t]+.*\n?|\n)*)", re.MULTILINE)
_ENTRY = re.compile(r"^([\w, ]+): ((?:.*\n?)(?:[ \t]+.*\n?|\n(?=[ \t]))*)", re.MULTILINE)
_ROLE = re.compile(r":\w+:`~?(?:[\w.]+\.)?(\w+)`")
_LITERAL = re.compile(r"::\n\n((?:[ \t]+.*(?:\n|$)|\n)+)")
_EXAMPLE = re.compile(r"^>>> (?:.+\n?)+", re.MULTILINE)


def markdown(text: str) -> str:
    """Return the prose of a docstring as Markdown, without its sections of arguments and attributes.

    >>> markdown("See :class:`~a.b.C` and ``x``.")
    'See `C` and `x`.'
    """
    return in_markdown(_SECTION.sub("", inspect.cleandoc(text) + "\n")).strip()


def in_markdown(text: str) -> str:
    """Return a docstring with its roles, literal blocks and examples in Markdown; its sections stay."""
    return _LITERAL.sub(_fenced, _EXAMPLE.sub(_shown, _inline(text)))


def summary(text: str) -> str:
    """Return the first paragraph of a docstring, in one line."""
    return " ".join(markdown(text).partition("\n\n")[0].split())


def attributes(cls: type[Any]) -> dict[str, str]:
    """Return what a class and its bases say of their attributes, by name."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        sections = dict(_SECTION.findall(inspect.cleandoc(vars(base).get("__doc__") or "") + "\n"))
        for names, said in _ENTRY.findall(textwrap.dedent(sections.get("Attributes", ""))):
            found |= {name.strip(): _sentence(said) for name in names.split(",")}
    return found


def _sentence(text: str) -> str:
    text = _inline(" ".join(text.split()))
    return text[:1].upper() + text[1:]


def _inline(text: str) -> str:
    return _ROLE.sub(r"`\1`", text).replace("``", "`")


def _fenced(match: re.Match[str]) -> str:
    return f":\n\n```text\n{textwrap.dedent(match[1]).strip()}\n```\n\n"


def _shown(match: re.Match[str]) -> str:
    return f"```pycon\n{match[0].rstrip()}\n```\n"
