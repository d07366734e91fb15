"""Native expressions, pandas UDFs and NumPy: one set of numbers, for every kind of step there is."""

from __future__ import annotations

import itertools
import math
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession

import sparkscale as ss
from sparkscale.pipeline.fitted import Fitted
from sparkscale.scalers.base import REGISTRY, Step
from tests.numacc import exact_std
from tests.samples import AFFINE, TOLERANT
from tests.spark.frames import MakeFrame, Table, as_arrays, assert_alike, outputs

NAN, INF = math.nan, math.inf
ENGINES = ("native", "arrow", "pandas", "numpy")
COLUMNS = ["a", "b", "c"]

#: Fields whose every choice changes what an engine computes; ``""`` is for every kind.
CHOICES: dict[str, list[dict[str, Any]]] = {
    "standard": [{"ddof": 1}, {"with_mean": False}, {"with_std": False}],
    "minmax": [{"range": (-1.0, 1.0), "clip": True}, {"range": (0.1, 0.7)}, {"range": (-1e300, 1e-3), "clip": True}],
    "maxabs": [{"clip": True}],
    "quantile": [{"output": "normal"}, {"knots": 2}],
    "robust": [{"quantile_range": (5.0, 95.0), "unit_variance": True}, {"with_centering": False}, {"with_scaling": False}],
    "mean_norm": [{"clip": True}],
    "unit_norm": [{"norm": "l1"}, {"norm": "max"}, {"norm": 3}, {"norm": 1.25}],
    "softmax": [{"temperature": 0.3, "nulls": "mask"}, {"undefined": "zeros"},
                {"nulls": "mask", "undefined": "uniform", "temperature": 1e6}],
    "impute": [{"value": "median", "missing": ["null", "nan"], "indicator": "missing_1_{column}"},
               {"value": "max", "missing": ["nan"]}],
    "clip": [{"limits": None, "quantiles": [5, 95]}, {"limits": [None, 0.5]}],
    "power": [{"standardize": False}, {"method": "box_cox", "undefined": "null"}],
    "": [{}, {"dtype": "float32"}],
}  # fmt: skip
CHOICES["log_softmax"] = CHOICES["softmax"]


#: The kinds whose engines agree to the last bit.
EXACT = (*AFFINE, "impute", "clip", "chain")


def every_step() -> list[Step]:
    """Return a step for each kind of the registry and each choice, over columns, and over an array where it can be."""
    made = []
    for kind, cls in REGISTRY.items():
        for n, choice in enumerate([*CHOICES[""], *CHOICES.get(kind, [])]):
            common: dict[str, Any] = {"empty": "null", **TOLERANT.get(kind, {}), **choice}
            made.append(cls(COLUMNS, into=f"{kind}_{n}_{{column}}", **common))
            if cls.by_row:
                made.append(cls("s", into=f"{kind}_{n}_array", **common))
    return made


def tolerance(fitted: Fitted) -> dict[str, tuple[float, float]]:
    """Return, by output, units in the last place, and the size below which they are absolute.

    Affine maps and comparisons are the same IEEE operations everywhere: equal to the last bit. An ``exp`` may be another one, and
    a sum may be in another order. A logarithm is added to numbers that it may cancel. A power multiplies what two logarithms
    are apart by itself: `test_power.py` has its bound for each value.
    """
    out = {}
    for item in fitted.applications:
        kind = fitted.steps[item.number - 1].step.kind
        loose = 2.0**29 if item.dtype == "float32" else 1.0  # what is apart may round apart, to a place of a float
        ulps = 0.0 if kind in EXACT else 16.0 * loose * (2**10 if kind == "power" else 1)
        out |= dict.fromkeys(item.outputs, (ulps, 1.0 if kind in ("log_softmax", "power") else 0.0))
    return out


def assert_engines_agree(spark_frame: DataFrame, table: Table, fitted: Fitted) -> None:
    expected, allowed = outputs(fitted, spark_frame, table, "numpy"), tolerance(fitted)
    for engine in ("auto", "arrow", "pandas"):  # native, where a map has a native form
        found = outputs(fitted, spark_frame, table, engine)
        assert list(found) == list(expected)
        for name, (ulps, floor) in allowed.items():
            assert_alike(found[name], expected[name], ulps, floor, name=f"{name} by {engine}")


def table_of(rows: list[tuple[Any, ...]], arrays: list[Any]) -> dict[str, Any]:
    return {**{name: [row[j] for row in rows] for j, name in enumerate(COLUMNS)}, "s": arrays}


EXTREME = [None, NAN, INF, -INF, 0.0, -0.0, 5e-324, -1e-310, 1.7e308, -1.7e308, 1.0, -3.5, 1000.0]


def test_agree_on_every_mix_of_extreme_values(frame: MakeFrame, thorough: bool) -> None:
    """In the small setting every fifth of them, which has all pairs."""
    rows: list[tuple[Any, ...]] = list(itertools.product(EXTREME, repeat=3))[:: 1 if thorough else 5]
    table = table_of(rows, [None, [], *([x] for x in EXTREME), *map(list, rows[2 + len(EXTREME) :])])
    learn = {name: np.array([-2.0, 0.5, 9.0, NAN]) for name in COLUMNS}
    fitted = ss.Pipeline(every_step()).fit_arrays(learn | {"s": np.zeros((4, 2))})
    assert_engines_agree(frame(table), table, fitted)


def any_rows(seed: int, count: int = 60) -> list[tuple[Any, ...]]:
    """Return rows of any bits of a double, numbers of a common size, the extremes, and nulls."""
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2**64, 3 * count, dtype=np.uint64).view(np.float64)
    kinds = [bits, rng.uniform(-100, 100, 3 * count), rng.choice(np.array(EXTREME[1:]), 3 * count)]
    values = [None if kind == 7 else float(kinds[kind // 3][n]) for n, kind in enumerate(rng.integers(0, 8, 3 * count))]
    return list(zip(values[::3], values[1::3], values[2::3], strict=True))


#: One table each time, as planning every step in every engine takes a while; four by `--thorough`.
@settings(
    max_examples=max(1, settings().max_examples // 50), phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)
@given(st.integers(0, 2**64 - 1))
def test_agree_on_any_doubles_fitted_on_themselves(frame: MakeFrame, seed: int) -> None:
    rows = any_rows(seed)
    table = table_of(rows, [list(row[: n % 4]) for n, row in enumerate(rows)])
    fitted = ss.Pipeline(every_step()).fit_arrays(as_arrays(table))
    assert_engines_agree(frame(table), table, fitted)


def test_invert_in_every_engine(frame: MakeFrame) -> None:
    rng = np.random.default_rng(1)
    table: dict[str, Any] = {name: [*rng.normal(5, 3, 20).tolist(), None, NAN, INF, -INF] for name in COLUMNS}
    columnwise = [REGISTRY[kind] for kind in AFFINE]
    df = frame(table)
    for cls in columnwise:
        fitted = ss.Pipeline([cls(["a", "b"]), cls("c", into="{column}!")]).fit_arrays(as_arrays(table))
        for engine in ("native", "arrow", "pandas"):
            scaled = fitted.transform(df, engine=engine)  # type: ignore[arg-type]
            back = fitted.inverse_transform(scaled).toArrow().to_pydict()
            assert list(back) == COLUMNS
            for name in COLUMNS:
                assert_alike(back[name], table[name], ulps=64, floor=1.0, name=f"{name} of {cls.kind}")
        arrays = fitted.inverse_transform_arrays(fitted.transform_arrays(as_arrays(table)))
        assert_alike(arrays["c"].tolist(), back["c"], name=cls.kind)


def test_invert_is_lossy_only_where_clipped(frame: MakeFrame) -> None:
    table = {"x": [0.0, 4.0, 9.0, -9.0, 1.0], "y": [0.0, 4.0, 9.0, -9.0, 1.0]}
    steps = [ss.MinMax("x", clip=True), ss.MinMax("y", clip=True), ss.Standard("y", into="z")]
    fitted = ss.Pipeline(steps).fit_arrays({"x": np.array([0.0, 4.0]), "y": np.array([0.0, 4.0])})
    back = fitted.inverse_transform(fitted.transform(frame(table))).toArrow().to_pydict()
    assert back == {"x": [0.0, 4.0, 4.0, 0.0, 1.0], "y": table["y"]}


# --- published values ---------------------------------------------------------------------------------------------


def exact_softmax(scores: list[str]) -> list[Decimal]:
    with localcontext() as context:
        context.prec = 50
        weights = [Decimal(float(score)).exp() for score in scores]
        return [weight / sum(weights) for weight in weights]


@pytest.mark.parametrize("engine", ENGINES)
def test_show_the_seed_examples(frame: MakeFrame, engine: str) -> None:
    table = {"x": [10, 20, 30, 40], "a": [2.0] * 4, "b": [1.0] * 4, "c": [0.1] * 4, "s": [[2.0, 1.0, 0.1]] * 4}
    df = frame(table)
    fitted = ss.Pipeline([ss.MinMax("x"), ss.Softmax(COLUMNS), ss.Softmax("s")]).fit(df)
    found = outputs(fitted, df, table, engine)
    assert found["x"] == [0.0, 1 / 3, 2 / 3, 1.0]
    exact = exact_softmax(["2.0", "1.0", "0.1"])
    for row in ([found[name][0] for name in COLUMNS], found["s"][0]):
        assert all(abs(Decimal(p) - q) <= Decimal("1e-15") * q for p, q in zip(row, exact, strict=True))
        assert [round(p, 3) for p in row] == [0.659, 0.242, 0.099]


#: fields, scores of a row, what softmax gives (semantics, "Softmax over the score columns of a row").
SOFTMAX: list[tuple[dict[str, Any], list[Any] | None, list[Any] | None]] = [
    ({}, [2.0, 1.0, 0.1], [0.6590011388859679, 0.24243297070471392, 0.09856589040931818]),
    ({}, [1000.0, 0.0, 0.0], [1.0, 0.0, 0.0]),
    ({}, [-INF, 0.0], [0.0, 1.0]),
    ({}, [INF, 0.0], [1.0, 0.0]),
    ({}, [INF, INF, 0.0], [0.5, 0.5, 0.0]),
    ({}, [-INF, -INF], [None, None]),
    ({"undefined": "zeros"}, [-INF, -INF], [0.0, 0.0]),
    ({"undefined": "uniform"}, [-INF, -INF], [0.5, 0.5]),
    ({}, [1.0, NAN, INF], [NAN, NAN, NAN]),
    ({}, [1.0, None, 3.0], [None, None, None]),
    ({}, [NAN, None], [None, None]),
    ({"nulls": "mask"}, [0.0, None, 0.0], [0.5, None, 0.5]),
    ({"nulls": "mask"}, [None, NAN, 1.0], [None, NAN, NAN]),
    ({"nulls": "mask"}, [None, None], [None, None]),
    ({"nulls": "mask"}, [None, -INF], [None, None]),
    ({"nulls": "mask", "undefined": "uniform"}, [None, -INF, -INF], [None, 0.5, 0.5]),
    ({"nulls": "mask", "undefined": "zeros"}, [None, None], [None, None]),
    ({}, [], []),
    ({}, None, None),
    ({}, [7.0], [1.0]),
    ({}, [1e308, -1e308], [1.0, 0.0]),
    ({"temperature": 0.5}, [math.log(2) / 2, 0.0], [2 / 3, 1 / 3]),
    ({"temperature": 5e-324}, [5e-324, 0.0], [0.7310585786300049, 0.2689414213699951]),
    ({"temperature": 5e-324}, [1e308, 0.0], [1.0, 0.0]),
    ({"temperature": 1.7e308}, [0.85e308, -0.85e308], [0.7310585786300049, 0.2689414213699951]),
    ({"temperature": 1.7e308}, [5e-324, 0.0], [0.5, 0.5]),
    ({}, [INF, -INF], [1.0, 0.0]),
    ({"log": True}, [1000.0, 1.0], [0.0, -999.0]),
    ({"log": True}, [0.0, -40.0], [-4.248354255291589e-18, -40.0]),
    ({"log": True}, [-45.0, -5.0], [-40.0, -4.248354255291589e-18]),
    ({"log": True}, [INF, -INF], [0.0, -INF]),
    ({"log": True}, [0.0, -40.0, None], [None, None, None]),
    ({"log": True}, [NAN, -40.0, INF], [NAN, NAN, NAN]),
    ({"log": True}, [], []),
    ({"log": True, "nulls": "mask"}, [None, 0.0, -40.0], [None, -4.248354255291589e-18, -40.0]),
    ({"log": True, "nulls": "mask"}, [None, 0.0, 0.0], [None, -math.log(2), -math.log(2)]),
    ({"log": True, "nulls": "mask"}, [None, None], [None, None]),
    ({"log": True, "temperature": 2.0}, [0.0, -80.0], [-4.248354255291589e-18, -40.0]),
    ({"log": True, "temperature": 5e-324}, [5e-324, 0.0], [-0.31326168751822286, -1.3132616875182228]),
    ({"log": True}, [-INF, 0.0], [-INF, 0.0]),
    ({"log": True}, [INF, INF, 0.0], [-math.log(2), -math.log(2), -INF]),
    ({"log": True}, [None, 1.0], [None, None]),
    ({"log": True, "undefined": "zeros"}, [-INF, -INF], [-INF, -INF]),
    ({"log": True, "undefined": "uniform"}, [-INF, -INF], [-math.log(2)] * 2),
]


def softmax_step(columns: Any, fields: dict[str, Any], into: str) -> Step:
    own = {key: value for key, value in fields.items() if key != "log"}
    return (ss.LogSoftmax if "log" in fields else ss.Softmax)(columns, into=into, empty="null", **own)


@pytest.mark.parametrize("engine", ENGINES)
def test_map_every_row_of_the_softmax_table(frame: MakeFrame, engine: str) -> None:
    """Over an array column of all rows at once, and over columns: each length has its own."""
    choices = list({repr(fields): fields for fields, _, _ in SOFTMAX}.values())
    table: dict[str, Any] = {"s": [row for _, row, _ in SOFTMAX]}
    steps = []
    for n, fields in enumerate(choices):
        steps.append(softmax_step("s", fields, f"{n}|s"))
        for k in (2, 3):
            names = [f"s{k}{j}" for j in range(k)]
            table |= {name: [row[j] if row is not None and len(row) == k else 0.0 for row in table["s"]]
                      for j, name in enumerate(names)}  # fmt: skip
            steps.append(softmax_step(names, fields, f"{n}|{{column}}"))
    df = frame(table)
    fitted = ss.Pipeline(steps).fit(df)
    assert fitted.rows is None
    found = outputs(fitted, df, table, engine)
    for i, (fields, row, expected) in enumerate(SOFTMAX):
        n = choices.index(fields)
        assert_alike([found[f"{n}|s"][i]], [expected], ulps=2, name=f"{fields} {row}")
        if row is not None and expected is not None and len(row) in (2, 3):
            cells = [found[f"{n}|s{len(row)}{j}"][i] for j in range(len(row))]
            assert_alike(cells, expected, ulps=2, name=f"{fields} {row}")


# --- the last digits ------------------------------------------------------------------------------------------------

MAX, LEAST_NORMAL = 1.7976931348623157e308, 2.2250738585072014e-308
AWKWARD: dict[str, list[float]] = {
    "e9": [1e9, 1e9 + 1, 1e9 + 3], "e15": [1e15, 1e15 + 1, 1e15 + 3], "minus": [-1e12, -1e12 - 1, -1e12 - 5],
    "tiny": [LEAST_NORMAL, LEAST_NORMAL, LEAST_NORMAL + 3 * 5e-324], "least": [0.0, 0.0, 5e-324], "ends": [-1e308, MAX, 3.0],
    "far": [-MAX, MAX, 1e300],
}  # fmt: skip


def exact_z(values: list[float], spread: Fraction) -> list[float]:
    mean = sum(map(Fraction, values)) / len(values)
    return [float((Fraction(x) - mean) / spread) for x in values]


@pytest.mark.parametrize("engine", ENGINES)
def test_scale_to_the_last_digits(frame: MakeFrame, engine: str) -> None:
    """By a fit in Spark, and by one merged of parts; through the inverse, and in single precision."""
    df, names = frame(AWKWARD), list(AWKWARD)
    steps = [ss.Standard(names, into="z_{column}"), ss.Standard(names, dtype="float32", into="f_{column}"),
             ss.MeanNorm(names, into="n_{column}"), ss.MinMax(["ends", "far"], range=(-MAX, MAX), into="m_{column}"),
             ss.Standard(["ends", "far"], with_mean=False, into="s_{column}"), ss.Robust(names, into="r_{column}")]  # fmt: skip
    pipeline = ss.Pipeline(steps)
    parts = [pipeline.fit_arrays({name: np.array(values[part]) for name, values in AWKWARD.items()})
             for part in (slice(1), slice(1, None))]  # fmt: skip
    for fitted in (pipeline.fit(df), ss.merge(parts)):
        found = outputs(fitted, df, AWKWARD, engine)
        for name, values in AWKWARD.items():
            z = exact_z(values, exact_std(values))
            np.testing.assert_allclose(found[f"z_{name}"], z, rtol=1e-13, atol=2**-52)
            np.testing.assert_allclose(found[f"f_{name}"], z, rtol=2**-23, atol=2**-52)
            span = Fraction(max(values)) - Fraction(min(values))
            np.testing.assert_allclose(found[f"n_{name}"], exact_z(values, span), rtol=1e-13, atol=2**-52)
            if name in ("e9", "e15", "minus"):
                q1, median, q3 = np.percentile(values, [25, 50, 75])
                assert found[f"r_{name}"] == ((np.array(values) - median) / (q3 - q1)).tolist()
        assert (found["m_far"][:2], found["m_ends"][:2]) == ([-MAX, MAX], [-MAX, MAX])


@pytest.mark.parametrize("cls", [ss.Standard, ss.MeanNorm, ss.MinMax, ss.MaxAbs, ss.Robust])
def test_invert_to_the_last_digits(frame: MakeFrame, cls: Any) -> None:
    df = frame(AWKWARD)
    fitted = ss.Pipeline([cls(list(AWKWARD))]).fit(df)
    by_numpy = fitted.inverse_transform_arrays(fitted.transform_arrays(as_arrays(AWKWARD)))
    for engine in ("native", "arrow", "pandas"):
        back = fitted.inverse_transform(fitted.transform(df, engine=engine)).toArrow().to_pydict()  # type: ignore[arg-type]
        for name, values in AWKWARD.items():
            atol = 4e-16 * max(map(abs, values)) + 5e-324
            np.testing.assert_allclose(back[name], values, rtol=0, atol=atol)
            assert back[name] == by_numpy[name].tolist()


@pytest.mark.parametrize("engine", ENGINES)
def test_lose_nothing_to_an_infinity_on_the_way(frame: MakeFrame, engine: str) -> None:
    table = {"x": [1.7e308, 0.25], "y": [3.0, 1.0]}
    fitted = ss.Pipeline([ss.MinMax("x", range=(0, 0.5)), ss.MinMax("y", range=(-1e308, 0.7e308))]).fit_arrays(
        {"x": [0.0, 0.5], "y": [0.0, 2.0]}
    )
    found = outputs(fitted, frame(table), table, engine)
    assert found["x"] == [1.7e308, 0.25]
    assert found["y"] == pytest.approx([1.55e308, -0.15e308], rel=1e-15)


@pytest.mark.parametrize("size", [1, 2, 3, 28, 500, 1024, 5000])
def test_interpolate_quantiles_of_a_sketch_of_spark(frame: MakeFrame, size: int) -> None:
    values = np.random.default_rng(size).normal(size=size)
    (stats,) = ss.Pipeline([ss.Robust("x")]).fit(frame({"x": values}).repartition(3)).stats.values()
    assert stats.quantiles is not None
    ranks = np.array([0.0, 0.01, 0.25, 0.5, 0.75, 0.99, 1.0])
    found = np.array(stats.quantiles.quantiles(ranks.tolist()))
    if size <= 1024:
        assert found.tolist() == np.quantile(values, ranks).tolist()
    else:
        slack = 3 * stats.quantiles.rank_error
        assert (np.quantile(values, np.clip(ranks - slack, 0, 1)) <= found).all()
        assert (found <= np.quantile(values, np.clip(ranks + slack, 0, 1))).all()


# --- what is kept ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["native", "arrow", "pandas", "auto"])
def test_keep_order_types_and_other_columns(spark: SparkSession, frame: MakeFrame, engine: str) -> None:
    table = {"z": ["one", "two"], "x": [1.0, 3.0], "n": [1, None], "s": [[0.0, 0.0], None], "a": [True, None]}
    df = frame(table)
    steps = [ss.MinMax("x", dtype="float32"), ss.Softmax("s", dtype="float32", into="p"), ss.MaxAbs("n"),
             ss.Softmax(["x", "n"], into="{column}?")]  # fmt: skip
    fitted = ss.Pipeline(steps).fit(df)
    out = fitted.transform(df, engine=engine)  # type: ignore[arg-type]
    assert [(f.name, f.dataType.simpleString()) for f in out.schema.fields] == [
        ("z", "string"), ("x", "float"), ("n", "double"), ("s", "array<double>"), ("a", "boolean"),
        ("p", "array<float>"), ("x?", "double"), ("n?", "double")]  # fmt: skip
    found = out.toArrow().to_pydict()
    assert {name: found[name] for name in "zsa"} == {name: table[name] for name in "zsa"}
    assert (found["x"], found["n"], found["p"]) == ([0.0, 1.0], [1.0, None], [[0.5, 0.5], None])
    assert (found["x?"], found["n?"]) == ([0.5, None], [0.5, None])
    assert df.toArrow().to_pydict() == table


@pytest.mark.parametrize("engine", ENGINES)
def test_accept_unseen_data(frame: MakeFrame, engine: str) -> None:
    table = {"x": [1.7e308, -1.7e308, INF, -INF, NAN, None, 5.0], "y": [0.0, 20.0, INF, -INF, NAN, None, 5.0]}
    columnwise: list[Any] = [REGISTRY[kind] for kind in AFFINE]
    learn = {"x": np.array([0.0, 10.0]), "y": np.array([0.0, 10.0])}
    fitted = ss.Pipeline([cls("x", into=cls.kind) for cls in columnwise] + [ss.MinMax("y", clip=True)]).fit_arrays(
        learn
    )
    found = outputs(fitted, frame(table), table, engine)
    for cls in columnwise:
        assert [type(x) for x in found[cls.kind]] == [float] * 5 + [type(None), float]
        assert (found[cls.kind][2], found[cls.kind][3], math.isnan(found[cls.kind][4])) == (INF, -INF, True)
        assert found[cls.kind][0] > 1e300
    assert_alike(found["y"], [0.0, 1.0, 1.0, 0.0, NAN, None, 0.5])
