"""Wrong data, schemas and artifacts: each with its exit code and its exact last line in a snapshot, and nothing at the target."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession

import sparkscale as ss
from tests.refusals import ended, provoked
from tests.spark.frames import write_parquet

NAN, INF = math.nan, math.inf
OUT = "output: {format: parquet, path: out}\n"
TABLE: dict[str, Any] = {
    "x": [1.0, 2.0, None],
    "y": [3, 4, 5],
    "name": ["a", "b", "c"],
    "when": np.array(["2026-01-01"] * 3, dtype="datetime64[s]"),
    "none": [None, NAN, None],
    "infs": [INF, -INF, 1.0],
    "lost": [-INF, 1.0, 2.0],
    "gone": np.ma.MaskedArray([0.0, 0.0, 0.0], mask=True),
    "lone": np.ma.MaskedArray([0.0, 0.0, 0.0], mask=True),
    "s": [[1.0, 2.0], None, []],
    "t": [[-INF, -INF], [1.0], [2.0]],
    "person": [{"age": 1.0}, {"age": 2.0}, {"age": None}],
}


def step(text: str, more: str = "", output: str = OUT) -> str:
    """Return a job of these steps."""
    return f"version: 1\ninput: {{format: parquet, path: in{more}}}\nsteps: [{text}]\n{output}"


def apply(path: str, more: str = "") -> str:
    """Return a job that applies an artifact."""
    return f"version: 1\ninput: {{format: parquet, path: in}}\nartifact: {{path: {path}}}\n{OUT}{more}"


#: What is wrong, the command, and the job file. The exit code and the last line are in the snapshot.
CASES: list[tuple[str, str, str]] = [
    ("missing column", "run", step("{kind: standard, columns: [x, nam, z_]}")),
    ("missing and wrong type at once", "run", step("{kind: standard, columns: [xx, name]}")),
    ("wrong type", "run", step("{kind: standard, columns: name}")),
    ("a timestamp", "run", step("{kind: minmax, columns: when}")),
    ("pattern without match", "run", step("{kind: minmax, columns: 'score_*'}")),
    ("dtype without match", "run", step("{kind: minmax, columns: {dtype: decimal}}")),
    ("one score", "run", step("{kind: softmax, columns: x}")),
    ("array among columns", "run", step("{kind: softmax, columns: [x, s]}")),
    ("all elements of a number", "run", step("{kind: minmax, columns: x, over: all}")),
    ("rows of other lengths", "run", step("{kind: minmax, columns: s}")),
    ("nested in place", "run", step("{kind: minmax, columns: person.age}")),
    ("two steps write one name", "run", step("{kind: minmax, columns: x}, {kind: standard, columns: x}")),
    ("into an existing column", "run", step("{kind: minmax, columns: x, into: Y}")),
    ("one into for two columns", "run", step("{kind: minmax, columns: [x, y], into: z}")),
    ("array to CSV", "run", step("{kind: softmax, columns: s}", output="output: {format: csv, path: out}\n")),
    ("where of a missing column", "run", step("{kind: minmax, columns: x}", ", where: {yy: 1}")),
    ("where of a wrong type", "run", step("{kind: minmax, columns: x}", ", where: {y: {ge: one}}")),
    ("no rows", "run", step("{kind: minmax, columns: x}", ", where: {y: {gt: 100}}")),
    ("no rows for scores alone", "run", step("{kind: softmax, columns: [x, y]}", ", where: {y: {gt: 100}}")),
    ("no finite value", "run", step("{kind: minmax, columns: [x, none]}")),
    ("no finite value in several", "run", step("{kind: minmax, columns: [none, gone]}")),
    ("not finite", "run", step("{kind: minmax, columns: infs, nonfinite: error}")),
    ("every score null", "run", step("{kind: softmax, columns: [gone, lone]}")),
    ("score not finite", "run", step("{kind: unit_norm, columns: [lost, y], nonfinite: error}")),
    ("score not finite, by pandas", "run", step("{kind: unit_norm, columns: [lost, y], nonfinite: error}") + "engine: pandas\n"),
    ("no softmax", "run", step("{kind: softmax, columns: t, undefined: error}") + "self_check: 0\n"),
    ("no softmax, by pandas", "run", step("{kind: softmax, columns: t, undefined: error}") + "self_check: 0\nengine: pandas\n"),
    ("empty folder", "run", step("{kind: minmax, columns: x}").replace("path: in", "path: hollow")),
    ("damaged Parquet", "run", step("{kind: minmax, columns: x}").replace("path: in", "path: damaged")),
    ("cut Parquet", "run", step("{kind: minmax, columns: x}").replace("path: in", "path: cut")),
    ("CSV of another type", "run", step("{kind: minmax, columns: x}", ", schema: 'x double, y int'").replace("parquet, path: in", "csv, path: wrong.csv")),
    ("cut JSON", "run", step("{kind: minmax, columns: x}").replace("parquet, path: in", "json, path: wrong.json")),
    ("another separator", "run", step("{kind: minmax, columns: x}").replace("parquet, path: in", "csv, path: semicolons.csv")),
    ("a name twice in CSV", "run", step("{kind: minmax, columns: x}").replace("parquet, path: in", "csv, path: twice.csv")),
    ("JSON of one array", "run", step("{kind: minmax, columns: x}").replace("parquet, path: in", "json, path: array.json")),
    ("ORC that is none", "run", step("{kind: minmax, columns: x}").replace("parquet, path: in", "orc, path: damaged")),
    ("no Delta table", "run", step("{kind: minmax, columns: x}").replace("parquet, path: in", "delta, path: in")),
    ("partitions by a missing column", "run", step("{kind: minmax, columns: x}", output="output: {format: parquet, path: out, partition_by: [yy]}\n")),
    ("partitions by an array", "run", step("{kind: minmax, columns: x}", output="output: {format: parquet, path: out, partition_by: [s]}\n")),
    ("values of a mask", "run", step("{kind: softmax, columns: s, mask: t}")),
    ("no schema", "run", step("{kind: minmax, columns: x}", ", schema: 'x dobble'")),
    ("glob without match", "run", step("{kind: minmax, columns: x}").replace("path: in", "path: 'none/*'")),
    ("no artifact", "transform", apply("absent")),
    ("artifact version missing", "transform", apply("'good', version: 9")),
    ("artifact of newer format", "transform", apply("newer")),
    ("corrupted artifact", "transform", apply("flipped")),
    ("artifact that is no JSON", "transform", apply("text")),
    ("artifact that is empty", "transform", apply("nothing")),
    ("artifact of other columns", "transform", apply("other")),
    ("artifact of other steps", "transform", apply("good", "steps: [{kind: minmax, columns: x}]\n")),
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with inputs and artifacts, the good and the bad."""
    folder = tmp_path_factory.mktemp("wrong")
    write_parquet(folder / "in" / "part.parquet", TABLE)
    (folder / "hollow").mkdir()
    for name in ("damaged", "cut"):
        (folder / name).mkdir()
    (folder / "damaged" / "part.parquet").write_bytes(b"no parquet at all, and long enough to be read as one")
    whole = (folder / "in" / "part.parquet").read_bytes()
    (folder / "cut" / "part.parquet").write_bytes(whole[: len(whole) // 2])
    (folder / "wrong.csv").write_text("x,y\n1.5,2\nhello,3\n")
    (folder / "semicolons.csv").write_text("x;y\n1.5;2\n")
    (folder / "twice.csv").write_text("x,x\n1.5,2\n")
    (folder / "array.json").write_text('[{"x": 1.5},\n{"x": 2.5}]\n')
    (folder / "wrong.json").write_text('{"x": 1.5}\n{"x": 2.5\n')
    ss.Pipeline([ss.Standard("x")]).fit_arrays({"x": np.array([1.0, 2.0])}).save(str(folder / "good"))
    ss.Pipeline([ss.Standard(["x", "z"])]).fit_arrays({"x": [1.0, 2.0], "z": [1.0, 2.0]}).save(str(folder / "other"))
    good = (folder / "good" / "00000001.json").read_bytes()
    bad = {
        "newer": json.dumps(json.loads(good) | {"format_version": 2}).encode(),
        "flipped": good.replace(b'"rows": 2', b'"rows": 3', 1),
        "text": b"not JSON",
        "nothing": b"",
    }
    for name, data in bad.items():
        (folder / name).mkdir()
        (folder / name / "00000001.json").write_bytes(data)
    return folder


@pytest.fixture
def fails(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[str, str], str]:
    """Give a function that runs a job file in the folder, and returns what is wrong, exit code and last line."""
    monkeypatch.chdir(folder)

    def run(command: str, text: str) -> str:
        (folder / "job.yaml").write_text(text)
        before = sorted(folder.rglob("*"))
        end = ended([command, "--config", "job.yaml"], capsys)
        assert sorted(folder.rglob("*")) == before
        end = re.sub(r"sha256:[0-9a-f]{12}", "sha256:*", end.replace(str(folder), "HERE"))
        return f"{provoked([command], text)}\n{end}"

    return run


@pytest.mark.parametrize(("command", "text"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_refuse_data(
    fails: Callable[[str, str], str], snapshot: Callable[[str], None], command: str, text: str
) -> None:
    snapshot(fails(command, text))
