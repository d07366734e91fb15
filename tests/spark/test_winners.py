"""Facts of rows and masks: the engines of Spark against NumPy, their types, and what a job refuses."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.errors import PySparkException
from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as F

import sparkscale as ss
from sparkscale.config import jobfile
from sparkscale.errors import DataError, InternalError
from sparkscale.maps.winners import FACTS, Winners
from sparkscale.pipeline.fitted import Fitted
from sparkscale.run import job
from sparkscale.run.explain import explain
from sparkscale.spark.columns import schema_of
from sparkscale.spark.session.failures import translate
from sparkscale.spark.transform import native
from sparkscale.spark.transform.layers import Stages
from sparkscale.spark.transform.native.winners import WinnersForm
from sparkscale.spark.transform.self_check import self_check
from tests.spark.frames import MakeFrame, Table, as_arrays, assert_alike, outputs, write_parquet

NAN, INF = math.nan, math.inf
ENGINES = ("native", "arrow", "pandas")
EXTREME = [None, NAN, INF, -INF, 0.0, -0.0, -3.5, 1000.0, 1.7e308]
COLUMNS = ["a", "b", "c.d"]


def names(prefix: str) -> Any:
    return {fact: f"{prefix}|{fact}" for fact in FACTS}


def every_mix() -> Table:
    """Return all triples of extremes as columns, parts of them as arrays, and masks of every mix."""
    rows: list[tuple[Any, ...]] = list(itertools.product(EXTREME, repeat=3))
    arrays = [list(row[: n % 4]) if n % 11 else None for n, row in enumerate(rows)]
    rng = np.random.default_rng(15)
    masks = [None if row is None or n % 7 == 0 else [[True, True, False, None][i] for i in rng.integers(0, 4, len(row))]
             for n, row in enumerate(arrays)]  # fmt: skip
    return {**{name: [row[j] for row in rows] for j, name in enumerate(COLUMNS)}, "s": arrays, "m": masks}


STEPS: list[Any] = [
    ss.Softmax(COLUMNS, outputs=names("c0"), into="p_{column}"),
    ss.LogSoftmax(COLUMNS, outputs=names("c1"), nulls="mask", undefined="uniform", temperature=3.0),
    ss.Softmax(COLUMNS, outputs=names("c2"), undefined="zeros", dtype="float32"),
    ss.Softmax("s", outputs=names("s0"), into="p"),
    ss.LogSoftmax("s", outputs=names("s1"), nulls="mask", undefined="zeros", temperature=3.0),
    ss.Softmax("s", outputs=names("m0"), mask="m", into="p_m", undefined="uniform", dtype="float32"),
    ss.LogSoftmax("s", outputs=names("m1"), mask="m", nulls="mask", into="q_m"),
]


@pytest.fixture(scope="module")
def mixed(frame: MakeFrame) -> tuple[Any, Table, Fitted]:
    """Give a table of every mix and the steps fitted on it."""
    table = every_mix()
    return frame(table), table, ss.Pipeline(STEPS).fit_arrays(as_arrays(table))


@pytest.mark.parametrize("engine", ENGINES)
def test_agree_with_numpy_on_every_mix(mixed: tuple[Any, Table, Fitted], engine: Any) -> None:
    df, table, fitted = mixed
    expected = outputs(fitted, df, table, "numpy")
    found = outputs(fitted, df, table, engine)
    assert list(found) == list(expected)
    for name in fitted.get_feature_names_out():
        if name.endswith("label"):
            assert found[name] == expected[name], name
        else:
            single = name.startswith(("c2", "m0", "p_m"))
            floor = 1.0 if name == "q_m" else 0.0  # a logarithm is added to what it may cancel
            assert_alike(
                found[name], expected[name], 16.0 * (2.0**29 if single else 1.0), floor, name=f"{name} by {engine}"
            )


@pytest.mark.parametrize("engine", ENGINES)
def test_declare_types_and_check_themselves(mixed: tuple[Any, Table, Fitted], engine: Any) -> None:
    df, _, fitted = mixed
    types = fitted.plan(schema_of(df)).output_types
    out = fitted.transform(df, engine)
    assert {field.name: field.dataType.simpleString() for field in out.schema.fields} == types
    assert (types["c0|label"], types["s0|label"], types["c2|margin"]) == ("string", "bigint", "float")
    assert self_check(df, fitted, engine, 300).rows == 300


@pytest.mark.parametrize("columns", [[f"c{j:03}" for j in range(300)], "s"])
def test_agree_with_numpy_over_many_classes(frame: MakeFrame, columns: Any) -> None:
    x = np.random.default_rng(3).normal(0, 4, (20, 1000)).round(1)
    table = {"s": x.tolist()} if columns == "s" else dict(zip(columns, x.T, strict=False))
    df = frame(table)
    fitted = ss.Pipeline([ss.Softmax(columns, outputs=names("f"))]).fit(df)
    expected = outputs(fitted, df, table, "numpy")
    best = x[:, : len(columns) if columns != "s" else None].argmax(axis=1)
    assert expected["f|label"] == (best.tolist() if columns == "s" else [columns[i] for i in best])
    for engine in ("native", "arrow"):
        found = outputs(fitted, df, table, engine)
        assert found["f|label"] == expected["f|label"]
        for fact in FACTS[1:]:
            assert_alike(found[f"f|{fact}"], expected[f"f|{fact}"], ulps=1000.0, name=f"{fact} by {engine}")


WRONG: dict[str, Callable[[list[Column]], list[Column]]] = {
    "label": lambda facts: [F.lit(0.0), *facts[1:]],
    "confidence": lambda facts: [facts[0], facts[1] * F.lit(1.0000001), *facts[2:]],
    "entropy": lambda facts: [*facts[:3], F.coalesce(facts[3], F.lit(0.0))],
}


@pytest.mark.parametrize("columns", [["a", "b"], "s"])
@pytest.mark.parametrize("fact", WRONG)
def test_find_wrong_facts_by_the_self_check(
    frame: MakeFrame, monkeypatch: pytest.MonkeyPatch, fact: str, columns: Any
) -> None:
    class Wrong(native.Form[Winners]):
        def over(self, x: native.Scores, stages: Stages) -> list[Column]:
            return WRONG[fact](WinnersForm(self.map).over(x, stages))

    df = frame({"a": [1.0, 1.0, None], "b": [0.0, 2.0, 1.0], "s": [[1.0, 0.0], [1.0, 2.0], None]})
    fitted = ss.Pipeline([ss.Softmax(columns, outputs=names("f"))]).fit(df)
    assert self_check(df, fitted, "native", 10).rows == 3
    monkeypatch.setitem(native.FORMS, Winners, Wrong)
    with pytest.raises(InternalError, match=rf"column 'f\|{fact}', row"):
        self_check(df, fitted, "native", 10)


def test_warn_once_of_probabilities(frame: MakeFrame) -> None:
    df = frame({"a": [0.25], "b": [0.75]})
    for into in (None, "p_{column}"):
        fitted = ss.Pipeline([ss.Softmax(["a", "b"], outputs={"label": "l"}, into=into)]).fit(df)
        assert len(self_check(df, fitted, "native", 10).warnings) == 1


def test_leave_columns_alone_in_the_inverse(frame: MakeFrame) -> None:
    df = frame({"a": [1.0, 3.0], "b": [0.0, 2.0]})
    fitted = ss.Pipeline([ss.Standard("a"), ss.Softmax(["a", "b"], outputs={"label": "l"})]).fit(df)
    back = fitted.inverse_transform(fitted.transform(df)).toArrow().to_pydict()
    assert back == {"a": [1.0, 3.0], "b": [0.0, 2.0], "l": ["a", "a"]}


# --- masks of another length ------------------------------------------------------------------------------------------

UNEVEN: Table = {"s": [[1.0, 2.0], [1.0, 2.0], None, [1.0], []], "m": [[True, False], [True], [True], None, [True]]}
COUNTED = "expected mask 'm' to be as long as the scores 's' of its row, found another length in 2 of 5 rows"


@pytest.mark.parametrize("engine", ENGINES)
def test_refuse_masks_of_another_length(frame: MakeFrame, engine: Any) -> None:
    fitted = ss.Pipeline([ss.Softmax("s", mask="m")]).fit(frame(UNEVEN))
    with pytest.raises(PySparkException) as caught:
        fitted.transform(frame(UNEVEN), engine).toArrow()
    error = translate(caught.value, "transforming")
    assert (error.code, error.exit_code) == ("DATA_LENGTH", 65)
    assert "expected a mask and scores of one length, found 1 and 2" in str(error)
    even = {name: [column[0], *column[2:4]] for name, column in UNEVEN.items()}
    assert outputs(fitted, frame(even), even, engine)["s"] == [[1.0, None], None, [None]]


JOB = """
version: 1
input: {format: parquet, path: in}
steps: [{kind: softmax, columns: s, mask: m, into: p, outputs: {label: i, entropy: h}}]
self_check: %d
output: {format: parquet, path: out}
"""


@pytest.mark.parametrize("sample", [0, 100])
def test_count_masks_of_another_length_before_publishing(spark: SparkSession, here: Path, sample: int) -> None:
    write_parquet(here / "in" / "x.parquet", UNEVEN)
    (here / "job.yaml").write_text(JOB % sample, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        job.run(jobfile.load("job.yaml"), "run")
    assert (caught.value.code, caught.value.exit_code) == ("DATA_LENGTH", 65)
    assert COUNTED in str(caught.value)
    assert not (here / "out").exists()


def test_publish_and_explain(spark: SparkSession, here: Path) -> None:
    write_parquet(here / "in" / "x.parquet", {"s": [[1.0, 2.0], [-INF, 0.0], [0.0, 0.0]],
                                              "m": [[True, True], [True, False], [False, True]]})  # fmt: skip
    (here / "job.yaml").write_text(JOB % 100, encoding="utf-8")
    loaded = jobfile.load("job.yaml")
    (step,) = explain(loaded).steps
    assert (step.inputs, step.outputs, step.engine) == (["s", "m"], ["p", "i", "h"], "native")
    report = job.run(loaded, "run")
    assert report.undefined_rows == {"step 1 (softmax)": 1}
    found = spark.read.parquet(str(here / "out")).orderBy("i").toArrow().to_pydict()
    assert (found["i"], found["h"][0], found["p"][0]) == ([None, 1, 1], None, [None, None])
    assert sorted(found["h"][1:]) == pytest.approx([0.0, 0.5822031088882176])
