"""What Spark's Python workers run, over Arrow arrays and pandas Series: the numbers of NumPy; and the way there."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sparkscale as ss
from sparkscale.errors import DataError, UnfitEnvironmentError
from sparkscale.maps import Affine, SoftmaxMap, Undefined, UnitNormMap
from sparkscale.maps.batches import Cells, Lists
from sparkscale.spark.transform import arrow, engines, series, udf
from tests.spark.frames import MakeFrame, assert_alike, outputs

NAN, INF = math.nan, math.inf
ARRAY = pa.list_(pa.float64())
numbers = st.one_of(st.none(), st.sampled_from([NAN, INF, -INF, 0.0]), st.floats(-1e3, 1e3))
STEPS = [
    ss.Standard(["a", "b"]), ss.MinMax("b", clip=True, into="{column}_mm"), ss.Softmax(["a", "b", "c"], into="p_{column}"),
    ss.UnitNorm(["c", "a"], into="u_{column}"), ss.Softmax("v"), ss.LogSoftmax("w", nulls="mask", into="l_{column}"),
]  # fmt: skip


def packed(rows: list[Any]) -> pa.ListArray:
    return pa.array(rows, ARRAY)


@given(st.lists(st.tuples(numbers, numbers, numbers), max_size=9))
def test_map_cells_as_numpy_does(rows: list[tuple[Any, ...]]) -> None:
    affine, softmax = Affine(center=1.0, scale=2.0), SoftmaxMap(nulls="mask")
    cells = Cells(3, ((affine, (2,)), (softmax, (0, 2)), (Undefined(), (1,)), (affine, (0,))))
    found = arrow.map_cells(cells, packed([list(row) for row in rows]))
    assert (found.type, len(found), cells.outputs) == (ARRAY, len(rows), 5)
    assert list(cells.places) == [range(1), range(1, 3), range(3, 4), range(4, 5)]
    x = np.ma.MaskedArray([[0.0 if v is None else v for v in row] for row in rows] or np.empty((0, 3)))
    null = np.array([[v is None for v in row] for row in rows], dtype=bool).reshape(len(rows), 3)
    y, absent = softmax.forward(np.where(null, NAN, x)[:, [0, 2]], null[:, [0, 2]])
    expected = np.ma.column_stack([
        np.ma.MaskedArray(affine.forward(x.data[:, 2]), null[:, 2]), np.ma.MaskedArray(y, absent),
        np.ma.MaskedArray(np.zeros(len(rows)), mask=True), np.ma.MaskedArray(affine.forward(x.data[:, 0]), null[:, 0]),
    ])  # fmt: skip
    assert_alike([v for row in found.to_pylist() for v in row], expected.ravel().tolist(), ulps=0)
    by_pandas = series.map_cells(cells, [*map(pd.Series, np.where(null, NAN, x).T), *map(pd.Series, null.T)])
    columns = [pa.array(by_pandas[name], from_pandas=True).to_pylist() for name in by_pandas]
    assert_alike([v for row in zip(*columns, strict=True) for v in row], expected.ravel().tolist(), ulps=0)


@given(st.lists(st.one_of(st.none(), st.lists(numbers, max_size=4)), max_size=9), st.integers(0, 3))
def test_map_lists_row_by_row(rows: list[list[Any] | None], start: int) -> None:
    column = packed(rows)[start:]  # a slice, as Spark gives none and others may
    for map_ in (SoftmaxMap(), SoftmaxMap(nulls="mask", undefined="zeros"), UnitNormMap(norm="l1")):
        kernel = Lists(map_)
        found = arrow.map_lists(kernel, column)
        one_by_one = [
            None if row is None else arrow.map_lists(kernel, packed([row])).to_pylist()[0] for row in rows[start:]
        ]
        assert found.type == ARRAY
        assert_alike(found.to_pylist(), one_by_one, ulps=4)
        assert_alike(by_pandas(kernel, rows[start:]), one_by_one, ulps=4)
    masked = arrow.map_lists(Lists(SoftmaxMap()), packed([[1.0, None], None, [], [3.0, 3.0]]))
    assert masked.to_pylist() == [[None, None], None, [], [0.5, 0.5]]


def by_pandas(kernel: Lists, rows: list[list[Any] | None]) -> list[list[Any] | None]:
    """Map lists as Spark's pandas UDFs have them, where NaN stands for null."""
    column = [None if row is None else np.array([NAN if v is None else v for v in row], dtype=float) for row in rows]
    nulls = [None if row is None else np.array([v is None for v in row], dtype=bool) for row in rows]
    out = series.map_lists(kernel, pd.Series(column, dtype=object), pd.Series(nulls, dtype=object))
    return [
        None
        if y is None
        else [
            NAN if is_nan else None if math.isnan(v) else v for v, is_nan in zip(y.tolist(), nan.tolist(), strict=True)
        ]
        for y, nan in zip(out["y"], out["nan"], strict=True)
    ]


def test_copy_nothing_without_nulls() -> None:
    column = packed([[1.0, 2.0], [3.0, 4.0]])
    seen: list[int] = []

    class Looking(SoftmaxMap):
        def forward(self, x: Any, null: Any) -> Any:
            seen.append(x.__array_interface__["data"][0])
            return super().forward(x, null)

    arrow.map_cells(Cells(2, ((Looking(), (0, 1)),)), column)
    assert column.values.buffers()[1].address == seen[0]  # noqa: PD011 - of Arrow


@pytest.mark.parametrize("engine", ["arrow", "pandas"])
def test_cross_once_for_all_steps(frame: MakeFrame, engine: Any) -> None:
    table: dict[str, Any] = {
        "a": [1.0, 2.0, None, NAN, INF, -INF], "b": [3.0, -3.0, 0.5, 1.0, None, NAN], "c": [0.0, 1.0, 2.0, 3.0, 4.0, -INF],
        "v": [[1.0, 2.0], None, [], [NAN, 1.0], [None, 1.0], [-INF, -INF]],
        "w": [[None, 1.0], [None, None], [5.0], None, [INF, 0.0], []],
    }  # fmt: skip
    df = frame(table)
    fitted = ss.Pipeline(STEPS).fit(df)
    expected = outputs(fitted, df, table, "numpy")
    found = outputs(fitted, df, table, engine)
    assert list(found) == list(expected)
    for name in expected:
        assert_alike(found[name], expected[name], ulps=16, floor=1.0, name=name)
    plan = fitted.transform(df, engine=engine)._jdf.queryExecution().executedPlan().toString()
    assert plan.count("ArrowEvalPython") == 1


@pytest.mark.parametrize("lack", ["of the client", "of the server"])
def test_refuse_arrow_before_spark_4_1(frame: MakeFrame, monkeypatch: pytest.MonkeyPatch, lack: str) -> None:
    df = frame({"x": [1.0, 3.0]})
    fitted = ss.Pipeline([ss.MinMax("x")]).fit(df)
    if lack == "of the client":
        monkeypatch.setattr(udf, "arrow_udf", None)
    else:
        monkeypatch.setattr(engines, "version_of", lambda _: "4.0.2")
    with pytest.raises(
        UnfitEnvironmentError, match=r"engine: arrow: Arrow UDFs need .* 4\.1 or newer, found"
    ) as caught:
        fitted.transform(df, engine="arrow")
    assert (caught.value.code, caught.value.exit_code) == ("ENV_ARROW_UDF", 69)
    assert caught.value.hint == "set engine: pandas or auto"
    assert outputs(fitted, df, {}, "pandas")["x"] == [0.0, 1.0]


@pytest.mark.parametrize("version", ["4.1.0", "4.1.0-SNAPSHOT", "4.10.1", "5.0.0"])
def test_have_arrow_from_spark_4_1(frame: MakeFrame, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr(engines, "version_of", lambda _: version)
    assert engines.choose(Affine(), "arrow", frame({"x": [1.0]}).sparkSession).engine == "arrow"


def test_refuse_in_a_worker_what_the_kernels_refuse() -> None:
    for scores, map_ in (([NAN], SoftmaxMap(nonfinite="error")), ([-INF], SoftmaxMap(undefined="error"))):
        with pytest.raises(DataError):
            arrow.map_lists(Lists(map_), packed([scores]))
        with pytest.raises(DataError):
            arrow.map_cells(Cells(1, ((map_, (0,)),)), packed([scores]))


def test_import_little_into_a_worker() -> None:
    code = "import sys; from sparkscale.spark import workers; from sparkscale.spark.transform import arrow, series; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    pure = ("sparkscale.maps", "sparkscale.stats")
    ours = {name for name in loaded if name.startswith("sparkscale.") and not name.startswith(pure)}
    parents = {
        "sparkscale.spark",
        "sparkscale.spark.workers",
        "sparkscale.spark.transform",
        "sparkscale.errors",
        "sparkscale._version",
    }
    assert ours - parents == {"sparkscale.spark.transform.arrow", "sparkscale.spark.transform.series"}
    assert "pyspark" not in loaded
