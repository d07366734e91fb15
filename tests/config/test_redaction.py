"""Secrets stay out of what is printed, however they are written there; what is a secret by its name, or in a URI."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparkscale.config import jobfile, redaction
from sparkscale.errors import ConfigError
from tests.processes import environment, sparkscale

LONG = "tok-" + "0123456789abcdef" * 20
KEY = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END KEY-----"


@pytest.mark.parametrize(("text", "secret", "shown"), [
    ("at hunter2!", "hunter2", "at ***!"),
    ("xyz", "xyz", "xyz"),
    ("wxyz", "wxyz", "***"),
    (f"found {'it' + chr(39) + 's' + chr(92)!r}", "it's\\", 'found "***"'),
    (f"found {json.dumps('tab' + chr(9) + 'é')}", "tab\té", 'found "***"'),
    ("s3://b/p%40ss%2Fword", "p@ss/word", "s3://b/***"),
    ("found 'tok-0123456789...", LONG, "found '***..."),
    ("found 'tok-0123456789'", LONG, "found '***'"),
    ("tok-0123456789", LONG, "***"),
    ("tok-0123456789abcdeX is another", LONG, "tok-0123456789abcdeX is another"),
    ("tok-0123456789abcdeX tok-01234", LONG, "tok-0123456789abcdeX ***"),
    ("tok-012", LONG, "tok-012"),
    ("s3://bucket/out", "s3://bucket/in", "s3://bucket/out"),
])  # fmt: skip
def test_hide_a_secret_in_every_form(text: str, secret: str, shown: str) -> None:
    assert redaction.hide(text, [secret]) == shown


def test_hide_lines_of_a_key() -> None:
    for text in (KEY, repr(KEY), " ".join(KEY.split()), " ".join(KEY.splitlines()), KEY.splitlines()[1], KEY[:30]):
        said = redaction.hide(f"found {text}", [KEY])
        assert not any(part in said for part in ("MIIE", "hkiG", "BEGIN"))


def test_hide_the_longer_of_two() -> None:
    assert redaction.hide("hunter2-hunter2!", ["hunter2", "hunter2-hunter2!"]) == "***"


@given(st.text(min_size=4, max_size=30), st.text(max_size=10), st.text(max_size=10))
def test_hide_any_secret_and_end(secret: str, before: str, after: str) -> None:
    said = redaction.hide(before + secret + after, [secret])
    assert secret not in said.replace("***", "\ue000")


def test_hide_in_values_and_not_in_keys() -> None:
    value: Any = {"hunter2": ["hunter2", 1, None, {"a": ("hunter2",)}], "b": True}
    assert redaction.hidden(value, ["hunter2"]) == {"hunter2": ["***", 1, None, {"a": ["***"]}], "b": True}


@pytest.mark.parametrize("name", [
    "my.password", "spark.hadoop.fs.s3a.secret.key", "spark.hadoop.fs.s3a.access.key", "fs.azure.account.key.x.net",
    "spark.ssl.keyPassword", "x.TOKEN", "api_key", "apiKey", "google.credentials", "db.passwd", "ssl.passphrase",
])  # fmt: skip
def test_know_secrets_by_their_names(name: str) -> None:
    assert list(redaction.named({name: "hunter2", "other": "seen"})) == ["hunter2"]
    assert list(redaction.named({name: {"deeper": ["hunter2", 12345]}})) == ["hunter2", "12345"]


@pytest.mark.parametrize("name", [
    "spark.sql.shuffle.partitions", "spark.hadoop.fs.s3a.aws.credentials.provider", "key", "spark.redaction.regex",
])  # fmt: skip
def test_know_what_is_none(name: str) -> None:
    assert list(redaction.named({name: "seen", "my.token": True, "my.secret": None})) == []


@pytest.mark.parametrize(("place", "secrets"), [
    ("s3://ann:hunter2@host/x", ["hunter2"]), ("sc://host:15002/;user_id=ann;token=hunter2", ["hunter2"]),
    ("az://c/x?sv=1&sig=hunter2&e=2", ["hunter2"]), ("abfss://box@account.net/x", []), ("a/b@c:d", []), ("file:/a", []),
])  # fmt: skip
def test_know_secrets_in_a_uri(place: str, secrets: list[str]) -> None:
    assert list(redaction.in_uri(place)) == secrets


def test_widen_sparks_pattern_by_what_it_misses() -> None:
    conf = {"my.key+": "a hunter2", "x.password": "hunter2", "other": "seen", "short": "abc"}
    assert redaction.pattern(conf, ["hunter2", "abc"]) == redaction.SPARKS + r"|my\.key\+"
    assert redaction.pattern(conf, ["hunter2"], "own") == r"own|my\.key\+"
    assert redaction.pattern({"x.password": "hunter2"}, ["hunter2"]) is None


# --- a job file's -------------------------------------------------------------------------------------------------

JOB = """version: 1
input: {format: parquet, path: "in/${env:PLACE}", where: {day: "${file:word}"}}
steps: [{kind: minmax, columns: x}]
output: {format: csv, path: "s3://ann:uri-word@host/x", options: {password: option-word}}
spark: {conf: {my.setting: "${env:PLACE}", my.password: named-word, spark.a: 1}}
"""
SECRETS = ("place-word", "file-word", "option-word", "uri-word", "named-word")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "word").write_text("file-word\n")
    (tmp_path / "job.yaml").write_text(JOB)
    return tmp_path


def test_collect_secrets_of_a_job_file(folder: Path) -> None:
    job = jobfile.load("job.yaml", environ={"PLACE": "place-word"})
    assert set(job.secrets) == set(SECRETS)
    assert not any(secret in repr(job) for secret in SECRETS)
    assert job.config.spark.conf["spark.redaction.regex"] == redaction.SPARKS + r"|my\.setting"


@pytest.mark.parametrize("more", ["remote: 'sc://h'", "engine: sail"])
def test_leave_the_pattern_of_a_server_alone(folder: Path, more: str) -> None:
    text = JOB.replace("spark: {", f"spark: {{{more}, ")
    (folder / "job.yaml").write_text(text)
    assert "spark.redaction.regex" not in jobfile.load("job.yaml", environ={"PLACE": "place-word"}).config.spark.conf


def test_add_to_the_job_files_own_pattern(folder: Path) -> None:
    (folder / "job.yaml").write_text(JOB.replace("spark.a: 1", "spark.redaction.regex: mine"))
    conf = jobfile.load("job.yaml", environ={"PLACE": "place-word"}).config.spark.conf
    assert conf["spark.redaction.regex"] == r"mine|my\.setting"


@pytest.mark.parametrize("wrong", [
    "input: {format: parquet, path: [a, '${env:LONG}']}", "input: {format: '${env:LONG}', path: a}",
    "input: {format: parquet, path: a, where: {x: {ge: ['${env:LONG}']}}}",
    "input: {format: '" + "x" * 70 + "${env:LONG}', path: a}",
])  # fmt: skip
def test_hide_what_an_error_cuts(folder: Path, wrong: str) -> None:
    (folder / "job.yaml").write_text(f"version: 1\n{wrong}\n")
    with pytest.raises(ConfigError) as caught:
        jobfile.load("job.yaml", environ={"LONG": LONG})
    assert "tok-" not in caught.value.line
    assert "***" in caught.value.line


def test_hide_wrong_values_of_secret_settings(folder: Path) -> None:
    (folder / "job.yaml").write_text(JOB.replace("my.password: named-word", "my.password: [named-word]"))
    with pytest.raises(ConfigError) as caught:
        jobfile.load("job.yaml", environ={"PLACE": "place-word"})
    assert "spark.conf.my.password" in caught.value.line
    assert "named-word" not in caught.value.line


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [
    ("check", "--json"), ("check", "--json", "--debug"), ("run", "--debug"), ("run", "--json"),
    ("check", "--debug", "--set", "engine=${env:PLACE}"), ("fit", "--debug", "--set", "artifact.path=in/${file:word}"),
])  # fmt: skip
def test_say_no_secret_in_a_process(folder: Path, arguments: tuple[str, ...]) -> None:
    if arguments[:2] == ("check", "--json"):  # of a job that a run would not refuse
        (folder / "in" / "place-word").mkdir(parents=True)
        arguments = (*arguments, "--set", "output.format=delta")
    done = sparkscale(*arguments, "-c", "job.yaml", cwd=folder, env=environment(PLACE="place-word"))
    said = done.stdout + done.stderr
    assert said
    assert done.returncode == (0 if arguments[:2] == ("check", "--json") else 78 if arguments[0] == "check" else 66), (
        said
    )
    assert not [secret for secret in SECRETS if secret in said], said
    if done.returncode == 0:
        config = json.loads(done.stdout)["config"]
        assert (config["input"]["path"], config["input"]["where"]) == ("in/***", {"day": "***"})
        assert (config["output"]["path"], config["output"]["options"]) == ("s3://ann:***@host/x", {"password": "***"})
    else:
        assert ("Traceback" in done.stderr) == ("--debug" in arguments)
