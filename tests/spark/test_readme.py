"""Every block of README.md and docs/ runs, as a reader would run it."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sparkscale.cli import entry
from tests.samples import script

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROOT = Path(__file__).parents[2]
#: Pages with blocks; the tutorials, the nightly page and the one of extensions have tests of their own.
EXTEND = "docs/how-to/extend.md"
OWN = {"docs/tutorial.md", "docs/tutorial-update.md", "docs/how-to/nightly-partitions.md", EXTEND}
PAGES = sorted(
    name
    for name in (str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))
    if name not in OWN and "```" in (ROOT / name).read_text(encoding="utf-8")
)


def blocks(name: str, language: str) -> list[str]:
    """Return the fenced blocks of a document in one language."""
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2,000 of the flights, and scores of the classifier: enough rows that the halves of a year are alike."""
    folder = tmp_path_factory.mktemp("samples")
    script("sample_data").make(folder, limit=2000)
    return folder


@pytest.fixture
def flights(samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with some of the data that the pages name, as `scripts/quickstart` makes it."""
    shutil.copytree(samples, tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_page(name: str, folder: Path, spark: SparkSession) -> list[str]:
    """Run a page's blocks from top to bottom; return the commands of sparkscale that ran.

    YAML that is a job becomes `job.yaml`, or the file that the text before it names; `sh` blocks are for clusters, and `tests/scripts/test_packaging.py` has them.
    """
    names: dict[str, object] = {"spark": spark}
    ran = []
    text = (ROOT / name).read_text("utf-8")
    for match in re.finditer(r"^```(\w+)\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        language, block = match.groups()
        if language == "yaml":
            if block.startswith("version: 1\n"):
                named = re.findall(r"`(\w+\.yaml)`", text[: match.start()])
                (folder / (named[-1] if named else "job.yaml")).write_text(block, encoding="utf-8")
        elif language == "python":  # the JVM has a folder of its own
            code = block.replace('"data/', f'"{folder}/data/')
            exec(compile(code, name, "exec"), names)  # noqa: S102 - the document is what is tested
        elif language == "bash":
            ran += run_commands(block)
    return ran


def run_commands(block: str) -> list[str]:
    """Run a block's commands of sparkscale, each of which must succeed; return their names."""
    lines = [shlex.split(line, comments=True) for line in block.splitlines()]
    commands = [words for words in lines if words and words[0] == "sparkscale"]
    for words in commands:
        with pytest.raises(SystemExit) as stop:
            entry.main(words[1:])
        assert stop.value.code == 0, words
    return [words[1] for words in commands]


@pytest.mark.parametrize("name", PAGES)
def test_run_page(name: str, flights: Path, spark: SparkSession) -> None:
    run_page(name, flights, spark)


def test_run_tutorial(flights: Path, spark: SparkSession, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_page("docs/tutorial.md", flights, spark) == [
        "check", "explain", "run", "fit", "transform", "inspect", "verify", "recover", "doctor", "run",
    ]  # fmt: skip
    months = pq.read_table(flights / "data" / "flights").column("month").to_numpy()
    assert f"Fitted on {len(months):,} rows, 2 steps" in capsys.readouterr().out
    scaled = pq.read_table(flights / "out" / "flights_scaled").to_pydict()
    assert len(scaled["distance"]) == np.count_nonzero(months <= 6)
    assert abs(np.mean(scaled["distance"])) < 1e-12
    assert np.nanmedian(np.array(scaled["dep_delay"], dtype=float)) == 0
    shares = pq.read_table(flights / "out" / "digits_softmax").to_pydict()
    np.testing.assert_allclose(
        np.sum([shares[f"p_score_{digit}"] for digit in range(10)], axis=0), 1.0, rtol=0, atol=10 * 2.0**-53
    )


def test_run_three_weeks(flights: Path, spark: SparkSession, capsys: pytest.CaptureFixture[str]) -> None:
    name = "docs/tutorial-update.md"
    assert run_page(name, flights, spark) == [
        "update", "update", "update", "states", "states", "update", "update", "update"]  # fmt: skip
    said = capsys.readouterr().out.splitlines()
    lines = [line for block in blocks(name, "text") for line in block.splitlines()]
    assert [line for line in said if line in lines] == lines  # in this order


def test_run_nightly_replaces_one_partition(flights: Path, spark: SparkSession) -> None:
    assert run_page("docs/how-to/nightly-partitions.md", flights, spark) == ["fit", *["transform"] * 3]
    assert {path.name for path in (flights / "out" / "nightly").glob("month=*")} == {"month=1", "month=2"}


def test_run_readme_scripts_exist() -> None:
    scripts = [shlex.split(line, comments=True)[0] for line in blocks("README.md", "bash")[0].splitlines()]
    assert scripts == ["scripts/quickstart", "scripts/test"]
    assert all(os.access(ROOT / script, os.X_OK) for script in scripts)


def test_run_readme_python(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = blocks("README.md", "python")
    exec(compile(code, "README.md", "exec"), {})  # noqa: S102 - the document is what is tested
    assert capsys.readouterr().out == blocks("README.md", "text")[0]


def test_run_readme_job(flights: Path, spark: SparkSession, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    exec(compile(blocks("README.md", "python")[0], "README.md", "exec"), names)  # noqa: S102 - as above
    pq.write_table(pa.table(names["data"]), flights / "prices.parquet")
    (flights / "job.yaml").write_text(blocks("README.md", "yaml")[0], encoding="utf-8")
    capsys.readouterr()
    assert run_commands(blocks("README.md", "bash")[1]) == ["run"]
    printed = [line for text in capsys.readouterr() for line in text.splitlines()]
    *shown, last = blocks("README.md", "text")[1].splitlines()
    assert [line for line in printed if line in shown] == shown
    assert printed[-1].startswith("done on Spark ")
    assert last.startswith("done on Spark ")
    scaled = pq.read_table(flights / "out" / "prices").to_pydict()
    np.testing.assert_allclose(scaled["p_a"], names["scaled"]["p_a"], rtol=1e-15)


def run_in_a_copy(tmp_path: Path, files: dict[str, str], program: str) -> str:
    """Run a program with a copy of the package that has some more files; return what it printed."""
    shutil.copytree(ROOT / "sparkscale", tmp_path / "sparkscale", ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in files.items():
        (tmp_path / "sparkscale" / name).write_text(text, encoding="utf-8")
    environ = {"PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-c", program]
    ran = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, check=False, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout


def test_run_scaler_of_extensions(tmp_path: Path) -> None:
    """The example is one new file in a copy of the package, and everything else finds it."""
    (tmp_path / "job.yaml").write_text(
        "version: 1\ninput: {table: t}\nsteps: [{kind: midrange, columns: x, clip: true}]\noutput: {table: u}\n",
        encoding="utf-8",
    )
    program = """
import sparkscale as ss
from sparkscale.config import jobfile, models

assert jobfile.load("job.yaml").config.steps == [ss.MidRange("x", clip=True)]
assert models.json_schema()["$defs"]["midrange"]["properties"]["clip"]["default"] is False
print(ss.Pipeline([ss.MidRange("x")]).fit_arrays({"x": [1.0, 2.0, 6.0]}).transform_arrays({"x": [1.0, 3.0, 6.0]})["x"].tolist())
"""
    said = run_in_a_copy(tmp_path, {"scalers/midrange.py": blocks(EXTEND, "python")[0]}, program)
    np.testing.assert_allclose(json.loads(said), [-0.5, -0.1, 0.5], rtol=1e-15)


def test_run_map_of_extensions(tmp_path: Path) -> None:
    """A map is one new file, and its native form is another."""
    _, map_, form, *others = blocks(EXTEND, "python")
    program = """
import numpy as np
from sparkscale import maps
from sparkscale.spark.transform import native

sign = maps.from_dict({"kind": "sign"})
print(sign.forward(np.array([-2.0, 0.0, 3.0])).tolist(), type(native.form_of(sign)).__name__)
"""
    files = {"maps/sign.py": map_, "spark/transform/native/sign.py": form}
    assert run_in_a_copy(tmp_path, files, program) == "[-1.0, 0.0, 1.0] SignForm\n"
    assert others == []
