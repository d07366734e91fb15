"""A scaler that a user defines: one class, and everything else finds it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sparkscale as ss
from sparkscale.config import jobfile
from sparkscale.config.models import json_schema
from sparkscale.errors import ConfigError
from sparkscale.maps import Affine
from sparkscale.scalers.base import REGISTRY, Scaler, Step
from sparkscale.stats.column import ColumnStats
from tests import toys
from tests.scalers.contract import CHECKS

JOB = """version: 1
input: {table: flights}
steps:
  - kind: toy
    columns: [x, y]
    end: max
    times: 2
"""


@pytest.fixture
def toy(registry: dict[str, type[Step]]) -> type[Scaler]:
    """Define the toy, for one test."""
    return toys.define()


def load(folder: Path, text: str = JOB) -> Any:
    (folder / "job.yaml").write_text(text, encoding="utf-8")
    return jobfile.load(str(folder / "job.yaml")).config


def wrong(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(folder, text)
    return [str(problem).removeprefix(f"{folder}/") for problem in caught.value.problems]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
def test_keep_contract(toy: type[Scaler], check: Callable[[type[Step], Path], None], tmp_path: Path) -> None:
    check(toy, tmp_path)


def test_accept_in_job_file(toy: type[Scaler], tmp_path: Path) -> None:
    assert load(tmp_path).steps == [toy(["x", "y"], end="max", times=2.0)]  # type: ignore[call-arg]
    assert wrong(tmp_path, JOB.replace("times: 2", "times: 0.5").replace("end: max", "end: mix")) == [
        "job.yaml:6: steps[0].end: expected 'min' or 'max', found 'mix'; did you mean 'min'?",
        "job.yaml:7: steps[0].times: expected a finite number >= 1, found 0.5",
    ]
    assert wrong(tmp_path, JOB.replace("times", "time")) == [
        "job.yaml:7: steps[0].time: unknown key 'time'; did you mean 'times'?"
    ]


def test_check_fields_together(toy: type[Scaler], tmp_path: Path) -> None:
    said = "weights: expected none with end: max, found some"
    with pytest.raises(ConfigError) as caught:
        toy("x", end="max", weights=(1, 2))  # type: ignore[call-arg]
    assert str(caught.value) == said
    assert wrong(tmp_path, JOB + "    weights: [1, 2]\n") == [f"job.yaml:4: steps[0]: {said}"]


def test_name_in_schema_and_errors(toy: type[Scaler], tmp_path: Path) -> None:
    schema = json_schema()
    assert schema["$defs"]["toy"]["properties"]["times"] == {"type": "number", "minimum": 1, "default": 1.0}
    assert schema["$defs"]["toy"]["description"] == f"``{toy.formula}`` from one end of the range."
    (found,) = wrong(tmp_path, JOB.replace("kind: toy", "kind: toi"))
    assert found == "job.yaml:4: steps[0]: unknown kind 'toi'; did you mean 'toy'?"


def test_transform_save_and_load(toy: type[Scaler], tmp_path: Path) -> None:
    fitted = ss.Pipeline([toy("x", end="max", times=2.0)]).fit_arrays({"x": [1.0, 3.0, 9.0]})  # type: ignore[call-arg]
    fitted.save(str(tmp_path))
    out = ss.load(str(tmp_path)).transform_arrays({"x": [1.0, 3.0, 9.0, None]})["x"]
    np.testing.assert_array_equal(out, [-0.5, -0.375, 0.0, 0.0])
    assert out.mask.tolist() == [False, False, False, True]


def test_leave_nothing_behind(tmp_path: Path) -> None:
    assert "toy" not in REGISTRY
    assert not hasattr(ss, "Toy")
    assert "toy" not in json_schema()["$defs"]
    (found,) = wrong(tmp_path, JOB)
    assert found.startswith("job.yaml:4: steps[0]: unknown kind 'toy'")


def test_refuse_a_kind_that_is_taken(toy: type[Scaler]) -> None:
    with pytest.raises(TypeError, match=r"kind 'toy' of .*Toy is already tests\.toys\..*Toy"):
        toys.define()
    assert REGISTRY["toy"] is toy


def test_refuse_a_scaler_without_formula(registry: dict[str, type[Step]]) -> None:
    with pytest.raises(TypeError, match=r"Silent: expected a formula such as '\(x - mean\) / std', found none"):

        class Silent(ss.Standard, kind="silent"):
            """Its formula is another scaler's."""

    assert "silent" not in registry


def test_refuse_what_is_no_field(toy: type[Scaler]) -> None:
    with pytest.raises(TypeError, match="time"):
        toy("a", time=2.0)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="positional"):
        toy("a", 2.0)  # type: ignore[arg-type, call-arg]


def test_solve_without_a_kind(registry: dict[str, type[Step]]) -> None:
    """A class without a kind is no step of a job file, and works in Python."""

    class Bare(Scaler):
        def solve(self, stats: ColumnStats) -> Affine:
            return Affine(scale=stats.max)

    assert ss.Pipeline([Bare("x")]).fit_arrays({"x": [1.0, 2.0]}).transform_arrays({"x": [1.0]})["x"].tolist() == [0.5]
    assert "" not in registry


def test_leave_out_a_field_whose_default_is_made(registry: dict[str, type[Step]], tmp_path: Path) -> None:
    class Listing(Scaler, kind="listing"):
        """``x / n`` for a list of n."""

        formula = "x / n"

        names: list[str] = field(default_factory=list)

    assert load(tmp_path, JOB.replace("toy", "listing").partition("    end")[0]).steps == [Listing(["x", "y"])]
    assert json_schema()["$defs"]["listing"]["properties"]["names"]["default"] == []


def test_find_scalers_by_name_without_a_table() -> None:
    """Every file of the folder is found, whichever name is asked for first; names of modules import nothing."""
    program = """
import sys, sparkscale as ss
assert not hasattr(ss, "anything") and "numpy" not in sys.modules
assert ss.LogSoftmax.kind == "log_softmax"
from sparkscale.scalers.base import REGISTRY
assert {cls.__name__ for cls in REGISTRY.values()} <= set(ss.__all__), REGISTRY
"""
    subprocess.run([sys.executable, "-c", program], check=True)
