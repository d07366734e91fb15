"""scripts/package gives the same bytes each time; scripts/submit calls spark-submit with them."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from sparkscale._version import __version__
from tests.processes import ROOT, environment, run

ZIP = ROOT / "dist" / f"sparkscale-{__version__}.zip"
WHEEL = ROOT / "dist" / f"sparkscale-{__version__}-py3-none-any.whl"


def script(name: str, *arguments: str, cwd: Path, **changes: str | None) -> subprocess.CompletedProcess[str]:
    return run([str(ROOT / "scripts" / name), *arguments], cwd=cwd, env=environment(**changes))


def test_package_gives_the_same_bytes(tmp_path: Path) -> None:
    made = []
    for folder in (tmp_path, ROOT):
        shutil.rmtree(ROOT / "dist", ignore_errors=True)
        done = script("package", cwd=folder)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines() == [str(path.relative_to(ROOT)) for path in (ZIP, WHEEL)]
        made.append((ZIP.read_bytes(), WHEEL.read_bytes()))
    assert made[0] == made[1]
    assert sorted(path.name for path in ZIP.parent.iterdir()) == sorted([ZIP.name, WHEEL.name])
    assert {item.date_time for item in zipfile.ZipFile(ZIP).infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_package_holds_every_module(tmp_path: Path) -> None:
    assert script("package", "--zip-only", cwd=tmp_path).stdout == f"{ZIP.relative_to(ROOT)}\n"
    names = set(zipfile.ZipFile(ZIP).namelist())
    assert names == {path.relative_to(ROOT).as_posix() for path in (ROOT / "sparkscale").rglob("*.py")}
    done = script("package", "--wheels", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (64, "error: expected --zip-only or nothing, found --wheels\n")


def test_wheel_holds_the_examples(tmp_path: Path) -> None:
    """An installed wheel lists and prints what a checkout does."""
    assert script("package", cwd=tmp_path).returncode == 0
    zipfile.ZipFile(WHEEL).extractall(tmp_path / "installed")
    calls = [["examples", "--json"], ["init", "--example", "nightly"], ["init", "--example", "fit.py"]]
    for arguments in calls:
        said = [
            run([sys.executable, "-m", "sparkscale", *arguments], cwd=tmp_path, env=environment(PYTHONPATH=str(place)))
            for place in (tmp_path / "installed", ROOT)
        ]
        assert said[0].returncode == 0, said[0].stderr
        assert said[0].stdout == said[1].stdout != ""
    names = {path.relative_to(tmp_path / "installed/sparkscale/examples") for path in (tmp_path / "installed").rglob("*.yaml")
             if "examples" in path.parts}  # fmt: skip
    assert names == {path.relative_to(ROOT) for path in (ROOT / "conf").glob("*.yaml")}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a SPARK_HOME whose spark-submit says what it is called with, a word a line, and ends with 75."""
    path = tmp_path / "spark" / "bin" / "spark-submit"
    path.parent.mkdir(parents=True)
    path.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\nexit 75\n")
    path.chmod(0o755)
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "a job.yaml").write_text("version: 1\n")
    return path.parents[1]


CLIENT = ["--config", "jobs/a job.yaml"]


@pytest.mark.parametrize(("arguments", "spark", "job"), [
    ([], [], ["run.py", *CLIENT]),
    (["--job", "fit", "--set", "name=a b", "--json"], [], ["fit.py", *CLIENT, "--set", "name=a b", "--json"]),
    (["--job", "transform", "--", "--master", "yarn"], ["--master", "yarn"], ["transform.py", *CLIENT]),
    (["--", "--deploy-mode", "client"], ["--deploy-mode", "client"], ["run.py", *CLIENT]),
    *[([*more, "--", *mode], ["--files", "jobs/a job.yaml", *mode], ["run.py", "--config", "a job.yaml", *more])
      for more, mode in (([], ["--deploy-mode", "cluster"]), (["--json"], ["--deploy-mode=cluster"]),
                         ([], ["--conf", "spark.submit.deployMode=cluster"]))],
])  # fmt: skip
def test_submit_calls_spark_submit(home: Path, arguments: list[str], spark: list[str], job: list[str]) -> None:
    done = script("submit", *CLIENT, *arguments, cwd=home.parent, SPARK_HOME=str(home))
    assert done.returncode == 75, done.stderr
    assert done.stdout.splitlines() == ["--py-files", str(ZIP), *spark, str(ROOT / "jobs" / job[0]), *job[1:]]


def test_submit_takes_the_commands_of_the_clusters_page(home: Path) -> None:
    (block,) = re.findall(
        r"```sh\n(.*?)```", (ROOT / "docs" / "how-to" / "clusters.md").read_text(encoding="utf-8"), re.DOTALL
    )
    (home.parent / "job.yaml").write_text("version: 1\n")
    words = [shlex.split(line, comments=True) for line in block.replace("\\\n", "").splitlines()]
    commands = [line[line.index("scripts/submit") + 1 :] for line in words if "scripts/submit" in line]
    assert len(commands) == 3
    for arguments in commands:
        done = script("submit", *arguments, cwd=home.parent, SPARK_HOME=str(home))
        assert done.returncode == 75, done.stderr
        said = done.stdout.splitlines()
        assert (
            said[
                2 if "cluster" not in said else 4 : said.index(
                    f"{ROOT}/jobs/{'fit' if 'fit' in arguments else 'run'}.py"
                )
            ]
            == arguments[arguments.index("--") + 1 :]
        )


def test_submit_takes_the_one_on_the_path(home: Path) -> None:
    done = script("submit", *CLIENT, cwd=home.parent, PATH=f"{home / 'bin'}:{os.environ['PATH']}")
    assert (done.returncode, done.stdout.splitlines()[0]) == (75, "--py-files"), done.stderr


@pytest.mark.parametrize(("arguments", "code", "cause"), [
    ([], 64, "expected --config job.yaml, found none"),
    (["--config", "none.yaml"], 66, "expected a job file at none.yaml, found none"),
    ([*CLIENT, "--job", "bench"], 64, "--job: expected run, fit or transform, found bench"),
])  # fmt: skip
def test_submit_refuses(home: Path, arguments: list[str], code: int, cause: str) -> None:
    done = script("submit", *arguments, cwd=home.parent, SPARK_HOME=str(home))
    assert (done.returncode, done.stderr, done.stdout) == (code, f"error: {cause}\n", "")


#: All scripts of the shell but the one that the others source.
SCRIPTS = sorted(path.name for path in (ROOT / "scripts").iterdir() if path.is_file() and not path.suffix)


@pytest.mark.parametrize("name", SCRIPTS)
def test_show_help_and_install_nothing(tmp_path: Path, name: str) -> None:
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    call = [str(tmp_path / "scripts" / name)]
    done = run([*call, "--help"], cwd=tmp_path.parent, env=environment())
    assert (done.returncode, done.stderr) == (0, "")
    assert run([*call, "x", "-h"], cwd=tmp_path.parent, env=environment()).stdout == done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["scripts"]
    assert re.search(rf"scripts/{name} (--|\[--|\[SUITE)", done.stdout)
    assert "set -euo" not in done.stdout


def test_submit_names_the_spark_submit_that_is_not_there(home: Path) -> None:
    done = script("submit", *CLIENT, cwd=home.parent, SPARK_HOME="/nowhere")
    assert done.returncode == 69
    assert done.stderr.startswith("error: expected spark-submit at /nowhere/bin/spark-submit, found none")
