"""The rejection matrix: each key of each model, of a wrong type, null, or beside one that is unknown, is 78 and named."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from sparkscale.config import jobfile
from sparkscale.config.data import Artifact, Input, Output
from sparkscale.config.models import JobConfig, SchemaDrift, Spark, Statistics
from sparkscale.config.monitoring import Baseline, Bounds, Drift, Expect, Levels, Metrics
from sparkscale.config.origins import dotted
from sparkscale.config.states import States
from sparkscale.config.where import Condition
from sparkscale.errors import ConfigError
from sparkscale.scalers.base import REGISTRY, Scaler
from sparkscale.scalers.selectors import ByDtype
from tests.samples import NEEDED

#: Where each model stands, and its keys with a value that is right.
MODELS: dict[str, tuple[tuple[str | int, ...], type, dict[str, Any]]] = {
    "job": ((), JobConfig, {
        "version": 1, "name": "n", "input": {"format": "parquet", "path": "in"}, "steps": [],
        "artifact": {"path": "a"}, "states": {"path": "s", "by": ["k"]}, "weight": "w", "expect": [], "drift": None, "metrics": None, "output": {"format": "csv", "path": "out"}, "engine": "auto", "self_check": 10, "audit": True, "schema_drift": {},
        "statistics": {}, "spark": {}}),
    "input": (("input",), Input, {
        "format": "csv", "path": "in", "schema": "a int", "partitions": "k int", "where": {}, "options": {}}),
    "artifact": (("artifact",), Artifact, {"path": "a", "version": 1}),
    "states": (("states",), States, {"path": "s", "by": ["k"], "keep": 2, "missing": "drop", "quantile_error": 0.013}),
    "output": (("output",), Output, {
        "format": "csv", "path": "out", "mode": "error", "partition_by": [], "rows_per_file": 5, "options": {}}),
    "input of a table": (("input",), Input, {"format": "table", "table": "db.t", "where": {}, "options": {}}),
    "input of a version": (("input",), Input, {"format": "delta", "path": "in", "version": 1}),
    "input of a snapshot": (("input",), Input, {"format": "iceberg", "path": "in", "snapshot": 1}),
    "input of a tag": (("input",), Input, {"format": "iceberg", "path": "in", "tag": "a"}),
    "input of a time": (("input",), Input, {"format": "delta", "path": "in", "timestamp": "2026-01-01"}),
    "output of a table": (("output",), Output, {"format": "delta", "table": "db.t"}),
    "schema_drift": (("schema_drift",), SchemaDrift, dict.fromkeys(SchemaDrift.model_fields, "warn")),
    "statistics": (("statistics",), Statistics, {"reproducible": False, "sketch": "needed"}),
    "expect": (("expect", 0), Expect, {
        "columns": ["x"], "nulls": {"le": 1}, "nan": {"le": 1}, "infinite": {"le": 1}, "min": {"ge": 0}, "max": {"le": 9},
        "mean": {"gt": 0}, "std": {"lt": 9}, "constant": False, "rows": {"ge": 1}, "on_fail": "warn"}),
    "bounds": (("expect", 0, "nulls"), Bounds, {"ge": 0, "gt": -1, "le": 1, "lt": 2, "eq": 0.5}),
    "drift": (("drift",), Drift, {
        "baseline": {"path": "b"}, "thresholds": {}, "columns": {}, "min_rows": 10, "on_fail": "warn"}),
    "baseline": (("drift", "baseline"), Baseline, {"path": "b", "version": 1}),
    "levels": (("drift", "thresholds", "ks"), Levels, {"warn": 0.1, "error": 0.2}),
    "metrics": (("metrics",), Metrics, {"path": "m", "format": "delta"}),
    "spark": (("spark",), Spark, {
        "engine": "auto", "app_name": "x", "master": "local", "remote": "sc://h", "connect_timeout": 5.0, "conf": {}}),
    "condition": (("input", "where", "x"), Condition, {
        "eq": 1, "ne": 1, "lt": 1, "le": 1, "gt": 1, "ge": 1, "in": [1], "null": True, "nan": False}),
    "by dtype": (("steps", 0, "columns"), ByDtype, {"dtype": "numeric", "except": ["a"]}),
    **{kind: (("steps", 0), cls, {"kind": kind, **{key: value for key, value in cls("x", **NEEDED.get(kind, {})).to_dict().items() if key != "kind"}})
       for kind, cls in REGISTRY.items()},
}  # fmt: skip
#: What takes null: it is the default, or a condition's null, which is refused with a hint of its own.
NULLABLE = {
    ("job", "weight"),
    ("job", "artifact"),
    ("job", "output"),
    ("job", "states"),
    ("states", "keep"),
    ("input", "schema"),
    ("artifact", "version"),
}
NULLABLE |= {("output", "rows_per_file"), *(("input of a " + key, key) for key in ("version", "snapshot", "tag"))}
NULLABLE |= {("input of a time", "timestamp")}
NULLABLE |= {
    ("job", "drift"),
    ("job", "metrics"),
    ("statistics", "sketch"),
    ("baseline", "path"),
    ("baseline", "version"),
    *(("levels", key) for key in ("warn", "error")),
}
#: What takes null only where its other is there.
EITHER = ("path", "table")
NULLABLE |= {("spark", key) for key in ("app_name", "master", "remote")} | {(kind, "into") for kind in REGISTRY}
#: What has 'null' as a choice, which YAML's null says as well.
NULLABLE |= {(kind, "empty") for kind in REGISTRY}
NULLABLE |= {(kind, key) for kind in ("softmax", "log_softmax") for key in ("nulls", "undefined")}
NULLABLE |= {(kind, key) for kind in ("softmax", "log_softmax") for key in ("outputs", "mask")}
NULLABLE |= {("log1p", "undefined"), ("power", "undefined"), ("clip", "quantiles"), ("impute", "indicator")}
NULLABLE |= {(kind, "by") for kind, cls in REGISTRY.items() if issubclass(cls, Scaler)}
#: What takes an empty text.
EMPTY_IS_TEXT = {("input", "schema"), *(("spark", key) for key in ("app_name", "master", "remote"))}
EMPTY_IS_TEXT |= {("condition", key) for key in ("eq", "ne", "lt", "le", "gt", "ge")}
KEYS = [(name, key) for name, (_, _, keys) in MODELS.items() for key in keys]


def job(name: str, changes: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return a job file's data in which one model is whole, but for what is changed."""
    at, _, keys = MODELS[name]
    data: Any = {
        "version": 1,
        "input": {"format": "parquet", "path": "in"},
        "steps": [{"kind": "minmax", "columns": "x"}],
        "artifact": {"path": "a"},
    }
    model = {**keys, **(changes or {})}
    if not at:
        return model
    place = data
    for part in at[:-1]:
        place = place[part] if isinstance(part, int) else place.setdefault(part, [{}] if part == "expect" else {})
    place[at[-1]] = model
    return data


def problems(folder: Path, data: Any) -> list[str]:
    """Load data that is written one key a line; return the problems."""
    (folder / "job.yaml").write_text(json.dumps(data, indent=1, ensure_ascii=False), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        jobfile.load(str(folder / "job.yaml"))
    assert (caught.value.exit_code, len(caught.value.line.splitlines())) == (78, 1)
    return [str(problem) for problem in caught.value.problems]


def line_of(folder: Path, key: str, at: tuple[str | int, ...]) -> int:
    """Return the line of a key in what was written: the first of its name and depth in its section."""
    lines = (folder / "job.yaml").read_text(encoding="utf-8").splitlines()
    start = next((n for n, line in enumerate(lines) if at and line.startswith(f' "{at[0]}":')), 0)
    wanted = " " * (len(at) + 1) + json.dumps(key) + ":"
    return next(n for n, line in enumerate(lines, 1) if n > start and line.startswith(wanted))


def assert_named(folder: Path, name: str, key: str, found: list[str]) -> None:
    """Hold problems to file, line and key: of the key or an element of it, or of the step whose own rule it is."""
    at = MODELS[name][0]
    path, line = re.escape(dotted((*at, key))), line_of(folder, key, at)
    matches = [re.search(rf"job\.yaml:(\d+): {path}(\[\d|: |\.)", text) for text in found]
    exact = [m for m in matches if m and (int(m[1]) == line or (m[2] != ": " and int(m[1]) > line))]
    by_step = [text for text in found if at[:1] == ("steps",) and "steps[0]: " in text and key in text]
    assert exact or by_step, (line, found)
    assert all("job.yaml:" in text for text in found)


def test_hold_every_key_of_every_model() -> None:
    """A key that is new in a model, and has no right value here, would not be tried."""
    tried: dict[type, set[str]] = {}
    for _, model, keys in MODELS.values():
        tried.setdefault(model, set()).update(keys)
    for model, keys in tried.items():
        if model is ByDtype:
            assert keys == set(get_type_hints(model))
        elif dataclasses.is_dataclass(model):
            assert keys == {"kind", *(item.name for item in dataclasses.fields(model))}, model
        else:
            assert keys == {field.alias or key for key, field in model.model_fields.items()}, model  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", MODELS)
def test_take_what_is_right(tmp_path: Path, name: str) -> None:
    (tmp_path / "job.yaml").write_text(json.dumps(job(name)))
    jobfile.load(str(tmp_path / "job.yaml"))


@pytest.mark.parametrize(("name", "key"), KEYS)
@pytest.mark.parametrize("wrong", [{"an": {"odd": "thing"}}, [[[5]]], [None]], ids=["mapping", "list", "list of null"])
def test_refuse_wrong_type(tmp_path: Path, name: str, key: str, wrong: Any) -> None:
    if (name, key, wrong) == ("impute", "missing", [None]):  # YAML's null is the word
        return
    assert_named(tmp_path, name, key, problems(tmp_path, job(name, {key: wrong})))


@pytest.mark.parametrize(("name", "key"), KEYS)
def test_refuse_null(tmp_path: Path, name: str, key: str) -> None:
    data = job(name, {key: None})
    if (name, key) in NULLABLE:
        (tmp_path / "job.yaml").write_text(json.dumps(data))
        jobfile.load(str(tmp_path / "job.yaml"))
    elif name == "condition":
        (found,) = problems(tmp_path, data)
        assert "input.where.x: expected a condition such as {ge: 1}, found none; for nulls, write {null: true}" in found
    elif key in EITHER and name.startswith(("input", "output")):
        (found,) = problems(tmp_path, data)
        assert f"{name.split(maxsplit=1)[0]}: expected either 'path' or 'table', found neither" in found
    elif key == "kind":
        (found,) = problems(tmp_path, data)
        assert f"steps[0]: this step has no kind; the kinds are {min(REGISTRY)}, " in found
    else:
        assert_named(tmp_path, name, key, problems(tmp_path, data))


@pytest.mark.parametrize(("name", "key"), [pair for pair in KEYS if pair not in EMPTY_IS_TEXT and pair[1] != "kind"])
def test_refuse_empty_text(tmp_path: Path, name: str, key: str) -> None:
    assert_named(tmp_path, name, key, problems(tmp_path, job(name, {key: ""})))


@pytest.mark.parametrize("name", MODELS)
def test_refuse_unknown_key_beside(tmp_path: Path, name: str) -> None:
    key = list(MODELS[name][2])[-1]
    (found,) = problems(tmp_path, job(name, {f"{key}x": 1}))
    path = dotted((*MODELS[name][0], f"{key}x"))
    line = line_of(tmp_path, f"{key}x", MODELS[name][0])
    assert f"job.yaml:{line}: {path}: unknown key '{key}x'; " in found
    assert f"did you mean '{key}'?" in found or "the keys here are " in found


@pytest.mark.parametrize(("name", "key"), [
    ("job", "version"), ("job", "input"), ("artifact", "path"), *((kind, "columns") for kind in REGISTRY),
])  # fmt: skip
def test_refuse_missing_key(tmp_path: Path, name: str, key: str) -> None:
    data = job(name)
    place = data
    for part in MODELS[name][0]:
        place = place[part]  # type: ignore[index]
    del place[key]
    (found,) = problems(tmp_path, data)
    assert f"{key}: this key is missing; add it" in found


@pytest.mark.parametrize("name", ["input", "output"])
def test_refuse_place_without_a_key(tmp_path: Path, name: str) -> None:
    data = job(name)
    del data[name]["path"]
    assert "expected either 'path' or 'table', found neither; add one" in problems(tmp_path, data)[0]
    data = job(name)
    del data[name]["format"]
    assert "a path needs a format; add one" in problems(tmp_path, data)[0]


@pytest.mark.parametrize(("name", "key", "alike"), [
    ("job", "audit", 1), ("job", "audit", "yes"), ("job", "self_check", "10"), ("job", "self_check", 10.5), ("job", "self_check", True), ("job", "version", "1"),
    ("job", "version", 1.0), ("job", "name", 5), ("input", "path", 5), ("artifact", "version", "1"),
    ("output", "partition_by", "month"), ("spark", "app_name", 1), ("condition", "null", "true"), ("condition", "null", 1),
    ("minmax", "clip", "true"), ("minmax", "clip", 1), ("minmax", "range", ["0", "1"]), ("standard", "ddof", "1"),
    ("standard", "with_mean", 0), ("softmax", "temperature", "1"), ("robust", "quantile_range", ["25", "75"]),
])  # fmt: skip
def test_convert_nothing_in_silence(tmp_path: Path, name: str, key: str, alike: Any) -> None:
    assert_named(tmp_path, name, key, problems(tmp_path, job(name, {key: alike})))
