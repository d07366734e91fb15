"""A command is one new file: it is in the help, it runs, and its errors end with their exit codes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sparkscale import cli
from sparkscale.cli import entry
from sparkscale.cli.app import app

TOY = '''
"""A toy."""
import click
from sparkscale.cli.app import section
from sparkscale.cli.printing import say
from sparkscale.errors import DataError

command = section("Toys")

@command()
@click.option("--times", type=int, default=1)
def greet(times: int) -> None:
    """Say hello, politely."""
    if times < 0:
        raise DataError("TOY", f"--times: expected 0 or more, found {times}", "try 1")
    for _ in range(times):
        say("hello")
'''


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put a file with a command into the folder of commands; take it out again."""
    (tmp_path / "toys.py").write_text(TOY)
    monkeypatch.setattr(cli, "__path__", [*cli.__path__, str(tmp_path)])
    yield
    app.commands.pop("greet", None)
    sys.modules.pop("sparkscale.cli.toys", None)
    vars(cli).pop("toys", None)


def called(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[object, str, str]:
    with pytest.raises(SystemExit) as ended:
        entry.main(arguments)
    said = capsys.readouterr()
    return ended.value.code, said.out, said.err


def test_list_a_new_command_in_the_help(toy: None, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = called(capsys, "--help")
    assert code == 0
    assert "Toys:\n  greet  Say hello, politely.\n" in out
    assert "Jobs:\n  check" in out


def test_run_a_new_command(toy: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert called(capsys, "greet", "--times", "2") == (0, "", "hello\nhello\n")


def test_end_a_new_command_with_the_code_of_its_error(toy: None, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = called(capsys, "greet", "--times=-1")
    assert (code, err) == (65, "sparkscale: error[TOY] --times: expected 0 or more, found -1; try 1 (exit 65)\n")
    assert called(capsys, "greet", "--times", "x")[0] == 64


def test_know_no_command_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = called(capsys, "greet")
    assert (code, err) == (64, "sparkscale: error[USAGE] No such command 'greet'; see `sparkscale --help` (exit 64)\n")


def test_hide_secrets_of_the_running_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("PLACE", "hunter2")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hunter2").mkdir()
    (tmp_path / "job.yaml").write_text(
        'version: 1\ninput: {format: parquet, path: "${env:PLACE}"}\n'
        'steps: [{kind: minmax, columns: x}]\noutput: {format: parquet, path: "out"}\n'
    )
    code, out, err = called(capsys, "check", "-c", str(tmp_path / "job.yaml"), "--json")
    assert (code, "hunter2" in out + err, "***" in out) == (0, False, True)
