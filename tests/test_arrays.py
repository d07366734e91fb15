"""The NumPy engine at its border: what a dict of arrays may hold, and the error for all else."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pytest

import sparkscale as ss
from sparkscale import arrays
from sparkscale.errors import DataError


def objects(*items: Any) -> Any:
    """Return a 1-D object array of the items as they are."""
    made = np.empty(len(items), dtype=object)
    for index, item in enumerate(items):
        made[index] = item
    return made


def plain(column: Any) -> Any:
    """Return the values of a result, None for a null."""
    if isinstance(column, np.ndarray):
        return [plain(item) for item in column] if column.dtype == object else column.tolist()
    return column


OVER_ARRAY = ss.Pipeline([ss.UnitNorm("v", norm="l1")]).fit_arrays({"v": [[1.0, 2.0]]})
OVER_COLUMN = ss.Pipeline([ss.MinMax("x")]).fit_arrays({"x": [0.0, 4.0]})


@pytest.mark.parametrize(("column", "expected"), [
    (objects(None, None), [None, None]), ([None, None], [None, None]), ([], []), (objects(), []),
    (np.ma.MaskedArray(objects([1.0], 2), mask=True), [None, None]), (np.empty((0, 2)), []),
])  # fmt: skip
def test_take_type_of_array_step_where_data_does_not_tell(column: Any, expected: list[Any]) -> None:
    assert plain(OVER_ARRAY.transform_arrays({"v": column})["v"]) == expected


@pytest.mark.parametrize("column", [[], [None, None], objects(None)])
def test_take_type_of_column_step_where_data_does_not_tell(column: Any) -> None:
    assert plain(OVER_COLUMN.transform_arrays({"x": column})["x"]) == [None] * len(column)


@pytest.mark.parametrize("column", [np.array([1.0]), np.array(["a"]), np.array([], dtype=str), np.ma.masked_all(2)])
def test_refuse_array_step_over_a_column_that_is_none(column: Any) -> None:
    with pytest.raises(DataError) as caught:
        OVER_ARRAY.transform_arrays({"v": column})
    assert caught.value.code in ("SCHEMA_ONE_SCORE", "SCHEMA_TYPE")


@pytest.mark.parametrize(("rows", "expected"), [
    ([[1, None], [3, 1]], [[None, None], [0.75, 0.25]]),
    (np.array([[1, None], [3, 1]], dtype=object), [[None, None], [0.75, 0.25]]),
    (np.ma.MaskedArray(np.array([[1, 1], [3, 1]], dtype=object), mask=[[0, 1], [0, 0]]), [[None, None], [0.75, 0.25]]),
    ([[1, 1], [3]], [[0.5, 0.5], [1.0]]),
    ([(1, 3), None], [[0.25, 0.75], None]),
    (objects(np.ma.MaskedArray([1.0, 3.0], mask=[False, True]), [3, 1]), [[None, None], [0.75, 0.25]]),
    (objects(np.ma.MaskedArray(objects(1, 3), mask=[False, True]), None), [[None, None], None]),
    (objects([], None, [0, 2]), [[], None, [0.0, 1.0]]),
])  # fmt: skip
def test_map_rows_in_every_form(rows: Any, expected: list[Any]) -> None:
    out = OVER_ARRAY.transform_arrays({"v": rows})["v"]
    assert (out.tolist() if out.ndim > 1 else plain(out)) == expected


@pytest.mark.parametrize(("odd", "found"), [
    (5.0, "5.0"), ("abc", "'abc'"), (np.ones((2, 2)), "array"), ([[1], [2, 3]], r"\[\[1\], \[2, 3\]\]"),
])  # fmt: skip
def test_name_the_row_that_is_no_array(odd: Any, found: str) -> None:
    cause = f"^column 'v', row 1: expected an array of scores, or None for a null row, found {found}"
    with pytest.raises(DataError, match=cause) as caught:
        OVER_ARRAY.transform_arrays({"v": objects([1.0, 2.0], odd)})
    assert (caught.value.code, caught.value.exit_code) == ("DATA_TYPE", 65)


@pytest.mark.parametrize(("column", "code", "found"), [
    ([10**400, 1], "DATA_TYPE", "column 'x': expected numbers, found object: int too large"),
    (objects(datetime.date(2026, 1, 1), 2), "DATA_TYPE", "expected numbers, found object"),
    (objects("1", 2), "DATA_TYPE", "column 'x': expected numbers, found object: '1' is text"),
    (np.zeros((2, 2, 2)), "SCHEMA_TYPE", "column 'x' is array<array<double>>"),
    (np.zeros((2, 2), dtype=bool), "SCHEMA_TYPE", "column 'x' is array<boolean>"),
    ([[1, 2], [3]], "SCHEMA_TYPE", "column 'x' is array<double>"),
    (None, "DATA_TYPE", "column 'x': expected an array, found None"),
    (7.0, "DATA_TYPE", "column 'x': expected an array, found 7.0"),
    ("seven", "DATA_TYPE", "column 'x': expected an array, found 'seven'"),
])  # fmt: skip
def test_refuse_what_is_no_column_of_numbers(column: Any, code: str, found: str) -> None:
    for use in (ss.Pipeline([ss.MinMax("x")]).fit_arrays, OVER_COLUMN.transform_arrays):
        with pytest.raises(DataError) as caught:
            use({"x": column})
        assert (caught.value.code, caught.value.exit_code) == (code, 65)
        assert found in caught.value.cause


@pytest.mark.parametrize("column", [np.zeros((2, 2)), [[1, 2], [3]], None, np.zeros((1, 1, 1))])
def test_refuse_to_invert_what_is_no_column_of_numbers(column: Any) -> None:
    with pytest.raises(DataError) as caught:
        OVER_COLUMN.inverse_transform_arrays({"x": column})
    assert caught.value.code == "DATA_TYPE"


def test_refuse_columns_of_unequal_length() -> None:
    good = {"x": [1.0, 2.0], "y": [1.0, 2.0], "extra": ["a", "b"]}
    pipeline = ss.Pipeline([ss.MinMax("x"), ss.Softmax(["x", "y"], into="p_{column}")])
    fitted = pipeline.fit_arrays(good)
    for name in good:
        bad: dict[str, Any] = {**good, name: good[name][:1]}
        for use in (pipeline.fit_arrays, fitted.transform_arrays, fitted.inverse_transform_arrays):
            with pytest.raises(DataError, match=rf"columns of one length, found 1 in '{name}', 2 in ") as caught:
                use(bad)
            assert (caught.value.code, caught.value.exit_code) == ("DATA_LENGTH", 65)


def test_pass_other_columns_through_whatever_they_hold() -> None:
    others: dict[str, Any] = {
        "ragged": [[1, 2], [3]], "nulls": [None, None], "odd": objects({}, "text"), "deep": np.zeros((2, 2, 2))}  # fmt: skip
    out = OVER_COLUMN.transform_arrays({"x": [0.0, 4.0], **others})
    assert all(out[name] is column for name, column in others.items())
    with pytest.raises(DataError, match="column 'other': expected an array, found None"):
        OVER_COLUMN.transform_arrays({"x": [0.0, 4.0], "other": None})  # type: ignore[dict-item]


@pytest.mark.parametrize("columns", [[1.0], np.zeros(3), {1: [1.0]}, None, "x"])
def test_refuse_what_is_no_dict_of_arrays(columns: Any) -> None:
    for use in (ss.Pipeline([ss.MinMax("x")]).fit_arrays, OVER_COLUMN.transform_arrays):
        with pytest.raises(DataError, match="expected a dict of arrays by column name, found ") as caught:
            use(columns)
        assert caught.value.code == "DATA_TYPE"


def test_name_the_column_of_what_is_no_score() -> None:
    with pytest.raises(DataError, match=r"^column 'v', row 0: expected numbers, found <U1: not numbers"):
        OVER_ARRAY.transform_arrays({"v": objects(["a", "b"], [1.0, 2.0])})
    both = ss.Pipeline([ss.Softmax(["a", "b"])]).fit_arrays({"a": [1.0], "b": [2.0]})
    with pytest.raises(DataError, match=r"^column 'b': expected numbers, found object: 'c' is text"):
        both.transform_arrays({"a": [1.0], "b": objects("c")})
    with pytest.raises(DataError, match=r"^column 'x': expected a column of numbers, found an array of 2 dimensions"):
        OVER_COLUMN.inverse_transform_arrays({"x": [[1.0]]})


def test_split_masked_objects() -> None:
    values, null = arrays.split(np.ma.MaskedArray(objects("no number", None, 3), mask=[True, False, False]))
    assert (values[2], null.tolist()) == (3.0, [True, True, False])
