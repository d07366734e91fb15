"""Scaling of array columns on Spark: statistics and results as in NumPy, in every engine; lengths, weights, queries, a job."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

import sparkscale as ss
from sparkscale.cli import entry
from sparkscale.errors import DataError
from sparkscale.maps.affine import Affine
from sparkscale.maps.logs import AsinhMap
from sparkscale.pipeline.plan import plan
from sparkscale.pipeline.schema import Column
from sparkscale.scalers.learning import Ask
from sparkscale.spark.columns import schema_of
from sparkscale.spark.fit import behind, fitting, positions
from sparkscale.spark.session.failures import translated
from sparkscale.spark.transform import native
from sparkscale.spark.transform.masks import lengths_counted
from sparkscale.stats.column import ColumnStats
from tests.spark.frames import MakeFrame, as_arrays, outputs, write_parquet

RNG = np.random.default_rng(29)
X = (RNG.normal(0, 1, (30, 6)) * [1, 10, 1, 1e200, 1e-300, 0] + [3, 0, 1e9, 0, 0, 7]).tolist()
X[2][1], X[3][0], X[4][1], X[5], X[6][2] = float("nan"), float("inf"), None, None, None
RAGGED = [None if row is None else row[: number % 4] for number, row in enumerate(X)]
TABLE = {"x": X, "r": RAGGED, "w": [float(number % 3) for number in range(30)]}
STEPS = [
    ss.Standard("x"),
    ss.MinMax("x", range=(-1, 1), clip=True, into="m", dtype="float32"),
    ss.MaxAbs("r", over="all"),
    ss.Chain("x", [ss.Impute(value="median"), ss.Standard()], into="c"),
    ss.Robust("r", over="all", into="q"),
    ss.Log1p("x", undefined="null", into="l"),
]


def alike(ours: Any, theirs: Any, rtol: float) -> None:
    for row, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        assert (one is None) == (other is None), row
        if one is not None:
            assert [x is None for x in one] == [x is None for x in other], row
            found, wanted = (np.array([0.0 if x is None else x for x in cells]) for cells in (one, other))
            np.testing.assert_allclose(found, wanted, rtol=rtol, err_msg=str(row))


def test_agree_with_numpy_in_every_engine(frame: MakeFrame) -> None:
    df, pipeline = frame(TABLE), ss.Pipeline(STEPS)
    fitted, known = pipeline.fit(df), pipeline.fit_arrays(as_arrays(TABLE))
    assert (fitted.rows, fitted.stats.keys(), fitted.steps) == (30, known.stats.keys(), known.steps)
    for name, stats in known.stats.items():
        counts = [(one.rows, one.nulls, one.nans, one.posinf, one.min, one.max) for one in (stats, fitted.stats[name])]
        assert counts[0] == counts[1], name
        assert fitted.stats[name].mean == pytest.approx(stats.mean, rel=1e-12, abs=1e-12), name
        assert fitted.stats[name].std == pytest.approx(stats.std, rel=1e-12), name
    wanted = outputs(fitted, df, TABLE, "numpy")
    for engine in ("native", "arrow", "pandas"):
        found = outputs(fitted, df, TABLE, engine)
        for name in fitted.get_feature_names_out():
            alike(found[name], wanted[name], 1e-6 if name == "m" else 1e-13)


def test_look_again_at_all_positions_by_one_query(frame: MakeFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    """In Python workers, with null arrays and elements, NaN and infinities; a look is one query for each array."""
    x = np.random.default_rng(31).lognormal(0, [0.2, 0.5, 1, 2], (300, 4)).tolist()
    x[2][1], x[3][0], x[4][1], x[5], x[6][2] = float("nan"), float("inf"), None, None, None
    steps = [ss.Power("x"), ss.Chain("x", [ss.Impute(value="median"), ss.Log1p(), ss.Standard()], into="c")]
    looks: list[int] = []
    measure = positions.measure
    monkeypatch.setattr(positions, "measure", lambda *given: looks.append(len(given[3])) or measure(*given))
    df = frame({"x": x})
    fitted, known = ss.Pipeline(steps).fit(df.repartition(3)), ss.Pipeline(steps).fit_arrays(as_arrays({"x": x}))
    assert looks[0] == 8  # the logarithms of both steps
    assert len(looks) <= 7
    for ours, theirs in zip(fitted.maps[0][0].maps, known.maps[0][0].maps, strict=True):
        assert ours.maps[0].exponent == pytest.approx(theirs.maps[0].exponent, rel=1e-6)
    assert native.form_of(fitted.maps[0][0]) is None  # of expressions, one for each position would be too many
    assert native.form_of(fitted.maps[1][0]) is not None
    wanted = outputs(fitted, df, {"x": x}, "numpy")
    for engine in ("auto", "arrow", "pandas"):
        found = outputs(fitted, df, {"x": x}, engine)
        for name in ("x", "c"):
            alike(found[name], wanted[name], 1e-9)


@pytest.mark.parametrize("name", ["x", "c*"])
def test_weigh_many_features_behind_maps_by_one_query(
    frame: MakeFrame, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Positions of an array, or more columns than a query of Spark's holds."""
    x = np.random.default_rng(32).lognormal(0, 0.7, (120, 70))
    cells = np.where(x > 4, None, x).tolist()
    cells[3][0], cells[4][1], cells[5][2] = float("nan"), float("inf"), float("-inf")
    weights = np.random.default_rng(33).exponential(size=120).tolist()
    weights[7] = 0.0
    table = (
        {"x": cells} if name == "x" else {f"c{k}": list(column) for k, column in enumerate(zip(*cells, strict=True))}
    )
    looks: list[int] = []
    measure = positions.measure
    monkeypatch.setattr(positions, "measure", lambda *given: looks.append(len(given[3])) or measure(*given))
    pipeline = ss.Pipeline([ss.Chain(name, [ss.Asinh(), ss.Standard(ddof=1)])], weight="w")
    df = frame({**table, "w": weights})
    fitted, known = pipeline.fit(df.repartition(3)), pipeline.fit_arrays(as_arrays({**table, "w": weights}))
    assert looks == [70]
    given = {key: column[:3] for key, column in table.items()}
    ours, theirs = (one.transform_arrays(as_arrays(given)) for one in (fitted, known))
    for key in given:
        np.testing.assert_allclose(
            np.array(ours[key].tolist(), float), np.array(theirs[key].tolist(), float), rtol=1e-11
        )


def test_sketch_what_workers_have_mapped(frame: MakeFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts, moments and sketches of positions behind maps are NumPy's, and NaN stays apart from null."""
    x = np.random.default_rng(34).lognormal(0, 1, (90, 3)).tolist()
    x[2][1], x[3][0], x[4][1], x[5], x[6][2] = float("nan"), float("inf"), None, None, float("nan")
    names = [f"x.{place}" for place in range(3)]
    features = {name: Column(("x",), "double", position=place) for place, name in enumerate(names)}
    asked = [(name, Ask(map_, quantiles=True)) for name in names for map_ in (AsinhMap(), Affine(scale=2.0))]
    looks: list[int] = []
    mapped = positions.mapped
    monkeypatch.setattr(positions, "mapped", lambda *given: looks.append(len(given[3])) or mapped(*given))
    found = behind.measure(frame({"x": x}).repartition(3), features, fitting.measure, asked)
    assert looks == [6]
    for (name, ask), stats in zip(asked, found, strict=True):
        column = [None if row is None else row[features[name].position] for row in x]
        null = np.array([value is None for value in column])
        values, absent = ask.map.apply(np.array([value or 0.0 for value in column])[:, None], null[:, None])
        expected = ColumnStats.of(np.ma.MaskedArray(values[:, 0], mask=absent[:, 0]), quantiles=True)
        exact = ("nulls", "nans", "posinf", "neginf", "finite", "min", "max")
        assert [getattr(stats, key) for key in exact] == [getattr(expected, key) for key in exact]
        np.testing.assert_allclose([stats.mean, stats.std], [expected.mean, expected.std], rtol=1e-12)
        assert stats.quantiles.quantiles([0.1, 0.5, 0.9]) == expected.quantiles.quantiles([0.1, 0.5, 0.9])


def test_look_again_at_many_columns_by_one_query(frame: MakeFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    columns = {f"c{j}": RNG.lognormal(0, 0.1 + j / 50, 60).tolist() for j in range(66)}
    columns["c1"][2], columns["c2"][3], columns["c3"][4] = None, float("nan"), float("-inf")
    looks: list[int] = []
    measure = positions.measure
    monkeypatch.setattr(positions, "measure", lambda *given: looks.append(len(given[3])) or measure(*given))
    pipeline = ss.Pipeline([ss.Power("c*")])
    fitted, known = pipeline.fit(frame(columns)), pipeline.fit_arrays(as_arrays(columns))
    assert looks[:2] == [66, 132]  # the logarithms, two exponents of each
    for ours, theirs in zip(fitted.maps[0], known.maps[0], strict=True):
        assert ours.maps[0].exponent == pytest.approx(theirs.maps[0].exponent, rel=1e-6)
        assert ours.maps[1].scale == pytest.approx(theirs.maps[1].scale, rel=1e-6)


def test_give_back_what_went_in(frame: MakeFrame) -> None:
    df = frame({"x": X})
    fitted = ss.Pipeline([ss.Standard("x"), ss.Chain("x", [ss.Asinh(), ss.MinMax()], into="c")]).fit(df)
    back = fitted.inverse_transform(fitted.transform(df, "native"), "native")
    alike([row[0] for row in back.collect()], X, 1e-12)


def test_weigh_rows(frame: MakeFrame) -> None:
    pipeline = ss.Pipeline([ss.Standard("x"), ss.Standard("r", over="all")], weight="w")
    fitted, known = pipeline.fit(frame(TABLE)), pipeline.fit_arrays(as_arrays(TABLE))
    assert (fitted.rows, known.rows) == (20, 20)
    for name, stats in known.stats.items():
        assert (fitted.stats[name].rows, fitted.stats[name].nulls) == (stats.rows, stats.nulls)
        assert fitted.stats[name].mean == pytest.approx(stats.mean, rel=1e-12, abs=1e-12), name
        assert fitted.stats[name].std == pytest.approx(stats.std, rel=1e-12), name


def test_count_other_lengths(frame: MakeFrame) -> None:
    df = frame({"x": [[1.0, 2.0], [3.0], None, []]})
    with pytest.raises(DataError, match=r"found 0 elements in 1 row, 1 element in 1 row, 2 elements in 1 row"):
        ss.Pipeline([ss.Standard("x")]).fit(df)
    fitted = ss.Pipeline([ss.Standard("x")]).fit_arrays({"x": np.eye(2)})
    for engine in ("native", "arrow"):
        with (
            pytest.raises(DataError, match=r"found another length in 2 of 4 rows: 0 elements in 1 row, 1 element in 1"),
            lengths_counted(df, fitted),
            translated("transforming"),
        ):
            fitted.transform(df, engine).collect()  # type: ignore[arg-type]


def test_foresee_the_queries(frame: MakeFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    df = frame({"x": RNG.normal(0, 1, (20, 70)).tolist()})
    steps = [ss.Standard("x"), ss.Robust("x", over="all", into="q")]
    foreseen = fitting.first_looks(df, plan(steps, schema_of(df)))
    made: list[int] = []
    monkeypatch.setattr(fitting, "together", lambda _, calls: made.append(len(calls)) or [call() for call in calls])
    ss.Pipeline(steps).fit(df)
    assert (foreseen.queries, sum(made) + 1) == (3, 3)  # lengths, positions, all elements


def test_run_a_job(spark: SparkSession, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_parquet(here / "in" / "a.parquet", {"x": RNG.normal(3, 2, (40, 8)).tolist()})
    (here / "job.yaml").write_text(
        "version: 1\ninput: {format: parquet, path: in}\nsteps:\n  - {kind: standard, columns: x}\n"
        "  - {kind: minmax, columns: x, over: all, into: a}\nartifact: {path: stats}\n"
        "output: {format: parquet, path: out}\nexpect:\n  - {columns: x.*, nulls: {le: 0}}\n",
        encoding="utf-8",
    )
    with pytest.raises(SystemExit) as stop:
        entry.main(["run", "--config", "job.yaml", "--json"])
    assert stop.value.code == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 40
    given, found = (np.array(pq.read_table(here / name).column("x").to_pylist()) for name in ("in", "out"))
    np.testing.assert_allclose(found, (given - given.mean(axis=0)) / given.std(axis=0), rtol=1e-12, atol=1e-13)
    every = np.array(pq.read_table(here / "out").column("a").to_pylist())
    np.testing.assert_array_equal(every, (given - given.min()) / (given.max() - given.min()))
