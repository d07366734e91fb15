"""Merging what was fitted on parts: the fit of the whole, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import sparkscale as ss
from sparkscale.errors import ConfigError, DataError

FITTED = ss.Pipeline([ss.MinMax("x")]).fit_arrays({"x": [0.0, 4.0]})


def test_merge_parts_as_fit_of_whole() -> None:
    steps: list[Any] = [ss.MinMax("x"), ss.Robust("x", into="r"), ss.UnitNorm(["x", "y"], into="u_{column}")]
    x, y = np.array([0.0, 6.0, 2.0, math.nan, 10.0]), np.ones(5)
    parts = [ss.Pipeline(steps).fit_arrays({"x": x[cut], "y": y[cut]}) for cut in (slice(1), slice(1, 4), slice(4, 5))]
    for number, part in enumerate(parts):
        object.__setattr__(part, "provenance", {**part.provenance, "inputs": [{"path": str(number)}]})
    merged, whole = ss.merge(parts), ss.Pipeline(steps).fit_arrays({"x": x, "y": y})
    assert (merged.rows, merged.stats["x"].nans, merged.maps) == (5, 1, whole.maps)
    assert merged.provenance == {**whole.provenance, "inputs": [{"path": "0"}, {"path": "1"}, {"path": "2"}]}
    assert ss.merge(parts[:1]) == parts[0]


def test_merge_row_steps_that_saw_no_rows() -> None:
    part = ss.Pipeline([ss.Softmax(["a", "b"])]).fit_arrays({"a": [1.0], "b": [1.0]})
    assert ss.merge([part, part]) == part
    assert part.rows is None


@pytest.mark.parametrize("steps", [
    [ss.MinMax("x", clip=True)],
    [ss.MinMax("x", empty="null")],
    [ss.MinMax("y")],
    [ss.MinMax(["x", "y"])],
    [ss.MinMax("x", into="x2")],
    [ss.Standard("x", ddof=1)],
    [ss.MinMax("x"), ss.MaxAbs("y")],
    [ss.MinMax("x*")],
    [],
])  # fmt: skip
def test_refuse_to_merge_what_is_different(steps: list[Any], snapshot: Any) -> None:
    table = {"x": [1.0], "y": [2.0]}
    first, other = (ss.Pipeline(some).fit_arrays(table) for some in ([ss.MinMax("x")], steps))
    for parts in ([first, other], [other, first], [first, first, other]):
        with pytest.raises(DataError) as caught:
            ss.merge(parts)
        assert (caught.value.code, caught.value.exit_code) == ("MERGE_DIFFERENT", 65)
        if parts[0] is first:
            snapshot(f"{steps}\n{caught.value}")


def test_refuse_to_merge_what_found_other_columns() -> None:
    """The same pattern chose other columns in another table."""
    pipeline = ss.Pipeline([ss.MaxAbs("b"), ss.MinMax("a*")])
    tables: list[dict[str, Any]] = [{"b": [1.0], "a1": [1.0], "a3": [2.0]}, {"b": [1.0], "a1": [1.0], "a2": [2.0]}]
    first, other = map(pipeline.fit_arrays, tables)
    with pytest.raises(
        DataError, match=r"found two names of column 2 in step 2 \(minmax\): 'a3' and 'a2'; fit every part"
    ):
        ss.merge([first, other])
    one = pipeline.fit_arrays({"b": [1.0], "a1": [1.0]})
    with pytest.raises(DataError, match=r"found two names of column 2 in step 2 \(minmax\): 'a3' and none; "):
        ss.merge([first, one])


def test_refuse_to_merge_nothing() -> None:
    with pytest.raises(DataError, match="expected at least one") as caught:
        ss.merge([])
    assert caught.value.code == "MERGE_NOTHING"


def test_merge_what_comes_one_by_one() -> None:
    assert ss.merge(part for part in (FITTED, FITTED)) == ss.merge([FITTED, FITTED])
    assert ss.merge(iter([FITTED, FITTED])).rows == 4


@pytest.mark.parametrize("parts", [FITTED, [FITTED, None], ["stats"], 5])
def test_refuse_to_merge_what_is_not_fitted(parts: Any) -> None:
    with pytest.raises(ConfigError, match=r"^the parts to merge: expected a list of Fitted objects, found ") as caught:
        ss.merge(parts)
    assert (caught.value.code, caught.value.exit_code) == ("CONFIG_VALUE", 78)
