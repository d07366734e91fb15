"""The counters of an audit by NumPy, against counts of the raw data and of the results."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

import sparkscale as ss
from sparkscale.errors import DataError
from sparkscale.maps import Chained, ColumnMap, Elements, Limit
from sparkscale.pipeline.audit import Counts

INF, NAN = np.inf, np.nan
FIT = {
    "x": [0.0, 1.0, 2.0, 4.0],
    "y": [-0.5, 0.0, 1.0, 3.0],
    "a": [1.0, 2, 3, 4],
    "b": [4.0, 3, 2, 1],
    "v": [[1.0, 2]] * 4,
}


def counts_of(steps: Any, table: dict[str, Any]) -> tuple[Counts, ...]:
    """Fit on good data and audit other data."""
    return ss.Pipeline(steps).fit_arrays({name: FIT[name] for name in table}).audit_arrays(table).maps


def test_count_inputs_of_a_column() -> None:
    (found,) = counts_of([ss.Standard("x")], {"x": [1.0, None, NAN, INF, -INF, 3.0, None]})
    assert found == Counts(1, "standard", ("x",), {"nulls": 2, "nans": 1, "infinite": 2})


@pytest.mark.parametrize("step", [
    ss.MinMax("x", clip=True), ss.MinMax("x", clip=True, range=(-1, 1)), ss.MeanNorm("x", clip=True),
    ss.MaxAbs("x", clip=True), ss.Clip("x", limits=(0.5, 2)),
    ss.Clip("x", quantiles=(10, 90)), ss.Clip("x", limits=(None, 1)), ss.Quantile("x"), ss.Quantile("x", output="normal"),
    ss.Chain("x", [ss.Standard(), ss.Clip(limits=(-1, 1)), ss.MinMax()]),
], ids=repr)  # fmt: skip
def test_count_values_beyond_the_ends(step: ss.Scaler) -> None:
    x = np.array([*np.linspace(-3, 6, 91), INF, -INF, NAN])
    fitted = ss.Pipeline([step]).fit_arrays({"x": FIT["x"]})
    y = fitted.transform_arrays({"x": x})["x"]
    (found,) = fitted.audit_arrays({"x": x}).maps
    inside = x[(y > np.nanmin(y)) & (y < np.nanmax(y))]
    below, above = np.sum(x < inside.min()), np.sum(x > inside.max())
    assert 0 <= below - found.counts.get("clipped_low", below) <= 1  # the end itself is not clipped
    assert 0 <= above - found.counts["clipped_high"] <= 1
    assert found.counts["infinite"] == 2


def test_count_what_has_no_logarithm_and_raise_nothing() -> None:
    (found,) = counts_of([ss.Log1p("y")], {"y": [-1.0, -2.0, -INF, -0.999, None, NAN, 5.0]})
    assert found.counts == {"nulls": 1, "nans": 1, "infinite": 1, "undefined": 3}
    (found,) = counts_of([ss.Chain("y", [ss.Impute(value=-4), ss.Log1p(undefined="null")])], {"y": [None, -1.0, 2.0]})
    assert found.counts == {"nulls": 1, "nans": 0, "infinite": 0, "undefined": 2}


def test_count_all_values_of_a_column_without_statistics() -> None:
    fitted = ss.Pipeline([ss.Standard("x", empty="null")]).fit_arrays({"x": [None, None]})
    assert fitted.audit_arrays({"x": [1.0, None, INF]}).maps[0].counts["undefined"] == 2


def test_count_each_output_of_a_column_step() -> None:
    steps = [ss.Impute("x", value=0.0, indicator="{column}_missing", into="{column}_full")]
    found = counts_of(steps, {"x": [None, 1.0]})
    assert [(one.outputs, one.counts["nulls"]) for one in found] == [(("x_full",), 1), (("x_missing",), 1)]


def test_count_rows_of_scores() -> None:
    table = {"a": [1.0, None, -INF, NAN, -INF], "b": [2.0, 1.0, -INF, None, 3.0]}
    steps = [
        ss.Softmax(["a", "b"], into="p_{column}", outputs={"label": "l"}),
        ss.UnitNorm(["a", "b"], into="u_{column}"),
    ]
    found = counts_of(steps, table)
    assert found[0] == Counts(1, "softmax", ("p_a", "p_b", "l"), {"nulls": 2, "nans": 1, "infinite": 2, "undefined": 1})
    assert found[1].counts == {"nulls": 2, "nans": 1, "infinite": 2}
    (masked,) = counts_of([ss.Softmax(["a", "b"], nulls="mask")], table | {"b": [2.0, 1.0, None, None, 3.0]})
    assert masked.counts["undefined"] == 1


def test_count_rows_of_an_array() -> None:
    rows = [[1.0, 2.0], None, [None, INF], [NAN], [], [-INF, -INF], [-INF], [3.0, NAN, -INF]]
    (found,) = counts_of([ss.Softmax("v")], {"v": rows})
    assert found.counts == {"nulls": 2, "nans": 2, "infinite": 4, "undefined": 2}


RNG = np.random.default_rng(31)
EMBEDDINGS = np.abs(RNG.normal(0, 1, (50, 4))) * [1, 10, 1e-9, 1e200] + [3, 0, 0, 0]
LEAST, GREATEST = EMBEDDINGS.min(axis=0), EMBEDDINGS.max(axis=0)
DECILE, MEDIAN = np.quantile(EMBEDDINGS, 0.1, axis=0), np.median(EMBEDDINGS, axis=0)
EVERYWHERE = np.ones(4)
#: Each step with the values that it leaves whole: from, to. None where it has no such end.
ENDS = [
    (ss.MinMax("x", clip=True), LEAST, GREATEST),
    (ss.MinMax("x", clip=True, range=(-3, 7)), LEAST, GREATEST),
    (ss.Quantile("x", knots=9), LEAST, GREATEST),
    (ss.Clip("x", limits=(2, 3.5)), 2 * EVERYWHERE, 3.5 * EVERYWHERE),
    (ss.Clip("x", limits=(None, 1)), None, EVERYWHERE),
    (ss.Clip("x", quantiles=(10, 50)), DECILE, MEDIAN),
    (ss.Chain("x", [ss.Impute(value=1), ss.Clip(limits=(0.5, None))]), EVERYWHERE / 2, None),
    (ss.MinMax("x", clip=True, over="all"), EVERYWHERE * EMBEDDINGS.min(), EVERYWHERE * EMBEDDINGS.max()),
    (ss.Chain("x", [ss.Asinh(), ss.Clip(limits=(0.1, 3))]), np.sinh(0.1) * EVERYWHERE, np.sinh(3) * EVERYWHERE),
]  # fmt: skip


def elements(seed: int) -> list[list[float | None] | None]:
    """Return arrays around the embeddings, with null rows, null elements, NaN and infinities."""
    rng = np.random.default_rng(seed)
    rows: list[Any] = (rng.normal(1, 1.5, (200, 4)) * [1, 10, 1e-9, 1e200] + [2, 0, 0, 0]).tolist()
    for number, odd in enumerate([None, NAN, INF, -INF] * 12):
        rows[number * 4][number % 3] = odd
    rows[7] = rows[70] = None
    return rows


def count_rows(rows: list[Any], holds: Any) -> int:
    """Count the rows that hold such an element, by Python."""
    return sum(row is not None and any(holds(x, place) for place, x in enumerate(row)) for row in rows)


def is_number(x: float | None) -> bool:
    return x is not None and not math.isnan(x)


@pytest.mark.parametrize(("step", "low", "high"), ENDS, ids=[repr(step) for step, *_ in ENDS])
def test_count_rows_with_an_element_beyond_the_ends(step: ss.Scaler, low: Any, high: Any) -> None:
    rows = elements(3)
    fitted = ss.Pipeline([step]).fit_arrays({"x": EMBEDDINGS})
    (found,) = fitted.audit_arrays({"x": rows}).maps
    expected = {
        "nulls": 2 + count_rows(rows, lambda x, _: x is None),
        "nans": count_rows(rows, lambda x, _: x is not None and math.isnan(x)),
        "infinite": count_rows(rows, lambda x, _: x in (INF, -INF)),
    }
    if low is not None:
        expected["clipped_low"] = count_rows(rows, lambda x, place: is_number(x) and x < low[place])
    if high is not None:
        expected["clipped_high"] = count_rows(rows, lambda x, place: is_number(x) and x > high[place])
    assert found.counts == expected
    assert all(0 < count < 200 for count in expected.values())


def test_count_rows_with_an_element_that_has_no_logarithm() -> None:
    rows = [[0.0, -1.0], [None, NAN], [-0.5, 2.0], None, [-INF, INF], [-3.0, -3.0]]
    for over in ("position", "all"):
        (found,) = counts_of([ss.Log1p("v", over=over, undefined="null")], {"v": rows})  # type: ignore[arg-type]
        assert found.counts == {"nulls": 2, "nans": 1, "infinite": 1, "undefined": 3}
    fit = {"x": [[1.0, None], [2.0, None]]}
    fitted = ss.Pipeline([ss.MinMax("x", clip=True, empty="null")]).fit_arrays(fit)
    (found,) = fitted.audit_arrays({"x": [[0.0, None], [1.5, 9.0], [3.0, INF], [1.0, NAN]]}).maps
    assert found.counts == {
        "nulls": 1, "nans": 1, "infinite": 1, "undefined": 2, "clipped_low": 1, "clipped_high": 1,
    }  # fmt: skip


def test_count_rows_of_many_lengths() -> None:
    rows = [[], None, [5.0], [0.5, 9.0, -9.0], [None], [NAN, 2.0], [INF], [1.0] * 9, [-1.0, None]]
    fitted = ss.Pipeline([ss.MinMax("x", over="all", clip=True)]).fit_arrays({"x": [[1.0, 3.0], [2.0], None, []]})
    (found,) = fitted.audit_arrays({"x": rows}).maps
    assert found.counts == {"nulls": 3, "nans": 1, "infinite": 1, "clipped_low": 2, "clipped_high": 3}
    for empty in ([], [[]], [None]):
        (found,) = fitted.audit_arrays({"x": empty}).maps
        assert (found.counts["clipped_low"], found.counts["clipped_high"]) == (0, 0)


CHAINS = [
    [ss.Impute(value="median"), ss.Clip(limits=(0.5, None))],  # holds the median of some positions alone
    [ss.Impute(value=-7), ss.Standard(), ss.Clip(limits=(-1, 0.2))],
    [ss.Impute(value=0.5, missing=["nan"]), ss.Log1p(undefined="null"), ss.Clip(limits=(None, 0.7))],
    [ss.Clip(limits=(-0.5, None)), ss.Log1p(), ss.MinMax(clip=True), ss.Standard()],
    [ss.Standard(), ss.MinMax()],
]


@pytest.mark.parametrize("stages", CHAINS, ids=repr)
def test_count_a_chain_over_an_array_as_over_columns(stages: Any) -> None:
    """A row of an array counts if a column with the values of some position counts that row's value."""
    rows = elements(5)
    fitted = ss.Pipeline([ss.Chain("x", stages)]).fit_arrays({"x": EMBEDDINGS})
    alone = [ss.Pipeline([ss.Chain("x", stages)]).fit_arrays({"x": EMBEDDINGS[:, place]}) for place in range(4)]
    (found,) = fitted.audit_arrays({"x": rows}).maps
    expected = dict.fromkeys(found.counts, 0)
    for row in rows:
        cells = [alone[place].audit_arrays({"x": [x]}).maps[0].counts for place, x in enumerate(row or [None] * 4)]
        for counter in expected:
            expected[counter] += any(cell.get(counter) for cell in cells)
    assert found.counts == expected


def test_count_a_null_row_as_null_at_each_position() -> None:
    """An imputation fills it, and a clip holds what it was filled with."""
    fit = {"x": [[1.0, 2.0], None, [3.0, None]]}
    fitted = ss.Pipeline([ss.Chain("x", [ss.Impute(value=9), ss.Clip(limits=(0, 5))])]).fit_arrays(fit)
    assert [fitted.stats[f"x.{place}"].nulls for place in range(2)] == [1, 2]
    (found,) = fitted.audit_arrays(fit).maps
    assert found.counts == {"nulls": 2, "nans": 0, "infinite": 0, "clipped_low": 0, "clipped_high": 2}
    assert fitted.transform_arrays(fit)["x"][1].tolist() == [5.0, 5.0]


@dataclasses.dataclass(frozen=True)
class Mirror(ColumnMap):
    """A map that is not increasing: what a clip behind it holds is not known."""

    def forward(self, x: Any) -> Any:
        return -x


def test_count_nothing_where_the_map_of_one_position_is_not_known() -> None:
    known, unknown = Limit(0.0, 1.0), Chained((Mirror(), Limit(0.0, 1.0)))
    assert unknown.extent is None
    x = np.array([[5.0, 5.0]])
    assert set(Elements((known, known), "position").met(x, x < 0)) == {"clipped_low", "clipped_high"}
    assert Elements((known, unknown), "position").met(x, x < 0) == {}


def test_count_no_nulls_that_a_mask_makes() -> None:
    fit = {"v": [[1.0, 2.0]], "m": [[True, False]]}
    fitted = ss.Pipeline([ss.Softmax("v", mask="m")]).fit_arrays(fit)
    table = {"v": [[1.0, NAN], [-INF, 2.0], [1.0, 2.0]], "m": [[True, False], [True, False], None]}
    (found,) = fitted.audit_arrays(table).maps
    assert found.counts == {"nans": 0, "infinite": 1, "undefined": 1}


def test_count_no_rows() -> None:
    fitted = ss.Pipeline([ss.MinMax("x", clip=True), ss.Softmax("v")]).fit_arrays(FIT)
    found = fitted.audit_arrays({"x": [], "v": []})
    assert (found.rows, {count for one in found.maps for count in one.counts.values()}) == (0, {0})


BY_GROUP = [
    ss.MinMax("x", by="k", clip=True),
    ss.MinMax("x", by="k", clip=True, range=(-3, 7)),
    ss.MeanNorm("x", by="k", clip=True),
    ss.MaxAbs("x", by="k", clip=True, min_rows=12),
    ss.Clip("x", by="k", quantiles=(10, 90)),
    ss.Quantile("x", by="k", knots=9),
    ss.Standard("x", by="k"),
    ss.Chain("x", [ss.Impute(value="max"), ss.MinMax(clip=True), ss.Clip(limits=(0, 0.8))], by="k"),
    ss.Chain("x", [ss.Impute(value=-9), ss.MinMax(clip=True)], by="k"),
    ss.Chain("x", [ss.Impute(value="min", missing=["null", "nan"]), ss.Log1p(undefined="null")], by="k"),
    ss.Chain("x", [ss.Impute(value="min"), ss.Log1p(), ss.Clip(limits=(None, 1))], by="k"),
    ss.Chain("x", [ss.Impute(value="min"), ss.Clip(limits=(-3, 5)), ss.Log1p(undefined="null")], by="k"),
]


@pytest.mark.parametrize("step", BY_GROUP, ids=repr)
@pytest.mark.parametrize("unseen", ["global", "null", "error"])
def test_count_by_group_what_each_group_counts_alone(step: ss.Scaler, unseen: Any) -> None:
    """Each row counts as in a fit of its group alone, or, of a small or unseen group, as in a fit of all rows."""
    rng = np.random.default_rng(5)
    keys = np.repeat(np.array(["a", "b", "c"], dtype=object), [60, 30, 9])
    x = np.abs(np.concatenate([rng.normal(0, 1, 60), rng.normal(8, 3, 30), rng.normal(-4, 2, 9)]))
    met = np.array(["a", "b", "c", None], dtype=object)[rng.integers(0, 4, 200)]
    values = np.ma.MaskedArray(rng.normal(1, 6, 200), mask=rng.random(200) < 0.1)
    values[::20], values[7::31] = NAN, [INF, -INF, INF, -INF, INF, INF, -INF]
    fitted = ss.Pipeline([replaced(step, unseen=unseen)]).fit_arrays({"x": x, "k": keys})
    (found,) = fitted.audit_arrays({"x": values, "k": met}).maps
    alone, expected = replaced(step, by=None, unseen="global", min_rows=1), dict.fromkeys(found.counts, 0)
    for key in ("a", "b", "c", None):
        rows = keys == key if np.sum(keys == key) >= step.min_rows else np.ones(99, bool)
        (one,) = ss.Pipeline([alone]).fit_arrays({"x": x[rows]}).audit_arrays({"x": values[met == key]}).maps
        unknown = key is None and unseen != "global"
        inputs = {"nulls", "nans", "infinite"}
        expected |= {name: expected[name] + n for name, n in one.counts.items() if not unknown or name in inputs}
    assert found.counts == expected | {"unseen": np.sum(met == None)}  # noqa: E711 - of each element


def replaced(step: ss.Scaler, **changes: Any) -> ss.Scaler:
    """Return a step with other fields."""
    return dataclasses.replace(step, **changes)


def test_refuse_what_a_transform_refuses() -> None:
    fitted = ss.Pipeline([ss.Standard("x")]).fit_arrays({"x": [1.0, 2.0]})
    with pytest.raises(DataError, match="column 'x'"):
        fitted.audit_arrays({"z": [1.0]})
