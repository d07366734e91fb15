"""`expect`, `drift` and `metrics` of a job file: what they mean, and what is wrong with them, with its line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sparkscale.config import jobfile, models
from sparkscale.errors import ConfigError
from sparkscale.monitor.expectations import Expectation
from sparkscale.monitor.measures.base import REGISTRY

JOB = """version: 1
input: {format: parquet, path: in}
steps: [{kind: standard, columns: "*"}]
"""
ARTIFACT = "artifact: {path: stats}\n"


def load(folder: Path, more: str, command: str = "run") -> jobfile.Job:
    (folder / "job.yaml").write_text(JOB + more)
    return jobfile.load(str(folder / "job.yaml"), command)


@pytest.mark.parametrize(("more", "words"), [
    ("drift: {thresholds: {kss: {warn: 1}}}", "4: drift.thresholds.kss: unknown measure 'kss'; did you mean 'ks'?"),
    ("drift:\n  columns:\n    'a*': {pssi: off}", "6: drift.columns.a*.pssi: unknown measure 'pssi'; did you mean 'psi'?"),
    ("drift: {thresholds: {ks: {warn: high}}}", "4: drift.thresholds.ks.warn: expected a number, found 'high'"),
    ("drift: {thresholds: {ks: {warn: -1}}}", "4: drift.thresholds.ks.warn: expected at least 0"),
    ("drift: {thresholds: {ks: 0.1}}", "4: drift.thresholds.ks: expected a mapping or 'off', found 0.1"),
    ("drift: {thresholds: {ks: {wran: 1}}}", "4: drift.thresholds.ks.wran: unknown key 'wran'; did you mean 'warn'?"),
    ("drift: {thresholds: {ks: {warn: 2, error: 1}}}", "drift.thresholds.ks: expected warn at most error, found warn 2 and error 1"),
    ("drift: {columns: {'/(/': {ks: off}}}", "expected a regular expression between slashes (missing ), unterminated"),
    ("drift: {baseline: {pth: x}}", "drift.baseline.pth: unknown key 'pth'; did you mean 'path'?"),
    ("drift: {baseline: {version: 0}}", "drift.baseline.version: expected"),
    ("drift: warn", "4: drift: expected a mapping, found 'warn'"),
    ("expect: [{nuls: {le: 1}}]", "4: expect[0].nuls: unknown key 'nuls'; did you mean 'nulls'?"),
    ("expect:\n  - {rows: {ge: 1}}\n  - {nulls: {lee: 1}}", "6: expect[1].nulls.lee: unknown key 'lee'; did you mean 'le'?"),
    ("expect: [{nulls: {le: few}}]", "expect[0].nulls.le: expected a number, found 'few'"),
    ("expect: [{nulls: {le: .inf}}]", "expect[0].nulls.le: expected"),
    ("expect: [{nulls: {}}]", "expect[0].nulls: expected bounds such as {ge: 0, le: 1}, found none"),
    ("expect: [{columns: x}]", "4: expect[0]: expected a rule such as nulls: {le: 0.05}, found none"),
    ("expect: [{columns: [], rows: {ge: 1}}]", "columns: expected at least one name or pattern, found none"),
    ("expect: {nulls: {le: 1}}", "4: expect: expected a list, found "),
    ("metrics: {path: m, format: csv}", "4: metrics.format: expected 'parquet' or 'delta', found 'csv'"),
    ("metrics: {}", "metrics.path: this key is missing"),
    ("drift: {}", "4: drift: expected 'baseline: {path: ...}', or an 'artifact' to compare with, found neither"),
    ("weight: w\nstatistics: {sketch: all}", "5: statistics: sketch: quantiles are not weighted"),
    ("statistics: {sketch: every}", "statistics.sketch: expected 'needed' or 'all', found 'every'"),
])  # fmt: skip
def test_name_what_is_wrong_and_its_line(tmp_path: Path, more: str, words: str) -> None:
    more = more if more == "drift: {}" else f"{more}\n{ARTIFACT}"
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, more)
    assert len(caught.value.problems) == 1, caught.value.problems
    assert words in str(caught.value.problems[0])
    assert caught.value.exit_code == 78


@pytest.mark.parametrize("section", ["expect: [{rows: {ge: 1}}]", "drift: {baseline: {path: b}}"])
def test_refuse_checks_of_a_job_that_fits_nothing(tmp_path: Path, section: str) -> None:
    (tmp_path / "job.yaml").write_text(f"version: 1\ninput: {{format: parquet, path: in}}\n{ARTIFACT}{section}\n")
    with pytest.raises(ConfigError, match="expected 'steps' to fit, found none"):
        jobfile.load(str(tmp_path / "job.yaml"), "transform")


def test_turn_rules_into_expectations(tmp_path: Path) -> None:
    more = "expect: [{columns: [a, 'b*'], nulls: {ge: 0, le: 0.5}, constant: false, on_fail: warn}, {rows: {gt: 5}}]\n"
    (first, second) = load(tmp_path, more).config.expect
    assert list(first.expectations) == [
        Expectation("nulls", "ge", 0.0, ("a", "b*"), "warn"),
        Expectation("nulls", "le", 0.5, ("a", "b*"), "warn"),
        Expectation("constant", "eq", 0.0, ("a", "b*"), "warn"),
    ]
    assert list(second.expectations) == [Expectation("rows", "gt", 5.0)]


def test_keep_the_defaults_of_what_is_not_named(tmp_path: Path) -> None:
    more = "drift: {thresholds: {ks: {error: 0.5}, psi: off}, columns: {'a*': {ks: {warn: null}}}, min_rows: 7}\n"
    drift = load(tmp_path, more + ARTIFACT).config.drift
    assert drift is not None
    limits = drift.limits
    assert limits.min_rows == 7
    assert [limits.of(REGISTRY[name], "b") for name in ("ks", "psi")] == [(0.1, 0.5), (None, None)]
    assert limits.of(REGISTRY["ks"], "ab") == (None, 0.5)
    assert limits.of(REGISTRY["mean_shift"], "ab") == (0.1, 0.5)


@pytest.mark.parametrize(("more", "sketch"), [
    ("", "needed"), ("drift: {}", "all"), ("drift: {}\nstatistics: {sketch: needed}", "needed"),
    ("drift: {}\nweight: w", "needed"), ("statistics: {sketch: all}", "all"),
])  # fmt: skip
def test_sketch_all_where_drift_is_measured(tmp_path: Path, more: str, sketch: str) -> None:
    assert load(tmp_path, f"{more}\n{ARTIFACT}").config.sketch == sketch


def test_give_a_fit_of_other_data_another_id_where_metrics_are_kept(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    ids = {}
    for more in ("", "metrics: {path: m}\n"):
        (tmp_path / "in" / "a").write_text("a")
        before = [load(tmp_path, more + ARTIFACT, "fit").run_id for _ in range(2)]
        (tmp_path / "in" / "a").write_text("another")
        ids[more] = (*before, load(tmp_path, more + ARTIFACT, "fit").run_id)
    assert len(set(ids[""])) == 1
    first, again, other = ids["metrics: {path: m}\n"]
    assert first == again != other


def test_hide_secrets_of_places(tmp_path: Path) -> None:
    more = "drift: {baseline: {path: 's3://key:hunter2@b/p'}}\nmetrics: {path: 's3://key:hunter3@b/m'}\n"
    assert {"hunter2", "hunter3"} <= {part for text in load(tmp_path, more).secrets for part in text.split(":")}


def test_describe_measures_to_editors() -> None:
    schema = models.json_schema()
    text = json.dumps(schema["$defs"]["Drift"])
    assert all(f'"{name}"' in text for name in REGISTRY)
