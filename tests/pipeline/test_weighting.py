"""Pipelines with a weight: which steps they refuse, which columns they choose, what artifacts and merges keep."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import sparkscale as ss
from sparkscale.artifact import document, envelope
from sparkscale.errors import ConfigError, DataError
from sparkscale.pipeline.fitted import Fitted
from sparkscale.scalers.base import Step

X, W = np.array([1.0, 2.0, 4.0, 9.0]), np.array([1.0, 0.0, 3.0, 2.0])
TABLE = {"x": X, "w": W, "s": np.arange(4.0)}


def fit(*steps: Step, weight: str | None = "w", **columns: Any) -> Fitted:
    return ss.Pipeline(steps or [ss.Standard("x")], weight=weight).fit_arrays(TABLE | columns)


def test_fit_by_numpy_average() -> None:
    fitted = fit()
    mean = np.average(X, weights=W)
    expected = (X - mean) / np.sqrt(np.average((X - mean) ** 2, weights=W))
    np.testing.assert_allclose(fitted.transform_arrays({"x": X})["x"], expected, rtol=1e-14)
    assert (fitted.rows, fitted.weight) == (3, "w")
    assert repr(fitted).startswith("Fitted on 3 rows weighted by 'w', 1 step\n")
    assert repr(ss.Pipeline([ss.Standard("x")], weight="w")).endswith("], weight='w')")


def test_give_the_ends_of_rows_that_count() -> None:
    assert fit(ss.MinMax("s")).stats["s"].max == 3
    assert fit(ss.MinMax("s"), w=[1, 1, 1, 0]).stats["s"].max == 2


QUANTILES = [
    ss.Robust("x"),
    ss.Clip("x", quantiles=(1, 99)),
    ss.Impute("x", value="median"),
    ss.Chain("x", [ss.Robust()]),
    ss.Chain("x", [ss.Asinh(), ss.Clip(quantiles=(1, 99))]),
]


@pytest.mark.parametrize("step", QUANTILES, ids=repr)
def test_refuse_quantiles(step: Step) -> None:
    with pytest.raises(ConfigError, match="quantiles are not weighted") as caught:
        ss.Pipeline([ss.Standard("x"), step], weight="w")
    assert f"step 2 ({step.kind}) needs them" in caught.value.cause
    assert caught.value.exit_code == 78
    ss.Pipeline([step])


def test_name_all_steps_that_need_quantiles() -> None:
    with pytest.raises(ConfigError, match=r"step 1 \(robust\) and step 3 \(clip\) need them"):
        ss.Pipeline([ss.Robust("x"), ss.Clip("y", limits=(0, 1)), ss.Clip("z", quantiles=(1, 9))], weight="w")


@pytest.mark.parametrize("weight", ["", 1, ["w"], True])
def test_refuse_a_weight_that_is_no_name(weight: Any) -> None:
    with pytest.raises(ConfigError, match="weight: expected the name of a column"):
        ss.Pipeline([ss.Standard("x")], weight=weight)


def test_refuse_a_column_that_cannot_weigh() -> None:
    with pytest.raises(DataError, match="weight: column 'ww' is not in the arrays; did you mean 'w'"):
        fit(weight="ww")
    for column, type_ in (
        (np.array(list("abcd")), "string"),
        (np.ones(4, dtype=bool), "boolean"),
        (np.ones((4, 2)), "array"),
    ):
        with pytest.raises(DataError, match=f"weight: expected numbers, but column 'w' is {type_}") as caught:
            fit(w=column)
        assert caught.value.code == "SCHEMA_TYPE"


@pytest.mark.parametrize("pattern", ["*", "/./", "[w-x]", {"dtype": "numeric"}, {"dtype": "floating", "except": ["s"]}])
def test_never_choose_the_weight_by_a_pattern(pattern: Any) -> None:
    assert "w" not in fit(ss.Standard(pattern)).stats
    assert "w" in fit(ss.Standard(pattern), weight=None).stats


def test_say_that_a_pattern_leaves_the_weight_out() -> None:
    with pytest.raises(DataError, match="a pattern never chooses the weight 'w'") as caught:
        fit(ss.Standard("w*"))
    assert "its numeric columns are 'x', 's'" in caught.value.hint


def test_scale_the_weight_when_named() -> None:
    stats = fit(ss.Standard(["x", "w"])).stats["w"]
    assert (stats.mean, stats.min) == (np.average(W, weights=W), 1.0)


def test_refuse_ddof_of_weights_that_are_no_counts() -> None:
    with pytest.raises(DataError, match=r"column 'x': ddof 1: expected weights whose sum is above 1") as caught:
        fit(ss.Standard("x", ddof=1), w=W / W.sum())
    assert caught.value.code == "DATA_WEIGHT"
    fit(ss.Standard("x", ddof=1, with_std=False), w=W / W.sum())
    fit(ss.Standard("x", ddof=1), w=W / W.sum(), x=np.ones(4))


def test_keep_the_weight_in_the_artifact() -> None:
    fitted = fit(ss.Chain("x", [ss.Asinh(), ss.Standard()]), ss.Standard("s"))
    content = json.loads(document.dump(fitted))
    assert content["weight"] == "w"
    assert content["stats"]["s"]["weights"] == {"nulls": 0, "nans": 0, "posinf": 0, "neginf": 0, "finite": 6}
    assert document.load(document.dump(fitted)) == fitted
    unweighted = json.loads(document.dump(fit(weight=None)))
    assert "weight" not in unweighted
    assert "weights" not in unweighted["stats"]["x"]


@pytest.mark.parametrize("change", ["no weight", "no weights", "weight: null"])
def test_refuse_an_artifact_whose_statistics_are_not_weighted_so(change: str) -> None:
    content = json.loads(document.dump(fit()))
    del content["checksum"]
    if change == "weight: null":
        content["weight"] = None
    else:
        del (content if change == "no weight" else content["stats"]["x"])[change.removeprefix("no ")]
    content["checksum"] = envelope.checksum(content)
    with pytest.raises(DataError, match=r"its content is not that of an artifact: .*(weight|text)"):
        document.load(json.dumps(content).encode())


def test_merge_parts_of_one_weight() -> None:
    whole = fit()
    pipeline = ss.Pipeline([ss.Standard("x")], weight="w")
    parts = [pipeline.fit_arrays({name: data[cut] for name, data in TABLE.items()}) for cut in (slice(2), slice(2, 4))]
    merged = ss.merge(parts)
    assert (merged.weight, merged.rows, merged.stats["x"].weight) == ("w", 3, 6)
    assert merged.stats["x"].std == pytest.approx(whole.stats["x"].std, rel=1e-14)


@pytest.mark.parametrize(("other", "text"), [(None, "two weights: 'w' and none"), ("s", "two weights: 'w' and 's'")])
def test_refuse_to_merge_different_weights(other: str | None, text: str) -> None:
    with pytest.raises(DataError, match=text) as caught:
        ss.merge([fit(), fit(weight=other)])
    assert caught.value.code == "MERGE_DIFFERENT"


def test_look_again_by_weights() -> None:
    fitted = fit(ss.Chain("x", [ss.Asinh(), ss.Standard()]))
    logs = np.arcsinh(X)
    mean = np.average(logs, weights=W)
    expected = (logs - mean) / np.sqrt(np.average((logs - mean) ** 2, weights=W))
    np.testing.assert_allclose(fitted.transform_arrays({"x": X})["x"], expected, rtol=1e-14)
    assert fitted.looks[0].stats.weight == 6


def test_need_no_weights_without_statistics() -> None:
    fitted = fit(ss.UnitNorm(["x", "s"], into="n_{column}"))
    assert (fitted.rows, fitted.weight) == (None, "w")
