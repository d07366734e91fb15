"""A job file to vary, for every test of the configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sparkscale.config import jobfile
from sparkscale.errors import ConfigError

JOB = """version: 1
input:
  format: parquet
  path: in
steps:
  - kind: minmax
    columns: x
output: {format: csv, path: out}
"""


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give a function that loads a job file of some text; extra lines go to its end."""
    monkeypatch.chdir(tmp_path)

    def load(text: str = JOB, more: str = "", **options: Any) -> jobfile.Job:
        Path("job.yaml").write_text(text + more, encoding="utf-8")
        return jobfile.load("job.yaml", **options)

    return load


def problems(job: Any, *arguments: Any, **options: Any) -> list[str]:
    """Return every problem, by its text."""
    with pytest.raises(ConfigError) as caught:
        job(*arguments, **options)
    assert caught.value.exit_code == 78
    return [str(problem) for problem in caught.value.problems]
