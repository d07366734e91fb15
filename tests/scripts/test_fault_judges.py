"""The judges of the campaign of faults: each broken promise is seen as one. Needs no engine."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.samples import ROOT

ROWS = 40


@pytest.fixture
def campaign(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Import the campaign's modules for a test."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    from campaign import ledger, processes, scene

    yield type("Campaign", (), {"ledger": ledger, "scene": scene, "Outcome": processes.Outcome})
    for name in [name for name in sys.modules if name.partition(".")[0] == "campaign"]:
        del sys.modules[name]


def rows(generation: int, numbers: range = range(ROWS)) -> pa.Table:
    x = np.array(numbers) / (ROWS - 1)
    return pa.table({"x": x, "p": np.array(numbers) % 4, "gen": np.full(len(x), generation)})


LEFT = [
    ("old", [rows(1)], {}),
    ("new", [rows(2)], {}),
    ("neither", [rows(1), rows(2)], {"I1": 1}),
    ("neither", [rows(2, range(ROWS - 1))], {"I1": 1}),
    ("neither", [rows(2, range(20)), rows(1, range(20, 40))], {"I1": 1}),
    ("neither", [rows(2).set_column(0, "x", [np.arange(40) / 38])], {"I1": 1}),
    ("aside", [], {"I2": 1}),
    ("unreadable", [b"no parquet"], {"I1": 1}),
]


@pytest.mark.parametrize(("which", "files", "broken"), LEFT)
def test_judge_what_a_fault_left(
    campaign: Any, tmp_path: Path, which: str, files: list[Any], broken: dict[str, int]
) -> None:
    scene = campaign.scene.Scene(tmp_path / "s", campaign.scene.Sink("parquet", "overwrite"), ROWS, {"engine": "sail"})
    for number, content in enumerate(files):
        (tmp_path / "s" / "out").mkdir(exist_ok=True)
        place = tmp_path / "s" / "out" / f"{number}.parquet"
        place.write_bytes(content) if isinstance(content, bytes) else pq.write_table(content, place)
    tally = campaign.ledger.Tally("a fault")
    assert scene.inspect(tally, "a test") == which
    assert {name: len(what) for name, what in tally.broken.items() if what} == broken


def test_judge_residue_and_secrets(campaign: Any, tmp_path: Path) -> None:
    scene = campaign.scene.Scene(tmp_path / "s", campaign.scene.Sink("parquet", "append"), ROWS, {"engine": "sail"})
    tally = campaign.ledger.Tally("a fault")
    for name in ("out", "stats", "tmp", "_sparkscale-out-1", "metastore_db", "tmp/sparkscale-1"):
        (scene.folder / name).mkdir()
    (scene.folder / "stats" / "1.json").write_text("s3cr3t-of-the-campaign")
    scene.clean(tally, "a test")
    scene.scratch(tally, "a test")
    assert ["_sparkscale-out-1" in what and "metastore_db" in what for what in tally.broken["I5"]] == [True, False]
    assert tally.broken["I6"] == ["a test: a secret in 1.json"]


ENDS = [
    (0, "{}", "done on Spark", {}),
    (74, "", "sparkscale: error[DISK_FULL] no space (exit 74)", {}),
    (70, "", "sparkscale: error[BUG] (exit 70)", {"I4": 1}),
    (74, "", "sparkscale: error[DISK_FULL] no space (exit 74)\nWARN later", {"I4": 1}),
    (74, "", "Traceback (most recent call last)\nsparkscale: error[DISK_FULL]", {"I4": 1}),
    (74, "", "sparkscale: error[DISK_FULL] s3cr3t-of-the-campaign", {"I6": 1}),
]


@pytest.mark.parametrize(("code", "out", "err", "broken"), ENDS)
def test_judge_the_end_of_a_command(campaign: Any, code: int, out: str, err: str, broken: dict[str, int]) -> None:
    tally = campaign.ledger.Tally("a fault", runs=3)
    campaign.scene.ended(tally, "a test", campaign.Outcome(code, out, err + "\n"), {0, 74})
    assert {name: len(what) for name, what in tally.broken.items() if what} == broken
    table = list(campaign.ledger.lines([tally]))
    counts = [str(broken.get(name, 0)) for name in campaign.ledger.PROMISES]
    assert table[1].split()[: 3 + len(counts)] == ["a", "fault", "3", *counts]
    assert len(table) == 2 + sum(broken.values())
