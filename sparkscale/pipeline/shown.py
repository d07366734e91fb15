"""What a fitted pipeline shows of itself: printable text, statistics as cells, and the table of a notebook."""

from __future__ import annotations

import html
from collections.abc import Container, Iterable, Iterator, Sequence

from sparkscale.stats.column import ColumnStats

#: What :func:`cells` says of a feature.
HEADER = ("rows", "nulls", "NaN", "inf", "min", "max", "mean", "std")


def printable(text: str) -> str:
    """Return a text for people: a name may hold what a terminal would obey, which is escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def cells(stats: ColumnStats) -> list[str]:
    """Return the counts and numbers of a feature, one cell for each of :data:`HEADER`."""
    numbers = [stats.min, stats.max, stats.mean, stats.std] if stats.finite else [None] * 4
    counts = [stats.rows, stats.nulls, stats.nans, stats.posinf + stats.neginf]
    return [*(f"{count:,}" for count in counts), *("-" if x is None else f"{x:.6g}" for x in numbers)]


def aligned(rows: Sequence[Sequence[str]], left: Container[int] = ()) -> Iterator[str]:
    """Yield the lines of a plain table: the first column and those in ``left`` to the left, others to the right."""
    widths = [max(len(row[j]) for row in rows) for j in range(len(rows[0]))]
    for row in rows:
        cells = [
            cell.ljust(width) if not j or j in left else cell.rjust(width)
            for j, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def notebook(caption: str, rows: Iterable[tuple[str, str, ColumnStats | None]]) -> str:
    """Return an HTML table: for each map its step's kind, its formula, and the statistics that it was solved from."""
    header = "".join(f"<th>{name}</th>" for name in ("step", "formula", *HEADER))
    body = "".join(f"<tr>{''.join(_cells(*row))}</tr>" for row in rows)
    return f"<table><caption>{html.escape(caption)}</caption><tr>{header}</tr>{body}</table>"


def _cells(kind: str, label: str, stats: ColumnStats | None) -> Iterator[str]:
    for text in (kind, label, *(cells(stats) if stats else [""] * len(HEADER))):
        yield f"<td>{html.escape(text)}</td>"
