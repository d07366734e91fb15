"""`recover` and `verify` by the command: what they find, say and exit with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sparkscale.cli import entry
from sparkscale.publish import files

JOB = "version: 1\ninput: {format: parquet, path: in}\noutput: {format: parquet, path: out}\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with a job file and an output of two files."""
    monkeypatch.chdir(tmp_path)
    Path("job.yaml").write_text(JOB)
    with files.claimed("out") as claim:
        claim.new.mkdir()
        (claim.new / "a").write_text("1")
        (claim.new / "b").write_text("22")
        claim.publish("error", {"run_id": "r-1"})
    return tmp_path


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, list[str]]:
    with pytest.raises(SystemExit) as done:
        entry.main([*arguments, "-c", "job.yaml"])
    captured = capsys.readouterr()
    return int(done.value.code or 0), captured.out, captured.err.splitlines()


def test_verify_what_is_whole(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(capsys, "verify", "--json")
    assert (code, err) == (0, ["out: 2 files, 3 bytes; sizes and checksums match the manifest"])
    assert json.loads(out) == {"status": "done", "path": "out", "files": 2, "bytes": 3, "runs": ["r-1"]}
    assert call(capsys, "verify") == (0, f"{err[0]}\n", [])


def test_verify_what_is_damaged(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("out/a").write_text("2")
    Path("out/b").unlink()
    code, _, err = call(capsys, "verify")
    assert code == 65
    assert err[:2] == ["  FILE_DAMAGED: out/a: its content is not what was published; restore it, or run the job again",
                       "  FILE_MISSING: out/b: expected this file, found none; restore it, or run the job again"]  # fmt: skip
    assert err[-1].startswith("sparkscale: error[FILE_DAMAGED] 2 problems, the first: out/a: its content")


def test_verify_what_has_no_manifest(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = call(capsys, "verify", "--set", "output.path=in")
    assert (code, err[-1][:57]) == (66, "sparkscale: error[MANIFEST_MISSING] expected a manifest i")
    assert call(capsys, "verify", "--set", "output.path=s3://b/out")[0] == 64


def test_recover_what_a_crash_left(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "recover") == (0, "nothing to recover at out\n", [])
    staging = files.unclaimed("out").folder
    (staging / "new").mkdir(parents=True)
    code, out, err = call(capsys, "recover", "--json")
    assert (code, err) == (0, [f"removed what a run that was stopped had left beside {here / 'out'}"])
    assert json.loads(out) == {"status": "done", "recovered": err}
    staging.mkdir()
    assert call(capsys, "recover") == (0, "gave up the claim of a run that was stopped on out\n", [])
    Path("out").rename("aside")
    staging.mkdir()
    Path("aside").rename(staging / "old")
    put_back = f"put back {here / 'out'}, which a run that was stopped had set aside\n"
    assert call(capsys, "recover") == (0, put_back, [])
    assert call(capsys, "verify")[0] == 0


def test_recover_nothing_of_a_run_that_is_alive(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with files.claimed("out"):
        code, _, err = call(capsys, "recover")
    assert (code, err[-1][:39]) == (75, "sparkscale: error[OUTPUT_CONFLICT] anot")
