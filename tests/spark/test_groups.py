"""Grouped scaling on Spark: statistics and results as in NumPy, in every engine; row order, unseen groups, jobs."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pytest

import sparkscale as ss
from sparkscale.errors import DataError
from sparkscale.spark import joins
from sparkscale.spark.columns import schema_of
from sparkscale.spark.fit import keyed, scan
from sparkscale.spark.session.failures import translated
from sparkscale.spark.transform import grouped
from sparkscale.stats.quantiles import QuantileSketch
from tests.spark.frames import as_arrays, assert_alike

RNG = np.random.default_rng(2026)
N = 400
STORES = [["a", "b", "it's `c`", None][i] for i in RNG.choice(4, N, p=[0.9, 0.05, 0.04, 0.01])]
DAYS = [datetime.date(1, 1, 1), datetime.date(2013, 1, 31), datetime.date(9999, 12, 31), None]


def odd(values: Any) -> list[Any]:
    """Put nulls, NaN and infinities among values."""
    out = values.tolist()
    for step, value in ((7, None), (11, np.nan), (13, np.inf), (17, -np.inf)):
        out[step::60] = [value] * len(out[step::60])
    return out


TABLE = {
    "store": STORES,
    "day": [DAYS[i] for i in RNG.integers(0, 4, N)],
    "open": [bool(i) for i in RNG.integers(0, 2, N)],
    "plain": RNG.normal(50, 3, N).tolist(),
    "odd": odd(RNG.normal(0, 1, N)),
    "far": RNG.normal(1e9, 1, N).tolist(),
    "huge": (RNG.normal(0, 1, N) * 1e200).tolist(),
    "tiny": (RNG.normal(0, 1, N) * 1e-300).tolist(),
    "one": [7.0 if store == "a" else x for store, x in zip(STORES, RNG.normal(0, 1, N), strict=True)],
    "n": RNG.integers(0, 3, N).tolist(),
}
FEATURES = ["plain", "odd", "far", "huge", "tiny", "one"]
STEPS = [
    ss.Standard(FEATURES, by="store", into="z_{column}"),
    ss.MinMax(["plain", "odd", "huge"], by=["open", "day"], range=(-1, 1), clip=True, into="m_{column}", unseen="null"),
    ss.Chain(["odd"], [ss.Impute(value="mean", missing=["null", "nan"]), ss.Standard()], by="store", into="c_{column}"),
    ss.Impute("odd", value="mean", indicator="gone", by="n", into="i_{column}"),
    ss.Robust("plain", by="store", into="r_{column}"),
    ss.Quantile("plain", by="n", knots=5, into="q_{column}", min_rows=100),
    ss.Clip("odd", quantiles=(10, 90), by="store", into="l_{column}"),
    ss.MinMax("plain", into="all_{column}"),
]


@pytest.fixture(scope="module")
def fitted():
    return ss.Pipeline(STEPS).fit_arrays(as_arrays(TABLE))


@pytest.mark.parametrize("native", [True, False])
def test_measure_what_numpy_measures(frame, monkeypatch, native):
    df = frame(TABLE).repartition(3)
    schema = schema_of(df)
    monkeypatch.setattr(scan, "has_native_sketch", lambda _: native)
    features = {name: schema.find(name) for name in (FEATURES if native else ["plain"])}
    table = keyed.measure(df, features, [schema.find("store"), schema.find("day")], ["plain"])
    expected = ss.Pipeline([ss.Robust(list(features), by=["store", "day"])]).fit_arrays(as_arrays(TABLE))
    expected = expected.tables["store", "day"]
    assert table.keys == expected.keys
    for name in features:
        ours, theirs = table.features[name], expected.features[name]
        for count in ("nulls", "nans", "posinf", "neginf", "finite", "min", "max"):
            np.testing.assert_array_equal(getattr(ours, count), getattr(theirs, count), err_msg=f"{name} {count}")
        std = theirs.std_of(0)
        np.testing.assert_allclose(ours.std_of(0), std, rtol=1e-13, err_msg=name)
        apart = np.abs(ours.mean - theirs.mean)
        some = theirs.finite > 0
        assert (apart <= 1e-13 * std + 2e-16 * np.abs(theirs.mean))[some].all(), name
    sketches = zip(table.features["plain"].sketches, expected.features["plain"].sketches, strict=True)
    assert all(ours == QuantileSketch(theirs).canonical().data for ours, theirs in sketches)


@pytest.mark.parametrize("engine", ["auto", "arrow", "pandas"])
def test_give_the_numbers_of_numpy(frame, fitted, engine):
    df = frame(TABLE).repartition(3)
    rows = df.toArrow().to_pydict()
    expected = fitted.transform_arrays(as_arrays(rows))
    found = fitted.transform(df, engine=engine).toArrow().to_pydict()
    assert list(found) == list(expected)
    for name in TABLE:  # the same rows in the same order
        assert_alike([repr(x) for x in found[name]], [repr(x) for x in rows[name]], name=name)
    for name in fitted.get_feature_names_out():
        assert_alike(found[name], expected[name].tolist(), name=name)


@pytest.mark.parametrize("engine", ["auto", "pandas"])
def test_invert_by_the_same_keys(frame, engine):
    steps = [ss.MinMax("plain", by="store", range=(0.1, 0.7)), ss.Standard(["far", "odd"], by="n")]
    fitted = ss.Pipeline(steps).fit_arrays(as_arrays(TABLE))
    scaled = fitted.transform_arrays(as_arrays(TABLE))
    table = {name: values if isinstance(values, list) else values.tolist() for name, values in scaled.items()}
    found = fitted.inverse_transform(frame(table), engine=engine).toArrow().to_pydict()
    expected = fitted.inverse_transform_arrays(as_arrays(table))
    for name in ("plain", "far", "odd"):
        assert_alike(found[name], expected[name].tolist(), name=name)


def test_fit_and_keep_order_in_a_shuffle(frame, monkeypatch):
    """A table of parameters too large for a broadcast; unseen groups among the rows."""
    df = frame(TABLE).repartition(4)
    fitted = ss.Pipeline([ss.Standard("plain", by="store", unseen="null"), ss.Robust("far", by="n")]).fit(df)
    monkeypatch.setattr(joins, "BROADCAST", 0)
    other = {**TABLE, "store": ["new" if i % 5 == 0 else store for i, store in enumerate(STORES)]}
    df = frame(other).repartition(4)
    rows = df.toArrow().to_pydict()
    found = fitted.transform(df).toArrow().to_pydict()
    expected = fitted.transform_arrays(as_arrays(rows))
    for name in ("plain", "far"):
        assert_alike(found[name], expected[name].tolist(), name=name)
    assert found["odd"][:5] == rows["odd"][:5]
    assert found["plain"].count(None) == sum(store == "new" for store in rows["store"])


@pytest.mark.parametrize("engine", ["native", "pandas"])
def test_refuse_unseen_groups_with_counts(frame, engine):
    fitted = ss.Pipeline([ss.Standard("plain", by=["store", "n"], unseen="error")]).fit_arrays(as_arrays(TABLE))
    df = frame({**TABLE, "n": [9, 8, 8, *TABLE["n"][3:]]})
    text = r"step 1: .*found 3 rows of \d groups that it has not seen"
    with pytest.raises(DataError, match=text) as found, grouped.unseen_counted(df, fitted), translated("writing"):
        fitted.transform(df, engine=engine).collect()
    assert found.value.code == "DATA_UNSEEN"
