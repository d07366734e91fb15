"""Edges of the engines: any column name, refusals, a run that checks itself, a plan that stays linear."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

import sparkscale as ss
from sparkscale.errors import ConfigError, DataError, InternalError
from sparkscale.maps import Affine
from sparkscale.pipeline.fitted import Fitted
from sparkscale.scalers.base import REGISTRY
from sparkscale.spark.fit import queries
from sparkscale.spark.session.failures import translate
from sparkscale.spark.transform import native, udf
from sparkscale.spark.transform.native import base as forms
from sparkscale.spark.transform.native.affine import AffineForm
from sparkscale.spark.transform.self_check import self_check
from tests.samples import step
from tests.spark.frames import MakeFrame, as_arrays, assert_alike, outputs

NAN, INF = math.nan, math.inf
NAMES = [
    "a.b", "a b", "back`tick", "``", "'single'", '"double"', "select", "from table", "café", "🚀 score", "1st",
    "x,y;z", "a/b\\c", "{column}", "*", "(x)=1", "tab\tname", "`a`.`b`",
]  # fmt: skip


def names_for(number: int, *, thorough: bool) -> list[str]:
    """Return names for a kind of step: all, or a third; then each name meets a third of the kinds."""
    return NAMES if thorough else NAMES[number % 3 :: 3]


def test_accept_any_column_name_in_every_step_and_engine(frame: MakeFrame, thorough: bool) -> None:
    rng = np.random.default_rng(0)
    table: dict[str, Any] = {name: [*rng.normal(size=5).tolist(), None] for name in NAMES}
    table |= {"arr.ay `s": [[1.0, 2.0], [3.0], [], None, [0.0, 0.0], [None, 1.0]]}
    df = frame(table)
    steps: list[Any] = [
        step(kind, names_for(number, thorough=thorough), into=f"{kind}.`{{column}}`")
        for number, kind in enumerate(REGISTRY)
    ]
    steps += [cls("arr.ay `s", into=f"{kind}.array") for kind, cls in REGISTRY.items() if cls.by_row]
    fitted = ss.Pipeline([*steps, ss.MinMax("a.b")]).fit(df)
    assert set(fitted.stats) == set(NAMES)
    assert fitted.stats["back`tick"].max == max(x for x in table["back`tick"] if x is not None)
    expected = outputs(fitted, df, table, "numpy")
    assert all(any(name.endswith(f".`{column}`") for name in expected) for column in NAMES)
    for engine in ("auto", "arrow", "pandas") if thorough else ("auto", "arrow"):
        found = outputs(fitted, df, table, engine)
        assert list(found) == list(expected)
        for name in expected:
            assert_alike(found[name], expected[name], ulps=32, floor=1.0, name=name)
    back = fitted.inverse_transform(fitted.transform(df)).toArrow().to_pydict()
    for name in NAMES:
        assert_alike(back[name], table[name], ulps=32, floor=1.0, name=name)


@pytest.fixture
def case_sensitive(spark: SparkSession) -> Iterator[None]:
    """Tell ``a`` from ``A`` for one test."""
    spark.conf.set("spark.sql.caseSensitive", "true")
    yield
    spark.conf.unset("spark.sql.caseSensitive")


def test_tell_names_by_case_where_the_session_does(frame: MakeFrame, case_sensitive: None) -> None:
    table = {"a": [0.0, 2.0], "A": [10.0, 30.0]}
    df = frame(table)
    fitted = ss.Pipeline([ss.MinMax("a"), ss.MinMax("A", range=(0, 8)), ss.Softmax(["a", "A"], into="P_{column}"),
                          ss.Standard("a", into="p_A")]).fit(df)  # fmt: skip
    for engine in ("native", "arrow", "pandas"):
        found = outputs(fitted, df, table, engine)
        assert list(found) == ["a", "A", "P_a", "P_A", "p_A"]
        assert (found["a"], found["A"], found["p_A"]) == ([0.0, 1.0], [0.0, 8.0], [-1.0, 1.0])


def test_refuse_names_that_differ_in_case_alone(frame: MakeFrame) -> None:
    with pytest.raises(DataError) as caught:
        ss.Pipeline([ss.MinMax("x", into="Y")]).fit(frame({"x": [1.0], "y": [1.0]}))
    assert caught.value.code == "SCHEMA_CLASH"


# --- refusals -----------------------------------------------------------------------------------------------------


def test_refuse_unknown_engine(frame: MakeFrame) -> None:
    df = frame({"x": [1.0, 2.0]})
    fitted = ss.Pipeline([ss.MinMax("x")]).fit(df)
    for call in (fitted.transform, fitted.inverse_transform):
        with pytest.raises(ConfigError, match="engine: expected auto, native, arrow or pandas, found 'numpy'"):
            call(df, engine="numpy")  # type: ignore[arg-type]


def test_refuse_table_without_the_columns(frame: MakeFrame) -> None:
    fitted = ss.Pipeline([ss.MinMax("x"), ss.Softmax("s")]).fit(frame({"x": [1.0, 2.0], "s": [[1.0], [2.0]]}))
    with pytest.raises(DataError) as caught:
        fitted.transform(frame({"x": ["a"], "t": [1.0]}))
    assert [p.code for p in caught.value.problems] == ["SCHEMA_MISSING", "SCHEMA_TYPE"]


REFUSALS = [
    ({"nonfinite": "error"}, [[0.0, 1.0], [0.0, NAN]], "DATA_NONFINITE"),
    ({"nonfinite": "error", "nulls": "mask"}, [[0.0, None], [INF, 1.0]], "DATA_NONFINITE"),
    ({"undefined": "error"}, [[0.0, 1.0], [-INF, -INF]], "DATA_UNDEFINED"),
]


@pytest.mark.parametrize(("fields", "rows", "code"), REFUSALS)
def test_refuse_scores_in_every_engine(
    frame: MakeFrame, thorough: bool, fields: dict[str, Any], rows: list[Any], code: str
) -> None:
    """By columns and by array; without `--thorough`, each of the two in Python has one engine."""
    table = {"s": rows, "a": [row[0] for row in rows], "b": [row[1] for row in rows]}
    df = frame(table)
    for columns in ("s", ["a", "b"]):
        fitted = ss.Pipeline([ss.Softmax(columns, **fields)]).fit(df)
        with pytest.raises(DataError) as refused:
            fitted.transform_arrays(as_arrays(table))
        assert (refused.value.code, refused.value.exit_code) == (code, 65)
        for engine in ("native", "arrow", "pandas"):
            if not thorough and engine == ("pandas" if columns == "s" else "arrow"):
                continue
            with pytest.raises(PySparkException) as caught:
                fitted.transform(df, engine=engine).toArrow()  # type: ignore[arg-type]
            error = translate(caught.value, "transforming")
            assert (error.code, error.exit_code) == (code, 65), engine
        assert fitted.transform(df.limit(1)).count() == 1


def test_refuse_nonfinite_scores_of_unit_norm(frame: MakeFrame) -> None:
    df = frame({"a": [1.0, -INF], "b": [1.0, 2.0]})
    fitted = ss.Pipeline([ss.UnitNorm(["a", "b"], nonfinite="error")]).fit(df)
    for engine in ("native", "arrow", "pandas"):
        with pytest.raises(PySparkException) as caught:
            fitted.transform(df, engine=engine).toArrow()  # type: ignore[arg-type]
        assert translate(caught.value, "transforming").code == "DATA_NONFINITE"


# --- a run that checks itself -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fitted_frame(frame: MakeFrame) -> tuple[DataFrame, Fitted]:
    """Give rows with a null and a NaN, and steps of every form over them."""
    df = frame({"x": [2.0, None, NAN, 7.0], "y": [1.0, 2.0, 3.0, INF], "s": [[1.0, 0.5], None, [], [None, 2.0]]})
    steps = [ss.Standard("x"), ss.Softmax(["x", "y"], into="p_{column}"), ss.LogSoftmax("s", dtype="float32"),
             ss.UnitNorm("s", into="u")]  # fmt: skip
    return df, ss.Pipeline(steps).fit(df)


@pytest.mark.parametrize("engine", ["native", "arrow", "pandas", "auto"])
def test_verify_right_engine(fitted_frame: tuple[DataFrame, Fitted], engine: Any) -> None:
    assert self_check(*fitted_frame, engine, 1000).rows == 4
    assert self_check(*fitted_frame, engine, 2).rows == 2


WRONG: dict[str, Callable[[AffineForm, Column], Column]] = {
    "a wrong number": lambda right, x: right.forward(x * F.lit(1.0000001)),
    "NaN as null": lambda right, x: right.forward(F.when(~F.isnan(x), x)),
    "null as NaN": lambda right, x: F.coalesce(right.forward(x), F.lit(NAN)),
}
SEEN = {
    "a wrong number": r"row 0 of the sample: the engine gave -?[\d.]+, the NumPy kernels -1.0;",
    "NaN as null": "row 2 of the sample: the engine gave None, the NumPy kernels nan;",
    "null as NaN": "row 1 of the sample: the engine gave nan, the NumPy kernels None;",
}


@pytest.mark.parametrize("wrong", WRONG)
def test_verify_finds_wrong_engine(
    fitted_frame: tuple[DataFrame, Fitted], wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Wrong(native.ColumnForm[Affine]):
        def forward(self, x: Column) -> Column:
            return WRONG[wrong](AffineForm(self.map), x)

    monkeypatch.setitem(native.FORMS, Affine, Wrong)
    with pytest.raises(InternalError, match="column 'x', " + SEEN[wrong]) as caught:
        self_check(*fitted_frame, "native", 1000)
    assert (caught.value.code, caught.value.exit_code) == ("SELF_CHECK", 70)
    for engine in ("arrow", "pandas"):
        self_check(*fitted_frame, engine, 1000)  # type: ignore[arg-type]


@pytest.mark.parametrize("type_", ["decimal(30,6)", "decimal(38,18)", "long", "float", "boolean"])
@pytest.mark.parametrize("engine", ["native", "arrow", "pandas"])
def test_verify_finds_wrong_cast(frame: MakeFrame, monkeypatch: pytest.MonkeyPatch, type_: str, engine: Any) -> None:
    df = frame({"x": [0, 1, 2, 5, 9]}).select(F.col("x").cast(type_))
    fitted = ss.Pipeline([ss.MinMax("x", range=(1, 2))]).fit(df)
    assert self_check(df, fitted, engine, 5).rows == 5
    for module in (forms, udf):
        right = module.feature
        monkeypatch.setattr(module, "feature", lambda *of, right=right: right(*of) + F.lit(2.0**-40))
    with pytest.raises(InternalError, match="column 'x', row 0 of the sample: the engine gave"):
        self_check(df, fitted, engine, 5)


@pytest.mark.parametrize("type_", ["array<decimal(30,6)>", "array<long>", "array<float>"])
def test_verify_finds_wrong_cast_of_arrays(frame: MakeFrame, monkeypatch: pytest.MonkeyPatch, type_: str) -> None:
    df = frame({"x": [[3, 4], [None, 1], [], None]}).select(F.col("x").cast(type_))
    fitted = ss.Pipeline([ss.UnitNorm("x", norm="max")]).fit(df)
    assert self_check(df, fitted, "native", 5).rows == 4
    right = forms.staged_scores
    monkeypatch.setattr(forms, "staged_scores", lambda *of: F.transform(right(*of), lambda x: x + F.lit(1.0)))
    with pytest.raises(InternalError, match="column 'x', row 0 of the sample"):
        self_check(df, fitted, "native", 5)


#: Every name that a helper column has, or might have, and some that differ from it in case alone.
HELPERS = [
    *(
        f"{name}{n}"
        for n in range(4)
        for name in ("__sparkscale_", "__SPARKSCALE_in_", "x_", "d_", "sketch_", "total_")
    ),
    *("p", "J", "x", "d", "v", "rows", "parts", "y", "nan", "present", "rest", "present_0", "scored_1", "undefined_3"),
]


@pytest.mark.parametrize("engine", ["native", "arrow", "pandas"])
@pytest.mark.parametrize("whole", [True, False])
def test_use_columns_of_the_names_of_helpers(
    frame: MakeFrame, monkeypatch: pytest.MonkeyPatch, engine: Any, whole: bool
) -> None:
    monkeypatch.setattr(queries, "merges_in_order", lambda _: whole)
    rng = np.random.default_rng(9)
    columns = {name: rng.normal(0, 1 + n, 50) for n, name in enumerate(HELPERS)}
    df = frame(columns)
    steps = [
        ss.Standard(HELPERS),
        ss.Robust(HELPERS[:6], into="{column}_r"),
        ss.Softmax(HELPERS[3:9], into="__sparkscale_{column}"),
    ]
    fitted = ss.Pipeline(steps).fit(df)
    assert self_check(df, fitted, engine, 100).rows == 50
    out = fitted.transform(df, engine=engine).toArrow().to_pydict()
    for name, data in columns.items():
        np.testing.assert_allclose(out[name], (data - data.mean()) / data.std(), rtol=1e-12, atol=1e-14, err_msg=name)
    weights = np.exp(np.column_stack([columns[name] for name in HELPERS[3:9]]))
    found = np.column_stack([out[f"__sparkscale_{name}"] for name in HELPERS[3:9]])
    np.testing.assert_allclose(found, weights / weights.sum(axis=1, keepdims=True), rtol=1e-12)


def test_verify_warns_of_softmax_over_probabilities(frame: MakeFrame) -> None:
    df = frame({"a": [0.25, 0.5], "b": [0.75, 0.5]})
    fitted = ss.Pipeline([ss.Softmax(["a", "b"])]).fit(df)
    (warning,) = self_check(df, fitted, "native", 10).warnings
    assert warning.startswith("step 1 (softmax): the scores look like probabilities already")
    assert self_check(df.select((F.col("a") * 2).alias("a"), "b"), fitted, "native", 10).warnings == ()


@pytest.mark.parametrize(("a", "b"), [
    ([INF, 0.0], [-INF, 0.0]), ([NAN, 1.0], [INF, 2.0]), ([1.7e308, 0.0], [1.7e308, 0.0]), ([-1.7e308, None], [-1.7e308, 1.0]),
    ([5e-324, -INF], [0.0, -INF]), ([INF, INF], [INF, INF]),
])  # fmt: skip
def test_verify_extreme_scores_without_a_warning(frame: MakeFrame, a: list[Any], b: list[Any]) -> None:
    df = frame({"a": a, "b": b, "s": [list(row) for row in zip(a, b, strict=True)]})
    steps = [cls(["a", "b"], into=f"{kind}_{{column}}") for kind, cls in REGISTRY.items() if cls.by_row]
    fitted = ss.Pipeline([*steps, ss.Softmax("s"), ss.LogSoftmax("s", into="l", temperature=5e-324)]).fit(df)
    assert self_check(df, fitted, "native", 10).warnings == ()  # pytest makes NumPy's warnings errors


# --- the plan -----------------------------------------------------------------------------------------------------


def plan_size(spark: SparkSession, scores: int) -> tuple[int, int]:
    """Return the lengths of the analyzed and the optimized plan of a softmax over so many columns."""
    df = spark.range(1).select(*[F.rand(j).alias(f"s{j:03}") for j in range(scores)])
    query = ss.Pipeline([ss.Softmax("s*", into="p_{column}")]).fit(df).transform(df)._jdf.queryExecution()
    return len(query.analyzed().toString()), len(query.optimizedPlan().toString())


def test_keep_plan_linear_in_scores(spark: SparkSession) -> None:
    spark.conf.set("spark.sql.debug.maxToStringFields", "100000")
    try:
        small, large = plan_size(spark, 50), plan_size(spark, 200)
    finally:
        spark.conf.unset("spark.sql.debug.maxToStringFields")
    assert large[0] < 5 * small[0]
    assert large[1] < 5 * small[1]


@pytest.mark.parametrize("engine", ["native", "arrow", "pandas"])
def test_keep_nullability_of_columns(spark: SparkSession, engine: Any) -> None:
    df = spark.range(1, 5).select(F.col("id"), F.when(F.col("id") > 1, F.col("id")).alias("gap"))
    steps = [ss.Standard("id"), ss.MinMax("id", into="unit", dtype="float32"), ss.MaxAbs("gap")]
    scaled = ss.Pipeline(steps).fit(df).transform(df, engine)
    assert {field.name: field.nullable for field in scaled.schema} == {"id": False, "gap": True, "unit": False}


@pytest.mark.parametrize("engine", ["native", "arrow", "pandas"])
def test_transform_asks_for_the_schema_as_often_for_many_columns(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch, engine: Any
) -> None:
    asked: list[int] = []

    def count(columns: int) -> int:
        df = spark.range(3).select(*[(F.col("id") + j).alias(f"c{j}") for j in range(columns)])
        fitted = ss.Pipeline([ss.Standard("*")]).fit(df)
        schema = type(df).schema
        with monkeypatch.context() as patched:
            patched.setattr(type(df), "schema", property(lambda self: (asked.append(1), schema.func(self))[1]))
            asked.clear()
            fitted.transform(df, engine)
        return len(asked)

    assert 0 < count(3) == count(30)


def test_take_numbers_of_numpy_from_a_user(frame: MakeFrame) -> None:
    """Spark's operators are given numbers as they are, and a NumPy number has another text than Python's."""
    df = frame({"x": [1.0, 2.5, 9.0, None]})
    low, high = np.float64(1.5), np.float64(5.0)
    steps = [
        ss.Clip("x", limits=(low, high), into="clipped"),
        ss.Impute("x", value=low, into="filled"),
        ss.MinMax("x", range=(low, high), clip=True, into="scaled"),
    ]
    found = ss.Pipeline(steps).fit(df).transform(df, engine="native").drop("x").toPandas().to_numpy().tolist()
    assert found[:3] == [[1.5, 1.0, 1.5], [2.5, 2.5, pytest.approx(2.15625)], [5.0, 9.0, 5.0]]
    assert found[3][1] == 1.5
