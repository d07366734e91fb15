"""The counters of an audit by NumPy, against counts of the raw data and of the results."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

import sparkscale as ss
from sparkscale.errors import DataError
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
