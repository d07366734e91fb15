"""Verdicts of drift: thresholds, noise, edges of the data, and what the table shows of it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2 as scipy_chi2

import sparkscale as ss
from sparkscale.errors import ConfigError, DataError
from sparkscale.monitor import chi2
from sparkscale.monitor.drift import compare
from sparkscale.monitor.measures.base import REGISTRY, Measure, Measured
from sparkscale.monitor.pair import Pair
from sparkscale.monitor.rows import Drift, DriftRow
from sparkscale.monitor.thresholds import Limits
from sparkscale.stats.column import EMPTY, ColumnStats
from tests.monitor.samples import DRAWS

RNG = np.random.default_rng(11)
NORMAL = RNG.normal(0, 1, 1000)
NAN, INF = math.nan, math.inf
#: What has no need of a sketch.
PLAIN = {"null_rate", "nan_rate", "infinite_rate", "mean_shift", "std_ratio"}


def of(x: Any, **options: Any) -> ColumnStats:
    return ColumnStats.of(x, **({"quantiles": True} | options))


def drift(new: Any, base: Any, **limits: Any) -> dict[str, DriftRow]:
    """Compare two samples, or their statistics; returns the rows by measure."""
    new, base = (x if isinstance(x, ColumnStats) else of(x) for x in (new, base))
    return {row.measure: row for row in compare({"x": new}, {"x": base}, Limits(**limits))}


def verdicts(found: dict[str, DriftRow]) -> dict[str, str]:
    return {name: row.verdict for name, row in found.items() if row.verdict in ("warn", "error")}


# --- thresholds ---------------------------------------------------------------------------------------------------


def test_have_the_thresholds_of_the_documentation() -> None:
    assert {name: (measure.warn, measure.error) for name, measure in REGISTRY.items()} == {
        "null_rate": (0.01, 0.05), "nan_rate": (0.01, 0.05), "infinite_rate": (0.01, 0.05), "mean_shift": (0.1, 0.5),
        "std_ratio": (1.25, 2.0), "out_of_range": (0.01, 0.05), "ks": (0.1, 0.2), "psi": (0.1, 0.25),
        "js": (None, None), "wasserstein": (None, None),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("share", "verdict"), [(0.0, "ok"), (0.01, "ok"), (0.02, "warn"), (0.05, "warn"), (0.06, "error")]
)
@pytest.mark.parametrize(
    ("measure", "value"), [("nan_rate", NAN), ("infinite_rate", INF), ("infinite_rate", -INF), ("null_rate", None)]
)
def test_judge_shares_by_their_change(measure: str, value: float | None, share: float, verdict: str) -> None:
    count = round(1000 * share)
    x = np.ma.array(NORMAL.copy())
    x[:count] = np.ma.masked if value is None else value
    for new, base in ((x, NORMAL), (NORMAL, x)):
        row = drift(new, base)[measure]
        assert (row.value, row.verdict, row.bound) == (share, verdict, 0.0)
    assert drift(x, x)[measure].value == 0


@pytest.mark.parametrize(("by", "verdict", "threshold"), [
    (0.0, "ok", 0.1), (0.0999, "ok", 0.1), (-0.11, "warn", 0.1), (0.49, "warn", 0.1), (-0.6, "error", 0.5), (7.0, "error", 0.5),
])  # fmt: skip
def test_judge_a_shift_by_its_magnitude(by: float, verdict: str, threshold: float) -> None:
    row = drift(NORMAL + by * NORMAL.std(), NORMAL)["mean_shift"]
    assert row.value == pytest.approx(by, abs=1e-12)
    assert (row.verdict, row.threshold) == (verdict, threshold)


@pytest.mark.parametrize(
    ("times", "verdict"),
    [(1.0, "ok"), (1.2, "ok"), (0.81, "ok"), (0.79, "warn"), (1.9, "warn"), (0.49, "error"), (3.0, "error")],
)
def test_judge_a_ratio_in_both_directions(times: float, verdict: str) -> None:
    row = drift(NORMAL * times, NORMAL)["std_ratio"]
    assert (row.value, row.verdict) == (pytest.approx(times, rel=1e-12), verdict)


def test_keep_the_digits_of_a_shift_far_from_zero() -> None:
    base = 1e9 + NORMAL
    assert drift(base + 0.25, base)["mean_shift"].value == pytest.approx(0.25 / base.std(), rel=1e-9)
    tiny = NORMAL * 1e-300
    assert drift(tiny * 3, tiny)["std_ratio"].value == pytest.approx(3, rel=1e-9)
    huge = np.array([-1.7e308, 1.7e308] * 100)
    assert drift(huge, huge)["mean_shift"].value == 0
    assert drift(np.abs(huge), huge)["mean_shift"].value == pytest.approx(1)


def test_change_thresholds_by_measure_and_by_pattern() -> None:
    new, base = of(NORMAL + 0.3), of(NORMAL)
    stats = dict.fromkeys(("a_delay", "b_delay", "c"), new), dict.fromkeys(("a_delay", "b_delay", "c"), base)
    limits = Limits(
        {"mean_shift": {"warn": 0.01, "error": 0.2}, "js": {"warn": 0.05}},
        {"*_delay": {"mean_shift": "off"}, "/^b/": {"mean_shift": {"error": 0.25}}, "none": {"ks": "off"}},
    )
    rows = {(row.feature, row.measure): row for row in compare(*stats, limits)}
    assert rows["c", "mean_shift"].verdict == "error"
    assert (rows["a_delay", "mean_shift"].verdict, rows["a_delay", "mean_shift"].threshold) == ("none", None)
    assert rows["a_delay", "mean_shift"].value == pytest.approx(0.3 / NORMAL.std())
    assert (rows["b_delay", "mean_shift"].verdict, rows["b_delay", "mean_shift"].threshold) == ("error", 0.25)
    assert rows["c", "js"].verdict == "warn"


@pytest.mark.parametrize(("limits", "words"), [
    ({"thresholds": {"kss": {"warn": 1}}}, "thresholds: unknown measure 'kss'; did you mean 'ks'?"),
    ({"columns": {"x": {"psi": {"eror": 1}}}}, r"columns\['x'\].psi: unknown key 'eror'; did you mean 'error'?"),
    ({"thresholds": {"ks": {"warn": "high"}}}, "thresholds.ks.warn: expected a number from 0 on, found 'high'"),
    ({"thresholds": {"ks": {"warn": True}}}, "found true"), ({"thresholds": {"ks": {"warn": NAN}}}, "found NaN"),
    ({"thresholds": {"ks": {"warn": -1}}}, "found -1"), ({"thresholds": {"ks": 0.1}}, "expected warn and error, found 0.1"),
    ({"thresholds": ["ks"]}, "expected thresholds by measure"), ({"columns": {"/(/": {}}}, "expected a regular expression"),
    ({"min_rows": -1}, "min_rows: expected a whole number from 0 on"), ({"min_rows": True}, "min_rows"),
])  # fmt: skip
def test_refuse_thresholds_that_are_wrong(limits: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Limits(**limits)


# --- noise --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "trials"), [(200, 40), (2000, 40), (100_000, 40)])
def test_raise_no_alarm_between_halves(n: int, trials: int) -> None:
    alarms, most = [], 0.0
    rng = np.random.default_rng(n)
    kinds = [kind for kind in DRAWS if kind not in ("sorted", "constant")]
    for trial in range(trials):
        x = rng.permutation(DRAWS[kinds[trial % len(kinds)]](rng, 2 * n))
        found = drift(x[:n], x[n:])
        most = max(most, found["ks"].value or 0.0)
        alarms += [(trial, name) for name in ("ks", "psi") if found[name].verdict != "ok"]
    assert alarms == []
    assert most > 0


def test_see_a_shift_of_half_a_deviation() -> None:
    rng = np.random.default_rng(2)
    base = of(rng.normal(0, 1, 100_000))
    rows = {by: drift(rng.normal(by, 1, 100_000), base) for by in (0.1, 0.2, 0.5)}
    assert [rows[by]["ks"].value for by in rows] == pytest.approx([0.04, 0.08, 0.2], abs=0.01)
    assert [rows[by]["psi"].value for by in rows] == pytest.approx([0.009, 0.039, 0.24], abs=0.02)
    assert [rows[by]["ks"].verdict for by in rows] == ["ok", "ok", "warn"]
    # At 0.5 a sketch, which drops values by chance, may bring PSI above the threshold of an error.
    rows[0.4] = drift(rng.normal(0.4, 1, 100_000), base)
    assert [rows[by]["psi"].verdict for by in (0.1, 0.2, 0.4)] == ["ok", "ok", "warn"]
    assert drift(rng.normal(1, 1, 100_000), base)["psi"].verdict == "error"


def test_compare_less_errors_and_noise() -> None:
    rng = np.random.default_rng(3)
    n, m = 20_000, 5000
    row = drift(rng.normal(0.3, 1, n), rng.normal(0, 1, m))
    assert row["ks"].value is not None
    errors = 2 * 0.0027167972933084344
    assert row["ks"].bound == pytest.approx(errors)
    assert row["ks"].compared == pytest.approx(row["ks"].value - errors - 1.8 * math.sqrt((n + m) / (n * m)))
    assert row["psi"].value is not None
    noise = scipy_chi2.ppf(0.99, 9) * (1 / n + 1 / m)
    assert row["psi"].compared == pytest.approx(row["psi"].value - noise)


@pytest.mark.parametrize("dof", [1, 2, 3, 5, 9, 30, 100])
@pytest.mark.parametrize("p", [1e-6, 0.01, 0.5, 0.95, 0.99, 0.9999])
def test_have_the_quantiles_of_chi2(dof: int, p: float) -> None:
    assert chi2.quantile(p, dof) == pytest.approx(scipy_chi2.ppf(p, dof), rel=1e-11)


# --- edges of the data --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("new", "mean", "others"), [
    (np.full(500, 2.0), "ok", {}),
    (np.append(np.full(499, 2.0), 3.0), "warn", {}),
    (np.full(500, 2.5), "error", {"ks": "error", "psi": "error", "out_of_range": "error"}),
    (np.full(500, 1.5), "error", {"ks": "error", "out_of_range": "error"}),
])  # fmt: skip
def test_report_any_change_of_a_constant(new: Any, mean: str, others: dict[str, str]) -> None:
    found = drift(new, np.full(400, 2.0))
    assert verdicts(found) == others | ({} if mean == "ok" else {"mean_shift": mean})
    assert (found["mean_shift"].value, found["std_ratio"].value) == (0.0 if mean == "ok" else None, None)
    assert found["wasserstein"].value is None
    plain = drift(of(new, quantiles=False), of(np.full(400, 2.0)))
    assert verdicts(plain) == ({} if mean == "ok" else {"mean_shift": mean})


def test_call_what_varies_by_rounding_a_constant() -> None:
    base = np.array([1e16, 1e16 + 2] * 100)  # std 1 of 1e16: no more than the rounding of doubles
    assert drift(base + 4, base)["mean_shift"].value is None
    assert drift(base, base)["mean_shift"].value == 0


def test_report_a_column_that_became_constant() -> None:
    row = drift(np.full(500, NORMAL.mean()), NORMAL)["std_ratio"]
    assert (row.value, row.verdict) == (0.0, "error")


def test_measure_what_there_is_of_empty_columns() -> None:
    nulls = of(np.ma.masked_all(500))
    found = drift(nulls, NORMAL)
    assert verdicts(found) == {"null_rate": "error"}
    assert {row.value for name, row in found.items() if name not in PLAIN - {"mean_shift", "std_ratio"}} == {None}
    assert verdicts(drift(NORMAL, nulls)) == {"null_rate": "error"}
    assert verdicts(drift(nulls, nulls)) == {}
    nothing = drift(EMPTY, NORMAL)
    assert {(row.value, row.bound, row.verdict) for row in nothing.values()} == {(None, None, "none")}


def test_judge_nothing_of_few_rows() -> None:
    few, many = NORMAL[:99] + 100, NORMAL
    for new, base in ((few, many), (many, few)):
        found = drift(new, base)
        assert verdicts(found) == {}
        assert found["mean_shift"].verdict == "none"
        assert found["mean_shift"].value is not None
        assert {"ks", "psi", "mean_shift"} <= verdicts(drift(new, base, min_rows=99)).keys()
    holes = np.ma.array(NORMAL + 100, mask=np.arange(1000) >= 50)  # enough rows for shares, and few values
    assert verdicts(drift(holes, NORMAL)) == {"null_rate": "error"}
    assert compare({"x": of(few)}, {"x": of(many)}).notes == [
        "fewer than 100 finite values, so their values are not judged: 'x'"
    ]


def test_measure_less_without_a_sketch() -> None:
    found = compare({"x": of(NORMAL, quantiles=False), "y": of(NORMAL)}, {"x": of(NORMAL), "y": of(NORMAL)})
    assert {row.measure for row in found if row.feature == "x"} == PLAIN
    assert {row.measure for row in found if row.feature == "y"} == set(REGISTRY)
    assert len(found.notes) == 1
    assert found.notes[0].startswith("without a quantile sketch on both sides, so without ")
    assert found.notes[0].endswith(": 'x'")


def test_weigh_shares_and_moments() -> None:
    weights = RNG.uniform(0, 2, 1000)
    x = np.ma.array(NORMAL, mask=NORMAL > 1)
    new, base = ColumnStats.of(x, weights=weights), ColumnStats.of(NORMAL, weights=weights)
    found = drift(new, base)
    assert set(found) == PLAIN
    assert found["null_rate"].value == pytest.approx(weights[NORMAL > 1].sum() / weights.sum())
    mean = np.average(NORMAL, weights=weights)
    std = math.sqrt(np.average((NORMAL - mean) ** 2, weights=weights))
    kept = NORMAL <= 1
    assert found["mean_shift"].value == pytest.approx((np.average(NORMAL[kept], weights=weights[kept]) - mean) / std)


def test_measure_no_area_beyond_doubles() -> None:
    base = np.array([0.0, 1e-300] * 100)
    found = drift(np.array([1e300, -1e300] * 100), base)
    assert found["wasserstein"].value is None
    assert found["mean_shift"].value == pytest.approx(-1)
    assert json.dumps([row.to_dict() for row in found.values()], allow_nan=False)
    assert found["std_ratio"].to_dict()["value"] is None  # more than a double holds
    assert found["std_ratio"].verdict == "error"


def test_name_the_features_of_one_side() -> None:
    stats = of(NORMAL)
    with pytest.raises(DataError) as caught:
        compare({"a": stats, "b": stats, "c": stats}, {"a": stats, "z": stats})
    assert (caught.value.exit_code, caught.value.code) == (65, "DRIFT_FEATURES")
    assert str(caught.value).startswith("expected a baseline with features 'b', 'c', found one with 'z' instead; ")
    assert compare({"a": stats}, {"a": stats, "z": stats}).notes == ["only in the baseline: 'z'"]


# --- the table ----------------------------------------------------------------------------------------------------


def test_put_first_what_is_furthest_over() -> None:
    base = {"a": of(NORMAL), "b": of(NORMAL), "c": of(np.full(500, 1.0))}
    found = compare({"a": of(NORMAL + 0.3), "b": of(NORMAL + 9), "c": of(np.full(500, 2.0))}, base)
    order = [row.verdict for row in found]
    assert order == sorted(order, key=["error", "warn", "ok", "none"].index)
    errors = [row.over for row in found.errors]
    assert errors == sorted(errors, reverse=True)
    assert (found[0].feature, found[0].measure, found[0].over) == ("c", "mean_shift", INF)
    assert [row.feature for row in found.warnings] == ["a"] * len(found.warnings) != []


def test_show_a_table_to_people_and_machines() -> None:
    names = {"<b>&": of(NORMAL), "bell\a": of(NORMAL, quantiles=False)}
    found = compare(names, {name: of(NORMAL + 1) for name in names})
    lines = repr(found).splitlines()
    assert lines[0].split() == ["feature", "measure", "value", "bound", "threshold", "verdict"]
    assert len(lines) == 1 + len(found) + 1
    assert "\\x07" in repr(found)
    assert "\a" not in repr(found) + found._repr_html_()
    assert "<b>" not in found._repr_html_()
    assert "&lt;b&gt;&amp;" in found._repr_html_()
    assert found._repr_html_().count("<tr>") == 1 + len(found)
    rows = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert all(list(row) == ["feature", "measure", "value", "bound", "threshold", "verdict"] for row in rows)
    assert repr(Drift()).split() == lines[0].split()


def test_say_a_row_in_words() -> None:
    row = DriftRow("x", "ks", 0.25, 0.005, 0.2, "error", 0.22)
    assert str(row) == "column 'x': ks 0.25 (0.22 without error and noise) is above 0.2"
    assert str(DriftRow("x", "null_rate", 0.2, 0.0, 0.05, "error", 0.2)) == "column 'x': null_rate 0.2 is above 0.05"
    assert [DriftRow("x", "ks", at, 0.0, 0.0, "ok", at).over for at in (0.0, 0.2)] == [0.0, INF]
    assert str(DriftRow("x", "mean_shift", None, None, 0.5, "error", INF)) == (
        "column 'x': mean_shift is undefined, as the baseline is constant, and it changed"
    )


# --- by fits ------------------------------------------------------------------------------------------------------


def test_compare_fits() -> None:
    pipeline = ss.Pipeline([ss.Standard(["x", "y"]), ss.Robust("y", into="{column}_r")])
    fits = [pipeline.fit_arrays({"x": NORMAL + by, "y": NORMAL}, sketch="all") for by in (0.0, 0.7)]
    found = fits[1].drift(fits[0])
    assert isinstance(found, Drift)
    assert {row.feature for row in found.errors} == {"x"}
    assert {row.measure for row in found if row.feature == "x"} == set(REGISTRY)
    off = dict.fromkeys(REGISTRY, "off")
    assert fits[1].drift(fits[0], columns={"x": off}).errors == []
    assert fits[1].drift(fits[0], thresholds=off, min_rows=1).errors == []
    plain = pipeline.fit_arrays({"x": NORMAL, "y": NORMAL})
    assert {row.measure for row in plain.drift(fits[0]) if row.feature == "x"} == PLAIN
    other = ss.Pipeline([ss.Standard("x")]).fit_arrays({"x": NORMAL})
    with pytest.raises(DataError, match="'y'"):
        plain.drift(other)
    rows_only = ss.Pipeline([ss.Softmax(["x", "y"])]).fit_arrays({"x": NORMAL, "y": NORMAL})
    assert rows_only.drift(rows_only) == []


def test_sketch_all_or_what_is_needed() -> None:
    data = {"x": NORMAL, "w": np.ones(1000)}
    with pytest.raises(ConfigError, match="sketch: expected 'needed' or 'all', found 'every'"):
        ss.Pipeline([ss.Standard("x")]).fit_arrays(data, sketch="every")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="quantiles are not weighted"):
        ss.Pipeline([ss.Standard("x")], weight="w").fit_arrays(data, sketch="all")


# --- a new measure ------------------------------------------------------------------------------------------------


@pytest.fixture
def toy() -> Iterator[None]:
    """Define a measure; it is gone after the test."""
    known = dict(REGISTRY)

    class RangeRatio(Measure, name="range_ratio", needs="values", warn=1.5, error=3.0):
        def measure(self, pair: Pair) -> Measured:
            ratio = pair.new.range / pair.base.range
            return Measured(ratio, max(ratio, 1 / ratio))

    yield
    REGISTRY.clear()
    REGISTRY.update(known)


def test_know_a_measure_that_is_defined(toy: None) -> None:
    found = drift(NORMAL * 2, NORMAL)["range_ratio"]
    assert (found.value, found.verdict, found.threshold) == (pytest.approx(2), "warn", 1.5)
    assert drift(NORMAL * 2, NORMAL, thresholds={"range_ratio": "off"})["range_ratio"].verdict == "none"
    with pytest.raises(TypeError, match="drift measure 'ks' is defined twice"):
        type("Other", (Measure,), {}, name="ks", needs="values")
