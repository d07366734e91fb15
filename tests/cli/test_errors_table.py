"""Wrong calls and job files that need no Spark: each with its exit code and its exact last line on stderr, in snapshots."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import sparkscale as ss
from sparkscale import doctor
from sparkscale.artifact import document, envelope, store
from sparkscale.cli import entry
from sparkscale.config import jobfile
from sparkscale.pipeline.fitted import Fitted
from sparkscale.publish import files
from tests.refusals import HEAD, OUT, STEP, ended, provoked, step, where

#: What is wrong, the command, and the job file. The exit code and the last line are in the snapshot.
JOBS: list[tuple[str, str, str]] = [
    ("unknown key", "check", HEAD + STEP + OUT + "engin: native\n"),
    ("unknown key in section", "check", HEAD + STEP + "output: {format: parquet, path: out, mod: error}\n"),
    ("unknown key in step", "check", step("{kind: minmax, columns: x, rang: [0, 1]}")),
    ("unknown key of another kind", "check", step("{kind: minmax, columns: x, temperature: 2}")),
    ("unknown kind", "check", step("{kind: minmx, columns: x}")),
    ("no kind", "check", step("{columns: x}")),
    ("no columns", "check", step("{kind: minmax}")),
    ("empty columns", "check", step("{kind: minmax, columns: []}")),
    ("duplicate key", "check", HEAD + STEP + OUT + "version: 1\n"),
    ("duplicate key in step", "check", step("{kind: minmax, kind: standard, columns: x}")),
    ("range reversed", "check", step("{kind: minmax, columns: x, range: [1, -1]}")),
    ("range of one", "check", step("{kind: minmax, columns: x, range: [1]}")),
    ("range of text", "check", step("{kind: minmax, columns: x, range: [a, b]}")),
    ("range infinite", "check", step("{kind: minmax, columns: x, range: [0, .inf]}")),
    ("no regular expression", "check", step("{kind: minmax, columns: '/(/'}")),
    ("temperature 0", "check", step("{kind: softmax, columns: x, temperature: 0}")),
    ("temperature negative", "check", step("{kind: log_softmax, columns: x, temperature: -1.5}")),
    ("temperature nan", "check", step("{kind: softmax, columns: x, temperature: .nan}")),
    ("ddof 2", "check", step("{kind: standard, columns: x, ddof: 2}")),
    ("quantile range", "check", step("{kind: robust, columns: x, quantile_range: [75, 25]}")),
    ("unknown norm", "check", step("{kind: unit_norm, columns: x, norm: l3}")),
    ("wrong nulls", "check", step("{kind: softmax, columns: x, nulls: maskk}")),
    ("wrong dtype", "check", step("{kind: minmax, columns: x, dtype: float16}")),
    ("text for flag", "check", step("{kind: minmax, columns: x, clip: 'yes'}")),
    ("empty into", "check", step("{kind: minmax, columns: x, into: ''}")),
    ("wrong selector", "check", step("{kind: minmax, columns: {dtype: number}}")),
    ("newer version", "check", "version: 2\ninput: {format: parquet, path: in}\n" + STEP + OUT),
    ("true for version", "check", "version: true\ninput: {format: parquet, path: in}\n" + STEP + OUT),
    ("text for version", "check", "version: '1'\ninput: {format: parquet, path: in}\n" + STEP + OUT),
    ("fraction for version", "check", "version: 1.0\ninput: {format: parquet, path: in}\n" + STEP + OUT),
    ("no version", "check", "input: {format: parquet, path: in}\n" + STEP + OUT),
    ("no input", "check", "version: 1\n" + STEP + OUT),
    ("wrong format", "check", "version: 1\ninput: {format: parqet, path: in}\n" + STEP + OUT),
    ("wrong mode", "check", HEAD + STEP + "output: {format: parquet, path: out, mode: replace}\n"),
    ("negative self_check", "check", HEAD + STEP + OUT + "self_check: -1\n"),
    ("large self_check", "check", HEAD + STEP + OUT + "self_check: 2147483648\n"),
    ("number for text", "check", HEAD + STEP + OUT + "name: 3\n"),
    ("fraction for whole number", "check", HEAD + STEP + OUT + "self_check: 1.5\n"),
    ("what a line can hold", "check", HEAD + STEP + OUT + f"self_check: {'y' * 78}\n"),
    ("more than a line can hold", "check", HEAD + STEP + OUT + f"self_check: {'y' * 79}\n"),
    ("text for list of steps", "check", HEAD + "steps: x\n" + OUT),
    ("number for step", "check", step("3")),
    ("number for range", "check", step("{kind: minmax, columns: x, range: 5}")),
    ("number for columns", "check", step("{kind: minmax, columns: 3}")),
    ("number for column", "check", step("{kind: minmax, columns: [x, 3]}")),
    ("unknown key of selector", "check", step("{kind: minmax, columns: {dtype: numeric, exept: [a]}}")),
    ("no key of selector", "check", step("{kind: minmax, columns: [{pattern: a}]}")),
    ("text for list of exceptions", "check", step("{kind: minmax, columns: {except: a}}")),
    ("empty path", "check", HEAD + STEP + "output: {format: parquet, path: ''}\n"),
    ("version 0 of artifact", "check", HEAD + STEP + OUT + "artifact: {path: a, version: 0}\n"),
    ("number for options of spark", "check", HEAD + STEP + OUT + "spark: {conf: 5}\n"),
    ("unknown key by another name", "check", "version: 1\ninput: {format: csv, path: in, schem: x}\n" + STEP + OUT),
    ("number for predicates", "check", where("5")),
    ("unknown operator", "check", where("{x: {ge: 1, lq: 2}}")),
    ("number for values", "check", where("{x: {in: 5}}")),
    ("number for null", "check", where("{x: {null: 1}}")),
    ("equal to null", "check", where("{x: {eq: null}}")),
    ("null among parts", "check", where("{x: {ge: 1, in: ~}}")),
    ("no condition", "check", where("{x: {}}")),
    ("list of lists", "check", where("{x: [1, [2]]}")),
    ("infinite bound", "check", where("{x: {gt: .inf}}")),
    ("list for mapping", "check", HEAD + STEP + "output: [out]\n"),
    ("not YAML", "check", HEAD + "steps: [\n"),
    ("name with * without quotes", "check", HEAD + "steps:\n  - kind: minmax\n    columns: *_delay\n"),
    ("name with * in a list", "check", step("{kind: minmax, columns: [x, *]}")),
    ("tab at the start", "check", HEAD + "steps:\n  - kind: minmax\n\tcolumns: x\n"),
    ("tab inside", "check", HEAD + "name:\tx\n"),
    ("indented too little", "check", HEAD + "steps:\n  - kind: minmax\n   columns: x\n"),
    ("indented too much", "check", HEAD + "steps:\n  - kind: minmax\n\n    # why\n     columns: x\n"),
    ("steps indented differently", "check", HEAD + "steps:\n - kind: minmax\n  - kind: robust\n"),
    ("two colons", "check", HEAD + "name: a: b\n"),
    ("no colon", "check", HEAD + "name\n" + STEP),
    ("sign that YAML keeps", "check", HEAD + "name: @x\n"),
    ("quote not closed", "check", HEAD + "name: 'x\n"),
    ("backslash in double quotes", "check", step('{kind: minmax, columns: "/\\d/"}')),
    ("a list", "check", "- 1\n"),
    ("empty file", "check", ""),
    ("a tag", "check", HEAD + "name: !!python/object:os.system x\n"),
    ("unset variable", "check", "version: 1\ninput: {format: parquet, path: '${env:NOT_THERE}'}\n" + STEP + OUT),
    ("wrong reference", "check", "version: 1\ninput: {format: parquet, path: '${HOME}'}\n" + STEP + OUT),
    ("several at once", "check", HEAD + "steps: [{kind: softmax, columns: x, temperature: 0}, {kind: minmax, column: x}]\n" + OUT + "engin: x\n"),
    ("no output", "run", HEAD + STEP),
    ("no steps", "run", HEAD + OUT),
    ("fit without artifact", "fit", HEAD + STEP + OUT),
    ("transform without artifact", "transform", HEAD + OUT),
    ("transform without artifact and output", "transform", HEAD),
    ("input not there", "run", "version: 1\ninput: {format: parquet, path: nothing}\n" + STEP + OUT),
    ("output is input", "run", HEAD + STEP + "output: {format: parquet, path: in}\n"),
    ("output inside input", "run", HEAD + STEP + "output: {format: parquet, path: in/deeper}\n"),
    ("output around input", "run", "version: 1\ninput: {format: parquet, path: in/part}\n" + STEP + "output: {format: parquet, path: in}\n"),
    ("output exists", "run", HEAD + STEP + "output: {format: parquet, path: there}\n"),
    ("output is a file", "run", HEAD + STEP + "output: {format: parquet, path: file, mode: overwrite}\n"),
    ("output where nothing announces", "run", HEAD + STEP + "output: {format: parquet, path: 'hdfs://host/out'}\n"),
    ("reference to a missing file", "check", "version: 1\ninput: {format: parquet, path: '${file:secret}'}\n" + STEP + OUT),
    ("path without format", "check", "version: 1\ninput: {path: in}\n" + STEP + OUT),
    ("path and table", "check", "version: 1\ninput: {format: delta, path: in, table: db.t}\n" + STEP + OUT),
    ("neither path nor table", "check", "version: 1\ninput: {format: parquet}\n" + STEP + OUT),
    ("odd name of a table", "check", "version: 1\ninput: {table: 'a b'}\n" + STEP + OUT),
    ("version of plain files", "check", "version: 1\ninput: {format: parquet, path: in, version: 3}\n" + STEP + OUT),
    ("snapshot of Delta", "check", "version: 1\ninput: {format: delta, path: in, snapshot: 3}\n" + STEP + OUT),
    ("version and timestamp", "check", "version: 1\ninput: {format: delta, path: in, version: 3, timestamp: '2026-01-31'}\n" + STEP + OUT),
    ("no time", "check", "version: 1\ninput: {format: delta, path: in, timestamp: yesterday}\n" + STEP + OUT),
    ("schema of a table", "check", "version: 1\ninput: {format: delta, path: in, schema: 'x double'}\n" + STEP + OUT),
    ("partitions of a table", "check", "version: 1\ninput: {format: delta, path: in, partitions: 'month int'}\n" + STEP + OUT),
    ("partitions without types", "check", "version: 1\ninput: {format: parquet, path: in, partitions: month}\n" + STEP + OUT),
    ("unknown option of CSV", "check", "version: 1\ninput: {format: csv, path: in, options: {separator: ';'}}\n" + STEP + OUT),
    ("unknown option of Parquet", "check", HEAD + STEP + "output: {format: parquet, path: out, options: {compresion: zstd}}\n"),
    ("partitions without partition_by", "check", HEAD + STEP + "output: {format: parquet, path: out, mode: overwrite_partitions}\n"),
    ("partition_by twice", "check", HEAD + STEP + "output: {format: parquet, path: out, partition_by: [a, a]}\n"),
    ("rows_per_file of Iceberg", "check", HEAD + STEP + "output: {format: iceberg, path: out, rows_per_file: 10}\n"),
    ("action of schema drift", "check", HEAD + STEP + OUT + "schema_drift: {extra: fail}\n"),
    ("key of an earlier version", "check", HEAD + STEP + OUT + "verify: 100\n"),
    ("weight of quantiles", "check", HEAD + "steps: [{kind: robust, columns: x}]\n" + OUT + "weight: w\n"),
    ("clip without limits", "check", step("{kind: clip, columns: x}")),
    ("clip by limits and quantiles", "check", step("{kind: clip, columns: x, limits: [0, 1], quantiles: [0.01, 0.99]}")),
    ("impute by a word", "check", step("{kind: impute, columns: x, value: average}")),
    ("power of an unknown method", "check", step("{kind: power, columns: x, method: boxcox}")),
    ("quantile without knots", "check", step("{kind: quantile, columns: x, knots: 1}")),
    ("variance at the ends", "check", step("{kind: robust, columns: x, quantile_range: [0, 100], unit_variance: true}")),
    ("chain without stages", "check", step("{columns: x, chain: []}")),
    ("softmax in a chain", "check", step("{columns: x, chain: [{kind: softmax}]}")),
    ("columns of a stage", "check", step("{columns: x, chain: [{kind: asinh, columns: y}]}")),
    ("outputs of a softmax", "check", step("{kind: softmax, columns: [x, y], outputs: {winner: w}}")),
    ("nan beside a condition", "check", where("{x: {nan: true, ge: 1}}")),
    ("a character of control", "check", HEAD + "name: \x07\n"),
    ("too deep", "check", HEAD + f"name: {'[' * 70}{']' * 70}\n"),
    ("too large", "check", HEAD + STEP + OUT + "#" * 1_000_000),
    ("artifact inside input", "run", HEAD + STEP + OUT + "artifact: {path: in/stats}\n"),
    ("artifact inside output", "run", HEAD + STEP + OUT + "artifact: {path: out/stats}\n"),
    ("artifact not there", "transform", HEAD + OUT + "artifact: {path: gone}\n"),
    ("version of the artifact not there", "transform", HEAD + OUT + "artifact: {path: store, version: 9}\n"),
    ("input as output table", "check", "version: 1\ninput: {table: db.t}\n" + STEP + "output: {table: db.t}\n"),
    ("neither steps nor artifact", "check", HEAD + OUT),
]  # fmt: skip

#: Wrong calls.
CALLS: list[list[str]] = [
    ["nope"],
    ["run"],
    ["check", "-c", "good.yaml", "--set", "x"],
    ["check", "-c", "good.yaml", "--run-id", "a/b"],
    ["check", "-c", "good.yaml", "--run-id", ".."],
    ["check", "-c", "good.yaml", "--date", "x"],
    ["check", "-c", "good.yaml", "--date", "2020-99-99"],
    ["check", "-c", "good.yaml", "--set", "self_check=many"],
    ["run", "-c", "gone.yaml"],
    ["inspect", "gone"],
    ["inspect", "there"],
    ["inspect", "store", "--version", "7"],
    ["inspect", "store", "--version", "promoted"],
    ["inspect", "store", "--version", "latest"],
    ["inspect", "store/00000001.json", "--version", "1"],
    ["versions", "gone"],
    ["versions", "there"],
    ["versions", "file"],
    ["promote", "gone", "1"],
    ["promote", "store", "7"],
    ["promote", "store", "1", "--reason", "x" * 1001],
    ["promote", "ftp://host/x", "1"],
    ["rollback", "gone"],
    ["rollback", "store"],
    ["inspect", "ftp://host/x"],
    ["inspect", ""],
    ["inspect", "store", "--version", "x"],
    ["inspect", "odd:name"],
    ["inspect", "newer.json"],
    ["inspect", "damaged.json"],
    ["inspect", "text.json"],
    ["inspect", "empty.json"],
    ["inspect", "other.json"],
    ["inspect", "kinds.json"],
    ["inspect", "good.yaml"],
    ["check"],
    ["check", "good.yaml"],
    ["check", "-c", "good.yaml", "--nope"],
    ["check", "-c", "good.yaml", "--set", "steps.7.kind=robust"],
    ["check", "-c", "good.yaml", "--set", "version.x=1"],
    ["check", "-c", "good.yaml", "--set", "output.mod=append"],
    ["check", "-c", "good.yaml", "-c", "local.yaml"],
    ["check", "-c", "latin.yaml"],
    ["check", "-c", "in"],
    ["init", "--example", "nightli"],
    ["verify", "-c", "good.yaml"],
    ["verify", "-c", "bucket.yaml"],
    ["recover", "-c", "no_output.yaml"],
]  # fmt: skip

Run = Callable[[list[str]], str]
Snapshot = Callable[[str], None]

#: Those that `check` refuses as `run` does.
RUNS = [row for row in JOBS if row[1] == "run" and row[0] not in ("no output", "no steps")]


def bad_artifacts() -> dict[str, bytes]:
    """Return artifacts that cannot be loaded, by name."""
    good = document.dump(ss.Pipeline([ss.Standard("x")]).fit_arrays({"x": [1.0, 2.0]}))
    unknown = json.loads(good.replace(b'"kind": "standard"', b'"kind": "standrad"'))
    unknown["checksum"] = envelope.checksum({key: value for key, value in unknown.items() if key != "checksum"})
    return {
        "newer": json.dumps(json.loads(good) | {"format_version": 2}).encode(),
        "damaged": good.replace(b'"rows": 2', b'"rows": 3', 1),
        "text": b"not JSON",
        "empty": b"",
        "other": b'{"format": "something else"}',
        "kinds": json.dumps(unknown).encode(),
    }


@pytest.fixture
def fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Give a function that calls the command in a folder, and returns exit code and last line on stderr."""
    monkeypatch.chdir(tmp_path)
    for folder in ("in/part", "there"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "file").write_text("x")
    (tmp_path / "good.yaml").write_text(HEAD + STEP + OUT)
    store.save(Fitted((), (), {}, (), None), "store")
    (tmp_path / "local.yaml").write_text(HEAD + STEP + OUT + "spark: {master: 'local[2]'}\n")
    (tmp_path / "latin.yaml").write_bytes("name: Müller\n".encode("latin-1"))
    (tmp_path / "bucket.yaml").write_text(HEAD + STEP + "output: {format: parquet, path: 's3://bucket/out'}\n")
    (tmp_path / "no_output.yaml").write_text(HEAD + STEP)
    for name, data in bad_artifacts().items():
        (tmp_path / f"{name}.json").write_bytes(data)

    def run(arguments: list[str]) -> str:
        before = sorted(tmp_path.rglob("*"))
        end = ended(arguments, capsys)
        assert sorted(tmp_path.rglob("*")) == before
        return end

    return run


@pytest.mark.parametrize(("command", "text"), [row[1:] for row in JOBS], ids=[row[0] for row in JOBS])
def test_refuse_job_file(fails: Run, snapshot: Snapshot, tmp_path: Path, command: str, text: str) -> None:
    (tmp_path / "job.yaml").write_text(text)
    end = fails([command, "--config", "job.yaml"])
    snapshot(f"{provoked([command], text)}\n{end}")
    if (command, text) in [row[1:] for row in RUNS]:
        assert fails(["check", "--config", "job.yaml"]) == end


@pytest.mark.parametrize("artifact", ["{path: gone}", "{path: store, version: 9}"])
def test_start_no_engine_for_an_artifact_that_is_not_there(
    fails: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, artifact: str
) -> None:
    opening = pytest.importorskip("sparkscale.run.opening")
    monkeypatch.setattr(opening, "session", lambda *_, **__: pytest.fail("an engine was started"))
    (tmp_path / "job.yaml").write_text(f"{HEAD}{OUT}artifact: {artifact}\n")
    assert fails(["transform", "-c", "job.yaml"]).startswith("exit 66\n")


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
    assert fails(["check", "-c", "job.yaml"]).startswith("exit 66\n")
    (tmp_path / "job.yaml").write_text(f"version: 1\ninput: {{format: parquet, path: 'in/{{a,b}}'}}\n{STEP}{OUT}")
    with pytest.raises(SystemExit) as ended:
        entry.main(["check", "-c", "job.yaml"])
    assert ended.value.code == 0


@pytest.mark.parametrize("engine", ["auto", "sail"])
def test_check_what_no_engine_of_the_job_has(fails: Run, tmp_path: Path, engine: str) -> None:
    text = f"version: 1\ninput: {{format: orc, path: in}}\n{STEP}{OUT}spark: {{engine: {engine}}}\n"
    (tmp_path / "job.yaml").write_text(text)
    if engine == "sail":
        assert "error[CONFIG_FORMAT] input.format: " in fails(["check", "-c", "job.yaml"])
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
    (STEP, "the job file has no 'output'; add it"),
    ("artifact: {path: store}\n", "the job file has no 'output'; add it"),
])  # fmt: skip
def test_check_a_job_that_no_command_can_do(fails: Run, tmp_path: Path, more: str, cause: str) -> None:
    (tmp_path / "job.yaml").write_text(HEAD + more)
    assert cause in fails(["check", "-c", "job.yaml"])


@pytest.mark.parametrize("arguments", CALLS, ids=[" ".join(row) for row in CALLS])
def test_refuse_call(fails: Run, snapshot: Snapshot, arguments: list[str]) -> None:
    snapshot(f"{provoked(arguments)}\n{fails(arguments)}")


def test_show_every_problem_before_the_last_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.yaml").write_text(next(text for name, _, text in JOBS if name == "several at once"))
    with pytest.raises(SystemExit):
        entry.main(["check", "--config", "job.yaml"])
    assert capsys.readouterr().err.splitlines()[:-1] == [
        "  CONFIG_VALUE: job.yaml:3: steps[0].temperature: expected a finite number > 0, or {fit: label}, found 0",
        "  CONFIG_MISSING: job.yaml:3: steps[1].columns: this key is missing; add it",
        "  CONFIG_KEY: job.yaml:3: steps[1].column: unknown key 'column'; did you mean 'columns'?",
        "  CONFIG_KEY: job.yaml:5: engin: unknown key 'engin'; did you mean 'engine'?",
    ]


def test_show_traceback_on_request_only(fails: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        entry.main(["run", "--config", "gone.yaml", "--debug"])
    assert "Traceback" in capsys.readouterr().err
