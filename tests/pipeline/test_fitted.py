"""What a fit learned, applied with NumPy alone: transforming and inverting arrays, and warnings."""

from __future__ import annotations

import dataclasses
import math
import warnings
from typing import Any

import numpy as np
import pytest

import sparkscale as ss
from sparkscale.errors import DataError
from tests.samples import fitted

WHOLE = fitted()


def plain(column: Any) -> Any:
    """Return the values of a result, None for a null."""
    if isinstance(column, np.ndarray):
        return [plain(item) for item in column] if column.dtype == object else column.tolist()
    return column


def test_transform_arrays_keeps_order_nulls_and_types() -> None:
    table: dict[str, Any] = {
        "z": ["one", "two", "three"],
        "x": np.ma.MaskedArray([1.0, 3.0, 7.0], mask=[False, False, True]),
        "n": np.array([1, None, 2], dtype=object),
        "f": np.array([1.0, math.nan, math.inf]),
        "u": np.array([2, 4, 8], dtype=np.uint8),
        "flag": np.array([True, False, True]),
    }
    steps = [
        *(ss.MinMax("x", dtype="float32"), ss.MaxAbs("n"), ss.Standard("f", into="g")),
        *(ss.MinMax(["u", "flag"], into="{column}_1"), ss.UnitNorm(["x", "u"], norm="l1", into="{column}_2")),
    ]
    whole = ss.Pipeline(steps).fit_arrays(table)
    out = whole.transform_arrays(table)
    assert list(out) == [*table, "g", "u_1", "flag_1", "x_2", "u_2"]
    assert whole.get_feature_names_out() == ["x", "n", "g", "u_1", "flag_1", "x_2", "u_2"]
    assert {name: plain(out[name]) for name in out if name not in {*"zfu", "flag", "g"}} == {
        "x": [0.0, 1.0, None], "n": [0.5, None, 1.0], "u_1": [0.0, 1 / 3, 1.0], "flag_1": [1.0, 0.0, 1.0],
        "x_2": [1 / 3, 3 / 7, None], "u_2": [2 / 3, 4 / 7, None],
    }  # fmt: skip
    assert repr(plain(out["g"])) == "[0.0, nan, inf]"
    assert (out["x"].dtype, out["n"].dtype) == (np.float32, np.float64)
    assert [name for name in out if isinstance(out[name], np.ma.MaskedArray)] == ["x", "n", "x_2", "u_2"]
    assert all(out[name] is table[name] for name in ("z", "f", "u", "flag"))


SCORES: list[tuple[Any, list[Any]]] = [
    (np.array([[1.0, 3.0], [0.0, 0.0]]), [[0.25, 0.75], [0.0, 0.0]]),
    (np.array([[1, 3], [2, 2]]), [[0.25, 0.75], [0.5, 0.5]]),
    (np.ma.MaskedArray([[1.0, 3.0], [2.0, 2.0]], mask=[[False, False], [True, False]]), [[0.25, 0.75], [None, None]]),
    ([[1.0, 3.0], [2.0], None, [], [1.0, None], (1.0, 1.0), np.array([0, 5])],
     [[0.25, 0.75], [1.0], None, [], [None, None], [0.5, 0.5], [0.0, 1.0]]),
    ([None, np.array([3, 1], dtype=object)], [None, [0.75, 0.25]]),
]  # fmt: skip


@pytest.mark.parametrize(("scores", "expected"), SCORES, ids=range(len(SCORES)))
def test_transform_array_of_scores(scores: Any, expected: list[Any]) -> None:
    column = scores
    if isinstance(scores, list):
        column = np.empty(len(scores), dtype=object)
        column[:] = scores
    out = ss.Pipeline([ss.UnitNorm("s", norm="l1")]).fit_arrays({"s": column}).transform_arrays({"s": column})
    assert plain(out["s"]) == expected


def test_transform_leaves_out_rows_that_are_masked() -> None:
    column = np.ma.MaskedArray(np.empty(3, dtype=object), mask=[False, True, False])
    column.data[:] = [[1.0, 1.0], [1.0, 3.0], [4.0]]
    out = ss.Pipeline([ss.Softmax("s", dtype="float32")]).fit_arrays({"s": column}).transform_arrays({"s": column})
    assert plain(out["s"]) == [[0.5, 0.5], None, [1.0]]
    assert out["s"][0].dtype == np.float32


def test_transform_to_float32_beyond_its_range() -> None:
    one = ss.Pipeline([ss.MaxAbs("x", dtype="float32")]).fit_arrays({"x": [1.0]})
    assert one.transform_arrays({"x": np.array([1e300, -1e300, 0.5])})["x"].tolist() == [math.inf, -math.inf, 0.5]


@pytest.mark.parametrize(("column", "code", "found"), [
    (np.array(["1", "2"]), "SCHEMA_TYPE", "is string"), (np.array([1 + 1j]), "SCHEMA_TYPE", "is complex128"),
    (np.array(["2026-01-01", "NaT"], dtype="M8[D]"), "SCHEMA_TYPE", "is date"),
    (np.array(["one", None], dtype=object), "DATA_TYPE", "found object"),
    (np.array([{}], dtype=object), "DATA_TYPE", "found object"),
])  # fmt: skip
def test_refuse_arrays_of_no_numbers(column: Any, code: str, found: str) -> None:
    one = ss.Pipeline([ss.MinMax("x")])
    for use in (one.fit_arrays, one.fit_arrays({"x": [1.0]}).transform_arrays):
        with pytest.raises(DataError, match=found) as caught:
            use({"x": column})
        assert (caught.value.code, caught.value.exit_code) == (code, 65)


def test_tell_names_of_arrays_by_case() -> None:
    table = {"a": [0.0, 2.0], "A": [10.0, 30.0]}
    out = ss.Pipeline([ss.MinMax("a"), ss.MinMax("A", range=(0, 8))]).fit_arrays(table).transform_arrays(table)
    assert {name: plain(column) for name, column in out.items()} == {"a": [0.0, 1.0], "A": [0.0, 8.0]}


def test_invert_arrays_by_the_lossless_map() -> None:
    table = {"x": np.array([0.0, 1.0, 4.0]), "y": np.ma.MaskedArray([5.0, 7.0, 9.0], mask=[False, False, True])}
    clipped, free = ss.MinMax("x", clip=True, into="c"), ss.Standard("x", into="f")
    for steps in ([clipped, free], [free, clipped]):
        whole = ss.Pipeline([*steps, ss.MinMax("y"), ss.Softmax(["x", "y"], into="p_{column}")]).fit_arrays(table)
        scaled = whole.transform_arrays(table)
        scaled["c"][:] = 99.0
        back = whole.inverse_transform_arrays(scaled)
        assert list(back) == ["x", "y", "p_x", "p_y"]
        np.testing.assert_allclose(back["x"], table["x"], rtol=1e-15, atol=1e-15)
        assert plain(back["y"]) == [5.0, 7.0, None]
        assert back["p_x"] is scaled["p_x"]
    alone = ss.Pipeline([clipped]).fit_arrays(table)
    assert plain(alone.inverse_transform_arrays({"c": np.array([-9.0, 0.25, 9.0])})["x"]) == [-36.0, 1.0, 36.0]


def test_invert_gives_the_first_of_two_maps_that_are_alike() -> None:
    whole = ss.Pipeline([ss.MinMax("x", into="a"), ss.MaxAbs("x", into="b")]).fit_arrays({"x": [0.0, 4.0]})
    assert plain(whole.inverse_transform_arrays({"b": [0.5], "a": [1.0]})["x"]) == [4.0]


def test_refuse_to_invert_without_the_output() -> None:
    whole = ss.Pipeline([ss.MinMax("x"), ss.MinMax("x", into="c")]).fit_arrays({"x": [0.0, 4.0]})
    with pytest.raises(DataError, match="column 'c', which step 2 wrote, is not in the data") as caught:
        whole.inverse_transform_arrays({"x": [0.5]})
    assert (caught.value.code, caught.value.exit_code) == ("SCHEMA_MISSING", 65)


def test_map_column_without_numbers_to_null_both_ways() -> None:
    steps = [ss.Standard("none", empty="null"), ss.MinMax("none", empty="null", into="more")]
    both = ss.Pipeline(steps).fit_arrays({"none": np.array([math.nan, math.inf])})
    data = np.array([1.0, math.nan, -math.inf])
    gone = both.transform_arrays({"none": data})
    assert {name: plain(column) for name, column in gone.items()} == {"none": [None] * 3, "more": [None] * 3}
    assert plain(both.inverse_transform_arrays({"none": data, "more": data})["none"]) == [None] * 3


def test_compare_by_what_was_learned_and_not_where() -> None:
    assert dataclasses.replace(WHOLE, provenance={}) == WHOLE
    assert dataclasses.replace(WHOLE, rows=51) != WHOLE


def test_warn_of_integers_that_double_rounds_and_of_constants() -> None:
    table = {"id": np.array([2**53, 0]), "down": np.array([0, -(2**53)]), "n": np.array([2**53 - 1, 1 - 2**53]),
             "x": np.array([1e300, 0.0]), "same": np.array([2.5, 2.5])}  # fmt: skip
    assert ss.Pipeline([ss.MinMax([*table])]).fit_arrays(table).warnings == [
        "column 'down' holds integers beyond 2^53, which a double rounds",
        "column 'id' holds integers beyond 2^53, which a double rounds",
        "column 'same' is constant (2.5): it is shifted and not scaled",
    ]


def test_warn_of_scores_that_no_inverse_brings_back() -> None:
    data = {"a": np.array([1.0, 3.0]), "b": np.array([2.0, 2.0])}
    in_place = ss.Pipeline([ss.Softmax(["a", "b"]), ss.Standard("a", into="z")]).fit_arrays(data)
    with pytest.warns(
        ss.InverseWarning, match=r"column 'b' keeps what step 1 \(softmax\) wrote there: it has no inverse"
    ):
        back = in_place.inverse_transform_arrays(in_place.transform_arrays(data))
    np.testing.assert_allclose(back["a"], data["a"])
    apart = ss.Pipeline([ss.Softmax(["a", "b"], into="p_{column}"), ss.Standard("a")]).fit_arrays(data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        apart.inverse_transform_arrays(apart.transform_arrays(data))
