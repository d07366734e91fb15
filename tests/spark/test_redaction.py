"""Secrets of a job file stay out of all that a run on Spark leaves: reports, tracebacks, artifact, Spark's own account."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.processes import assert_done, environment, last_line, sparkscale

JOB = """version: 1
input: {format: parquet, path: "in/${env:PLACE}", where: {name: "${file:word}"}}
steps: [{kind: minmax, columns: x}]
artifact: {path: "stats-${env:PLACE}"}
output: {format: parquet, path: "out-${env:PLACE}", mode: overwrite}
spark:
  engine: ENGINE
  master: local[1]
  conf:
    my.setting: "a ${file:other}"
    my.password: named-word
    my.plain: seen-word
    spark.eventLog.enabled: true
    spark.eventLog.compress: false
    spark.eventLog.dir: FOLDER/events
"""
SECRETS = ("place-word", "file-word", "other-word", "named-word")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in" / "place-word").mkdir(parents=True)
    (tmp_path / "events").mkdir()
    table = pa.table({"x": [1.0, 2.0, 3.0], "name": ["file-word"] * 2 + ["b"]})
    pq.write_table(table, tmp_path / "in" / "place-word" / "1.parquet")
    (tmp_path / "word").write_text("file-word\n")
    (tmp_path / "other").write_text("other-word\n")
    return tmp_path


@pytest.mark.parametrize("engine", ["spark", "sail"])
def test_leave_no_secret_behind(folder: Path, engine: str) -> None:
    text = JOB.replace("FOLDER", str(folder)).replace("ENGINE", engine)
    (folder / "job.yaml").write_text(text if engine == "spark" else text.partition("  conf:")[0])
    command = ("run", "-c", "job.yaml", "--json")
    done = sparkscale(*command, cwd=folder, env=environment(PLACE="place-word"))
    assert_done(done)
    said = done.stdout + done.stderr
    assert not [secret for secret in SECRETS if secret in said], said
    summary = json.loads(done.stdout)
    assert (summary["rows"], summary["artifact"]["path"], summary["output"]["path"]) == (2, "stats-***", "out-***")
    assert pq.read_table(folder / "out-place-word").num_rows == 2
    artifact = (folder / "stats-place-word" / "00000001.json").read_text()
    assert not [secret for secret in SECRETS if secret in artifact]
    assert json.loads(artifact)["provenance"]["inputs"] == [
        {"format": "parquet", "path": "in/***", "where": {"name": "***"}}]  # fmt: skip
    if engine == "spark":
        _check_events(folder / "events")


def _check_events(folder: Path) -> None:
    """Hold Spark's own account of its settings to it; a query's plan names its paths and literals, secret or not."""
    events = [json.loads(line) for path in folder.rglob("*events*") if path.is_file() for line in path.open()]
    (settings,) = (event for event in events if event["Event"] == "SparkListenerEnvironmentUpdate")
    properties = settings["Spark Properties"]
    assert {key: properties[key] for key in ("my.setting", "my.password", "my.plain")} == {
        "my.setting": "*********(redacted)", "my.password": "*********(redacted)", "my.plain": "seen-word"}  # fmt: skip
    assert not [secret for secret in SECRETS if secret in json.dumps(settings)]


@pytest.mark.parametrize(("old", "new", "code", "cause"), [
    pytest.param("where: {name:", "where: {x:", 65, "found '***'", id="predicate"),
    pytest.param("my.plain: seen-word", "spark.sql.shuffle.partitions: '${file:other}'", 78, "", id="setting"),
])  # fmt: skip
def test_hide_secrets_in_what_spark_says(folder: Path, old: str, new: str, code: int, cause: str) -> None:
    """A predicate that does not fit, and a setting that Spark refuses: with the whole traceback."""
    text = JOB.replace("FOLDER", str(folder)).replace("ENGINE", "spark")
    assert old in text
    (folder / "job.yaml").write_text(text.replace(old, new))
    done = sparkscale("run", "-c", "job.yaml", "--debug", cwd=folder, env=environment(PLACE="place-word"))
    assert done.returncode == code, done.stderr
    assert cause in last_line(done)
    assert "Traceback" in done.stderr
    assert not [secret for secret in SECRETS if secret in done.stderr], done.stderr
