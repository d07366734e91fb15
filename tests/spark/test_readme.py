"""Every block of README.md and CONTRIBUTING.md runs, as a reader would run it."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sparkscale.cli import entry

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROOT = Path(__file__).parents[2]


def blocks(name: str, language: str) -> list[str]:
    """Return the fenced blocks of a document in one language."""
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def flights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with the README's table: flights with real shapes, nulls and three score columns."""
    random = np.random.default_rng(5)
    rows = 240
    numbers = {
        "distance": random.integers(80, 4983, rows),
        "month": np.arange(rows) % 12 + 1,
        "score_a": random.normal(0, 3, rows),
        "score_b": random.normal(0, 3, rows),
        "score_c": random.normal(0, 3, rows),
    }
    nullable = {name: random.normal(10, 40, rows).round() for name in ("air_time", "dep_delay", "arr_delay")}
    table = pa.table(
        {name: pa.array(data) for name, data in numbers.items()}
        | {name: pa.array(data, mask=random.random(rows) < 0.05) for name, data in nullable.items()}
    )
    (tmp_path / "data" / "flights").mkdir(parents=True)
    pq.write_table(table, tmp_path / "data" / "flights" / "part.parquet")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_run_readme_commands(flights: Path, spark: SparkSession, capsys: pytest.CaptureFixture[str]) -> None:
    assert spark is not None  # the commands take the active session
    (flights / "job.yaml").write_text(blocks("README.md", "yaml")[0], encoding="utf-8")
    lines = [shlex.split(line, comments=True) for block in blocks("README.md", "bash") for line in block.splitlines()]
    ran = [words for words in lines if words and words[0] == "sparkscale"]
    transform = next(words for words in ran if words[1] == "transform")
    for words in ran:
        if words is transform:  # the output is there by now, and the example replaces it
            assert (flights / "out" / "flights_scaled").is_dir()
        with pytest.raises(SystemExit) as stop:
            entry.main(words[1:])
        assert stop.value.code == 0, (words, capsys.readouterr().err)
    assert [words[1] for words in ran] == [
        "check", "explain", "run", "fit", "transform", "inspect", "verify", "recover", "doctor",
    ]  # fmt: skip
    scaled = pq.read_table(flights / "out" / "flights_scaled").to_pydict()
    assert len(scaled["distance"]) == 120
    assert abs(np.mean(scaled["distance"])) < 1e-12
    np.testing.assert_allclose(
        np.sum([scaled[f"p_score_{letter}"] for letter in "abc"], axis=0), 1.0, rtol=0, atol=3 * 2.0**-53
    )


def test_run_readme_scripts_exist() -> None:
    scripts = [shlex.split(line, comments=True)[0] for line in blocks("README.md", "bash")[0].splitlines()]
    assert scripts == ["scripts/quickstart", "scripts/test"]
    assert all(os.access(ROOT / script, os.X_OK) for script in scripts)


def test_run_readme_python(flights: Path, spark: SparkSession, capsys: pytest.CaptureFixture[str]) -> None:
    fit, serve = blocks("README.md", "python")
    names: dict[str, object] = {"spark": spark}
    fit = fit.replace('"data/flights"', repr(str(flights / "data" / "flights")))  # the JVM has a folder of its own
    exec(compile(fit, "README.md", "exec"), names)  # noqa: S102 - the document is what is tested
    assert "Fitted on 240 rows" in capsys.readouterr().out
    both, back = names["both"], names["back"]
    assert both.rows == 40  # type: ignore[attr-defined]
    assert back.count() == 240  # type: ignore[attr-defined]
    exec(compile(serve, "README.md", "exec"), {})  # noqa: S102 - the document is what is tested
    printed = capsys.readouterr().out
    assert "p_score_a" in printed
    assert (flights / "out" / "stats" / "00000001.json").is_file()


def test_run_contributing_example(tmp_path: Path) -> None:
    """The example is one new file in a copy of the package, and everything else finds it."""
    shutil.copytree(ROOT / "sparkscale", tmp_path / "sparkscale", ignore=shutil.ignore_patterns("__pycache__"))
    example = blocks("CONTRIBUTING.md", "python")[0]
    (tmp_path / "sparkscale" / "scalers" / "midrange.py").write_text(example, encoding="utf-8")
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
    ran = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr.decode()) == (0, "")
    np.testing.assert_allclose(json.loads(ran.stdout), [-0.5, -0.1, 0.5], rtol=1e-15)
