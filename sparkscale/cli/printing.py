"""What the command prints: its answer to stdout, everything else to stderr, secrets to neither.

The answer is a plan, a report, or with ``--json`` one JSON document and nothing else. Progress,
warnings and causes of failures go to stderr.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any, TextIO

import click


def say(text: str, secrets: Sequence[str] | None = None) -> None:
    """Write to stderr. Secrets (by default those of the running command) are hidden, control characters escaped."""
    _write(sys.stderr, text, secrets)


def answer(text: str, *, as_json: bool = False) -> None:
    """Write the answer to stdout; with ``as_json`` to stderr, because stdout holds the JSON alone."""
    _write(sys.stderr if as_json else sys.stdout, text, None)


def _write(stream: TextIO, text: str, secrets: Sequence[str] | None) -> None:
    text = _hide(text, _known() if secrets is None else secrets)
    lines = text.split("\n")
    if not all(map(str.isprintable, lines)):
        from sparkscale.pipeline.shown import printable

        lines = list(map(printable, lines))
    stream.write("\n".join(lines) + "\n")
    stream.flush()


def print_json(summary: dict[str, Any]) -> None:
    """Write a summary to stdout, in one line."""
    from sparkscale.config import redaction

    click.echo(json.dumps(redaction.hidden(summary, _known())))


def table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Return the lines of a plain table: the first column to the left, numbers to the right."""
    from sparkscale.pipeline.shown import aligned

    return aligned(rows)


def _known() -> Sequence[str]:
    """Return the secrets of the running command's job file."""
    context = click.get_current_context(silent=True)
    return context.obj if context and context.obj else ()


def _hide(text: str, secrets: Sequence[str]) -> str:
    if not secrets:
        return text
    from sparkscale.config import redaction

    return redaction.hide(text, secrets)
