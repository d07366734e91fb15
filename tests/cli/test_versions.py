"""The commands `versions`, `promote` and `rollback`: what they print, for people and for scripts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sparkscale as ss
from sparkscale.cli import entry


@pytest.fixture
def stats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with an artifact of 25 versions."""
    monkeypatch.chdir(tmp_path)
    for n in range(1, 26):
        ss.Pipeline([ss.MinMax("x")]).fit_arrays({"x": np.array([0.0, n])}).save("stats")
    return tmp_path / "stats"


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[Any, str, str]:
    """Return the exit code and what is on stdout and stderr."""
    with pytest.raises(SystemExit) as ended:
        entry.main(list(arguments))
    said = capsys.readouterr()
    return ended.value.code, said.out, said.err


def test_print_versions(stats: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ss.promote(stats, 2)
    code, out, err = call(capsys, "versions", "stats")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert [line.split()[0] for line in lines[1:12]] == ["2", *map(str, range(16, 26))]
    assert lines[1].split()[1] == "promoted"
    assert lines[12].startswith("version 2 is in use, promoted at ")
    assert lines[13] == "14 more versions; to list more, set --last"
    assert len(call(capsys, "versions", "stats", "--last", "25")[1].splitlines()) == 27


def test_print_versions_as_json_alone(stats: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ss.promote(stats, 2)
    code, out, err = call(capsys, "versions", "stats", "--json", "--last", "1")
    assert (code, out.count("\n")) == (0, 1)
    assert "version 2 is in use" in err
    found = json.loads(out)
    assert [(row["version"], row["promoted"], row["rows"]) for row in found["versions"]] == [
        (2, True, 2),
        (25, False, 2),
    ]
    assert found == ss.versions("stats", last=1).to_dict()


def test_promote_and_roll_back(stats: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "promote", "stats", "3") == (0, "version 3 of stats is promoted\n", "")
    assert call(capsys, "promote", "stats", "3") == (0, "version 3 of stats is promoted already\n", "")
    code, out, err = call(capsys, "promote", "stats", "25", "--reason", "good", "--json")
    told = json.loads(out)
    assert (code, err) == (0, "version 25 of stats is promoted, in place of version 3\n")
    assert {key: told[key] for key in told if key != "time"} == {
        "status": "done", "path": "stats", "version": 25, "before": 3, "action": "promote", "number": 2,
        "reason": "good"}  # fmt: skip
    code, out, err = call(capsys, "rollback", "stats", "--json")
    told = json.loads(out)
    assert (code, told["version"], told["before"], told["action"]) == (0, 3, 25, "rollback")
    code, out, err = call(capsys, "rollback", "stats")
    assert (code, out) == (66, "")
    assert err.startswith("sparkscale: error[PROMOTION_MISSING] expected an earlier promotion in stats to go back to")


def test_inspect_the_version_in_use(stats: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call(capsys, "promote", "stats", "3")
    shown = {which: call(capsys, "inspect", "stats", *which)[1] for which in
             [(), ("--version", "promoted"), ("--version", "newest"), ("--version", "7")]}  # fmt: skip
    assert [text.partition(",")[0] for text in shown.values()] == ["version 3", "version 3", "version 25", "version 7"]
    one = call(capsys, "inspect", "stats/00000007.json")[1]
    assert one.startswith("fitted on 2 rows at ")


def test_say_no_more_than_one_line_of_a_reason(stats: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call(capsys, "promote", "stats", "3", "--reason", "a\nb\x1b[31m")
    out = call(capsys, "versions", "stats", "--last", "1")[1]
    assert r"(a\nb\x1b[31m)" in out
    assert "\x1b" not in out
