"""The command `drift`: for people and machines, its exit codes, and that it starts no engine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sparkscale as ss
from sparkscale.cli import entry

KEYS = ["feature", "measure", "value", "bound", "threshold", "verdict"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with a store of three versions, the last one drifted, and a store of another feature."""
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(1).normal(0, 1, 400)
    for by in (0.0, 0.05, 3.0):
        ss.Pipeline([ss.Standard("x")]).fit_arrays({"x": x + by}, sketch="all").save("stats")
    ss.Pipeline([ss.Standard("y")]).fit_arrays({"y": x}).save("other")
    return tmp_path


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[object, str, str]:
    with pytest.raises(SystemExit) as ended:
        entry.main(["drift", *arguments])
    said = capsys.readouterr()
    return ended.value.code, said.out, said.err


def test_show_what_drifted_first(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(capsys, "stats", "--baseline", "stats", "--baseline-version", "1")
    lines = out.splitlines()
    assert code == 65
    assert lines[0] == "stats version 3, compared with stats version 1: 4 errors, 0 warnings of 10 measures"
    assert lines[1].split() == KEYS
    assert [line.split()[-1] for line in lines[2:]] == ["error"] * 4 + ["ok"] * 4 + ["none"] * 2
    assert err.splitlines()[-1].startswith("sparkscale: error[DRIFT] 4 problems, the first: drift: column 'x': ")
    assert "column 'x': mean_shift 3" in err


def test_print_one_line_to_machines(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(capsys, "stats", "--baseline", "stats", "--version", "2", "--baseline-version", "1", "--json")
    assert (code, len(out.splitlines())) == (0, 1)
    found = json.loads(out)
    assert {key: found[key] for key in ("status", "artifact", "baseline", "notes")} == {
        "status": "done", "artifact": {"path": "stats", "version": 2}, "baseline": {"path": "stats", "version": 1}, "notes": [],
    }  # fmt: skip
    assert all(list(row) == KEYS for row in found["drift"])
    assert "stats version 2, compared with stats version 1: 0 errors, 0 warnings of 10 measures" in err
    code, out, _ = call(capsys, "stats", "--baseline-version", "1", "--json")
    assert (code, json.loads(out)["status"]) == (65, "refused")


def test_compare_single_files_and_newest(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "stats/00000002.json", "--baseline", "stats/00000001.json")
    assert code == 0
    assert out.startswith("stats/00000002.json, compared with stats/00000001.json: ")
    assert call(capsys, "stats", "--version", "newest", "--baseline", "stats/00000001.json")[0] == 65


@pytest.mark.parametrize(
    "baseline",
    ["", "--baseline gone", "--baseline stats --baseline-version 9", "--baseline stats --baseline-version new",
     "--baseline other", "--baseline torn.json"],
)  # fmt: skip
def test_say_what_is_wrong(folder: Path, capsys: pytest.CaptureFixture[str], snapshot: Any, baseline: str) -> None:
    (folder / "torn.json").write_text('{"checksum": "sha')
    _, out, err = call(capsys, "stats", *baseline.split())
    assert out == ""
    snapshot(f"$ sparkscale drift stats {baseline}\n{err}")


def test_import_no_engine(folder: Path) -> None:
    code = (
        "import sys; from sparkscale.cli import entry\n"
        "try: entry.main(['drift', 'stats', '--baseline', 'stats', '--baseline-version', '1', '--version', '2'])\n"
        "finally: print([name for name in ('pyspark', 'pandas', 'pyarrow', 'scipy', 'pydantic') if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "[]\n")
