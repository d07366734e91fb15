"""The same scenario on classic Spark, on Spark Connect and on Sail: the same numbers, and NumPy's."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from sparkscale.stats.calibration import Calibration
from sparkscale.stats.column import ColumnStats
from tests import numacc
from tests.connect import data
from tests.connect.conftest import Outcome, Outcomes
from tests.connect.scenario import embedding_pipeline, label_pipeline, shape_pipeline, weighted_pipeline
from tests.spark.frames import as_arrays, assert_alike, rows_of

ACCURACY = {name: [x for x in values if x is not None] for name, values in data.accuracy().items()}
DECIMALS, EXACT = data.decimals(), data.exact()
FEATURES, ROWS, EMBEDDINGS, WIDE = data.features(), data.rows(), data.embeddings(), data.wide()
TABLES = {"features": FEATURES, "rows": ROWS, "winners": ROWS, "embeddings": EMBEDDINGS, "wide": WIDE}
SCALED = [*data.NAMES, "whole", "constant"]
KINDS = ("standard", "minmax", "maxabs", "mean_norm", "robust", "float32")


def test_run_takes_its_own_engine(outcome: Outcome) -> None:
    connect = outcome.facts["session"].startswith("pyspark.sql.connect")
    assert connect == (outcome.engine != "classic")
    assert outcome.fitted("features").provenance["engine"].startswith("sail" if outcome.engine == "sail" else "spark")


def test_ship_over_connect_by_artifacts(outcomes: Outcomes) -> None:
    assert ".zip/sparkscale/maps/" in outcomes["connect"].facts["package"]


def test_fit_more_columns_a_query_the_wider_the_table_on_sail(outcome: Outcome) -> None:
    assert outcome.facts["queries"] == (20 if outcome.engine == "sail" else 32)


@pytest.mark.parametrize("partitions", data.PARTITIONS)
@pytest.mark.parametrize("name", ACCURACY)
def test_fit_keeps_twelve_digits(outcome: Outcome, name: str, partitions: int) -> None:
    stats, values = outcome.fitted(f"accuracy{partitions}").stats[name], ACCURACY[name]
    mean, square = numacc.exact_moments(values)
    assert (stats.finite, stats.min, stats.max) == (len(values), min(values), max(values))
    assert stats.nulls == len(data.accuracy()[name]) - len(values)
    assert numacc.digits(_mean(stats), mean) >= 12
    for ddof in (0, 1):
        assert numacc.digits(stats.std_of(ddof), numacc.root(square / (len(values) - ddof))) >= 12


@pytest.mark.parametrize("name", DECIMALS)
def test_fit_keeps_the_mean_of_few_decimals(outcome: Outcome, name: str) -> None:
    stats = outcome.fitted("decimals").stats[name]
    mean, std = numacc.exact_moments_of_few(DECIMALS[name])
    assert abs(_mean(stats) - mean) <= std / 10**13
    assert numacc.digits(stats.std, std) >= (12 if name == "offset" else 13)


@pytest.mark.parametrize("name", [name for name in EXACT if name != "id"])
def test_cast_to_the_nearest_double(outcome: Outcome, name: str) -> None:
    def nearest(value: Any) -> Any:
        return [nearest(one) for one in value] if isinstance(value, list) else None if value is None else float(value)

    assert outcome.table("exact")[name] == [nearest(value) for value in EXACT[name]]


def _mean(stats: ColumnStats) -> Fraction:
    return Fraction(stats.mean) + Fraction(stats.mean_lo) * Fraction(2) ** stats.exp


@pytest.mark.parametrize("name", TABLES)
def test_audit_agrees_with_numpy(outcome: Outcome, name: str) -> None:
    expected = outcome.fitted(name).audit_arrays(as_arrays(TABLES[name]))
    assert json.loads((outcome.folder / f"{name}-audit.json").read_text()) == [expected.rows, expected.to_list()]
    found = {counter for one in expected.maps for counter, count in one.counts.items() if count}
    assert found >= ({"nulls", "nans", "infinite"} | ({"undefined"} if name in ("rows", "winners", "wide") else set()))


def test_audit_counts_rows_of_elements(outcome: Outcome) -> None:
    """By NumPy alone: a row counts if any of its elements does."""
    _, listed = json.loads((outcome.folder / "embeddings-audit.json").read_text())
    found = {entry["outputs"][0]: entry for entry in listed}
    x = np.array([[math.nan if v is None else v for v in row or [None] * 6] for row in EMBEDDINGS["x"]], dtype=float)
    null = np.array([[row is not None and v is None for v in row or [0] * 6] for row in EMBEDDINGS["x"]])
    finite = [column[np.isfinite(column)] for column in x.T]
    low, high = np.array([np.quantile(column, [0.1, 0.9]) for column in finite]).T
    assert found["x|log1p"]["undefined"] == _rows(x <= -1)
    assert found["x|clip"]["clipped_low"] == _rows(x < low)
    assert found["x|clip"]["clipped_high"] == _rows(x > high)
    assert found["x|clipped_log"]["undefined"] == _rows((x <= -1) | null)  # -7, which a null becomes, has no logarithm
    assert found["x|clipped_log"]["clipped_low"] == _rows((x > -1) & (np.log1p(np.maximum(x, -0.99)) < -0.5))
    assert found["x|clipped_log"]["clipped_high"] == _rows(x > np.expm1(3))
    ragged = [any(v is not None and v > 2 for v in row or []) for row in EMBEDDINGS["ragged"]]
    assert (found["ragged|clip"]["clipped_high"], "clipped_low" in found["ragged|clip"]) == (sum(ragged), False)
    assert not {"clipped_low", "clipped_high", "undefined"} & set(found["x|standard"])


def _rows(elements: Any) -> int:
    return int(np.count_nonzero(elements.any(axis=1)))


# The first fit sketches quantiles, which on Sail is another scan; the second does not.
@pytest.mark.parametrize("fit", ["features", "inverse"])
@pytest.mark.parametrize("name", SCALED[:-1])
def test_fit_agrees_with_numpy(outcome: Outcome, name: str, fit: str) -> None:
    stats, values = outcome.fitted(fit).stats[name], FEATURES[name]
    numbers = [float(x) for x in values if x is not None]
    finite = [x for x in numbers if math.isfinite(x)]
    counts = (stats.rows, stats.nulls, stats.nans, stats.posinf, stats.neginf, stats.finite)
    nans = sum(math.isnan(x) for x in numbers)
    infinite = (numbers.count(math.inf), numbers.count(-math.inf))
    assert counts == (data.ROWS, values.count(None), nans, *infinite, len(finite))
    assert (stats.min, stats.max) == (min(finite), max(finite))
    mean = math.fsum(finite) / len(finite)
    std = math.sqrt(math.fsum((x - mean) ** 2 for x in finite) / len(finite))
    np.testing.assert_allclose([stats.mean, stats.std], [mean, std], rtol=1e-13)


def test_fit_sketches_quantiles_exactly_while_they_fit(outcome: Outcome) -> None:
    for name in SCALED:
        finite = sorted(float(x) for x in FEATURES[name] if x is not None and math.isfinite(x))
        sketch = outcome.fitted("features").stats[name].quantiles
        assert sketch is not None
        assert sketch.count == len(finite)
        ranks = [0.0, 0.25, 0.5, 0.75, 1.0]
        assert sketch.quantiles(ranks) == np.quantile(finite, ranks).tolist()


def test_fit_finds_the_powers_of_numpy(outcome: Outcome) -> None:
    """The scenario has compared the results of every engine with NumPy's, by the self check."""
    found, expected = outcome.fitted("shapes"), shape_pipeline().fit_arrays(as_arrays(data.shapes()))
    powers = [
        (one, other) for step in range(2) for one, other in zip(found.maps[step], expected.maps[step], strict=True)
    ]
    assert len(powers) == 2
    for one, other in powers:
        (ours,), (theirs,) = (
            [part.exponent for part in _parts(map_) if hasattr(part, "exponent")] for map_ in (one, other)
        )
        assert ours == pytest.approx(theirs, rel=1e-6, abs=1e-6)


def _parts(map_: Any) -> tuple[Any, ...]:
    return map_.maps if hasattr(map_, "maps") else (map_,)


@pytest.mark.parametrize("how", ["native", "arrow", "pandas"])
@pytest.mark.parametrize("name", SCALED)
def test_transform_agrees_with_numpy(outcome: Outcome, how: str, name: str) -> None:
    found, expected = _both(outcome, "features", how)
    for kind in KINDS:
        column = f"{name}|{kind}"
        # The same operations in the same order: the same bits.
        assert_alike(found[column], expected[column], name=column)
    assert_alike(found[name], FEATURES[name], name="the feature itself")


def test_transform_scales_by_the_textbook(outcome: Outcome) -> None:
    values = [x for x in FEATURES["with.dots"] if x is not None and math.isfinite(x)]
    low, high, mean, std = min(values), max(values), np.mean(values), np.std(values)
    expected = {
        "standard": lambda x: (x - mean) / std,
        "minmax": lambda x: 2 * (x - low) / (high - low) - 1,
        "maxabs": lambda x: x / max(abs(low), abs(high)),
        "mean_norm": lambda x: (x - mean) / (high - low),
    }
    table = outcome.table("features-native")
    for kind, formula in expected.items():
        pairs = zip(FEATURES["with.dots"], table[f"with.dots|{kind}"], strict=True)
        scaled = [(formula(x), y) for x, y in pairs if x is not None and math.isfinite(x)]
        np.testing.assert_allclose([y for _, y in scaled], [x for x, _ in scaled], rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("how", ["native", "arrow", "pandas"])
def test_transform_rows_agrees_with_numpy(outcome: Outcome, how: str) -> None:
    found, expected = _both(outcome, "rows", how)
    made = [name for name in expected if "|" in name]
    assert len(made) == 4 * len(outcome.fitted("rows").steps) / 2
    for name in made:
        # A sum of k exponentials is no larger than k; log-softmax adds a logarithm of it.
        assert_alike(found[name], expected[name], ulps=8, floor=1.0, name=name)


@pytest.mark.parametrize("how", ["native", "arrow", "pandas"])
def test_tell_of_rows_as_numpy_does(outcome: Outcome, how: str) -> None:
    found, expected = _both(outcome, "winners", how)
    made = outcome.fitted("winners").get_feature_names_out()
    assert len(made) == 4 * 4 + 2
    for name in made:
        if name.endswith("label"):
            assert found[name] == expected[name], name
        else:  # log-softmax adds a logarithm, which may cancel
            assert_alike(found[name], expected[name], ulps=16, floor=float(name == "masked|p"), name=name)


@pytest.mark.parametrize("how", ["native", "arrow", "pandas"])
def test_transform_rows_of_many_columns_as_numpy_does(outcome: Outcome, how: str) -> None:
    found, expected = _both(outcome, "wide", how)
    for name in outcome.fitted("wide").get_feature_names_out():
        if name.endswith("label"):
            assert found[name] == expected[name]
        else:  # of sums of 120 terms
            assert_alike(found[name], expected[name], ulps=32, floor=1.0, name=name)
    for row in range(6, 20):  # without nulls and infinities
        assert math.fsum(found[f"s{k}|softmax"][row] for k in range(120)) == pytest.approx(1, abs=120 * 2.0**-53)


def test_fit_arrays_as_numpy_does(outcome: Outcome) -> None:
    found, expected = outcome.fitted("embeddings"), embedding_pipeline().fit_arrays(as_arrays(EMBEDDINGS))
    assert (found.rows, set(found.stats)) == (60, {"ragged", *(f"x.{position}" for position in range(6))})
    for name, theirs in expected.stats.items():
        ours = found.stats[name]
        exact = ("rows", "nulls", "nans", "posinf", "neginf", "finite", "min", "max")
        assert [getattr(ours, key) for key in exact] == [getattr(theirs, key) for key in exact], name
        np.testing.assert_allclose([ours.mean, ours.std], [theirs.mean, theirs.std], rtol=1e-12, atol=1e-12)
        if theirs.quantiles is not None:  # all values fit into the sketch, in any order
            assert ours.quantiles is not None
            ranks = np.linspace(0, 1, 21).tolist()
            assert ours.quantiles.quantiles(ranks) == theirs.quantiles.quantiles(ranks), name


@pytest.mark.parametrize("how", ["native", "arrow", "pandas"])
def test_transform_arrays_as_numpy_does(outcome: Outcome, how: str) -> None:
    found, expected = _both(outcome, "embeddings", how)
    for name in outcome.fitted("embeddings").get_feature_names_out():
        assert_alike(found[name], expected[name], ulps=4, name=name)


@pytest.mark.parametrize("how", ["native", "arrow", "pandas"])
def test_transform_softmax_by_the_table(outcome: Outcome, how: str) -> None:
    found = outcome.table(f"rows-{how}")["scores \U0001f3af|null null array"]
    for (row, expected), ours in zip(data.SOFTMAX, found, strict=False):
        assert (ours is None) == (expected is None), row
        if ours is not None and expected is not None:
            assert_alike(ours, expected, ulps=2, floor=1.0, name=str(row))
            assert len(ours) == len(expected)


def test_transform_keeps_other_columns(outcome: Outcome) -> None:
    for how in ("native", "arrow", "pandas"):
        table = outcome.table(f"rows-{how}")
        assert list(table)[: len(ROWS)] == list(ROWS)
        for name, values in ROWS.items():
            assert_alike(table[name], values, name=name)


def test_inverse_gives_back_what_went_in(outcome: Outcome) -> None:
    table = outcome.table("inverse")
    assert list(table) == list(FEATURES)
    for name in (*data.NAMES, "whole"):
        expected = [None if x is None else float(x) for x in FEATURES[name]]
        size = max(abs(x) for x in expected if x is not None and math.isfinite(x))
        assert_alike(table[name], expected, ulps=8, floor=size, name=name)


@pytest.mark.parametrize("engine", ["connect", "sail"])
def test_fit_gives_every_engine_the_same_statistics(outcomes: Outcomes, engine: str) -> None:
    for fit in ("features", *(f"accuracy{partitions}" for partitions in data.PARTITIONS)):
        ours, theirs = outcomes[engine].fitted(fit).stats, outcomes["classic"].fitted(fit).stats
        assert set(ours) == set(theirs)
        for name, stats in ours.items():
            other = theirs[name]
            exact = ("nulls", "nans", "posinf", "neginf", "finite", "min", "max")
            assert [getattr(stats, key) for key in exact] == [getattr(other, key) for key in exact]
            np.testing.assert_allclose([stats.mean, stats.std], [other.mean, other.std], rtol=1e-12)


@pytest.mark.parametrize("engine", ["connect", "sail"])
@pytest.mark.parametrize(
    "name",
    ["features-native", "features-arrow", "features-pandas", "rows-native", "rows-arrow", "rows-pandas", "inverse"],
)
def test_transform_gives_every_engine_the_same_rows(outcomes: Outcomes, engine: str, name: str) -> None:
    ours, theirs = outcomes[engine].table(name), outcomes["classic"].table(name)
    assert list(ours) == list(theirs)
    for column, values in ours.items():
        single = "float32" in column  # one unit in the last place of single precision
        assert_alike(values, theirs[column], ulps=2.0**30 if single else 2.0**12, floor=1.0, name=column)


def _both(outcome: Outcome, name: str, how: str) -> tuple[dict[str, list[Any]], dict[str, Any]]:
    """Return what the engine made and what NumPy makes by the same artifact."""
    made = outcome.fitted(name).transform_arrays(as_arrays(TABLES[name]))
    return outcome.table(f"{name}-{how}"), {key: rows_of(values) for key, values in made.items()}


def test_fit_the_temperature_of_numpy(outcome: Outcome) -> None:
    found, expected = outcome.fitted("labelled"), label_pipeline().fit_arrays(as_arrays(data.labelled()))
    assert list(found.calibrations) == [1, 2, 3]
    for number, ours in found.calibrations.items():
        theirs = expected.calibrations[number]
        assert (ours.rows, ours.bound) == (theirs.rows, theirs.bound)
        for one, other in zip(numbers_of(ours), numbers_of(theirs), strict=True):
            assert one == pytest.approx(other, rel=1e-9)


def test_weigh_positions_behind_a_map_as_numpy_does(outcome: Outcome) -> None:
    found, expected = outcome.fitted("weighted"), weighted_pipeline().fit_arrays(as_arrays(EMBEDDINGS))
    x = np.array([[-3.0] * 6, [0.5] * 6])
    ours, theirs = (one.transform_arrays({"x": x, "w": np.ones(2)})["x"] for one in (found, expected))
    np.testing.assert_allclose(ours.tolist(), theirs.tolist(), rtol=1e-11)


def numbers_of(found: Calibration) -> list[float]:
    return [found.temperature, found.nll_before, found.nll_after, found.ece_before, found.ece_after]
