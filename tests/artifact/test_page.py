"""The page on versions shows what the command prints."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from sparkscale.cli import entry
from tests.processes import ROOT

PAGE = ROOT / "docs" / "how-to" / "versions.md"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def block(language: str) -> str:
    """Return the first block in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)[0]


def test_show_what_versions_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(block("python"), str(PAGE), "exec"), {})  # noqa: S102 - the document is what is tested
    printed = {}
    for line in block("bash").splitlines():
        words = shlex.split(line)
        with pytest.raises(SystemExit) as stop:
            entry.main(words[1:])
        assert stop.value.code == 0
        printed[words[1]] = capsys.readouterr().out
    assert _TIME.sub("T", printed["versions"]) == _TIME.sub("T", block("text"))
    assert printed["promote"] == "version 2 of out/stats is promoted, in place of version 1\n"
