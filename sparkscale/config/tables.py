"""Names of a catalog's tables: from the job file's spelling to SQL's. The one place that quotes them."""

from __future__ import annotations

import re

PART = re.compile(r"`((?:[^`]|``)+)`|([^`.]+)")


def quoted(name: str) -> str:
    """Return a table's name, as a job file has it, with each part in backticks."""
    parts = (match[1].replace("``", "`") if match[1] else match[2] for match in PART.finditer(name))
    return ".".join(tick(part) for part in parts)


def tick(part: str) -> str:
    """Return one name in backticks."""
    return f"`{part.replace('`', '``')}`"
