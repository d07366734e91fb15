"""The table of capabilities as a page of the docs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sparkscale.formats.capabilities import ENGINES, FORMATS, KINDS, LACKS, READ, READ_ICEBERG, READ_ICEBERG_PARTITIONS
from sparkscale.formats.judge import verdict


def markdown() -> str:
    """Return the tables of the docs: what is written, and what a partition's name holds."""
    columns = [(engine, format_) for engine in ENGINES for format_ in FORMATS if format_ not in LACKS.get(engine, ())]
    return "\n\n".join(
        [
            "## What is written",
            *_table(columns, partition=False),
            "## Values of `output.partition_by`",
            *_table(columns, partition=True),
            "## Columns that are not read as they are",
            _readings(),
        ]
    )


def _readings() -> str:
    tables = [*((engine, "Parquet", table) for engine, table in READ.items())]
    tables += [("spark", "Iceberg", table) for table in (READ_ICEBERG, READ_ICEBERG_PARTITIONS)]
    rows = [
        f"| {engine.capitalize()} | {format_} | {one.name} | {one.verdict.kept} | {one.verdict.why} |"
        for engine, format_, table in tables
        for one in table
    ]
    return "\n".join(["| engine | input | type | | |", "|---|---|---|---|---|", *rows])


def _table(columns: Sequence[tuple[str, str]], *, partition: bool) -> Iterator[str]:
    """Yield a table, and the reason of each cell that is not exact."""
    notes: dict[tuple[str, str], int] = {}
    rows = []
    for kind in KINDS:
        cells = []
        for engine, format_ in columns:
            found = verdict(engine, format_, kind, partition=partition)
            number = notes.setdefault((found.kept, found.why), len(notes) + 1) if found.why else 0
            cells.append(f"{found.kept} ({number})" if number else found.kept)
            cells[-1] += f", warned ({notes.setdefault(('warned', found.also), len(notes) + 1)})" if found.also else ""
        rows.append(f"| {kind} | {' | '.join(cells)} |")
    head = [f"| type | {' | '.join(f'{engine.capitalize()} {format_}' for engine, format_ in columns)} |"]
    yield "\n".join([*head, "|---" * (len(columns) + 1) + "|", *rows])
    yield "\n".join(f"{number}. {kept}: {why}" for (kept, why), number in notes.items())
