"""`update` over array columns on Spark: partitions of a Parquet table, of which only what changed is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

import sparkscale as ss
from sparkscale.config import jobfile
from sparkscale.errors import DataError
from sparkscale.run import job
from sparkscale.spark.fit import keyed, keyed_sketches
from tests.artifact.states.tables import assert_same, vectors

WIDTH = 6
STEPS = "[{kind: standard, columns: x}, {kind: maxabs, columns: [r, x], over: all, into: 'm_{column}'}]"
SKETCHED = f"{STEPS[:-1]}, {{kind: robust, columns: x, into: q}}, {{kind: quantile, columns: r, over: all, into: u}}]"


def month(number: int, rows: int = 40, width: int = WIDTH) -> dict[str, Any]:
    """Return arrays of one length and others of any, with nulls, NaN, infinities, and a position far from 0."""
    rng = np.random.default_rng(number)
    cells: list[Any] = (rng.normal(0, 1, (rows, width)) + ([0, 1e9, -3, 7, 1e6, 5] * 2)[:width]).tolist()
    cells[0][0], cells[1][1], cells[2][2], cells[3][3], cells[4] = None, float("nan"), float("inf"), -float("inf"), None
    return {"x": cells, "r": [None if row is None else row[: i % 4] for i, row in enumerate(cells)]}


def put(number: int, columns: dict[str, Any]) -> None:
    path = Path(f"in/month={number:02d}/part.parquet")
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({name: pa.array(rows, pa.list_(pa.float64())) for name, rows in columns.items()}), path)


def update(steps: str = STEPS, *overrides: str) -> Any:
    text = f"""
version: 1
input: {{format: parquet, path: in, partitions: month int}}
artifact: {{path: out/stats}}
states: {{path: out/states, by: [month]}}
steps: {steps}
"""
    Path("job.yaml").write_text(text, encoding="utf-8")
    return job.run(jobfile.load("job.yaml", "update", overrides=overrides), "update")


def assert_like_numpy(steps: list[Any], *months: dict[str, Any]) -> None:
    """Compare the newest artifact with a fit of all rows in NumPy."""
    rows = {name: vectors([row for one in months for row in one[name]]) for name in ("x", "r")}
    whole, found = ss.Pipeline(steps).fit_arrays(rows), ss.load("out/stats")
    assert (found.rows, found.stats.keys()) == (whole.rows, whole.stats.keys())
    assert_same(found.stats, whole.stats)


OWN = [ss.Standard("x"), ss.MaxAbs(["r", "x"], over="all", into="m_{column}")]


def test_read_new_and_rewritten_partitions(spark: SparkSession, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(1, month(1))
    put(2, month(2))
    assert update().partitions["read"] == [{"month": 1}, {"month": 2}]
    assert_like_numpy(OWN, month(1), month(2))
    put(2, month(3, 25))
    nulls: dict[str, Any] = {"x": [None, None], "r": [None, []]}
    put(4, nulls)
    looks: list[int] = []
    look = keyed._look
    monkeypatch.setattr(keyed, "_look", lambda *given: looks.append(1) or look(*given))
    report = update()
    assert (report.partitions["read"], report.partitions["kept"]) == ([{"month": 2}, {"month": 4}], 1)
    assert len(looks) == 3  # one query for all positions, and one for all elements of each array
    assert_like_numpy(OWN, month(1), month(3, 25), nulls)
    Path("in/month=01/part.parquet").unlink()
    assert update().partitions["dropped"] == [{"month": 1}]
    assert_like_numpy(OWN, month(3, 25), nulls)
    assert update().status == "unchanged"


def test_sketch_and_look_again(spark: SparkSession, here: Path) -> None:
    for number in (1, 2, 3):
        put(number, month(number, 300))
    update()
    report = update(SKETCHED)
    assert (len(report.partitions["extended"]), report.partitions["columns"]) == (3, ["r", "x"])
    own = [*OWN, ss.Robust("x", into="q"), ss.Quantile("r", over="all", into="u")]
    assert_like_numpy(own, *(month(number, 300) for number in (1, 2, 3)))
    power = "[{kind: power, columns: x}, {kind: power, columns: r, over: all, into: p}]"
    update(power)
    rows = {name: vectors([row for number in (1, 2, 3) for row in month(number, 300)[name]]) for name in ("x", "r")}
    whole = ss.Pipeline([ss.Power("x"), ss.Power("r", over="all", into="p")]).fit_arrays(rows)
    for ours, theirs in zip(ss.load("out/stats").maps, whole.maps, strict=True):
        found, wanted = ([one["maps"][0]["exponent"] for one in m[0].to_dict()["maps"]] for m in (ours, theirs))
        np.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_weigh_rows(spark: SparkSession, here: Path) -> None:
    weights = {1: [float(i % 3) for i in range(40)], 2: [1.0, 0.0]}
    tables = {1: month(1), 2: {"x": [None, None], "r": [None, [1.0]]}}
    for number, columns in tables.items():
        put(number, columns)
        path = Path(f"in/month={number:02d}/part.parquet")
        pq.write_table(pq.read_table(path, partitioning=None).append_column("w", pa.array(weights[number])), path)
    update(STEPS, "weight=w")
    rows: dict[str, Any] = {name: vectors([*tables[1][name], *tables[2][name]]) for name in ("x", "r")}
    whole = ss.Pipeline(OWN, weight="w").fit_arrays({**rows, "w": np.array([*weights[1], *weights[2]])})
    found = ss.load("out/stats")
    assert found.rows == whole.rows
    for name, stats in whole.stats.items():
        assert (found.stats[name].rows, found.stats[name].nulls) == (stats.rows, stats.nulls)
        np.testing.assert_allclose([found.stats[name].mean, found.stats[name].std], [stats.mean, stats.std], rtol=1e-12)


def test_refuse_another_length_and_keep_the_states(spark: SparkSession, here: Path) -> None:
    put(1, month(1))
    update()
    put(2, month(2, width=7))
    with pytest.raises(DataError) as caught:
        update()
    assert (caught.value.code, caught.value.exit_code) == ("DATA_LENGTH", 65)
    assert "found 6 elements in the states of month=1, 7 elements in 39 rows of month=2" in caught.value.cause
    assert_like_numpy(OWN, month(1))
    update("[{kind: standard, columns: x, over: all}]")
    assert ss.load("out/stats").stats["x"].rows == 39 * 6 + 39 * 7


def test_update_by_dataframe(spark: SparkSession, here: Path) -> None:
    for number in (1, 2):
        put(number, month(number))
    pipeline, states = ss.Pipeline(OWN), ss.States("states")
    table = spark.read.parquet(str(here / "in"))
    assert states.update(table, pipeline, ["month"]).read == [(1,), (2,)]
    assert states.update(table, pipeline, ["month"]).unchanged
    assert_same(states.merged().stats, pipeline.fit(table).stats)
    whole = table.coalesce(1).select("x", "r", "month").repartition(2)  # a query that is not of the same files alone
    assert len(states.update(whole, pipeline, ["month"]).read) == 2
    assert_same(states.merged().stats, pipeline.fit(table).stats)


@pytest.mark.parametrize("weight", [None, "w"])
def test_update_what_tells_nothing_of_its_partitions(spark: SparkSession, here: Path, weight: str | None) -> None:
    Path("in").mkdir()
    tables = {1: month(1), 2: month(2, 10)}
    rows = {name: [row for one in tables.values() for row in one[name]] for name in ("x", "r")}
    made = pa.table({name: pa.array(column, pa.list_(pa.float64())) for name, column in rows.items()})
    made = made.append_column("month", pa.array([1] * 40 + [2] * 10)).append_column("w", pa.array([1.0] * 50))
    pq.write_table(made, "in/a.parquet")
    whole = ["input={format: parquet, path: in}", *([f"weight={weight}"] if weight else [])]
    assert update(STEPS, *whole).partitions["read"] == [{"month": 1}, {"month": 2}]
    assert update(STEPS, *whole).status == "unchanged"
    found, known = ss.load("out/stats"), ss.Pipeline(OWN).fit_arrays({name: vectors(one) for name, one in rows.items()})
    assert found.rows == 50
    for name, stats in known.stats.items():
        ours = found.stats[name]
        assert (ours.rows, ours.nulls, ours.min, ours.max) == (stats.rows, stats.nulls, stats.min, stats.max)
        np.testing.assert_allclose([ours.mean, ours.std], [stats.mean, stats.std], rtol=1e-12, atol=1e-12)


def test_refuse_sketches_that_a_driver_does_not_hold(
    spark: SparkSession, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(1, month(1))
    monkeypatch.setattr(keyed_sketches, "MAX_BYTES", 1000)
    with pytest.raises(DataError, match=r"found 0.0 GB, 8 of them") as caught:  # two blocks of four positions
        update("[{kind: robust, columns: x}]")
    assert caught.value.code == "DATA_GROUPS"
    assert not Path("out").exists()


def test_judge_positions(spark: SparkSession, here: Path) -> None:
    """Expectations and drift know positions, with an engine and without one."""
    judged = ["expect=[{columns: x.5, nulls: {le: 0.5}}]", "drift={}"]
    put(1, month(1, 200))
    update("[{kind: standard, columns: x}]", *judged)
    put(2, {**month(2, 200), "x": [[1.0, 1e9, 0.0, 0.0, 0.0, 900.0]] * 200})
    with pytest.raises(DataError, match=r"'x\.5'") as caught:
        update("[{kind: standard, columns: x}]", *judged)
    assert caught.value.code == "DRIFT"
    assert ss.load("out/stats").rows == 200
    with pytest.raises(DataError, match=r"'x\.5'"):
        update("[{kind: standard, columns: x}]", *judged)
    assert update("[{kind: standard, columns: x}]").rows == 400
