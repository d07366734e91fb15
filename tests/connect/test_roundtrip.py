"""A part of the round-trip matrix on Sail and on Spark Connect, in processes of their own."""

from __future__ import annotations

import json

import pytest

from tests.processes import ROOT, python

PARTS = {
    "sail": ("sail", ("parquet",), ("parquet", "csv")),
    "more of sail": ("sail", ("csv", "json", "delta", "parquet/k"), ("parquet", "csv", "json", "delta", "parquet/k")),
    "connect": ("connect", ("parquet",), ("parquet", "csv")),
}


@pytest.mark.parametrize(("engine", "sources", "targets"), PARTS.values(), ids=PARTS)
def test_keep_every_type(engine: str, sources: tuple[str, ...], targets: tuple[str, ...]) -> None:
    wanted = [part for name in sources for part in ("--input", name)]
    wanted += [part for name in targets for part in ("--output", name)]
    done = python("scripts/roundtrip.py", "--engine", engine, "--json", *wanted, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-4000:]
    cells = json.loads(done.stdout)
    assert len(cells) == len(sources) * len(targets)
    words = [verdict["word"] for cell in cells.values() for verdict in cell.values()]
    assert words.count("exact") + words.count("as text") > len(words) / 3


def test_keep_random_tables(thorough: bool) -> None:
    number = "60" if thorough else "10"
    done = python("scripts/roundtrip.py", "--engine", "sail", "--random", number, "--seed", "12", cwd=ROOT)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert done.stdout == f"sail: {number} random tables, nothing wrong\n"
