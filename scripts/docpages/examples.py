"""The example jobs of `conf/`, and the entry points of `jobs/`."""

from __future__ import annotations

from collections.abc import Iterator

from docpages.tables import table
from sparkscale.cli import examples


def names() -> str:
    """Return the table of example jobs."""
    rows = [[f"[{one.name}](#{one.name})", one.summary] for one in examples.jobs()]
    return table(["example", "what it shows"], rows)


def each() -> str:
    """Return a section with the text of each example job."""
    return "\n\n".join(text for one in examples.jobs() for text in _section(one))


def _section(one: examples.Example) -> Iterator[str]:
    yield f"### {one.name}"
    yield f"```yaml\n{one.text.rstrip()}\n```"
