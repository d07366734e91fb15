"""Job files: defaults, interpolation, the ids of runs, hostile files; no traceback."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import sparkscale as ss
from sparkscale.config import jobfile, yamlfile
from sparkscale.config.data import Input, public
from sparkscale.config.predicates import conditions
from sparkscale.errors import AccessError, ConfigError, InputMissingError, UsageError
from sparkscale.pipeline.schema import Field, Schema
from sparkscale.publish.runs import Run
from sparkscale.scalers.base import REGISTRY
from sparkscale.scalers.kinds import from_dict
from tests.config.conftest import JOB, problems
from tests.samples import NEEDED


def test_fill_defaults(job: Any) -> None:
    loaded = job().config
    assert (loaded.engine, loaded.self_check, loaded.output.mode, loaded.artifact, loaded.spark.engine) == (
        "auto", 1000, "error", None, "auto")  # fmt: skip
    assert loaded.steps == [REGISTRY["minmax"]("x")]


def test_take_texts_of_one_letter_and_none_without(job: Any) -> None:
    places = {"name": "n", "input.path": "i", "output.path": "o", "artifact.path": "a"}
    loaded = job(overrides=[f"{place}={letter}" for place, letter in places.items()]).config
    assert (loaded.name, loaded.input.path, loaded.output.path, loaded.artifact.path) == tuple("nioa")
    found = problems(job, overrides=[f"{place}=''" for place in places])
    assert set(found) == {f"--set {place}: expected text of at least 1 character, found ''" for place in places}


@pytest.mark.parametrize(
    ("text", "version"), [("promoted", "promoted"), ("newest", "newest"), ("3", 3), ("null", None)]
)
def test_take_versions_by_name_and_number(job: Any, text: str, version: Any) -> None:
    assert job(overrides=["artifact.path=a", f"artifact.version={text}"]).config.artifact.version == version
    environ = {"SPARKSCALE__ARTIFACT__PATH": "a", "SPARKSCALE__ARTIFACT__VERSION": text}
    assert job(environ=environ).config.artifact.version == version


def test_take_least_numbers_and_none_below(job: Any) -> None:
    loaded = job(overrides=["self_check=0", "artifact.path=a", "artifact.version=1"]).config
    assert (loaded.self_check, loaded.artifact.version) == (0, 1)
    found = problems(job, overrides=["self_check=-1", "artifact.path=a", "artifact.version=0"])
    assert set(found) == {
        "--set self_check: expected at least 0, found -1",
        "--set artifact.version: expected a whole number from 1, 'newest' or 'promoted', found 0",
    }


def test_interpolate_environment_date_and_run(job: Any) -> None:
    text = JOB.replace("path: in", "path: '${env:HOME_}/${date}'").replace(
        "path: out", "path: 'o/${run_id}/${env:NO:-d}'"
    )
    loaded = job(text, environ={"HOME_": "h"}, date="2026-02-03", run_id="r-1")
    assert (loaded.config.input.path, loaded.config.output.path, loaded.run_id) == ("h/2026-02-03", "o/r-1/d", "r-1")
    assert job(text, environ={"HOME_": "h"}).config.input.path[:4] == "h/20"


def test_name_a_run_by_its_content(job: Any) -> None:
    first, again, other = job(), job(date="2026-01-01"), job(overrides=["output.path=out-${date}"], date="2026-01-01")
    assert first.run_id == again.run_id != other.run_id
    assert jobfile.RUN_ID.fullmatch(first.run_id)
    assert not first.run.given
    assert job(overrides=["self_check=1"]).run_id != first.run_id
    assert job(overrides=["spark.app_name=x"]).run_id == first.run_id
    assert job(run_id="x").run == Run("x", given=True)


def test_name_a_run_by_its_input(job: Any, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").write_text("1")
    first = job().run_id
    assert job().run_id == first
    (tmp_path / "in" / "a").write_text("12")
    second = job().run_id
    (tmp_path / "in" / "b").write_text("")
    assert len({first, second, job().run_id}) == 3
    remote = [job(JOB.replace("path: in", "path: s3://bucket/in")).run_id for _ in range(2)]
    assert remote[0] != remote[1]  # nobody has looked: it is never the run that has finished


def test_name_a_transform_by_the_version_that_it_applies(job: Any, tmp_path: Path) -> None:
    """A version that it does not apply, and a promotion that changes nothing, are no reason to run again."""
    fitted, stats = ss.Pipeline([ss.Standard("x")]).fit_arrays({"x": [1.0, 2.0]}), str(tmp_path / "stats")

    def ids() -> list[str]:
        versions = ([], ["artifact.version=1"], ["artifact.version=newest"])
        common = {"command": "transform"}
        return [job(overrides=[f"artifact.path={stats}", *one], **common).run_id for one in versions]

    none = ids()
    fitted.save(stats)
    first = ids()
    assert not set(none) & set(first)
    ss.promote(stats, 1)
    assert ids() == first
    ss.Pipeline([ss.Standard("x")]).fit_arrays({"x": [1.0, 3.0]}).save(stats)
    assert [one == two for one, two in zip(ids(), first, strict=True)] == [True, True, False]
    ss.promote(stats, 2)
    assert [one == two for one, two in zip(ids(), first, strict=True)] == [False, True, False]


def test_fill_in_the_id_of_a_run(job: Any) -> None:
    text = JOB.replace("path: out", "path: 'out/${run_id}'")
    loaded = job(text)
    assert loaded.config.output.path == f"out/{loaded.run_id}"
    assert job(text).run_id == loaded.run_id
    other = [job(JOB.replace("path: in", "path: 'in/${run_id}'")).run_id for _ in range(2)]
    assert other[0] != other[1]


@pytest.mark.parametrize("run_id", ["", "a b", "../x", "a" * 65, "a\n", "ä"])
def test_refuse_run_id(job: Any, run_id: str) -> None:
    with pytest.raises(UsageError):
        job(run_id=run_id)


@pytest.mark.parametrize("value", ["${HOME}", "${env:}", "${env:A-B}", "${", "${{x}}", "${sh:ls}", "${env:A:-${date}}"])
def test_refuse_other_interpolation(job: Any, value: str) -> None:
    found = problems(job, JOB.replace("path: in", f"path: '{value}'"))
    assert "job.yaml:4: input.path: expected ${env:NAME}" in found[0]


def test_keep_secrets_beside_the_configuration(job: Any) -> None:
    text = JOB.replace("path: in", "path: 's3://user:${env:TOKEN}@host/${env:NO:-dir}'")
    loaded = job(text, environ={"TOKEN": "hunter2", "OTHER": "seen"})
    assert loaded.config.input.path == "s3://user:hunter2@host/dir"
    assert loaded.secrets == ("hunter2",)
    assert "secrets" not in repr(loaded)
    assert public(loaded.config.input.path) == "s3://host/dir"


def test_merge_anchors_of_plain_yaml(job: Any) -> None:
    text = JOB.replace(
        "  - kind: minmax\n    columns: x\n", "  - &one {kind: minmax, columns: x}\n  - {<<: *one, into: y}\n"
    )
    assert [step.into for step in job(text).config.steps] == [None, "y"]


def test_note_the_line_of_every_key_and_element() -> None:
    data, lines = yamlfile.parse(
        "# a comment\na:\n  b: 1\n  c:\n    - x\n    -\n      y: &y 2\nd: [*y,\n  3]\n", "job.yaml"
    )
    assert data == {"a": {"b": 1, "c": ["x", {"y": 2}]}, "d": [2, 3]}
    assert lines == {
        (): 2, ("a",): 2, ("a", "b"): 3, ("a", "c"): 4, ("a", "c", 0): 5, ("a", "c", 1): 7, ("a", "c", 1, "y"): 7,
        ("d",): 8, ("d", 0): 7, ("d", 1): 9,
    }  # fmt: skip


def test_read_keys_and_dates_as_they_are_written() -> None:
    data, _ = yamlfile.parse("null: ~\ntrue: yes\nfalse: false\n2013: 1.5\nday: 2026-01-31\n", "job.yaml")
    assert data == {"null": None, "true": "yes", "false": False, "2013": 1.5, "day": "2026-01-31"}


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcdefg", "bcdefgh", strict=True)
)
HOSTILE = {
    "alias bomb": BOMB,
    "deep": "a: " + "[" * 1100,
    "deep, closed": "a: " + "[" * 400 + "]" * 400,
    "python object": "a: !!python/object/apply:os.system ['true']",
    "own tag": "a: !secret x",
    "binary": "a: !!binary aGVsbG8=",
    "set": "a: !!set {x, y}",
    "recursive": "a: &a [*a]",
    "two documents": JOB + "---\n" + JOB,
    "duplicate": JOB + "version: 1\n",
    "tab": "a:\n\t- b",
    "other line breaks": "a: 1\rb: 2\x85\tc: 3\u2028  d",
    "byte order mark": "\ufeffa: *b",
    "control character": "a: \x00",
    "no key": "? [a, b]\n: c",
    "too large": "a: " + "x" * 1_000_001,
    "no such day": "a: 2026-13-45",
    "too many digits": "a: " + "9" * 5000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_refuse_hostile_yaml(job: Any, name: str) -> None:
    for problem in problems(job, HOSTILE[name]):
        assert problem.startswith("job.yaml")
        assert len(problem) < 400


def test_refuse_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_bytes(b"name: \xff\xfe")
    with pytest.raises(ConfigError, match="expected UTF-8 text"):
        jobfile.load(str(tmp_path / "job.yaml"))


@pytest.mark.parametrize("path", ["none.yaml", ".", "a\0b", "x" * 5000])
def test_miss_job_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises((InputMissingError, AccessError)) as caught:
        jobfile.load(path)
    assert caught.value.exit_code in (66, 77)


def test_make_model_of_every_step_from_its_fields(job: Any) -> None:
    """A scaler's own defaults, written out, are the step that leaves them out."""
    for kind, cls in REGISTRY.items():
        default = cls("x", **NEEDED.get(kind, {})).to_dict()
        keys = [item.name for item in dataclasses.fields(cls)]
        assert set(default) == {"kind", *keys}
        loaded = job(
            JOB.replace("minmax", kind), overrides=[f"steps.0.{key}={json.dumps(default[key])}" for key in keys]
        )
        assert loaded.config.steps == [from_dict(default)]
        needed = [f"steps.0.{key}={json.dumps(value)}" for key, value in NEEDED.get(kind, {}).items()]
        (found,) = problems(job, JOB.replace("minmax", kind), overrides=[*needed, "steps.0.colums=x"])
        assert found == "--set steps.0.colums: unknown key 'colums'; did you mean 'columns'?"


TYPES = {"n": "int", "price": "decimal(10,2)", "x": "double", "flag": "boolean", "name": "string", "day": "date",
         "at": "timestamp", "local": "timestamp_ntz", "items": "array<double>", "person": "struct", "raw": "binary"}  # fmt: skip
#: By predicate: the operators and values it comes to, or the values that it is refused for.
WHERE: list[tuple[dict[str, Any], dict[str, Any] | list[Any]]] = [
    ({"n": 2}, {"eq": 2}),
    ({"n": [1, 2.5]}, {"in": [1, 2.5]}),
    ({"x": {"ge": 1, "lt": 7.5}}, {"ge": 1, "lt": 7.5}),
    ({"price": {"in": [1], "null": False}}, {"in": [1], "null": False}),
    ({"x": {"nan": True}}, {"nan": True}),
    ({"x": {"nan": True, "null": False}}, {"null": False, "nan": True}),
    ({"x": {"nan": False, "ge": 1}}, {"ge": 1, "nan": False}),
    ({"flag": True}, {"eq": True}),
    ({"flag": {"ne": False}}, {"ne": False}),
    ({"flag": {"null": True}}, {"null": True}),
    ({"name": {"gt": "a", "le": "b"}}, {"gt": "a", "le": "b"}),
    ({"name": {"null": True}}, {"null": True}),
    ({"day": "2026-01-31"}, {"eq": "2026-01-31"}),
    ({"n": "2"}, ["2"]),
    ({"x": [1, "a", True]}, ["a", True]),
    ({"price": {"ge": False, "lt": "b"}}, ["b", False]),
    ({"flag": 1}, [1]),
    ({"flag": {"in": [0, True, "true"]}}, [0, "true"]),
    ({"name": 5}, [5]),
    ({"day": {"null": False, "lt": 2026}}, [2026]),
    ({"n": {"lt": 2**63 - 1, "ge": -(2**63)}}, {"lt": 2**63 - 1, "ge": -(2**63)}),
    ({"x": {"lt": 2**63, "gt": -(2**63) - 1}}, [2**63, -(2**63) - 1]),
    ({"x": {"lt": 1e30}}, {"lt": 1e30}),
    ({"raw": "abc"}, {"eq": "abc"}),
    (
        {"day": ["notadate", "2026-1-31", "20260131", "2026-02-30", "2026-01-31T00:00:00", "2026", "2026-W05-6"]},
        ["notadate", "2026-1-31", "20260131", "2026-02-30", "2026-01-31T00:00:00", "2026", "2026-W05-6"],
    ),
    (
        {
            "at": [
                "2026-01-31",
                "2026-01-31 12:00",
                "2026-01-31T12:00:00.5",
                "2026-01-31T12:00:00Z",
                "2026-01-31T12:00+02:00",
            ]
        },
        {
            "in": [
                "2026-01-31",
                "2026-01-31 12:00",
                "2026-01-31T12:00:00.5",
                "2026-01-31T12:00:00Z",
                "2026-01-31T12:00+02:00",
            ]
        },
    ),
    (
        {"at": ["2026-01-31T25:00:00", "noon", "2026-01-31T120000"]},
        ["2026-01-31T25:00:00", "noon", "2026-01-31T120000"],
    ),
    ({"local": {"ge": "2026-01-31T12:00:00"}}, {"ge": "2026-01-31T12:00:00"}),
    ({"local": {"ge": "2026-01-31T12:00:00Z"}}, ["2026-01-31T12:00:00Z"]),
    ({"items": {"eq": 1.0, "null": False}}, [1.0]),
    ({"items": {"null": False}}, {"null": False}),
    ({"person": "Ann"}, ["Ann"]),
]


@pytest.mark.parametrize(("where", "expected"), WHERE, ids=[str(where) for where, _ in WHERE])
def test_hold_predicates_against_types(job: Any, where: dict[str, Any], expected: dict[str, Any] | list[Any]) -> None:
    schema = Schema(tuple(Field(name, type_) for name, type_ in TYPES.items()))
    source = json.dumps({"format": "parquet", "path": "in", "where": where})
    ((column, parts),), wrong = conditions(job(overrides=[f"input={source}"]).config.input.where, schema, "flights")
    assert {column.name: column.type}.items() <= TYPES.items()
    assert [column.name] == list(where)
    if isinstance(expected, dict):
        assert (parts, wrong) == (expected, [])
        return
    assert {problem.code for problem in wrong} == {"SCHEMA_TYPE"}
    start = f"input.where: expected a value for column {column.name!r} of type {column.type}, found "
    assert [problem.cause for problem in wrong] == [f"{start}{value!r}" for value in expected]


def test_say_how_to_write_values_of_predicates(snapshot: Any) -> None:
    schema = Schema((Field("day", "date"), Field("items", "array<double>"), Field("x", "double")))
    _, wrong = conditions({"day": "notadate", "items": 1, "x": 10**30}, schema, "flights")
    snapshot("\n".join(map(str, wrong)))


def test_miss_columns_of_predicates(snapshot: Any) -> None:
    schema = Schema((Field("dep_delay", "double"), Field("n", "int")))
    found, wrong = conditions({"dep_dely": 1, "n": 2, "zzz": 3}, schema, "flights")
    assert [(column.name, parts) for column, parts in found] == [("n", {"eq": 2})]
    snapshot("\n".join(map(str, wrong)))


@given(st.text(max_size=60))
def test_read_any_text_or_refuse_it(text: str) -> None:
    with contextlib.suppress(ConfigError):  # and nothing else
        yamlfile.parse(text, "job.yaml")


PARTITIONS = [
    ("month int", {"month": "int"}),
    ("month int, day date", {"month": "int", "day": "date"}),
    ("`odd, name` decimal(10, 2), b: STRING", {"odd, name": "decimal(10, 2)", "b": "string"}),
    ("ts timestamp, tn timestamp_ntz", {"ts": "timestamp", "tn": "timestamp_ntz"}),
]


@pytest.mark.parametrize(("text", "types"), PARTITIONS)
def test_read_types_of_partitions(text: str, types: dict[str, str]) -> None:
    assert Input.model_validate({"format": "parquet", "path": "in", "partitions": text}).partitions == types


@pytest.mark.parametrize(
    "text",
    [
        "",
        "month",
        "int",
        "month integer",
        "month int, month int",
        "a array<int>",
        "a int b",
        "a int,",
        1,
        ["a int"],
        {"a": "int"},
    ],
)
def test_refuse_types_that_no_partition_has(text: object) -> None:
    with pytest.raises(ValidationError, match="partitions"):
        Input.model_validate({"format": "parquet", "path": "in", "partitions": text})


@pytest.mark.parametrize(
    "place", [{"format": "delta", "path": "in"}, {"table": "a.b"}, {"format": "csv", "table": "a.b"}]
)
def test_refuse_partitions_of_a_table(place: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="a table has its own partition types"):
        Input.model_validate({**place, "partitions": "month int"})


@pytest.mark.parametrize("name", ["n", "price", "flag", "name", "day", "items"])
def test_refuse_nan_of_what_holds_none(job: Any, name: str) -> None:
    schema = Schema(tuple(Field(name, type_) for name, type_ in TYPES.items()))
    source = json.dumps({"format": "parquet", "path": "in", "where": {name: {"nan": False}}})
    _, wrong = conditions(job(overrides=[f"input={source}"]).config.input.where, schema, "flights")
    cause = f"input.where: expected a float or double column for 'nan', but {name!r} is {TYPES[name]}"
    assert [(problem.code, problem.cause) for problem in wrong] == [("SCHEMA_TYPE", cause)]


@pytest.mark.parametrize("rule", [{"gt": 10}, {"ne": 1}, {"eq": 1}, {"in": [1]}, {"null": True}])
def test_refuse_a_comparison_beside_nan(job: Any, rule: dict[str, Any]) -> None:
    source = json.dumps({"format": "parquet", "path": "in", "where": {"x": {**rule, "nan": True}}})
    said = f"nan: true keeps only NaN, which never satisfies {next(iter(rule))!r}; remove one of them"
    with pytest.raises(ConfigError, match=said):
        job(overrides=[f"input={source}"])


def test_refuse_a_weight_beside_quantiles(job: Any, snapshot: Any) -> None:
    steps = "steps: [{kind: minmax, columns: x}, {columns: x, chain: [{kind: asinh}, {kind: robust}]}]\n"
    text = "version: 1\ninput: {format: parquet, path: in}\n" + steps
    assert job(text.replace("robust", "standard"), "weight: w\n").config.weight == "w"
    wrong = problems(job, text, "weight: w\n"), problems(job, text.replace("robust", "standard"), "weight: ''\n")
    snapshot("\n".join(found for (found,) in wrong))
