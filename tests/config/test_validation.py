"""Validation of a job file's data: no secret in its errors, and any content is taken or refused."""

from __future__ import annotations

import contextlib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sparkscale.config.models import JobConfig
from sparkscale.config.origins import Origins
from sparkscale.config.validation import Validator
from sparkscale.errors import ConfigError
from tests.config.conftest import JOB, problems


def test_show_no_secret(job: Any) -> None:
    text = JOB.replace("format: csv", "format: '${env:TOKEN}'")
    (found,) = problems(job, text, environ={"TOKEN": "hunter2"})
    assert "hunter2" not in found
    assert "***" in found


def test_show_no_start_of_a_secret_in_a_step(job: Any) -> None:
    """Where a line is cut in the middle of a secret, the secret is taken out before the cut."""
    text = JOB.replace("columns: x", f"columns: x\n    dtype: '{'a' * 73}${{env:TOKEN}}'")
    (found,) = problems(job, text, environ={"TOKEN": "hunter2-hunter2"})
    assert found == f"job.yaml:8: steps[0].dtype: expected 'float64' or 'float32', found '{'a' * 73}***'"


def test_leave_short_values_in_messages(job: Any) -> None:
    """A value of one letter would be taken out of every word."""
    text = JOB.replace("format: csv", "format: '${env:SHORT}'").replace(
        "columns: x", "columns: x\n    into: '${env:LONG}'"
    )
    (found,) = problems(job, text, environ={"SHORT": "xyz", "LONG": "parquet"})
    assert (
        found
        == "job.yaml:9: output.format: expected '***', 'csv', 'json', 'orc', 'delta', 'iceberg' or 'table', found 'xyz'"
    )


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
keys = st.sampled_from([*JobConfig.model_fields, "steps", "input", "what"])


@given(st.dictionaries(keys, plain, max_size=4), st.dictionaries(st.sampled_from(["columns", "range", "into"]), plain))
def test_take_any_content_or_refuse_it(content: dict[str, Any], step: dict[str, Any]) -> None:
    data = {"version": 1, "steps": [{"kind": "minmax", **step}], **content}
    validator = Validator(Origins("job.yaml", {}), {}, {"date": "d", "run_id": "r"})
    with contextlib.suppress(ConfigError):  # and nothing else
        validator.validate(data)
