"""Wrong calls of the Python API, merges, stores and publishing: each with its exit code and the line of its error."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sparkscale as ss
from sparkscale.errors import SparkscaleError
from sparkscale.pipeline.plan import plan
from sparkscale.pipeline.schema import Field, Schema
from sparkscale.publish import files, filesystem, manifest

DATA = {"x": [1.0, 2.0, None], "y": [3.0, 4.0, 5.0], "w": [1.0, 1.0, 0.0], "big": [1.0, 2.0, 9.0]}
SCHEMA = Schema((Field("x", "double"), Field("name", "string"), Field("s", "array<double>")))


def fit(*steps: Any, weight: str | None = None, **data: Any) -> ss.Fitted:
    return ss.Pipeline(steps, weight=weight).fit_arrays(data or DATA)


def claim_twice() -> None:
    with files.claimed("out"), files.claimed("out"):
        pass


def damaged(text: str) -> None:
    Path("out", manifest.FOLDER).mkdir(parents=True)
    Path("out", manifest.FOLDER, manifest.NAME).write_text(text)
    files.verify("out")


def changed() -> None:
    with files.claimed("out") as claim:
        claim.new.mkdir()
        (claim.new / "part.parquet").write_text("whole")
        claim.publish("error", {"run_id": "r"})
    Path("out", "part.parquet").write_text("other")
    Path("out", "more.parquet").write_text("x")
    files.verify("out")


def failed(number: int) -> None:
    with filesystem.named("out"):
        raise OSError(number, "the system's words")


#: What the calls name.
NAMES = {
    "ss": ss, "np": np, "errno": errno, "plan": plan, "DATA": DATA, "SCHEMA": SCHEMA, "fit": fit,
    "claim_twice": claim_twice, "damaged": damaged, "changed": changed, "failed": failed,
}  # fmt: skip
#: What is wrong, in Python.
CALLS = [
    "fit('x')",
    "fit(ss.Standard('z'))",
    "fit(ss.Standard())",
    "fit(ss.MinMax('z_*'))",
    "fit(ss.Softmax('x'))",
    "fit(ss.Standard('x'), x=[])",
    "fit(ss.Standard('x'), x=[None, None])",
    "fit(ss.Standard('x', nonfinite='error'), x=[1.0, float('nan'), float('inf')])",
    "fit(ss.Standard('x'), x=['a', 'b'])",
    "fit(ss.Standard('x'), x=[[1.0, 2.0], [3.0]])",
    "fit(ss.Standard('x'), x=[[], None])",
    "fit(ss.Standard('x', over='all'), x=[1.0, 2.0])",
    "fit(ss.Standard('x', by='y'), x=[[1.0], [2.0]], y=[1, 2])",
    "fit(ss.Impute('x', indicator='gone'), x=[[1.0], [2.0]])",
    "fit(ss.Standard(['x', 'x.0']), **{'x': [[1.0]], 'x.0': [1.0]})",
    "fit(ss.Standard('x'), x=np.eye(2)).transform_arrays({'x': [[1.0], [2.0, 3.0], None, []]})",
    "fit(ss.Standard('x'), x=np.eye(2)).transform_arrays({'x': [1.0, 2.0]})",
    "fit(ss.Standard('x')).transform_arrays({'x': np.eye(2)})",
    "ss.merge([fit(ss.Standard('x'), x=np.eye(2)), fit(ss.Standard('x'), x=np.eye(3))])",
    "fit(ss.Standard('x'), x=3.0)",
    "fit(ss.Standard('x'), x=[1.0], y=[1.0, 2.0])",
    "ss.Pipeline([ss.Standard('x')]).fit_arrays([1.0, 2.0])",
    "ss.Pipeline([ss.Standard('x')]).fit(DATA)",
    "fit(ss.Power('x', method='box_cox'), x=[-1.0, 2.0, 3.0])",
    "fit(ss.Log1p('x', undefined='error'), x=[-2.0, 2.0, 3.0])",
    "fit(ss.Chain('x', [ss.Clip(limits=(5, 6)), ss.Impute(value='mean')]), x=[None, None])",
    "fit(ss.Softmax('s', undefined='error'), s=[[float('-inf')], [1.0]]).transform_arrays({'s': [[float('-inf')], [1.0]]})",
    "fit(ss.Standard('x'), weight='v')",
    "fit(ss.Standard('x'), weight='y', x=[1.0, 2.0], y=[-1.0, 1.0])",
    "fit(ss.Standard('x'), weight='w', x=[1.0, 2.0], w=[1e308, 1e308])",
    "fit(ss.Standard('x', ddof=1), weight='w', x=[1.0, 2.0], w=[0.25, 0.25])",
    "fit(ss.Robust('x'), weight='w')",
    "fit(ss.Standard('x')).transform_arrays({'y': [1.0]})",
    "fit(ss.Standard('x')).inverse_transform_arrays({'y': [1.0]})",
    "fit(ss.Standard('x')).transform(DATA)",
    "ss.merge([])",
    "ss.merge(fit(ss.Standard('x')))",
    "ss.merge([fit(ss.Standard('x')), fit(ss.MinMax('x'))])",
    "ss.merge([fit(ss.Standard('x')), fit(ss.Standard(['x', 'y']))])",
    "ss.merge([fit(ss.Standard('x', ddof=0)), fit(ss.Standard('x', ddof=1))])",
    "ss.merge([fit(ss.Standard('x')), fit(ss.Standard('x'), weight='w')])",
    "ss.merge([fit(ss.Power('x')), fit(ss.Power('x'), x=[1.0, 7.0, 90.0])])",
    "ss.load('nowhere')",
    "ss.load(5)",
    "fit(ss.Standard('x')).save('ftp://host/stats')",
    "ss.Standard('x', ddof=2)",
    "ss.MinMax('x', range=(1, 0))",
    "ss.Chain('x', [ss.Standard('y')])",
    "plan([ss.Standard('nam'), ss.MinMax('name')], SCHEMA)",
    "plan([ss.Softmax(['x', 's'])], SCHEMA)",
    "plan([ss.MinMax('x', into='name')], SCHEMA)",
    "plan([ss.MinMax('x'), ss.Standard('x')], SCHEMA)",
    "claim_twice()",
    "changed()",
    "damaged('not JSON')",
    "damaged('{}')",
    "failed(errno.EACCES)",
    "failed(errno.ENOSPC)",
    "failed(errno.ENOTEMPTY)",
    "failed(errno.EIO)",
]


@pytest.mark.parametrize("call", CALLS)
def test_refuse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, snapshot: Callable[[str], None], call: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SparkscaleError) as caught:
        eval(call, NAMES)  # noqa: S307 - the calls of this file
    error = caught.value
    several = [f"  {problem.code}: {problem}" for problem in error.problems] if len(error.problems) > 1 else []
    said = "\n".join([f">>> {call}", *several, f"exit {error.exit_code}", error.line])
    snapshot(said.replace(str(tmp_path), "HERE"))
