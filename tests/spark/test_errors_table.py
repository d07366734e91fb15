"""Wrong data, schemas and artifacts: each with its exit code and its exact last line, and nothing at the target."""

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
from sparkscale.cli import entry
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


#: What is wrong, the command, the job file, the exit code, and the cause; HERE is the folder, * a digest.
CASES: list[tuple[str, str, str, int, str]] = [
    ("missing column", "run", step("{kind: standard, columns: [x, nam, z_]}"), 65,
     "error[SCHEMA_MISSING] 2 problems, the first: column 'nam' is not in in; did you mean 'name'?"),
    ("missing and wrong type at once", "run", step("{kind: standard, columns: [xx, name]}"), 65,
     "error[SCHEMA_MISSING] 2 problems, the first: column 'xx' is not in in; did you mean 'x'?"),
    ("wrong type", "run", step("{kind: standard, columns: name}"), 65,
     "error[SCHEMA_TYPE] step 1 (standard): expected numbers, but column 'name' is string; name a numeric "
     "column, or cast it before this job"),
    ("a timestamp", "run", step("{kind: minmax, columns: when}"), 65,
     "error[SCHEMA_TYPE] step 1 (minmax): expected numbers, but column 'when' is timestamp_ntz; name a numeric "
     "column, or cast it before this job"),
    ("pattern without match", "run", step("{kind: minmax, columns: 'score_*'}"), 65,
     "error[SCHEMA_NO_MATCH] columns: expected numbers, but 'score_*' matches no numeric column of in; its "
     "numeric columns are 'x', 'y', 'none', 'infs', 'lost', 'gone', 'lone'"),
    ("dtype without match", "run", step("{kind: minmax, columns: {dtype: decimal}}"), 65,
     "error[SCHEMA_NO_MATCH] columns: expected numbers, but {'dtype': 'decimal'} matches no "
     "numeric column of in; its numeric columns are 'x', 'y', 'none', 'infs', 'lost', 'gone', 'lone'"),
    ("one score", "run", step("{kind: softmax, columns: x}"), 65,
     "error[SCHEMA_ONE_SCORE] step 1 (softmax): expected the scores of a row, two or more columns or an array "
     "column, found one column 'x', whose softmax would be 1 in every row; to rescale a feature over all rows, "
     "use minmax or standard"),
    ("array among columns", "run", step("{kind: softmax, columns: [x, s]}"), 65,
     "error[SCHEMA_TYPE] step 1 (softmax): expected score columns or one array column, found 'x', 's'; give "
     "each array column a step of its own"),
    ("array to a scaler", "run", step("{kind: minmax, columns: s}"), 65,
     "error[SCHEMA_TYPE] step 1 (minmax): expected numbers, but column 's' is array<double>; name a numeric "
     "column, or cast it before this job"),
    ("nested in place", "run", step("{kind: minmax, columns: person.age}"), 65,
     "error[SCHEMA_NESTED] step 1 (minmax): column 'person.age' is inside a struct, which is not rewritten in "
     "place; give the step an 'into' for its output"),
    ("two steps write one name", "run", step("{kind: minmax, columns: x}, {kind: standard, columns: x}"), 65,
     "error[SCHEMA_CLASH] more than one output would be named 'x', by step 1 (minmax) and step 2 (standard); "
     "each step reads the input's columns; give one of them an 'into' such as '{column}_scaled'"),
    ("into an existing column", "run", step("{kind: minmax, columns: x, into: Y}"), 65,
     "error[SCHEMA_CLASH] step 1 (minmax) would write 'Y', which the input has already; choose another 'into'"),
    ("one into for two columns", "run", step("{kind: minmax, columns: [x, y], into: z}"), 65,
     "error[SCHEMA_CLASH] more than one output would be named 'z', by step 1 (minmax); each step reads the "
     "input's columns; give one of them an 'into' such as '{column}_scaled'"),
    ("array to CSV", "run", step("{kind: softmax, columns: s}", output="output: {format: csv, path: out}\n"), 65,
     "error[SCHEMA_FORMAT] 3 problems, the first: output.format csv cannot hold column 's', array<double>: "
     "CSV has no nested values; drop it before this job, or use parquet"),
    ("where of a missing column", "run", step("{kind: minmax, columns: x}", ", where: {yy: 1}"), 65,
     "error[SCHEMA_MISSING] column 'yy' of input.where is not in in; did you mean 'y'?"),
    ("where of a wrong type", "run", step("{kind: minmax, columns: x}", ", where: {y: {ge: one}}"), 65,
     "error[SCHEMA_TYPE] input.where: expected a value for column 'y' of type bigint, found 'one'"),
    ("no rows", "run", step("{kind: minmax, columns: x}", ", where: {y: {gt: 100}}"), 65,
     "error[DATA_NO_ROWS] expected rows to learn from, found none; check the input and its 'where'"),
    ("no rows for scores alone", "run", step("{kind: softmax, columns: [x, y]}", ", where: {y: {gt: 100}}"), 65,
     "error[DATA_NO_ROWS] expected rows in the input, found none; check the input and its 'where'"),
    ("no finite value", "run", step("{kind: minmax, columns: [x, none]}"), 65,
     "error[DATA_EMPTY] column 'none': expected a finite value, found none in 3 rows (2 null, 1 NaN); leave "
     "the column out, or set empty: null"),
    ("no finite value in several", "run", step("{kind: minmax, columns: [none, gone]}"), 65,
     "error[DATA_EMPTY] 2 problems, the first: column 'none': expected a finite value, found none in 3 rows (2 "
     "null, 1 NaN); leave the column out, or set empty: null"),
    ("not finite", "run", step("{kind: minmax, columns: infs, nonfinite: error}"), 65,
     "error[DATA_NONFINITE] column 'infs': expected finite numbers (nonfinite: error), found 0 NaN, 1 +inf, 1 "
     "-inf in 3 rows; fix the data, or set nonfinite: keep"),
    ("every score null", "run", step("{kind: softmax, columns: [gone, lone]}"), 65,
     "error[DATA_EMPTY] step 1 (softmax): expected scores in 'gone', 'lone', found only nulls in 3 rows; leave "
     "the step out, or set empty: null"),
    ("score not finite", "run", step("{kind: unit_norm, columns: [lost, y], nonfinite: error}"), 65,
     "error[DATA_NONFINITE] verifying a sample: a score that is NaN or "
     "infinite; the row's largest is Infinity; fix the data, or change the step's rule"),
    ("score not finite, by pandas", "run", step("{kind: unit_norm, columns: [lost, y], nonfinite: error}") + "engine: pandas\n", 65,
     "error[DATA_NONFINITE] verifying a sample: unit_norm: expected finite scores (nonfinite: error), found "
     "NaN or an infinity; fix the data, or set nonfinite: keep"),
    ("no softmax", "run", step("{kind: softmax, columns: t, undefined: error}") + "self_check: 0\n", 65,
     "error[DATA_UNDEFINED] writing out: a row of scores that are all "
     "-Infinity; fix the data, or change the step's rule"),
    ("no softmax, by pandas", "run", step("{kind: softmax, columns: t, undefined: error}") + "self_check: 0\nengine: pandas\n", 65,
     "error[DATA_UNDEFINED] writing out: softmax: expected a score above -inf in every row (undefined: error), "
     "found 1 rows with none; fix the data, or set undefined: null, zeros or uniform"),
    ("empty folder", "run", step("{kind: minmax, columns: x}").replace("path: in", "path: hollow"), 65,
     "error[INPUT_EMPTY] reading hollow: [UNABLE_TO_INFER_SCHEMA] Unable to infer schema for Parquet. It must "
     "be specified manually; the input holds no file of its format; name its columns in input.schema if that "
     "is right"),
    ("damaged Parquet", "run", step("{kind: minmax, columns: x}").replace("path: in", "path: damaged"), 65,
     "error[INPUT_DAMAGED] reading damaged: [FAILED_READ_FILE.CANNOT_READ_FILE_FOOTER] Encountered error while "
     "reading file file:HERE/damaged/part.parquet. Could not read footer. Please ensure that the file is in "
     "either ORC or Parquet format; a file of the input is damaged or not of the format (or schema) that the "
     "job names"),
    ("cut Parquet", "run", step("{kind: minmax, columns: x}").replace("path: in", "path: cut"), 65,
     "error[INPUT_DAMAGED] reading cut: [FAILED_READ_FILE.CANNOT_READ_FILE_FOOTER] Encountered error while "
     "reading file file:HERE/cut/part.parquet. Could not read footer. Please ensure that the file is in either "
     "ORC or Parquet format; a file of the input is damaged or not of the format (or schema) that the job names"),
    ("CSV of another type", "run", step("{kind: minmax, columns: x}", ", schema: 'x double, y int'").replace("parquet, path: in", "csv, path: wrong.csv"), 65,
     "error[INPUT_DAMAGED] column 'x': expected double, found 'hello' in line 3 of HERE/wrong.csv; if it stands for null, set "
     "input.options: {nullValue: 'hello'}; else fix it, or give the column another type in input.schema, such as string"),
    ("cut JSON", "run", step("{kind: minmax, columns: x}").replace("parquet, path: in", "json, path: wrong.json"), 65,
     "error[INPUT_DAMAGED] reading wrong.json: [MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION] Malformed "
     "records are detected in record parsing: _corrupt_record; a file of the input is damaged or not of the "
     "format (or schema) that the job names"),
    ("no schema", "run", step("{kind: minmax, columns: x}", ", schema: 'x dobble'"), 78,
     "error[CONFIG_VALUE] input.schema: expected names and types as in 'a double, b string', found 'x dobble'"),
    ("glob without match", "run", step("{kind: minmax, columns: x}").replace("path: in", "path: 'none/*'"), 66,
     "error[INPUT_MISSING] expected the input at none/*, found nothing; check input.path"),
    ("no artifact", "transform", apply("absent"), 66,
     "error[ARTIFACT_MISSING] expected an artifact in absent, found none; fit first"),
    ("artifact version missing", "transform", apply("'good', version: 9"), 66,
     "error[ARTIFACT_MISSING] expected version 9 in good, found versions 1 to 1; fit first"),
    ("artifact of newer format", "transform", apply("newer"), 65,
     "error[ARTIFACT_NEWER] newer/00000001.json: its format is version 2, this sparkscale reads up to 1; "
     "upgrade sparkscale"),
    ("corrupted artifact", "transform", apply("flipped"), 65,
     "error[ARTIFACT_CHECKSUM] flipped/00000001.json: its content does not match its checksum (expected "
     "sha256:*..., found sha256:*...); the file was changed or damaged: restore it, or fit again"),
    ("artifact that is no JSON", "transform", apply("text"), 65,
     "error[ARTIFACT_INVALID] text/00000001.json: expected a JSON artifact, found something else (Expecting "
     "value: line 1 column 1 (char 0)); fit again, or restore the file"),
    ("artifact that is empty", "transform", apply("nothing"), 65,
     "error[ARTIFACT_INVALID] nothing/00000001.json: expected a JSON artifact, found something else (Expecting "
     "value: line 1 column 1 (char 0)); fit again, or restore the file"),
    ("artifact of other columns", "transform", apply("other"), 65,
     "error[SCHEMA_MISSING] column 'z' is not in in; its columns are 'x', 'y', 'name', 'when', 'none', 'infs', "
     "'lost', 'gone' and 4 more"),
    ("artifact of other steps", "transform", apply("good", "steps: [{kind: minmax, columns: x}]\n"), 78,
     "error[CONFIG_ARTIFACT] the steps of the job file are not those that good was fitted with; leave them out "
     "to apply the artifact's own, or fit again"),
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
) -> Callable[[str, str], tuple[object, str]]:
    """Give a function that runs a job file in the folder, and returns exit code and last line on stderr."""
    monkeypatch.chdir(folder)

    def run(command: str, text: str) -> tuple[object, str]:
        (folder / "job.yaml").write_text(text)
        before = sorted(folder.rglob("*"))
        with pytest.raises(SystemExit) as ended:
            entry.main([command, "--config", "job.yaml"])
        said = capsys.readouterr()
        assert sorted(folder.rglob("*")) == before
        assert "Traceback" not in said.err
        line = said.err.splitlines()[-1].replace(str(folder), "HERE")
        return ended.value.code, re.sub(r"sha256:[0-9a-f]{12}", "sha256:*", line)

    return run


@pytest.mark.parametrize(
    ("command", "text", "code", "cause"), [row[1:] for row in CASES], ids=[row[0] for row in CASES]
)
def test_refuse_data(
    fails: Callable[[str, str], tuple[object, str]], command: str, text: str, code: int, cause: str
) -> None:
    assert fails(command, text) == (code, f"sparkscale: {cause} (exit {code})")
