"""Any job file is a job, or is refused: with its exit code, in one line, and nothing is written.

``scripts/fuzz --examples 20000 --seed 1`` is the long run; it sets ``SPARKSCALE_FUZZ`` and ``SPARKSCALE_FUZZ_SEED``.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from sparkscale.cli import entry
from sparkscale.config import jobfile
from sparkscale.errors import ConfigError, SparkscaleError
from sparkscale.pipeline.shown import printable
from tests.calls import assert_linear
from tests.fuzz import make

EXAMPLES = int(os.environ.get("SPARKSCALE_FUZZ", "100"))
SEED = int(os.environ.get("SPARKSCALE_FUZZ_SEED", "0"))
#: What became of the files: a job, or an exit code.
OUTCOMES: Counter[str] = Counter()
CODES = {64, 65, 66, 77, 78}
DATE, RUN_ID = "2026-01-31", "fuzz"
ENVIRON = {"HOME": "/home/fuzz", "SPARKSCALE_DATA": "in/there", "SPARKSCALE_OUT": "out/there"}
LONGEST = 1500
#: One in so many goes through the command as well.
SHARE = 8


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Work in a folder of its own; signals are the command's while it runs, and ours again after it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", ENVIRON)
    theirs = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield tmp_path
    for number, handler in theirs.items():
        signal.signal(number, handler)


@pytest.fixture(scope="module")
def counted() -> Iterator[None]:
    """Print the count and the seed at the end."""
    OUTCOMES.clear()
    yield
    print(f"\n{OUTCOMES.total():,} job files, seed {SEED}: {dict(OUTCOMES)}")  # noqa: T201 - the long run's result


def check(number: int, capsys: pytest.CaptureFixture[str]) -> str:
    """Load one job file; return what became of it."""
    data, overrides = make(number)
    Path("job.yaml").write_bytes(data)
    outcome, line = _load(overrides)
    if number % SHARE == 0:
        options = [text for override in overrides for text in ("--set", override)]
        code = entry._code_of(["check", "-c", "job.yaml", "--date", DATE, "--run-id", RUN_ID, "--json", *options])
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        assert code in ({int(outcome)} if outcome.isdecimal() else {0, 73, *CODES}), said.err
        assert said.err.splitlines()[-1].startswith(printable(line) if line else ("job.yaml: ", "sparkscale: error["))
        assert said.err.replace("\n", "").isprintable(), said.err
    assert [path.name for path in Path().iterdir()] == ["job.yaml"], "something was written"
    assert Path("job.yaml").read_bytes() == data
    return outcome


def _load(overrides: list[str]) -> tuple[str, str]:
    try:
        job = jobfile.load("job.yaml", environ=ENVIRON, overrides=overrides, date=DATE, run_id=RUN_ID)
    except SparkscaleError as error:
        refused = error
    else:
        assert job.config.version == 1
        return "a job", ""
    assert refused.exit_code in CODES, refused.line
    assert len(refused.line.splitlines()) == 1
    assert len(refused.line) < LONGEST
    return str(refused.exit_code), refused.line


@pytest.mark.timeout(0)
@pytest.mark.usefixtures("counted", "folder")
@seed(SEED)
@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(number=st.integers(0, 2**63))
def test_take_any_job_file_or_refuse_it(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    OUTCOMES[check(number, capsys)] += 1


def test_fuzz_both_jobs_and_errors(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A fuzz whose files are all refused, or all taken, would say nothing."""
    outcomes = [check(number, capsys) for number in range(100)]
    assert outcomes.count("a job") >= 10
    assert outcomes.count("78") >= 30


HEAD = "version: 1\ninput: {format: csv, path: in}\n"
#: What the fuzz has found, and what is said of it now.
FOUND = {
    "a tag that does not fit": (f"{HEAD}self_check: !!bool 5\n", [], "job.yaml: expected YAML, '5'"),
    "deeper than JSON": (HEAD + "name: " + "[" * 150 + "]" * 150, [], "job.yaml:3: expected at most 64 levels, found more"),
    "deeper than Python": (HEAD + "name: " + "[" * 900, [], "job.yaml: expected at most 64 levels, found more"),
    "surrogate": (HEAD + 'name: "\\ud800"\n', [], "job.yaml:3: expected text, found an unpaired Unicode surrogate"),
    "surrogate in a key": (HEAD + '"\\udfff": 1\n', [], "job.yaml:3: expected text, found an unpaired Unicode surrogate in a key"),
    "a control character": (HEAD + "name: \x07\n", [], "job.yaml:3: expected text, found the character U+0007; remove it"),
    "a wrong value of --set": (HEAD, ["name=[", "self_check=1"], "--set name:1: the bracket that opens on line 1 is not closed"),
    "a deep key of --set": (HEAD, ["a." * 300 + "a=1"], "expected at most 64 keys without unpaired Unicode surrogates, found 301"),
    "surrogate in --set": (HEAD, ["a\udcff=1"], "expected at most 64 keys without unpaired Unicode surrogates, found 1"),
    "an endless value": (f"{HEAD}name: {{x: {'y' * 5000}}}\n", [], 'name: expected a string, found {"x": "yyy'),
    "an endless version": (f"version: {{x: {'y' * 5000}}}\n", [], 'version: expected 1, found {"x": "yyy'),
}  # fmt: skip


@pytest.mark.parametrize("name", FOUND)
def test_refuse_what_the_fuzz_has_found(folder: Path, name: str) -> None:
    text, overrides, cause = FOUND[name]
    Path("job.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SparkscaleError) as caught:
        jobfile.load("job.yaml", environ=ENVIRON, overrides=overrides)
    assert caught.value.exit_code == (64 if "at most 64 keys" in cause else 78)
    assert cause in caught.value.line
    assert len(caught.value.line) < LONGEST


@pytest.mark.timeout(60)
def test_word_many_errors_in_time_that_grows_with_them(folder: Path) -> None:
    def refused(steps: int) -> Callable[[], None]:
        def load() -> None:
            Path("job.yaml").write_text(
                HEAD + "steps:\n" + "- {kind: minmax, columns: [5, 5, 5, 5, 5], x: 1}\n" * steps
            )
            with pytest.raises(ConfigError) as caught:
                jobfile.load("job.yaml", environ=ENVIRON)
            assert len(caught.value.problems) == 6 * steps

        return load

    assert_linear(refused, small=50)


def test_say_nothing_of_an_anchor_that_stands_twice(folder: Path) -> None:
    """Warnings are errors here."""
    Path("job.yaml").write_text("version: 1\ninput: {format: &a csv, path: &a in}\nname: *a\n")
    assert jobfile.load("job.yaml", environ=ENVIRON).config.name == "in"
