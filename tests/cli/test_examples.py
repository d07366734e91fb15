"""Files to start from: every job of conf/ and every entry point of jobs/ is listed, and printed unchanged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sparkscale.cli import entry, examples
from sparkscale.config import jobfile

ROOT = Path(__file__).parents[2]
JOBS = {path.stem: path for path in (ROOT / "conf").glob("*.yaml")}
ENTRY_POINTS = {path.name: path for path in (ROOT / "jobs").glob("*.py")}


def called(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[object, str, str]:
    with pytest.raises(SystemExit) as ended:
        entry.main(arguments)
    said = capsys.readouterr()
    return ended.value.code, said.out, said.err


def test_list_every_example(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = called(capsys, "examples")
    lines = out.splitlines()
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in lines if line.startswith("  ")] == [*sorted(JOBS), *sorted(ENTRY_POINTS)]
    assert "  where         Only some of the rows: what is learned and what is written both" in out
    assert "  run.py        `sparkscale run` for spark-submit: `spark-submit run.py --config job.yaml`." in lines
    assert lines[-1] == "Print one with `sparkscale init --example NAME`."


def test_list_examples_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, err = called(capsys, "examples", "--json")
    found = json.loads(out)
    assert [one["name"] for one in found["jobs"]] == sorted(JOBS)
    assert [one["name"] for one in found["entry_points"]] == sorted(ENTRY_POINTS)
    assert all(one["summary"] for one in found["jobs"] + found["entry_points"])
    assert "jobs:" in err


@pytest.mark.parametrize(("name", "path"), [*JOBS.items(), *ENTRY_POINTS.items()])
def test_print_an_example_as_it_is(name: str, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert called(capsys, "init", "--example", name) == (0, path.read_text(encoding="utf-8"), "")


def test_print_an_example_that_loads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "job.yaml").write_text(called(capsys, "init", "--example", "digits")[1], encoding="utf-8")
    assert [step.kind for step in jobfile.load(str(tmp_path / "job.yaml"), environ={}).config.steps] == ["softmax"]


@pytest.mark.parametrize(("name", "hint"), [
    ("flihgts", "did you mean 'flights'?"),
    ("../conf/flights", "did you mean 'flights'?"),
    ("zzz", "`sparkscale examples` lists them"),
])  # fmt: skip
def test_refuse_an_unknown_example(name: str, hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    cause = f"--example: expected the name of an example, found {name!r}; {hint}"
    said = f"sparkscale: error[USAGE_EXAMPLE] {cause} (exit 64)\n"
    assert called(capsys, "init", "--example", name) == (64, "", said)


def test_list_nothing_where_the_package_is_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(examples, "_PACKAGE", tmp_path / "package.zip" / "sparkscale")
    code, out, _ = called(capsys, "examples")
    assert (code, out.splitlines()[:2]) == (0, ["jobs:", "entry points:"])
