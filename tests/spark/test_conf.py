"""Every file of `conf/` runs unchanged; only its paths are put into a folder of the test."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.dataset
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from scipy.stats import norm, rankdata

from sparkscale.artifact import store
from sparkscale.artifact.promoting import promote
from sparkscale.config import jobfile, models
from sparkscale.config.models import JobConfig
from sparkscale.report.tables import Report
from sparkscale.run import job
from tests.samples import ROOT, script
from tests.tables import independent

CONF = sorted((ROOT / "conf").glob("*.yaml"))
ROWS = 2000
#: What must have run before.
NEEDS = {
    "apply": "fit_only",
    "promoted": "fit_only",
    "nightly": "fit_only",
    "as_of": "delta",
    "schema_drift": "csv",
    "update": "partitions",
}
#: What a report says; of the others, nothing.
WARNINGS = {
    "drift": ["drift: there is no earlier version to compare with; the next run has this one"],
    "groups": [
        f"column {name!r}: 5 of 15 groups have fewer than 30 finite values and use the statistics of all rows"
        for name in ("air_time", "distance")
    ],
    "schema_drift": ["column 'humid': expected double as in the fit, found float in {path} (narrowed)"],
    "partitions": [
        "orc, column 'time_hour': readers other than Spark see a timestamp without zone, the time in UTC, "
        "and pyarrow reads none outside 1677 to 2262",
    ],
}
DATE = "2013-12-31"
KEY = ["month", "day", "sched_dep_time", "carrier", "flight", "origin", "dest"]


@dataclass(frozen=True)
class Done:
    """A job that ran: its configuration, its report, and its tables, input and output."""

    config: JobConfig
    report: Report

    @property
    def before(self) -> pa.Table:
        return table_of(self.config.input.path, self.config.input.format)

    @property
    def after(self) -> pa.Table:
        assert self.config.output is not None
        return table_of(self.config.output.path, self.config.output.format)


def table_of(path: str, format_: str) -> pa.Table:
    if format_ in ("delta", "iceberg"):
        return independent(path, format_)
    if format_ == "csv":
        nulls = pyarrow.csv.ConvertOptions(null_values=["NA"], strings_can_be_null=True)
        format_ = pyarrow.dataset.CsvFileFormat(convert_options=nulls)
    return pyarrow.dataset.dataset(path, format=format_, partitioning="hive").to_table()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("conf")
    script("sample_data").make(folder / "data", limit=ROWS)
    return folder


@pytest.fixture(scope="module")
def ran(spark: Any, folder: Path) -> Callable[[str], Done]:
    """Give a function that runs a file of conf/, and what it needs, once."""
    done: dict[str, Done] = {}

    def run(name: str) -> Done:
        if name in NEEDS:
            run(NEEDS[name])
        if name == "promoted":
            promote(folder / "out" / "stats" / "first_half", 1)
        if name not in done:
            loaded = load(name, folder)
            done[name] = Done(loaded.config, job.run(loaded, command_of(loaded.config)))
        return done[name]

    return run


def load(name: str, folder: Path) -> jobfile.Job:
    """Load a file of conf/ with its relative paths below a folder."""
    environ = {"SPARKSCALE_DATA": f"{folder}/data", "SPARKSCALE_OUT": f"{folder}/elsewhere"}
    path = str(ROOT / "conf" / f"{name}.yaml")
    known = jobfile.load(path, environ=environ, date=DATE).config
    sections = [key for key in ("input", "artifact", "states", "output", "metrics") if getattr(known, key)]
    moved = [f"{key}.path={folder / getattr(known, key).path}" for key in sections]
    return jobfile.load(path, environ=environ, overrides=moved, date=DATE)


def command_of(known: JobConfig) -> str:
    if known.states:
        return "update"
    return "run" if known.steps and known.output else "fit" if known.steps else "transform"


def numbers(table: pa.Table, name: str) -> Any:
    """Return a column without its nulls; asserts that NaN is not among what is left."""
    x = table[name].drop_null().to_numpy().astype("float64")
    assert not np.isnan(x).any()
    return x


def block(table: pa.Table, *names: str) -> Any:
    return np.column_stack([table[name].to_numpy() for name in names])


def by_key(table: pa.Table) -> pa.Table:
    return table.sort_by([(name, "ascending") for name in KEY])


def assert_standard(x: Any) -> None:
    np.testing.assert_allclose([x.mean(), x.std()], [0.0, 1.0], rtol=0, atol=1e-12)


def of_quantiles(x: Any, y: Any) -> tuple[float, float]:
    """Return the median and the interquartile range by which x became y; both within the rank error of a sketch."""
    error = 0.0027
    scale = (x.max() - x.min()) / (y.max() - y.min())
    center = x.min() - y.min() * scale
    low, high = np.quantile(x, [0.25 - error, 0.75 + error])
    inner_low, inner_high = np.quantile(x, [0.25 + error, 0.75 - error])
    assert inner_high - inner_low - 1e-9 <= scale <= high - low + 1e-9
    assert np.quantile(x, 0.5 - error) - 1e-9 <= center <= np.quantile(x, 0.5 + error) + 1e-9
    return center, scale


def check_flights(done: Done) -> None:
    before, after = by_key(done.before), by_key(done.after)
    assert after.column_names == before.column_names
    for name in ("distance", "air_time", "dep_delay", "arr_delay"):
        assert after[name].is_null().equals(before[name].is_null())
        x, y = numbers(before, name), numbers(after, name)
        center, scale = of_quantiles(x, y) if name.endswith("delay") else (x.mean(), x.std())
        np.testing.assert_allclose(y, (x - center) / scale, rtol=1e-12, atol=1e-12)
    assert before["dep_delay"].null_count > 0


def check_digits(done: Done) -> None:
    p = block(done.after, *(f"p_score_{digit}" for digit in range(10)))
    np.testing.assert_allclose(p, block(done.after, *(f"proba_{digit}" for digit in range(10))), rtol=0, atol=1e-15)
    assert np.abs(p.sum(axis=1) - 1).max() <= 10 * 2.0**-53


def check_calibrate(done: Done) -> None:
    label, x = done.before["label"].to_numpy(), block(done.before, *(f"score_{digit}" for digit in range(10)))
    own = np.arange(len(label)), label

    def nll(log_t: float) -> float:
        return float(-log_softmax(x / np.exp(log_t), axis=1)[own].mean())

    wanted = float(np.exp(minimize_scalar(nll, bracket=[0.0, 1.0]).x))
    assert done.config.artifact is not None
    (found,) = store.load(done.config.artifact.path).calibrations.values()
    assert found.temperature == pytest.approx(wanted, rel=1e-6)
    assert (found.nll_before, found.nll_after) == pytest.approx((nll(0.0), nll(np.log(wanted))), rel=1e-9)
    assert found.nll_after < found.nll_before
    assert done.report.calibrations == {"step 1 (softmax)": found.to_dict()}
    p = block(done.after, *(f"p_score_{digit}" for digit in range(10)))
    np.testing.assert_allclose(p, softmax(x / found.temperature, axis=1), rtol=1e-12, atol=1e-15)
    assert "label" in done.after.column_names


def check_scalers(done: Done) -> None:
    after = done.after
    robust = numbers(after, "dep_delay_robust")
    error = 0.0027  # of the sketch's rank
    assert np.mean(robust < 0) - error <= 0.5 <= np.mean(robust <= 0) + error
    delay, normal = numbers(after, "dep_delay"), numbers(after, "dep_delay_normal")
    ranks, inside = (rankdata(delay) - 1) / (len(delay) - 1), (delay > delay.min()) & (delay < delay.max())
    assert np.abs(norm.cdf(normal) - ranks)[inside].max() <= 3 * error + 1 / 999
    assert (normal.min(), normal.max()) == pytest.approx((-5.199337582605575, 5.19933758270342), rel=1e-12)
    assert np.abs(numbers(after, "distance_maxabs")).max() == 1.0
    mean_norm = numbers(after, "air_time_mean_norm")
    np.testing.assert_allclose([mean_norm.mean(), np.ptp(mean_norm)], [0, 1], atol=1e-12)
    assert after["air_time_z"].type == pa.float32()
    np.testing.assert_allclose(numbers(after, "air_time_z").std(ddof=1), 1, rtol=1e-6)
    assert numbers(after, "air_time").max() > 100  # steps that add columns leave the originals


def check_arrays(done: Done) -> None:
    logits, log_p, unit = (np.array(done.after[name].to_pylist()) for name in ("logits", "log_p", "logits_unit"))
    shifted = logits / 2 - logits.max(axis=1, keepdims=True) / 2
    wanted = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(log_p, wanted, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1, rtol=1e-14)
    l1 = np.abs(block(done.after, *(f"score_{digit}_l1" for digit in range(10))))
    np.testing.assert_allclose(l1.sum(axis=1), 1, rtol=1e-14)


def check_csv(done: Done) -> None:
    before, after = done.before, done.after
    assert after.column_names == before.column_names
    for name in ("temp", "dewp", "humid", "pressure"):
        assert_standard(numbers(after, name))
        assert after[name].null_count == before[name].null_count
    assert [(f(numbers(after, name))) for name in ("wind_dir", "visib") for f in (np.min, np.max)] == [0, 1, 0, 1]
    assert before["wind_gust"].null_count == after["wind_gust"].null_count > 0


def check_json(done: Done) -> None:
    before, after = done.before, done.after
    altitude = {row["faa"]: row["position"]["alt"] for row in before.to_pylist()}
    for name in ("position.lat_01", "position.lon_01"):
        found = numbers(after.combine_chunks(), name)
        assert (found.min(), found.max()) == (0.0, 1.0)
    highest = max(after.to_pylist(), key=lambda row: row["altitude"])
    assert altitude[highest["faa"]] == highest["position"]["alt"] == max(altitude.values())


def check_selectors(done: Done) -> None:
    added = {"a": "distance", "b": "air_time dep_delay arr_delay", "c": "dep_time arr_time"}
    added |= {"d": "dep_time arr_time air_time distance hour minute"}
    wanted = [f"{name}_{suffix}" for suffix, names in added.items() for name in names.split()]
    assert done.after.column_names == [*done.before.column_names, *wanted]
    assert all(np.abs(numbers(done.after, name)).max() == 1.0 for name in wanted)


def check_where(done: Done) -> None:
    assert done.config.input.where
    wanted = [
        row
        for row in by_key(done.before).to_pylist()
        if row["origin"] == "JFK"
        and row["carrier"] in ("AA", "B6", "DL")
        and row["month"] <= 6
        and row["dest"] in ("LAX", "SFO", "SEA", "BOS", "MCO")
        and row["dep_delay"] is not None
    ]
    after = by_key(done.after)
    assert after.select(KEY).to_pylist() == [{name: row[name] for name in KEY} for row in wanted]
    assert (len(wanted) > 10, numbers(after, "dep_delay").max()) == (True, 1.0)


def first_half(table: pa.Table) -> Any:
    return pc.less_equal(table["month"], 6)


def check_fit_only(done: Done) -> None:
    x = numbers(done.before.filter(first_half(done.before)), "air_time")
    assert done.config.artifact is not None
    stats = store.load(done.config.artifact.path).stats["air_time"]
    assert stats.finite == len(x)
    np.testing.assert_allclose([stats.mean, stats.std], [x.mean(), x.std()], rtol=1e-13)
    assert (done.report.artifact["version"], done.report.output) == (1, {})


def check_apply(done: Done) -> None:
    half = first_half(done.before)
    learned, before = numbers(done.before.filter(half), "air_time"), by_key(done.before.filter(pc.invert(half)))
    after = by_key(done.after)
    assert after.num_rows == before.num_rows
    wanted = (numbers(before, "air_time") - learned.mean()) / learned.std()
    np.testing.assert_allclose(numbers(after, "air_time"), wanted, rtol=1e-12, atol=1e-14)
    assert abs(wanted.mean()) > 1e-3  # the second half is not the first


def check_promoted(done: Done) -> None:
    check_apply(done)
    assert done.report.artifact["version"] == 1


def check_environment(done: Done) -> None:
    assert done.config.output is not None
    assert done.config.artifact is not None
    assert done.config.output.path.endswith(f"/elsewhere/daily/{DATE}")
    assert store.versions(done.config.artifact.path) == [1]
    np.testing.assert_allclose(numbers(done.after, "distance").mean(), 0, atol=1e-12)


def check_drift(done: Done) -> None:
    assert {row["verdict"] for row in done.report.expect} == {"ok"}
    assert done.config.metrics is not None
    rows = table_of(done.config.metrics.path, "parquet").to_pylist()
    found = {(row["feature"], row["measure"]): row["value"] for row in rows}
    x = numbers(done.before.filter(first_half(done.before)), "distance")
    np.testing.assert_allclose(found["distance", "mean"], x.mean(), rtol=1e-13)
    assert found["distance", "expect.min.gt"] == x.min()
    assert {row["run"] for row in rows} == {done.report.run_id}


def check_schema_drift(done: Done) -> None:
    before, after = done.before, done.after
    assert after.column_names == [{"temp": "Temp"}.get(name, name) for name in before.column_names]
    for name in ("Temp", "dewp", "pressure"):
        assert_standard(numbers(after, name))
    assert after["Temp"].null_count == before["temp"].null_count
    x = numbers(before, "humid")
    wanted = np.sort(x.astype("float32").astype("float64") - x.mean()) / x.std()
    np.testing.assert_allclose(np.sort(numbers(after, "humid")), wanted, rtol=1e-12, atol=1e-14)
    assert (numbers(after, "wind_dir").min(), numbers(after, "wind_dir").max()) == (0, 1)


def check_edges(done: Done) -> None:
    np.testing.assert_allclose(block(done.after, *(f"p_score_{i}" for i in range(5))).sum(axis=1), 1, rtol=1e-15)
    for digit in range(5, 10):
        assert_standard(numbers(done.after, f"score_{digit}"))


def check_groups(done: Done) -> None:
    before, after = by_key(done.before).to_pandas(), by_key(done.after).to_pandas()
    groups = before.groupby("carrier")["air_time"]
    few = groups.transform("count") < 30
    mean, std = groups.transform("mean"), groups.transform("std", ddof=0)
    mean = mean.where(~few, before["air_time"].mean())
    std = std.where(~few, before["air_time"].std(ddof=0))
    np.testing.assert_allclose(after["air_time_by_carrier"], (before["air_time"] - mean) / std, rtol=1e-11, atol=1e-12)
    delays = before.groupby(["origin", "month"])["dep_delay"]
    low, high = delays.transform("min"), delays.transform("max")
    expected = (before["dep_delay"] - low) / (high - low)
    np.testing.assert_allclose(after["dep_delay"], expected, rtol=1e-12, atol=1e-15)


def check_weights(done: Done) -> None:
    before, after = by_key(done.before), by_key(done.after)
    x, y = (np.array(table["air_time"].to_pylist(), dtype=float) for table in (before, after))  # a null is NaN
    w = np.array(before["distance"].to_pylist(), dtype=float)[~np.isnan(x)]
    x, y = x[~np.isnan(x)], y[~np.isnan(x)]
    mean = np.average(x, weights=w)
    np.testing.assert_allclose(y, (x - mean) / np.sqrt(np.average((x - mean) ** 2, weights=w)), rtol=1e-12, atol=1e-13)
    assert after["distance"] == before["distance"]
    assert (numbers(after, "dep_delay").min(), numbers(after, "dep_delay").max()) == (0, 1)


def check_engines(done: Done) -> None:
    assert (done.config.engine, done.report.verified_rows) == ("arrow", ROWS)
    assert_standard(numbers(done.after, "distance"))


def check_partitions(done: Done) -> None:
    before, after = by_key(done.before), by_key(done.after)
    assert done.config.output is not None
    folders = {path.name for path in Path(done.config.output.path or "").glob("month=*")}
    assert folders == {f"month={month}" for month in set(before["month"].to_pylist())}
    assert len(folders) > 1
    assert set(after.column_names) == set(before.column_names)
    x, y = numbers(before, "distance"), numbers(after, "distance")
    np.testing.assert_allclose(y, (x - x.min()) / (x.max() - x.min()), rtol=1e-15)


def check_update(done: Done) -> None:
    assert done.config.artifact is not None
    months = done.before["month"].to_numpy()
    newest = sorted(set(months.tolist()))[-6:]
    assert done.report.to_dict()["partitions"]["read"] == [{"month": month} for month in newest]
    rows = done.before.filter(pc.is_in(done.before["month"], pa.array(newest)))
    stats = store.load(done.config.artifact.path).stats["dep_delay"]
    x = numbers(rows, "dep_delay")
    assert (stats.rows, stats.finite, stats.min, stats.max) == (len(rows), len(x), x.min(), x.max())
    np.testing.assert_allclose([stats.mean, stats.std], [x.mean(), x.std()], rtol=1e-13)


def check_nightly(done: Done) -> None:
    (month,) = set(done.after["month"].to_pylist())
    rows = done.before.filter(pc.equal(done.before["month"], month))
    learned = numbers(done.before.filter(first_half(done.before)), "air_time")
    wanted = (numbers(rows, "air_time") - learned.mean()) / learned.std()
    np.testing.assert_allclose(np.sort(numbers(done.after, "air_time")), np.sort(wanted), rtol=1e-12, atol=1e-14)


def check_delta(done: Done) -> None:
    assert done.after.column_names == done.before.column_names
    assert_standard(numbers(done.after, "distance"))


def check_as_of(done: Done) -> None:
    x = numbers(done.before, "dep_delay")
    wanted = (x - x.min()) / (x.max() - x.min())
    np.testing.assert_allclose(np.sort(numbers(done.after, "dep_delay")), np.sort(wanted), rtol=1e-14)


@pytest.mark.parametrize("name", [path.stem for path in CONF])
def test_run_conf(name: str, ran: Callable[[str], Done]) -> None:
    done = ran(name)
    if not done.config.input.where and not done.config.states:  # an update's rows are those of its window
        assert done.report.rows == done.before.num_rows
    if done.config.output is not None:
        assert done.after.num_rows == done.report.rows
        assert done.report.verified_rows == min(done.config.self_check, done.after.num_rows)
    assert done.report.warnings == [text.format(path=done.config.input.path) for text in WARNINGS.get(name, [])]
    globals()[f"check_{name}"](done)


@pytest.mark.parametrize("path", CONF, ids=lambda path: path.stem)
def test_load_conf_without_an_environment(path: Path) -> None:
    assert path.read_text().startswith("# yaml-language-server: $schema=job.schema.json\n#")
    known = jobfile.load(str(path), environ={}).config
    assert known.input.path is not None
    assert known.input.path.startswith(("data/", "out/"))
    assert known.output is None or known.output.path.startswith("out/")


def test_load_environment_fills_in_the_date() -> None:
    known = jobfile.load(str(ROOT / "conf" / "environment.yaml"), environ={}).config
    assert known.output is not None
    assert known.output.path == f"out/daily/{datetime.datetime.now(datetime.UTC).date()}"


def test_schema_of_conf_is_current() -> None:
    assert json.loads((ROOT / "conf" / "job.schema.json").read_text()) == models.json_schema()
