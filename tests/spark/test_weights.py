"""Weighted fits on Spark: against NumPy, scikit-learn and exact arithmetic, in any partitioning."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler

import sparkscale as ss
from sparkscale.errors import DataError
from sparkscale.spark.fit import queries
from tests.numacc import digits, root
from tests.spark.frames import MakeFrame
from tests.stats.test_weights import assert_exact, exact

NAN, INF = math.nan, math.inf
ROWS = 3_000


@pytest.fixture(autouse=True, params=["whole", "by partition"])
def _merged(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fit as in local mode, and as on a cluster, where the states of partitions are merged by the driver."""
    if request.param == "by partition":
        monkeypatch.setattr(queries, "merges_in_order", lambda _: False)


def weighted(*steps: Any, weight: str = "w") -> ss.Pipeline:
    return ss.Pipeline(steps or [ss.Standard("*")], weight=weight)


def table() -> dict[str, Any]:
    """Return columns with an offset, of few decimals, with outliers of little weight, nulls, NaN and infinities."""
    rng = np.random.default_rng(5)
    out = {"w": rng.exponential(3.0, ROWS) * (rng.random(ROWS) > 0.1)}
    out |= {"offset": np.sort(rng.normal(1e9, 1.0, ROWS)), "plain": rng.normal(3, 20, ROWS)}
    out |= {"few": np.tile([0.1, 0.3, 0.4], ROWS // 3), "tiny": rng.normal(-1e-200, 1e-206, ROWS)}
    out |= {"huge": rng.normal(1e200, 1e199, ROWS), "constant": np.full(ROWS, 0.1)}
    out["masked"] = np.ma.MaskedArray(rng.normal(1e6, 1, ROWS), mask=rng.random(ROWS) < 0.1)
    odd = rng.normal(1e4, 1.0, ROWS)
    odd[::50], odd[1::50], odd[2::50] = NAN, INF, -INF
    out["odd"] = odd
    out["far"] = np.where(out["w"] > 0, rng.normal(1e9, 1.0, ROWS), 1e300)
    out["i"] = np.arange(ROWS)
    return out


TABLE = table()
FEATURES = [name for name in TABLE if name not in ("w", "i")]
LAYOUTS: dict[str, Callable[[DataFrame], DataFrame]] = {
    "one": lambda df: df.coalesce(1),
    "shuffled": lambda df: df.repartition(7, F.hash("i")).sortWithinPartitions(F.xxhash64("i")),
    "sorted": lambda df: df.repartitionByRange(16, "w").sortWithinPartitions("w"),
    "with empty partitions": lambda df: df.limit(0).union(df.repartition(20, F.col("i") % 3)),
}


def numbers(name: str) -> tuple[Any, Any]:
    """Return the finite values of a column, and their weights, without weights of 0."""
    values, w = np.ma.asarray(TABLE[name]), TABLE["w"]
    used = ~np.ma.getmaskarray(values) & np.isfinite(values.data) & (w > 0)
    return values.data[used], w[used]


@pytest.fixture(scope="module")
def df(frame: MakeFrame) -> DataFrame:
    return frame(TABLE).cache()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_keep_twelve_digits_in_any_partitioning(df: DataFrame, layout: str) -> None:
    laid = LAYOUTS[layout](df)
    found = weighted(ss.Standard(FEATURES)).fit(laid)
    by_numpy = weighted(ss.Standard(FEATURES)).fit_arrays(TABLE)
    assert found.rows == by_numpy.rows == np.count_nonzero(TABLE["w"])
    for name in FEATURES:
        stats, known = found.stats[name], by_numpy.stats[name]
        counts = ("nulls", "nans", "posinf", "neginf", "finite", "min", "max")
        assert [getattr(stats, key) for key in counts] == [getattr(known, key) for key in counts], name
        assert stats.weights is not None
        assert known.weights is not None
        ours, theirs = stats.weights.to_dict(), known.weights.to_dict()
        np.testing.assert_allclose(list(ours.values()), list(theirs.values()), rtol=1e-14)
        if name != "constant":
            assert_exact(stats, *numbers(name), 12.0)
            assert_exact(known, *numbers(name), 13.5)
    assert weighted(ss.Standard(FEATURES)).fit(LAYOUTS[layout](df)).stats == found.stats


@pytest.mark.parametrize("size", [1e300, 1e-300])
def test_keep_twelve_digits_of_huge_and_tiny_weights(frame: MakeFrame, size: float) -> None:
    rng = np.random.default_rng(8)
    columns = {"x": rng.normal(1e9, 1.0, 300), "y": rng.normal(1.0, 1.0, 300), "w": rng.uniform(1, 2, 300) * size}
    columns |= {"z": np.append(np.zeros(298), [1e12, -1e12]), "v": 10.0 ** rng.uniform(-300, 300, 300)}
    df = frame(columns).repartition(3)
    for weight, names in (("w", "xy"), ("v", "xyz")):
        found = weighted(ss.Standard(list(names)), weight=weight).fit(df).stats
        for name in names:
            assert_exact(found[name], columns[name], columns[weight], 12.0)


def test_weigh_about_the_weighted_mean(frame: MakeFrame) -> None:
    """Rows of little weight move the plain mean far from the weighted one."""
    rng, light = np.random.default_rng(9), np.arange(900) % 3 == 0
    x, w = np.where(light, 0.0, rng.normal(1e9, 1.0, 900)), np.where(light, 1e-40, rng.uniform(1, 2, 900))
    found = weighted(ss.Standard("x")).fit(frame({"x": x, "w": w}).repartition(3)).stats["x"]
    assert_exact(found, x, w, 12.0)


def test_keep_the_weight_of_few_decimals(frame: MakeFrame) -> None:
    """A plain sum of one decimal rounds to the same side each time."""
    pairs, times = ([0.1, 0.3], [0.1, 0.7]), 150_000
    df = frame({"x": np.tile(pairs[0], times), "w": np.tile(pairs[1], times)}).coalesce(1)
    stats, (mean, square) = weighted(ss.Standard("x")).fit(df).stats["x"], exact(*pairs)
    total = Fraction(pairs[1][0]) + Fraction(pairs[1][1])
    assert digits(stats.weight, total * times) >= 15
    assert digits(stats.std, root(square / total)) >= 14
    assert abs(Fraction(stats.mean) - mean) <= root(square / total) / 10**15


def test_agree_with_scikit_learn(frame: MakeFrame) -> None:
    wine = load_wine()
    data = {name: wine.data[:, j] for j, name in enumerate(wine.feature_names)}
    w = np.random.default_rng(3).integers(0, 6, len(wine.data))
    found = weighted().fit(frame({**data, "w": w}))
    known = StandardScaler().fit(wine.data, sample_weight=w)
    assert list(found.stats) == sorted(data)
    for j, name in enumerate(data):
        stats = found.stats[name]
        np.testing.assert_allclose([stats.mean, stats.var], [known.mean_[j], known.var_[j]], rtol=1e-12)
    scaled = found.transform(frame(data)).toArrow()  # which has no weights
    ours = np.column_stack([scaled[name].to_numpy() for name in data])
    np.testing.assert_allclose(ours, known.transform(wine.data), atol=1e-12)


@pytest.mark.parametrize("type_", ["int", "float", "decimal(12,3)", "bigint"])
def test_weigh_by_any_type_of_numbers(frame: MakeFrame, type_: str) -> None:
    df = frame({"x": [1.0, 2.0, 5.0, 9.0], "w": [1, 0, 3, 2]}).withColumn("w", F.col("w").cast(type_))
    stats = weighted(ss.Standard("x")).fit(df).stats["x"]
    assert (stats.weight, stats.mean, stats.rows, stats.min) == (6, 34 / 6, 3, 1.0)


def test_scale_the_weight_itself_when_named(frame: MakeFrame) -> None:
    columns = {"x": [1.0, 2.0, 5.0], "w": [1.0, 0.0, 3.0], "s": [1, 2, 3]}
    named = weighted(ss.Standard(["w", "x"])).fit(frame(columns)).stats["w"]
    assert (named.mean, named.min, named.finite) == (2.5, 1.0, 2)
    for pattern in ("*", "/./", {"dtype": "floating"}):
        assert "w" not in weighted(ss.Standard(pattern)).fit(frame(columns)).stats


def test_look_again_weighted(frame: MakeFrame) -> None:
    rng = np.random.default_rng(6)
    values = np.ma.MaskedArray(rng.lognormal(3, 1, 400), mask=rng.random(400) < 0.2)
    columns = {"x": values, "w": rng.exponential(1.0, 400) * (rng.random(400) > 0.2)}
    steps = [
        ss.Chain("x", [ss.Impute(value="mean"), ss.Log1p(), ss.Standard()]),
        ss.Chain("w", [ss.Log1p(), ss.Standard()]),
    ]
    found, known = weighted(*steps).fit(frame(columns).repartition(3)), weighted(*steps).fit_arrays(columns)
    used = columns["w"] > 0
    x, w = values[used], columns["w"][used]
    logs = np.log1p(x.filled(np.ma.average(x, weights=w)))
    mean = np.average(logs, weights=w)
    std = math.sqrt(np.average((logs - mean) ** 2, weights=w))
    expected = (np.log1p(values.filled(np.ma.average(x, weights=w))) - mean) / std
    for fitted in (found, known):
        np.testing.assert_allclose(fitted.transform_arrays(columns)["x"], expected, rtol=1e-11, atol=1e-12)
    assert all(look.stats.weights is not None for look in (*found.looks, *known.looks))


def test_impute_by_known_weights_without_a_look(frame: MakeFrame) -> None:
    columns = {"x": [1.0, None, 4.0, None], "w": [1.0, 2.0, 3.0, 0.0]}
    fitted = weighted(ss.Chain("x", [ss.Impute(value=10.0), ss.Standard()])).fit(frame(columns))
    assert fitted.looks == ()
    mean, std = 33 / 6, math.sqrt((4.5**2 + 2 * 4.5**2 + 3 * 1.5**2) / 6)
    out = fitted.transform(frame(columns)).toArrow()["x"].to_pylist()
    np.testing.assert_allclose(out, [(x - mean) / std for x in (1, 10, 4, 10)], rtol=1e-14)


BAD = {"x": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], "w": [1.0, None, NAN, INF, -INF, -1.0, -2.0]}


def test_refuse_bad_weights_with_counts(frame: MakeFrame) -> None:
    array = np.ma.MaskedArray([0.0 if w is None else w for w in BAD["w"]], mask=[w is None for w in BAD["w"]])
    for fit in (lambda p: p.fit(frame(BAD)), lambda p: p.fit_arrays({"x": BAD["x"], "w": array})):
        with pytest.raises(DataError) as caught:
            fit(weighted(ss.Standard("x")))
        assert (caught.value.code, caught.value.exit_code) == ("DATA_WEIGHT", 65)
        assert "weight 'w'" in caught.value.cause
        assert "found 1 null, 1 NaN, 2 infinite, 2 negative in 7 rows" in caught.value.cause


def test_refuse_weights_that_are_all_zero(frame: MakeFrame) -> None:
    columns = {"x": [1.0, 2.0], "w": [0.0, 0.0]}
    for fit in (lambda p: p.fit(frame(columns)), lambda p: p.fit_arrays(columns)):
        with pytest.raises(DataError, match=r"weight 'w' above 0 to learn from, found none") as caught:
            fit(weighted(ss.Standard("x")))
        assert caught.value.code == "DATA_NO_ROWS"


def test_fit_columns_without_values(frame: MakeFrame) -> None:
    columns = {"x": [1.0, 2.0, None], "none": [3.0, None, None], "nan": [NAN, 1.0, NAN], "w": [0.0, 1.0, 2.0]}
    df = frame(columns).withColumn("none", F.when(F.col("w") == 0, F.col("none")))
    stats = weighted(ss.Standard("*", empty="null")).fit(df).stats
    assert (stats["none"].rows, stats["none"].nulls, stats["none"].finite) == (2, 2, 0)
    assert stats["none"].weights is not None
    assert stats["none"].weights.nulls == 3
    assert (stats["nan"].nans, stats["nan"].mean, stats["nan"].weight) == (1, 1.0, 1.0)


def test_merge_parts_as_the_whole(df: DataFrame) -> None:
    pipeline = weighted(ss.Standard(["offset", "odd"], ddof=1))
    whole, parts = pipeline.fit(df), [pipeline.fit(df.where(cut)) for cut in ("i < 100", "i >= 100")]
    merged = ss.merge(parts)
    assert (merged.weight, merged.rows) == ("w", whole.rows)
    for name in merged.stats:
        np.testing.assert_allclose(merged.stats[name].std_of(1), whole.stats[name].std_of(1), rtol=1e-12)
