"""The commands of stored states, which start no engine; and what `check` says of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sparkscale as ss
from sparkscale.artifact.states.states import States
from sparkscale.cli import entry
from tests.artifact.states.tables import Table, month

JOB = """version: 1
input: {format: parquet, path: in}
steps: [{kind: standard, columns: x}]
artifact: {path: out}
states: {path: states, by: [month]}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with the states of two months, and a job."""
    monkeypatch.chdir(tmp_path)
    data = Table([ss.Standard("x")])
    for name in ("2013-01", "2013-02"):
        data.put(name, month(np.random.default_rng(1)))
    data.update(States("states"))
    (tmp_path / "in").mkdir()
    (tmp_path / "job.yaml").write_text(JOB)
    return tmp_path


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[Any, str, str]:
    with pytest.raises(SystemExit) as ended:
        entry.main(arguments)
    out, err = capsys.readouterr()
    return ended.value.code, out, err


def test_list_states(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "states", "list", "states", "--json")
    one, two = json.loads(out)["states"]
    known = {"month": "2013-01", "rows": 40, "features": 1, "fingerprint": "1", "commit": 1, "dropped": False}
    assert (code, one, two["month"]) == (0, known, "2013-02")
    _, out, _ = call(capsys, "states", "list", "states")
    assert [line.split() for line in out.splitlines()] == [
        ["partition", "rows", "features", "fingerprint", "commit"],
        ["month=2013-01", "40", "1", "1", "1"],
        ["month=2013-02", "40", "1", "1", "1"],
    ]


def test_show_one(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = call(capsys, "states", "show", "states", "month=2013-02", "--json")
    assert json.loads(out)["states"]["x"]["rows"] == 40
    _, out, _ = call(capsys, "states", "show", "states", "month=2013-02")
    assert out.splitlines()[1].split()[:2] == ["x", "40"]


def test_drop_and_compact(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "states", "drop", "states", "month=2013-02", "--json")
    assert (code, json.loads(out)) == (0, {"status": "done", "dropped": [{"month": "2013-02"}]})
    _, out, _ = call(capsys, "states", "list", "states")
    assert out.splitlines()[2].split() == ["month=2013-02", "40", "dropped", "1", "2"]
    _, out, _ = call(capsys, "states", "compact", "states", "--keep", "1", "--json")
    assert json.loads(out) == {"status": "done", "partitions": 2, "files": 1, "deleted": 3, "expired": []}
    assert call(capsys, "states", "compact", "states")[1].startswith("states: 2 partitions in 1 file, 2 files deleted")


@pytest.mark.parametrize(
    "words",
    ["list nowhere", "show states month=2013-03", "drop states 2013-01", "compact states --keep 0", "drop states"],
)
def test_refuse(here: Path, capsys: pytest.CaptureFixture[str], snapshot: Any, words: str) -> None:
    _, _, err = call(capsys, "states", *words.split())
    snapshot(f"$ sparkscale states {words}\n{err}")


def test_check_the_states_of_a_job(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "check", "-c", "job.yaml")[0] == 0
    code, _, err = call(capsys, "check", "-c", "job.yaml", "--set", "states.by=[day]")
    assert (code, "expected the keys day, found states by month" in err) == (65, True)
    (here / "states" / "commits" / "00000001.json").write_text("{}")
    assert call(capsys, "check", "-c", "job.yaml")[0] == 65
    code, _, err = call(capsys, "update", "-c", "job.yaml", "--set", "states=null")
    assert (code, "states" in err) == (78, True)
