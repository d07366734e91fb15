"""Fitting on Spark: every statistic against NumPy and exact arithmetic, its accuracy, and merging."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

import sparkscale as ss
from sparkscale.errors import ConfigError, DataError
from sparkscale.pipeline.fitted import Fitted
from sparkscale.pipeline.plan import plan
from sparkscale.spark.columns import schema_of
from sparkscale.spark.fit import fitting, queries, scan
from sparkscale.spark.fit.scan import scan_in_python
from sparkscale.stats.column import ColumnStats
from tests.numacc import ALL as NUMACC
from tests.numacc import digits, exact_moments, exact_moments_of_few, exact_std, few_decimals
from tests.spark.frames import MakeFrame

NAN, INF = math.nan, math.inf


@pytest.fixture(autouse=True, params=["whole", "by partition"])
def _merged(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fit as in local mode, and as on a cluster, where the states of partitions are merged by the driver."""
    if request.param == "by partition":
        monkeypatch.setattr(queries, "merges_in_order", lambda _: False)


DIGITS = 12
ROWS = 6_000


def test_refuse_a_stream(spark: SparkSession) -> None:
    stream = spark.readStream.format("rate").load()
    with pytest.raises(ConfigError, match="expected a DataFrame that ends, found a stream; fit on a batch"):
        ss.Pipeline([ss.Standard("value")]).fit(stream)
    fitted = ss.Pipeline([ss.Softmax(["value", "more"], into="p_{column}")]).fit(stream.withColumn("more", F.lit(1)))
    assert fitted.rows is None


def stats_of(df: DataFrame, *columns: str, **fields: Any) -> dict[str, ColumnStats]:
    """Fit a standard scaler and return the statistics."""
    return dict(ss.Pipeline([ss.Standard(list(columns) or "*", **fields)]).fit(df).stats)


def exact_mean(stats: ColumnStats) -> Fraction:
    """Return the two-double mean as a fraction."""
    return Fraction(stats.mean) + Fraction(stats.mean_lo) * Fraction(2) ** stats.exp


def counts(stats: ColumnStats) -> tuple[int, ...]:
    """Return the counts: rows, nulls, NaN, +inf, -inf, finite."""
    return stats.rows, stats.nulls, stats.nans, stats.posinf, stats.neginf, stats.finite


# --- what is counted, and what is learned -----------------------------------------------------------------------

MIXED: dict[str, list[Any]] = {
    "a": [1.0, None, NAN, INF, -INF, -INF, 4.0, 10.0],
    "b": [None, None, 2.5, 2.5, None, 2.5, 2.5, 2.5],
    "c": [-3, 7, None, 7, 0, 1, 2, 5],
    "flag": [True, False, None, True, True, False, None, True],
}


def test_count_null_nan_and_infinities_apart(frame: MakeFrame) -> None:
    found = stats_of(frame(MIXED), "a", "b", "c", "flag")
    assert {name: counts(stats) for name, stats in found.items()} == {
        "a": (8, 1, 1, 1, 2, 3),
        "b": (8, 3, 0, 0, 0, 5),
        "c": (8, 1, 0, 0, 0, 7),
        "flag": (8, 2, 0, 0, 0, 6),
    }
    numbers = {name: np.array([x for x in values if x is not None and math.isfinite(x)], dtype=float)
               for name, values in MIXED.items()}  # fmt: skip
    for name, values in numbers.items():
        assert (found[name].min, found[name].max) == (values.min(), values.max())
        np.testing.assert_allclose([found[name].mean, found[name].std], [values.mean(), values.std()], rtol=1e-15)
    assert found["b"].constant
    assert found["b"].std == 0


def test_fit_every_numeric_type_as_double(frame: MakeFrame) -> None:
    df = frame({"n": [1, 2, 4, None]}).select(
        *[F.col("n").cast(type_).alias(type_) for type_ in ("byte", "short", "int", "long", "float", "double")],
        (F.col("n") / 10).cast("decimal(10,1)").alias("dec"),
        (F.col("n") == 2).alias("flag"),
    )
    found = stats_of(df)
    assert set(found) == {"byte", "short", "int", "long", "float", "double", "dec"}  # a pattern chooses no boolean
    assert stats_of(df, "flag")["flag"].mean == pytest.approx(1 / 3, rel=1e-15)
    for name, stats in found.items():
        unit = 10 if name == "dec" else 1
        assert (stats.min, stats.max, stats.finite, stats.nulls) == (1 / unit, 4 / unit, 3, 1)
        np.testing.assert_allclose(stats.std * unit, math.sqrt(14 / 9), rtol=1e-14)


def test_warn_of_integers_that_double_rounds(frame: MakeFrame) -> None:
    df = frame({"id": [2**53 + 1, 0], "down": [0, -(2**60)], "n": [2**53 - 1, 0], "x": [1e300, 0.0]})
    fitted = ss.Pipeline([ss.MinMax(["id", "down", "n", "x"])]).fit(df)
    found = {warning.partition(" holds integers")[0] for warning in fitted.warnings}
    assert found == {"column 'id'", "column 'down'"}


@pytest.mark.parametrize(
    ("type_", "top", "said"),
    [
        ("decimal(38,0)", 10**20, "integers beyond 2^53"),
        ("decimal(38,0)", -(2**53), "integers beyond 2^53"),
        ("decimal(38,0)", 2**53 - 1, None),
        ("decimal(30,6)", Decimal("9007199254.740992"), "decimals of 16 or more digits"),
        (
            "decimal(30,6)",
            Decimal("-8589934592.000001"),
            "decimals of 16 or more digits",
        ),  # from 2**33 on, 1.9e-6 apart
        ("decimal(30,6)", Decimal("-8589934591.999999"), None),
        ("decimal(38,37)", Decimal("0.9"), "decimals of 16 or more digits"),
        ("decimal(12,2)", Decimal("9999999999.99"), None),
        ("double", 1e300, None),
    ],
)
def test_warn_of_decimals_that_double_rounds(spark: SparkSession, type_: str, top: Any, said: str | None) -> None:
    df = spark.createDataFrame([(str(top),), ("0",)], "x string").select(F.col("x").cast(type_))
    warned = ss.Pipeline([ss.MinMax("x")]).fit(df).warnings
    assert warned == ([] if said is None else [f"column 'x' holds {said}, which a double rounds"])


def test_fit_nested_fields(frame: MakeFrame) -> None:
    df = frame({"x": [1.0, 2.0, None]}).select(F.struct(F.struct("x").alias("in ner"), "x").alias("a.b"))
    fitted = ss.Pipeline([ss.MinMax(["a.b.x", "a.b.in ner.x"], into="{column}!")]).fit(df)
    assert {name: counts(s) for name, s in fitted.stats.items()} == {
        "a.b.x": (3, 1, 0, 0, 0, 2), "a.b.in ner.x": (3, 1, 0, 0, 0, 2)}  # fmt: skip
    out = fitted.transform(df).toArrow().to_pydict()
    assert out["a.b.x!"] == out["a.b.in ner.x!"] == [0.0, 1.0, None]


def test_refuse_columns_without_finite_value(frame: MakeFrame) -> None:
    df = frame({"x": [1.0, 2.0], "none": [None, NAN], "infs": [INF, -INF]}).withColumn("void", F.lit(None).cast("int"))
    with pytest.raises(DataError) as caught:
        stats_of(df)
    assert caught.value.exit_code == 65
    assert [p.cause.partition(":")[0] for p in caught.value.problems] == [
        "column 'none'", "column 'infs'", "column 'void'"]  # fmt: skip
    fitted = ss.Pipeline([ss.Standard("*", empty="null")]).fit(df)
    out = fitted.transform(df).toArrow().to_pydict()
    assert (out["x"], out["none"], out["infs"], out["void"]) == ([-1.0, 1.0], [None] * 2, [None] * 2, [None] * 2)


@pytest.mark.parametrize("fields", [{}, {"empty": "null"}])
def test_refuse_table_without_rows(frame: MakeFrame, fields: dict[str, Any]) -> None:
    df = frame({"x": [1.0, 2.0]}).where("x > 5")
    with pytest.raises(DataError) as caught:
        stats_of(df, "x", **fields)
    assert (caught.value.code, caught.value.exit_code) == ("DATA_NO_ROWS", 65)


def test_refuse_nonfinite_on_request(frame: MakeFrame) -> None:
    df = frame(MIXED)
    stats_of(df, "b", "c", nonfinite="error")
    with pytest.raises(DataError, match=r"found 1 NaN, 1 [+]inf, 2 -inf in 8 rows") as caught:
        stats_of(df, "a", "b", nonfinite="error")
    assert (caught.value.code, caught.value.exit_code) == ("DATA_NONFINITE", 65)


# --- accuracy ---------------------------------------------------------------------------------------------------


def accuracy_columns() -> dict[str, np.ma.MaskedArray[Any, Any]]:
    """Return NIST's sets (nulls after their end) and columns of a large offset, sorted."""
    rng = np.random.default_rng(20)
    out = {}
    for item in NUMACC:
        data = np.zeros(ROWS)
        data[: len(item.values)] = item.values
        out[item.name] = np.ma.MaskedArray(data, mask=np.arange(ROWS) >= len(item.values))
    for name, mean, std in (("e9", 1e9, 1.0), ("e7", 1e7, 1.0), ("ids", 1.6e12, 1e5), ("plain", 3.0, 20.0)):
        out[name] = np.ma.MaskedArray(np.sort(rng.normal(mean, std, ROWS)), mask=np.arange(ROWS) % 97 == 5)
    out["tiny offset"] = np.ma.MaskedArray(np.sort(rng.normal(-1e-200, 1e-206, ROWS)), mask=False)
    out["huge"] = np.ma.MaskedArray(np.sort(rng.normal(1e200, 1e199, ROWS)), mask=False)
    return out


@pytest.fixture(scope="module")
def accuracy(frame: MakeFrame) -> tuple[DataFrame, dict[str, tuple[Fraction, Fraction]]]:
    """Give the columns, and their mean and std in exact arithmetic."""
    columns = accuracy_columns()
    df = frame({**columns, "i": np.arange(ROWS)}).cache()
    exact = {}
    for name, data in columns.items():
        stored = data.compressed().tolist()
        exact[name] = (exact_moments(stored)[0], exact_std(stored))
    return df, exact


def ordered(partitions: int) -> Callable[[DataFrame], DataFrame]:
    return lambda df: df.repartitionByRange(partitions, "i").sortWithinPartitions("i")


def shuffled(partitions: int) -> Callable[[DataFrame], DataFrame]:
    return lambda df: df.repartition(partitions, F.hash("i")).sortWithinPartitions(F.xxhash64("i"))


def with_empties(df: DataFrame) -> DataFrame:
    """All rows in 3 partitions of 30, between empty ones."""
    nothing = df.limit(0).repartition(5)
    return nothing.union(df.repartition(30, F.col("i") % 3)).union(nothing)


LAYOUTS = {
    **{f"sorted {n}": ordered(n) for n in (1, 2, 7, 64)},
    **{f"shuffled {n}": shuffled(n) for n in (1, 2, 7, 64)},
    "with empty partitions": with_empties,
    "coalesced": lambda df: shuffled(7)(df).coalesce(2),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_keep_twelve_digits_in_any_partitioning(
    accuracy: tuple[DataFrame, dict[str, tuple[Fraction, Fraction]]], layout: str
) -> None:
    df, exact = accuracy
    found = stats_of(LAYOUTS[layout](df), *exact)
    for name, (mean, std) in exact.items():
        assert digits(found[name].std, std) >= DIGITS, name
        assert abs(exact_mean(found[name]) - mean) <= std * Fraction(1, 10**DIGITS), name
        assert digits(exact_mean(found[name]), mean) >= DIGITS, name


def test_fit_same_bits_for_same_partitioning(
    accuracy: tuple[DataFrame, dict[str, tuple[Fraction, Fraction]]],
) -> None:
    df, exact = accuracy
    assert stats_of(shuffled(7)(df), *exact) == stats_of(shuffled(7)(df), *exact)


FEW = few_decimals(300_000)


@pytest.fixture(scope="module")
def few(frame: MakeFrame) -> DataFrame:
    """Give few decimals, many times, in one partition."""
    return frame(FEW).coalesce(1)


def holes(x: str) -> Any:
    """Return a column in which one value of a thousand is null, NaN or infinite."""
    spots = F.monotonically_increasing_id() % 1000
    hole = F.element_at(F.array(F.lit(None), F.lit(NAN), F.lit(INF), F.lit(-INF)), (spots % 4 + 1).cast("int"))
    return F.when(spots < 4, hole).otherwise(F.col(x)).alias(x)


@pytest.mark.parametrize("how", ["plain", "with holes", "in Python"])
def test_keep_the_mean_of_few_decimals(few: DataFrame, how: str) -> None:
    df = few.select(*map(holes, FEW)) if how == "with holes" else few
    found = scan_in_python(df, list(schema_of(df).columns())) if how == "in Python" else stats_of(df)
    seen = np.arange(len(FEW["two"])) % 1000 >= (4 if how == "with holes" else 0)
    for name, values in FEW.items():
        mean, std = exact_moments_of_few(values[seen])
        assert found[name].finite == seen.sum(), name
        assert abs(exact_mean(found[name]) - mean) <= std / 10**13, name
        assert digits(found[name].std, std) >= (DIGITS if name == "offset" else 13), name


SINGLE = {"float": pa.float32(), "smallint": pa.int16(), "tinyint": pa.int8(), "boolean": pa.bool_()}


@pytest.mark.parametrize("type_", [*SINGLE, "int", "bigint", "double", "decimal(7,2)", "decimal(7,0)"])
def test_sum_once_what_single_precision_holds(spark: SparkSession, type_: str) -> None:
    """The largest of each type and those with the most digits, by NumPy: is anything left over?"""
    most = {"int": 2**31 - 1, "bigint": 2**53 - 1, "double": 0.1, "decimal(7,2)": 99999.99, "decimal(7,0)": 9999999,
            "boolean": 1, "float": np.nextafter(np.float32(1), np.float32(2)), "smallint": 1 - 2**15, "tinyint": 127}  # fmt: skip
    left = float(most[type_]) - float(np.float32(most[type_]))
    assert ("rest" in scan.sums(F.lit(1.0), type_)) == (left != 0)


def test_fit_the_same_bits_with_one_sum(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = np.random.default_rng(3).integers(-100, 100, 5000)
    columns = {name: pa.array(numbers > 50 if name == "boolean" else numbers).cast(t) for name, t in SINGLE.items()}
    odd = [0.1, 3e38, 1e-45, NAN, INF, None]
    columns |= {"odd": pa.array(odd * 833 + [1.0, 2.0], pa.float32()), "nothing": pa.array([None] * 5000, pa.float32())}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet", row_group_size=1000)
    df = spark.read.parquet(str(tmp_path / "a.parquet"))
    found = stats_of(df, *columns, empty="null")
    monkeypatch.setattr(scan, "holds", lambda *_: False)
    assert {name: repr(one) for name, one in found.items()} == {
        name: repr(one) for name, one in stats_of(df, *columns, empty="null").items()
    }
    assert exact_mean(found["smallint"]) == pytest.approx(float(numbers.mean()), rel=1e-14)


EXTREMES = {
    "top and near": [1.7e308, 1.7e308 - 2e292, 1.7e308 - 4e292],
    "far ends": [1e30, 1.0, 2.0],
    "huge": [1e200, -1e200, 3e200],
    "beyond": [-1.7e308, 1.7e308, 0.0],
    "top": [1.7e308, 1.6e308, 1.75e308],
    "small": [1e-200, 3e-200, -5e-200],
    "subnormal": [0.0, 5e-324, 1e-323],
    "offset subnormal": [1e-310, 1e-310 + 5e-324, 1e-310 + 1e-323],
}


@pytest.mark.parametrize("partitions", [1, 3])
def test_fit_huge_and_tiny_columns(frame: MakeFrame, partitions: int) -> None:
    found = stats_of(frame({**EXTREMES, "i": [0, 1, 2]}).repartition(partitions, "i"), *EXTREMES)
    for name, values in EXTREMES.items():
        stats, mean = found[name], exact_moments(values)[0]
        assert (stats.min, stats.max) == (min(values), max(values)), name
        std = exact_std(values)
        assert digits(Fraction(stats.m2) * Fraction(4) ** stats.exp / 3, std * std) >= DIGITS, name
        assert abs(exact_mean(stats) - mean) <= std / 10**DIGITS, name


# --- merging, quantiles -----------------------------------------------------------------------------------------


def steps() -> list[Any]:
    return [ss.Standard(["e9", "plain"], ddof=1), ss.MinMax(["NumAcc4", "huge"]), ss.Robust("e7", into="r")]


@pytest.fixture(scope="module")
def parts(accuracy: tuple[DataFrame, dict[str, Any]]) -> tuple[Fitted, list[Fitted]]:
    """Give the fit of the whole, and the fits of three parts of it."""
    df, pipeline = accuracy[0], ss.Pipeline(steps())
    cuts = [F.col("i") < 100, (F.col("i") >= 100) & (F.col("i") < 900), F.col("i") >= 900]
    return pipeline.fit(df), [pipeline.fit(df.where(cut)) for cut in cuts]


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1], [1, 2, 0]])
def test_merge_parts_as_fit_of_whole(parts: tuple[Fitted, list[Fitted]], order: list[int]) -> None:
    whole, pieces = parts
    merged = ss.merge([pieces[i] for i in order])
    assert merged.rows == whole.rows == ROWS
    for name, known in whole.stats.items():
        got = merged.stats[name]
        assert (counts(got), got.min, got.max) == (counts(known), known.min, known.max)
        scale = Fraction(known.std)
        assert abs(exact_mean(got) - exact_mean(known)) <= scale / 10**12
        np.testing.assert_allclose([got.mean, got.std], [known.mean, known.std], rtol=1e-12)


def test_merge_parts_of_ordinary_column_to_fourteen_digits(parts: tuple[Fitted, list[Fitted]]) -> None:
    whole, pieces = parts
    got, known = ss.merge(pieces).stats["plain"], whole.stats["plain"]
    np.testing.assert_allclose([got.mean, got.std], [known.mean, known.std], rtol=1e-14)


def rank_error(values: np.ndarray[Any, Any], sorted_: np.ndarray[Any, Any], wanted: float) -> float:
    """Return how far the rank of a value is from the one that was asked for."""
    low, high = np.searchsorted(sorted_, values, "left"), np.searchsorted(sorted_, values, "right")
    return float(np.max(np.maximum(low / len(sorted_) - wanted, wanted - high / len(sorted_)).clip(0)))


def test_sketch_quantiles_native_and_in_python(
    spark: SparkSession, accuracy: tuple[DataFrame, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    df, names = shuffled(7)(accuracy[0]), ["plain", "e9", "NumAcc4"]
    planned = plan([ss.Robust(names)], schema_of(df))
    assert scan.has_native_sketch(spark)
    native = fitting.measure(df, planned.features, planned.quantile_features)
    monkeypatch.setattr(scan, "has_native_sketch", lambda _: False)
    in_python = fitting.measure(df, planned.features, planned.quantile_features)
    columns = accuracy_columns()
    for name in names:
        values = np.sort(columns[name].compressed())
        for found in (native[name], in_python[name]):
            sketch = found.quantiles
            assert sketch is not None
            assert (sketch.count, counts(found)) == (len(values), counts(native[name]))
            assert sketch.rank_error < 0.003
            for rank in (0.0, 0.05, 0.25, 0.5, 0.75, 0.99, 1.0):
                assert rank_error(np.array([sketch.quantile(rank)]), values, rank) <= sketch.rank_error
        assert digits(in_python[name].std, accuracy[1][name][1]) >= DIGITS


def test_sketch_that_holds_all_values_has_one_form(accuracy: tuple[DataFrame, dict[str, Any]]) -> None:
    few, pipeline = accuracy[0].where("i < 700"), ss.Pipeline([ss.Robust(["plain", "e9"])])
    forms = [pipeline.fit(LAYOUTS[layout](few)).stats for layout in ("sorted 1", "shuffled 7", "sorted 64")]
    for name in ("plain", "e9"):
        assert len({stats[name].quantiles for stats in forms}) == 1


def test_sketch_in_python_counts_null_and_nan_apart(frame: MakeFrame) -> None:
    df = frame({"a": MIXED["a"], "n": [None] * 7 + [1.0]})
    found = scan_in_python(df, list(schema_of(df).columns()))
    assert counts(found["a"]) == (8, 1, 1, 1, 2, 3)
    assert counts(found["n"]) == (8, 7, 0, 0, 0, 1)
