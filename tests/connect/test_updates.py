"""Updates of states on Sail and over Connect, each in a process of its own, against NumPy."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import sparkscale as ss
from sparkscale.stats.column import ColumnStats
from tests.artifact.states.tables import assert_same
from tests.connect import updates
from tests.processes import assert_done, python


@pytest.mark.parametrize("engine", updates.SESSIONS)
def test_update_and_merge(tmp_path: Path, engine: str) -> None:
    assert_done(python("-m", "tests.connect.updates", engine, cwd=tmp_path))
    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert found["engine"].startswith({"sail": "Sail", "connect": "Spark"}[engine])
    assert (found["read"], found["frames"]) == ([[{"month": 1}], [{"month": 2}]], [2, 0, 2, 2, 2, 2, 0])
    known = [updates.columns(month) for month in (1, 2)]
    rows = {name: np.concatenate([one[name] for one in known]) for name in ("x", "y", "v")}
    learned = ss.load(tmp_path / "out/stats")
    steps = [ss.Standard("y"), ss.Robust(["x", "v"]), ss.Standard("v", over="all", into="a")]
    assert_same(learned.stats, ss.Pipeline(steps).fit_arrays(rows).stats)
    assert learned.stats["x"].quantiles.rank_error == pytest.approx(0.013, abs=5e-5)  # type: ignore[union-attr]
    every = ss.Pipeline([ss.Standard("v", over="all")]).fit_arrays({"v": rows["v"]})
    assert_same(ss.States(tmp_path / "of-arrays").merged().stats, every.stats)
    filtered = rows["x"][rows["y"] > 5]
    assert_same(ss.States(tmp_path / "states").merged().stats, {"x": ColumnStats.of(filtered)})
