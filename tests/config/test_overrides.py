"""Overrides of a job file: --set before the environment before the file, and what fits nowhere."""

from __future__ import annotations

from typing import Any

import pytest

from sparkscale.config import jobfile
from sparkscale.config.models import JobConfig
from sparkscale.errors import UsageError


def config(**options: Any) -> JobConfig:
    return jobfile.load("job.yaml", **options).config


def test_take_set_before_environment_before_file(job: Any) -> None:
    environ = {"SPARKSCALE__OUTPUT__PATH": "by env", "SPARKSCALE__SELF_CHECK": "7", "OTHER": "x"}
    job(more="self_check: 3\n")
    assert (config().output.path, config().self_check) == ("out", 3)  # type: ignore[union-attr]
    loaded = config(environ=environ, overrides=["output.path=by set", "output.options.sep=;"])
    assert loaded.output is not None
    assert (loaded.output.path, loaded.self_check, loaded.output.options) == ("by set", 7, {"sep": ";"})
    assert config(environ={"SPARKSCALE__STEPS__0__RANGE": "[-1, 1]"}).steps[0].to_dict()["range"] == [-1.0, 1.0]
    assert config(overrides=["steps.0.columns=[a, b]"]).steps[0].selectors == ("a", "b")
    assert config(overrides=["artifact.path=a=b"]).artifact.path == "a=b"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "override", ["x", "=1", "steps.5.kind=minmax", "steps.x=1", "version.deep=1", "input.path.a=1"]
)
def test_refuse_override_that_fits_nowhere(job: Any, override: str) -> None:
    with pytest.raises(UsageError) as caught:
        job(overrides=[override])
    assert caught.value.exit_code == 64
