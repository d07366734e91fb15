"""Wrong calls and job files that need no Spark: each with its exit code and its exact last line on stderr."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sparkscale import doctor
from sparkscale.artifact import store
from sparkscale.cli import entry
from sparkscale.config import jobfile
from sparkscale.pipeline.fitted import Fitted
from sparkscale.publish import files
from sparkscale.scalers.base import REGISTRY

HEAD = "version: 1\ninput: {format: parquet, path: in}\n"
STEP = "steps: [{kind: minmax, columns: x}]\n"
OUT = "output: {format: parquet, path: out}\n"


KINDS = ", ".join(sorted(REGISTRY))


def step(text: str) -> str:
    """Return a job of one step; it stands in line 4."""
    return f"{HEAD}steps:\n  - {text}\n{OUT}"


def where(text: str) -> str:
    """Return a job with predicates; they stand in line 2."""
    return f"version: 1\ninput: {{format: parquet, path: in, where: {text}}}\n{STEP}{OUT}"


#: What is wrong, the command, the job file, the exit code, and the cause.
JOBS: list[tuple[str, str, str, int, str]] = [
    ("unknown key", "check", HEAD + STEP + OUT + "engin: native\n", 78,
     "error[CONFIG_KEY] job.yaml:5: engin: unknown key 'engin'; did you mean 'engine'?"),
    ("unknown key in section", "check", HEAD + STEP + "output: {format: parquet, path: out, mod: error}\n", 78,
     "error[CONFIG_KEY] job.yaml:4: output.mod: unknown key 'mod'; did you mean 'mode'?"),
    ("unknown key in step", "check", step("{kind: minmax, columns: x, rang: [0, 1]}"), 78,
     "error[CONFIG_KEY] job.yaml:4: steps[0].rang: unknown key 'rang'; did you mean 'range'?"),
    ("unknown key of another kind", "check", step("{kind: minmax, columns: x, temperature: 2}"), 78,
     "error[CONFIG_KEY] job.yaml:4: steps[0].temperature: unknown key 'temperature'; the keys here are clip, "
     "columns, dtype, empty, into, kind, nonfinite, range"),
    ("unknown kind", "check", step("{kind: minmx, columns: x}"), 78,
     f"error[CONFIG_VALUE] job.yaml:4: steps[0]: expected kind: {KINDS}, found 'minmx'; did you mean 'minmax'?"),
    ("no kind", "check", step("{columns: x}"), 78,
     f"error[CONFIG_VALUE] job.yaml:4: steps[0]: expected kind: {KINDS}, found null"),
    ("no columns", "check", step("{kind: minmax}"), 78,
     "error[CONFIG_MISSING] job.yaml:4: steps[0].columns: expected key 'columns', found none"),
    ("empty columns", "check", step("{kind: minmax, columns: []}"), 78,
     "error[CONFIG_VALUE] job.yaml:4: steps[0].columns: expected at least one name, pattern or {dtype: ...}, "
     "found []"),
    ("duplicate key", "check", HEAD + STEP + OUT + "version: 1\n", 78,
     "error[CONFIG_DUPLICATE] job.yaml:5: key 'version' appears twice, first on line 1; remove one of them"),
    ("duplicate key in step", "check", step("{kind: minmax, kind: standard, columns: x}"), 78,
     "error[CONFIG_DUPLICATE] job.yaml:4: key 'kind' appears twice, first on line 4; remove one of them"),
    ("range reversed", "check", step("{kind: minmax, columns: x, range: [1, -1]}"), 78,
     "error[CONFIG_VALUE] job.yaml:4: steps[0].range: expected two finite numbers [low, high], low < high, "
     "found [1, -1]"),
    ("range of one", "check", step("{kind: minmax, columns: x, range: [1]}"), 78,
     "error[CONFIG_VALUE] job.yaml:4: steps[0].range: expected two finite numbers [low, high], low < high, found [1]"),
    ("range of text", "check", step("{kind: minmax, columns: x, range: [a, b]}"), 78,
     "error[CONFIG_VALUE] 2 problems, the first: job.yaml:4: steps[0].range[0]: expected a finite number, found 'a'"),
    ("range infinite", "check", step("{kind: minmax, columns: x, range: [0, .inf]}"), 78,
     "error[CONFIG_VALUE] job.yaml:4: steps[0].range[1]: expected a finite number, found Infinity"),
    ("no regular expression", "check", step("{kind: minmax, columns: '/(/'}"), 78,
     "error[CONFIG_VALUE] job.yaml:4: steps[0].columns: expected a regular expression between slashes, found "
     "'/(/'; missing ), unterminated subpattern at position 0"),
    ("temperature 0", "check", step("{kind: softmax, columns: x, temperature: 0}"), 78,
     "error[CONFIG_VALUE] job.yaml:4: steps[0].temperature: expected a finite number > 0, found 0"),
    ("temperature negative", "check", step("{kind: log_softmax, columns: x, temperature: -1.5}"), 78,
     "error[CONFIG_VALUE] job.yaml:4: steps[0].temperature: expected a finite number > 0, found -1.5"),
    ("temperature nan", "check", step("{kind: softmax, columns: x, temperature: .nan}"), 78,
     "error[CONFIG_VALUE] job.yaml:4: steps[0].temperature: expected a finite number > 0, found NaN"),
    ("ddof 2", "check", step("{kind: standard, columns: x, ddof: 2}"), 78,
     "error[CONFIG_VALUE] job.yaml:4: steps[0].ddof: expected 0 or 1, found 2"),
    ("quantile range", "check", step("{kind: robust, columns: x, quantile_range: [75, 25]}"), 78,
     "error[CONFIG_VALUE] job.yaml:4: steps[0].quantile_range: expected two percentages [low, high], 0 <= low "
     "< high <= 100, found [75, 25]"),
    ("unknown norm", "check", step("{kind: unit_norm, columns: x, norm: l3}"), 78,
     "error[CONFIG_VALUE] job.yaml:4: steps[0].norm: expected 'l1', 'l2' or 'max', found 'l3'"),
    ("wrong nulls", "check", step("{kind: softmax, columns: x, nulls: maskk}"), 78,
     "error[CONFIG_VALUE] job.yaml:4: steps[0].nulls: expected 'null' or 'mask', found 'maskk'; did you mean 'mask'?"),
    ("wrong dtype", "check", step("{kind: minmax, columns: x, dtype: float16}"), 78,
     "error[CONFIG_VALUE] job.yaml:4: steps[0].dtype: expected 'float64' or 'float32', found 'float16'; did "
     "you mean 'float64'?"),
    ("text for flag", "check", step("{kind: minmax, columns: x, clip: 'yes'}"), 78,
     "error[CONFIG_VALUE] job.yaml:4: steps[0].clip: expected true or false, found 'yes'"),
    ("empty into", "check", step("{kind: minmax, columns: x, into: ''}"), 78,
     "error[CONFIG_VALUE] job.yaml:4: steps[0].into: expected a name such as '{column}_scaled', found ''"),
    ("wrong selector", "check", step("{kind: minmax, columns: {dtype: number}}"), 78,
     "error[CONFIG_VALUE] job.yaml:4: steps[0].columns.dtype: expected 'numeric', 'integer', 'floating' or "
     "'decimal', found 'number'; did you mean 'numeric'?"),
    ("newer version", "check", "version: 2\ninput: {format: parquet, path: in}\n" + STEP + OUT, 78,
     "error[CONFIG_VALUE] job.yaml:1: version: expected 1, found 2"),
    ("true for version", "check", "version: true\ninput: {format: parquet, path: in}\n" + STEP + OUT, 78,
     "error[CONFIG_VALUE] job.yaml:1: version: expected 1, found true"),
    ("text for version", "check", "version: '1'\ninput: {format: parquet, path: in}\n" + STEP + OUT, 78,
     "error[CONFIG_VALUE] job.yaml:1: version: expected 1, found '1'"),
    ("fraction for version", "check", "version: 1.0\ninput: {format: parquet, path: in}\n" + STEP + OUT, 78,
     "error[CONFIG_VALUE] job.yaml:1: version: expected 1, found 1.0"),
    ("no version", "check", "input: {format: parquet, path: in}\n" + STEP + OUT, 78,
     "error[CONFIG_MISSING] job.yaml:1: version: expected key 'version', found none"),
    ("no input", "check", "version: 1\n" + STEP + OUT, 78,
     "error[CONFIG_MISSING] job.yaml:1: input: expected key 'input', found none"),
    ("wrong format", "check", "version: 1\ninput: {format: parqet, path: in}\n" + STEP + OUT, 78,
     "error[CONFIG_VALUE] job.yaml:2: input.format: expected 'parquet', 'csv', 'json', 'orc', 'delta', "
     "'iceberg' or 'table', found 'parqet'; did "
     "you mean 'parquet'?"),
    ("wrong mode", "check", HEAD + STEP + "output: {format: parquet, path: out, mode: replace}\n", 78,
     "error[CONFIG_VALUE] job.yaml:4: output.mode: expected 'error', 'overwrite', 'overwrite_partitions' or 'append', "
     "found 'replace'"),
    ("negative self_check", "check", HEAD + STEP + OUT + "self_check: -1\n", 78,
     "error[CONFIG_VALUE] job.yaml:5: self_check: expected greater than or equal to 0, found -1"),
    ("large self_check", "check", HEAD + STEP + OUT + "self_check: 2147483648\n", 78,
     "error[CONFIG_VALUE] job.yaml:5: self_check: expected less than or equal to 2147483647, found 2147483648"),
    ("number for text", "check", HEAD + STEP + OUT + "name: 3\n", 78,
     "error[CONFIG_VALUE] job.yaml:5: name: expected a string, found 3"),
    ("fraction for whole number", "check", HEAD + STEP + OUT + "self_check: 1.5\n", 78,
     "error[CONFIG_VALUE] job.yaml:5: self_check: expected a whole number, found 1.5"),
    ("what a line can hold", "check", HEAD + STEP + OUT + f"self_check: {'y' * 78}\n", 78,
     f"error[CONFIG_VALUE] job.yaml:5: self_check: expected a whole number, found '{'y' * 78}'"),
    ("more than a line can hold", "check", HEAD + STEP + OUT + f"self_check: {'y' * 79}\n", 78,
     f"error[CONFIG_VALUE] job.yaml:5: self_check: expected a whole number, found '{'y' * 76}..."),
    ("text for list of steps", "check", HEAD + "steps: x\n" + OUT, 78,
     "error[CONFIG_VALUE] job.yaml:3: steps: expected a list, found 'x'"),
    ("number for step", "check", step("3"), 78,
     "error[CONFIG_VALUE] job.yaml:4: steps[0]: expected a mapping, found 3"),
    ("number for range", "check", step("{kind: minmax, columns: x, range: 5}"), 78,
     "error[CONFIG_VALUE] job.yaml:4: steps[0].range: expected two finite numbers [low, high], low < high, found 5"),
    ("number for columns", "check", step("{kind: minmax, columns: 3}"), 78,
     "error[CONFIG_VALUE] job.yaml:4: steps[0].columns: expected at least one name, pattern or {dtype: ...}, found 3"),
    ("number for column", "check", step("{kind: minmax, columns: [x, 3]}"), 78,
     "error[CONFIG_VALUE] job.yaml:4: steps[0].columns[1]: expected at least one name, pattern or {dtype: ...}, found 3"),
    ("unknown key of selector", "check", step("{kind: minmax, columns: {dtype: numeric, exept: [a]}}"), 78,
     "error[CONFIG_KEY] job.yaml:4: steps[0].columns.exept: unknown key 'exept'; did you mean 'except'?"),
    ("no key of selector", "check", step("{kind: minmax, columns: [{pattern: a}]}"), 78,
     "error[CONFIG_KEY] job.yaml:4: steps[0].columns[0].pattern: unknown key 'pattern'; the keys here are "
     "dtype, except"),
    ("text for list of exceptions", "check", step("{kind: minmax, columns: {except: a}}"), 78,
     "error[CONFIG_VALUE] job.yaml:4: steps[0].columns.except: expected a list, found 'a'"),
    ("empty path", "check", HEAD + STEP + "output: {format: parquet, path: ''}\n", 78,
     "error[CONFIG_VALUE] job.yaml:4: output.path: expected text of at least 1 character, found ''"),
    ("version 0 of artifact", "check", HEAD + STEP + OUT + "artifact: {path: a, version: 0}\n", 78,
     "error[CONFIG_VALUE] job.yaml:5: artifact.version: expected a whole number from 1, 'newest' or 'promoted', found 0"),
    ("number for options of spark", "check", HEAD + STEP + OUT + "spark: {conf: 5}\n", 78,
     "error[CONFIG_VALUE] job.yaml:5: spark.conf: expected a mapping, found 5"),
    ("unknown key by another name", "check", "version: 1\ninput: {format: csv, path: in, schem: x}\n" + STEP + OUT, 78,
     "error[CONFIG_KEY] job.yaml:2: input.schem: unknown key 'schem'; did you mean 'schema'?"),
    ("number for predicates", "check", where("5"), 78,
     "error[CONFIG_VALUE] job.yaml:2: input.where: expected a mapping, found 5"),
    ("unknown operator", "check", where("{x: {ge: 1, lq: 2}}"), 78,
     "error[CONFIG_KEY] job.yaml:2: input.where.x.lq: unknown key 'lq'; the keys here are eq, ge, gt, in, le, "
     "lt, nan, ne, null"),
    ("number for values", "check", where("{x: {in: 5}}"), 78,
     "error[CONFIG_VALUE] job.yaml:2: input.where.x.in: expected a list, found 5"),
    ("number for null", "check", where("{x: {null: 1}}"), 78,
     "error[CONFIG_VALUE] job.yaml:2: input.where.x.null: expected true or false, found 1"),
    ("equal to null", "check", where("{x: {eq: null}}"), 78,
     "error[CONFIG_VALUE] job.yaml:2: input.where.x: expected a condition such as {ge: 1}, found none; for nulls, "
     "write {null: true}"),
    ("null among parts", "check", where("{x: {ge: 1, in: ~}}"), 78,
     "error[CONFIG_VALUE] job.yaml:2: input.where.x: expected a condition such as {ge: 1}, found none; for nulls, "
     "write {null: true}"),
    ("no condition", "check", where("{x: {}}"), 78,
     "error[CONFIG_VALUE] job.yaml:2: input.where.x: expected a condition such as {ge: 1}, found none; for nulls, "
     "write {null: true}"),
    ("list of lists", "check", where("{x: [1, [2]]}"), 78,
     "error[CONFIG_VALUE] job.yaml:2: input.where.x[1]: expected a string or true or false or a whole number or a "
     "number, found [2]"),
    ("infinite bound", "check", where("{x: {gt: .inf}}"), 78,
     "error[CONFIG_VALUE] job.yaml:2: input.where.x.gt: expected a string or true or false or a whole number or a "
     "finite number, found Infinity"),
    ("list for mapping", "check", HEAD + STEP + "output: [out]\n", 78,
     'error[CONFIG_VALUE] job.yaml:4: output: expected a mapping, found ["out"]'),
    ("not YAML", "check", HEAD + "steps: [\n", 78,
     "error[CONFIG_YAML] job.yaml:4: the bracket that opens in line 3 is not closed; close it, or put a comma "
     "between its values"),
    ("name with * without quotes", "check", HEAD + "steps:\n  - kind: minmax\n    columns: *_delay\n", 78,
     "error[CONFIG_YAML] job.yaml:5: expected a value, found *_delay without quotes; put names with * in quotes: "
     "'*_delay'"),
    ("name with * in a list", "check", step("{kind: minmax, columns: [x, *]}"), 78,
     "error[CONFIG_YAML] job.yaml:4: expected a value, found * without quotes; put names with * in quotes: '*'"),
    ("tab at the start", "check", HEAD + "steps:\n  - kind: minmax\n\tcolumns: x\n", 78,
     "error[CONFIG_YAML] job.yaml:5: line 5 starts with a tab; use spaces"),
    ("tab inside", "check", HEAD + "name:\tx\n", 78,
     "error[CONFIG_YAML] job.yaml:3: line 3 has a tab; use spaces"),
    ("indented too little", "check", HEAD + "steps:\n  - kind: minmax\n   columns: x\n", 78,
     "error[CONFIG_YAML] job.yaml:5: line 5 is indented differently from line 4; line up the keys of one section"),
    ("indented too much", "check", HEAD + "steps:\n  - kind: minmax\n\n    # why\n     columns: x\n", 78,
     "error[CONFIG_YAML] job.yaml:7: line 7 is indented differently from line 4; line up the keys of one section"),
    ("steps indented differently", "check", HEAD + "steps:\n - kind: minmax\n  - kind: robust\n", 78,
     "error[CONFIG_YAML] job.yaml:5: line 5 is indented differently from line 4; line up the keys of one section"),
    ("two colons", "check", HEAD + "name: a: b\n", 78,
     "error[CONFIG_YAML] job.yaml:3: expected one value, found a second ':' in the line; put a value with ': ' in "
     "quotes"),
    ("no colon", "check", HEAD + "name\n" + STEP, 78,
     "error[CONFIG_YAML] job.yaml:4: line 3 has no ':' after its key; write key: value"),
    ("sign that YAML keeps", "check", HEAD + "name: @x\n", 78,
     "error[CONFIG_YAML] job.yaml:3: expected a value, found one that starts with @; put it in quotes"),
    ("quote not closed", "check", HEAD + "name: 'x\n", 78,
     "error[CONFIG_YAML] job.yaml:4: the quote that opens in line 3 is not closed; close it"),
    ("backslash in double quotes", "check", step('{kind: minmax, columns: "/\\d/"}'), 78,
     "error[CONFIG_YAML] job.yaml:4: found a backslash in double quotes that YAML does not know; use single quotes"),
    ("a list", "check", "- 1\n", 78,
     "error[CONFIG_YAML] job.yaml: expected a mapping of keys, found a list; `sparkscale init` prints one to "
     "start from"),
    ("empty file", "check", "", 78,
     "error[CONFIG_YAML] job.yaml: expected a mapping of keys, found nothing; `sparkscale init` prints one to "
     "start from"),
    ("a tag", "check", HEAD + "name: !!python/object:os.system x\n", 78,
     "error[CONFIG_YAML] job.yaml:3: expected plain YAML, found the tag 'tag:yaml.org,2002:python/object:os.system'"),
    ("unset variable", "check", "version: 1\ninput: {format: parquet, path: '${env:NOT_THERE}'}\n" + STEP + OUT, 78,
     "error[CONFIG_ENV] job.yaml:2: input.path: environment variable NOT_THERE is not set; set it, or give a "
     "default: ${env:NOT_THERE:-default}"),
    ("wrong reference", "check", "version: 1\ninput: {format: parquet, path: '${HOME}'}\n" + STEP + OUT, 78,
     "error[CONFIG_ENV] job.yaml:2: input.path: expected ${env:NAME}, ${env:NAME:-default}, ${file:PATH}, "
     "${date} or ${run_id}, found '${HOME}'"),
    ("several at once", "check", HEAD + "steps: [{kind: softmax, columns: x, temperature: 0}, {kind: minmax, column: x}]\n" + OUT + "engin: x\n", 78,
     "error[CONFIG_VALUE] 4 problems, the first: job.yaml:3: steps[0].temperature: expected a finite number > "
     "0, found 0"),
    ("no output", "run", HEAD + STEP, 78,
     "error[CONFIG_MISSING] expected 'output' in the job file, found none"),
    ("no steps", "run", HEAD + OUT, 78,
     "error[CONFIG_MISSING] expected 'steps' in the job file, found none; to apply a saved artifact, use "
     "`sparkscale transform`"),
    ("fit without artifact", "fit", HEAD + STEP + OUT, 78,
     "error[CONFIG_MISSING] expected 'artifact' in the job file, found none"),
    ("transform without artifact", "transform", HEAD + OUT, 78,
     "error[CONFIG_MISSING] expected 'artifact' in the job file, found none"),
    ("input not there", "run", "version: 1\ninput: {format: parquet, path: nothing}\n" + STEP + OUT, 66,
     "error[INPUT_MISSING] expected the input at nothing, found nothing; check input.path"),
    ("output is input", "run", HEAD + STEP + "output: {format: parquet, path: in}\n", 78,
     "error[CONFIG_OVERLAP] output.path: expected a place outside the input, but in overlaps in; choose "
     "another folder"),
    ("output inside input", "run", HEAD + STEP + "output: {format: parquet, path: in/deeper}\n", 78,
     "error[CONFIG_OVERLAP] output.path: expected a place outside the input, but in/deeper overlaps in; "
     "choose another folder"),
    ("output around input", "run", "version: 1\ninput: {format: parquet, path: in/part}\n" + STEP + "output: {format: parquet, path: in}\n", 78,
     "error[CONFIG_OVERLAP] output.path: expected a place outside the input, but in overlaps in/part; choose "
     "another folder"),
    ("output exists", "run", HEAD + STEP + "output: {format: parquet, path: there}\n", 73,
     "error[OUTPUT_EXISTS] output there already exists; set mode: overwrite, or choose another path"),
    ("output is a file", "run", HEAD + STEP + "output: {format: parquet, path: file, mode: overwrite}\n", 73,
     "error[OUTPUT_EXISTS] output.path: expected a folder or nothing, file is a file"),
    ("output where nothing announces", "run", HEAD + STEP + "output: {format: parquet, path: 'hdfs://host/out'}\n", 78,
     "error[CONFIG_OUTPUT] output.path: expected a path of this machine, s3, gs, az or abfs for plain files, found "
     "hdfs://host/out; set format: delta or iceberg, which publish atomically anywhere"),
]  # fmt: skip

#: A wrong call, its exit code, and the cause.
CALLS: list[tuple[list[str], int, str]] = [
    (["nope"], 64, "error[USAGE] No such command 'nope'; see `sparkscale --help`"),
    (["run"], 64, "error[USAGE] Missing option '--config' / '-c'; see `sparkscale --help`"),
    (["check", "-c", "good.yaml", "--set", "x"], 64, "error[USAGE_SET] --set: expected key.key=value, found 'x'"),
    (["check", "-c", "good.yaml", "--run-id", "a/b"], 64,
     "error[USAGE_RUN_ID] run id: expected 1 to 64 characters of A-Z a-z 0-9 _ . -, not only dots, found 'a/b'"),
    (["check", "-c", "good.yaml", "--run-id", ".."], 64,
     "error[USAGE_RUN_ID] run id: expected 1 to 64 characters of A-Z a-z 0-9 _ . -, not only dots, found '..'"),
    (["check", "-c", "good.yaml", "--date", "x"], 64, "error[USAGE_DATE] date: expected a day YYYY-MM-DD, found 'x'"),
    (["check", "-c", "good.yaml", "--date", "2020-99-99"], 64,
     "error[USAGE_DATE] date: expected a day YYYY-MM-DD, found '2020-99-99'"),
    (["check", "-c", "good.yaml", "--set", "self_check=many"], 78,
     "error[CONFIG_VALUE] --set self_check: expected a whole number, found 'many'"),
    (["run", "-c", "gone.yaml"], 66,
     "error[CONFIG_FILE] expected a job file at gone.yaml, found none; `sparkscale init` prints one to start from"),
    (["inspect", "gone"], 66, "error[ARTIFACT_MISSING] expected an artifact in gone, found none; fit first"),
    (["inspect", "there"], 66, "error[ARTIFACT_MISSING] expected an artifact in there, found none; fit first"),
    (["inspect", "store", "--version", "7"], 66,
     "error[ARTIFACT_MISSING] expected version 7 in store, found version 1; see `sparkscale versions store`"),
    (["inspect", "store", "--version", "promoted"], 66,
     "error[PROMOTION_MISSING] expected a promoted version in store, found none; promote one with `sparkscale promote "
     "store N`, or use the newest"),
    (["inspect", "store", "--version", "latest"], 64, "error[USAGE] Invalid value for '--version': expected a number, "
     "newest or promoted, found 'latest'; see `sparkscale --help`"),
    (["inspect", "store/00000001.json", "--version", "1"], 78, "error[CONFIG_VALUE] version: expected none for "
     "store/00000001.json, which is one file, found 1; leave it out, or name the folder"),
    (["versions", "gone"], 66, "error[ARTIFACT_MISSING] expected an artifact in gone, found none; fit first"),
    (["versions", "there"], 66, "error[ARTIFACT_MISSING] expected an artifact in there, found none; fit first"),
    (["versions", "file"], 66, "error[ARTIFACT_MISSING] expected a folder of versions at file, found a file; name the folder"),
    (["promote", "gone", "1"], 66, "error[ARTIFACT_MISSING] expected an artifact in gone, found none; fit first"),
    (["promote", "store", "7"], 66,
     "error[ARTIFACT_MISSING] expected version 7 in store, found version 1; see `sparkscale versions store`"),
    (["promote", "store", "1", "--reason", "x" * 1001], 78, "error[CONFIG_VALUE] reason: expected at most 1,000 "
     f"characters of text, found '{'x' * 79}; shorten it"),
    (["promote", "ftp://host/x", "1"], 73, "error[STORE_SCHEME] expected a path or one of "
     "abfs, abfss, az, gs, s3, s3a, s3n, found ftp://"),
    (["rollback", "gone"], 66, "error[ARTIFACT_MISSING] expected an artifact in gone, found none; fit first"),
    (["rollback", "store"], 66, "error[PROMOTION_MISSING] expected an earlier promotion in store to go back to, found "
     "none; promote a version with `sparkscale promote store N`"),
    (["inspect", "ftp://host/x"], 73, "error[STORE_SCHEME] expected a path or one of "
     "abfs, abfss, az, gs, s3, s3a, s3n, found ftp://"),
]  # fmt: skip

Run = Any


@pytest.fixture
def fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Give a function that calls the command in a folder, and returns exit code and last line on stderr."""
    monkeypatch.chdir(tmp_path)
    for folder in ("in/part", "there"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "file").write_text("x")
    (tmp_path / "good.yaml").write_text(HEAD + STEP + OUT)
    store.save(Fitted((), (), {}, (), None), "store")

    def run(arguments: list[str]) -> tuple[object, str]:
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(SystemExit) as ended:
            entry.main(arguments)
        said = capsys.readouterr()
        assert sorted(tmp_path.rglob("*")) == before
        assert said.out == ""
        assert "Traceback" not in said.err
        return ended.value.code, said.err.splitlines()[-1]

    return run


@pytest.mark.parametrize(("command", "text", "code", "cause"), [row[1:] for row in JOBS], ids=[row[0] for row in JOBS])
def test_refuse_job_file(fails: Run, tmp_path: Path, command: str, text: str, code: int, cause: str) -> None:
    (tmp_path / "job.yaml").write_text(text)
    assert fails([command, "--config", "job.yaml"]) == (code, f"sparkscale: {cause} (exit {code})")


@pytest.mark.parametrize(("text", "code", "cause"), [row[2:] for row in JOBS if row[1] == "run" and row[0] not in ("no output", "no steps")],
                         ids=[row[0] for row in JOBS if row[1] == "run" and row[0] not in ("no output", "no steps")])  # fmt: skip
def test_check_what_run_refuses(fails: Run, tmp_path: Path, text: str, code: int, cause: str) -> None:
    (tmp_path / "job.yaml").write_text(text)
    assert fails(["check", "--config", "job.yaml"]) == (code, f"sparkscale: {cause} (exit {code})")


def test_check_every_place_at_once(fails: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = "input: {format: csv, path: gone, options: {sepp: ','}}\n"
    (tmp_path / "job.yaml").write_text(
        f"version: 1\n{source}output: {{format: parquet, path: file}}\nartifact: {{path: gone2}}\n"
    )
    with pytest.raises(SystemExit) as ended:
        entry.main(["check", "--config", "job.yaml"])
    said = capsys.readouterr().err
    assert ended.value.code == 66
    assert [line.split(":")[0].strip() for line in said.splitlines()[:-1]] == [
        "INPUT_MISSING", "ARTIFACT_MISSING", "CONFIG_OPTION", "OUTPUT_EXISTS",
    ]  # fmt: skip


@pytest.mark.parametrize("glob", ["in/*.parquet", "in/[pq]art*.gz"])
def test_check_a_pattern_without_a_file(fails: Run, tmp_path: Path, glob: str) -> None:
    (tmp_path / "job.yaml").write_text(f"version: 1\ninput: {{format: parquet, path: '{glob}'}}\n{STEP}{OUT}")
    assert fails(["check", "-c", "job.yaml"])[0] == 66
    (tmp_path / "job.yaml").write_text(f"version: 1\ninput: {{format: parquet, path: 'in/{{a,b}}'}}\n{STEP}{OUT}")
    with pytest.raises(SystemExit) as ended:
        entry.main(["check", "-c", "job.yaml"])
    assert ended.value.code == 0


@pytest.mark.parametrize("engine", ["auto", "sail"])
def test_check_what_no_engine_of_the_job_has(fails: Run, tmp_path: Path, engine: str) -> None:
    text = f"version: 1\ninput: {{format: orc, path: in}}\n{STEP}{OUT}spark: {{engine: {engine}}}\n"
    (tmp_path / "job.yaml").write_text(text)
    if engine == "sail":
        cause = "error[CONFIG_FORMAT] input.format: expected a format that Sail has, found orc; use parquet"
        assert fails(["check", "-c", "job.yaml"]) == (78, f"sparkscale: {cause} (exit 78)")
    else:
        with pytest.raises(SystemExit) as ended:
            entry.main(["check", "-c", "job.yaml"])
        assert ended.value.code == 0


@pytest.mark.parametrize(("more", "java", "code"), [
    ("", True, 69), ("", False, 0), ("spark: {master: 'local[2]'}\n", False, 69), ("spark: {engine: sail}\n", True, 0),
    ("spark: {remote: 'sc://host'}\n", True, 0),
    ("spark: {conf: {spark.jars.packages: 'io.delta:delta-spark_4.3_2.13:9'}}\n", True, 0),
])  # fmt: skip
def test_check_a_table_format_that_the_installed_pyspark_lacks(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    more: str,
    java: bool,
    code: int,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    (tmp_path / "job.yaml").write_text(HEAD + STEP + "output: {format: delta, path: out}\n" + more)
    monkeypatch.setattr(doctor, "version_of", {"pyspark": "4.3.0", "pysail": "0.7"}.get)
    monkeypatch.setattr(doctor, "has_java", lambda: java)
    assert entry._code_of(["check", "-c", "job.yaml"]) == code
    said = capsys.readouterr().err
    assert ("error[ENV_LAKE] expected Spark 4.0 or 4.1 for delta, found 4.3.0" in said) == bool(code)


def test_check_an_output_that_holds_this_very_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    (tmp_path / "job.yaml").write_text(HEAD + STEP + OUT)
    job = jobfile.load("job.yaml", "run")
    with files.claimed("out") as claim:
        claim.new.mkdir()
        (claim.new / "part").write_text("x")
        claim.publish("error", {"run_id": job.run_id})
    assert entry._code_of(["check", "-c", "job.yaml"]) == 0
    assert entry._code_of(["check", "-c", "job.yaml", "--set", "self_check=7"]) == 73


@pytest.mark.parametrize(("more", "cause"), [
    ("", "expected 'steps' to fit, or an 'artifact' to apply, found neither in the job file; add one of them"),
    (STEP, "expected 'output' in the job file, found none"),
    ("artifact: {path: store}\n", "expected 'output' in the job file, found none"),
])  # fmt: skip
def test_check_a_job_that_no_command_can_do(fails: Run, tmp_path: Path, more: str, cause: str) -> None:
    (tmp_path / "job.yaml").write_text(HEAD + more)
    assert cause in fails(["check", "-c", "job.yaml"])[1]


@pytest.mark.parametrize(("arguments", "code", "cause"), CALLS, ids=[" ".join(row[0]) for row in CALLS])
def test_refuse_call(fails: Run, arguments: list[str], code: int, cause: str) -> None:
    assert fails(arguments) == (code, f"sparkscale: {cause} (exit {code})")


def test_show_every_problem_before_the_last_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.yaml").write_text(next(text for name, _, text, _, _ in JOBS if name == "several at once"))
    with pytest.raises(SystemExit):
        entry.main(["check", "--config", "job.yaml"])
    assert capsys.readouterr().err.splitlines()[:-1] == [
        "  CONFIG_VALUE: job.yaml:3: steps[0].temperature: expected a finite number > 0, found 0",
        "  CONFIG_MISSING: job.yaml:3: steps[1].columns: expected key 'columns', found none",
        "  CONFIG_KEY: job.yaml:3: steps[1].column: unknown key 'column'; did you mean 'columns'?",
        "  CONFIG_KEY: job.yaml:5: engin: unknown key 'engin'; did you mean 'engine'?",
    ]


def test_show_traceback_on_request_only(fails: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        entry.main(["run", "--config", "gone.yaml", "--debug"])
    assert "Traceback" in capsys.readouterr().err
