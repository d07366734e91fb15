"""The NumPy engine at its border: what a dict of arrays may hold, and the error for all else."""

from __future__ import annotations

import collections
import datetime
import decimal
import fractions
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import sparkscale as ss
from sparkscale.errors import DataError
from sparkscale.pipeline import arrays


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
        with pytest.raises(DataError, match="expected a dict of arrays, found ") as caught:
            use(columns)
        assert caught.value.code == "DATA_TYPE"


def test_name_the_column_of_what_is_no_score() -> None:
    with pytest.raises(DataError, match=r"^column 'v', row 0: expected numbers, found <U1: not real numbers"):
        OVER_ARRAY.transform_arrays({"v": objects(["a", "b"], [1.0, 2.0])})
    both = ss.Pipeline([ss.Softmax(["a", "b"])]).fit_arrays({"a": [1.0], "b": [2.0]})
    with pytest.raises(DataError, match=r"^column 'b': expected numbers, found object: 'c' is text"):
        both.transform_arrays({"a": [1.0], "b": objects("c")})
    with pytest.raises(DataError, match=r"^column 'x': expected a column of numbers, found an array of 2 dimensions"):
        OVER_COLUMN.inverse_transform_arrays({"x": [[1.0]]})


def test_split_masked_objects() -> None:
    values, null = arrays.split(np.ma.MaskedArray(objects("no number", None, 3), mask=[True, False, False]))
    assert (values[2], null.tolist()) == (3.0, [True, True, False])


# --- other libraries' columns ------------------------------------------------------------------------------------

NAN = float("nan")


def floating(values: list[float], null: list[bool]) -> Any:
    """Return a pandas Float64 array in which NaN and null are two things."""
    return pd.arrays.FloatingArray(np.array(values), np.array(null))


#: The numbers 0, null and 4 in every form that keeps a null and a number apart.
NULLABLE: dict[str, Any] = {
    "pandas Int64": pd.Series([0, None, 4], dtype="Int64"), "pandas Int8 array": pd.array([0, None, 4], dtype="Int8"),
    "pandas UInt16 index": pd.Index([0, None, 4], dtype="UInt16"), "pandas Float64": pd.Series([0.0, None, 4.0], dtype="Float64"),
    "pandas Float32": pd.array([0.0, None, 4.0], dtype="Float32"),
    "pandas int64[pyarrow]": pd.Series([0, None, 4], dtype="int64[pyarrow]"),
    "pandas double[pyarrow]": pd.Series([0, None, 4], dtype="double[pyarrow]"),
    "pandas decimal[pyarrow]": pd.Series([0, None, 4], dtype=pd.ArrowDtype(pa.decimal128(5, 2))),
    "pandas categorical": pd.Series(pd.Categorical([0, None, 4])), "pandas object": pd.Series([0, pd.NA, 4], dtype=object),
    "pandas sliced": pd.Series([9, 0, None, 4], dtype="Int64", index=[3, 3, 1, 0])[1:],
    "pa int32": pa.array([0, None, 4], pa.int32()), "pa double": pa.array([0.0, None, 4.0]), "pa half": pa.array([0, None, 4], pa.float16()),
    "pa decimal": pa.array([0, None, 4], pa.decimal128(38, 3)), "pa chunked": pa.chunked_array([[0], [], [None, 4]]),
    "pa dictionary": pa.array([0, None, 4]).dictionary_encode(), "pa slice": pa.array([7, 0, None, 4])[1:],
    "polars Int64": pl.Series([0, None, 4]), "polars Float32": pl.Series([0, None, 4], dtype=pl.Float32),
    "pd.NA": objects(0, pd.NA, 4), "pd.NaT": objects(0, pd.NaT, 4), "list with NA": [0, pd.NA, 4],
    "Decimal": objects(decimal.Decimal(0), None, decimal.Decimal(4)), "Fraction": objects(fractions.Fraction(0), None, 4),
}  # fmt: skip


@pytest.mark.parametrize("form", NULLABLE)
def test_keep_nulls_of_every_library(form: str) -> None:
    column = NULLABLE[form]
    found = OVER_COLUMN.transform_arrays({"x": column})["x"]
    assert isinstance(found, np.ma.MaskedArray)
    assert found.tolist() == [0.0, None, 1.0]
    fitted = ss.Pipeline([ss.MinMax("x")]).fit_arrays({"x": column})
    assert (fitted.stats["x"].nulls, fitted.stats["x"].nans, fitted.stats["x"].max) == (1, 0, 4.0)
    assert OVER_COLUMN.inverse_transform_arrays({"x": column})["x"].tolist() == [0.0, None, 16.0]


@pytest.mark.parametrize("column", [
    floating([0.0, NAN, 7.0, 4.0], [False, False, True, False]), pd.Series(floating([0.0, NAN, 7.0, 4.0], [False, False, True, False])),
    pd.Series(pa.array([0.0, NAN, None, 4.0]), dtype="double[pyarrow]"), pa.array([0.0, NAN, None, 4.0]),
    pa.chunked_array([[0.0, NAN], [None, 4.0]]), pl.Series([0.0, NAN, None, 4.0]), objects(0.0, NAN, pd.NA, 4.0),
])  # fmt: skip
def test_tell_nan_from_null(column: Any) -> None:
    found = OVER_COLUMN.transform_arrays({"x": column})["x"]
    assert repr(found.tolist()) == repr([0.0, NAN, None, 1.0])
    stats = ss.Pipeline([ss.MinMax("x")]).fit_arrays({"x": column}).stats["x"]
    assert (stats.nulls, stats.nans, stats.finite) == (1, 1, 2)


@pytest.mark.parametrize(("column", "type_"), [
    (pa.array([1, None], pa.int64()), "bigint"), (pa.array([1, None], pa.int8()), "tinyint"), (pa.array([True, None]), "boolean"),
    (pl.Series([1.0, None], dtype=pl.Float32), "float"), (pa.array([[1.0], None]), "array<double>"), (pa.array(["a", None]), "double"),
    (pa.array([1, None], pa.date32()), "date"), (pa.array([1, None], pa.timestamp("us")), "timestamp"),
    (np.array([1j]), "complex128"), (np.array([1], dtype="m8[s]"), "timedelta64[s]"), (np.array(["a"]), "string"),
    (np.array([b"a"]), "binary"), (np.array(["2026-01-01"], dtype="M8[D]"), "date"), (np.ones((1, 2), np.complex64), "array<complex64>"),
])  # fmt: skip
def test_name_types(column: Any, type_: str) -> None:
    assert arrays.schema_of(arrays.table({"x": column})).fields[0].type == type_


@pytest.mark.parametrize(
    "column", [np.array([1 + 2j]), np.array([1], dtype="m8[s]"), np.array(["2026-01-01"], dtype="M8[D]")]
)
def test_name_what_is_no_real_number(column: Any) -> None:
    type_ = arrays.schema_of({"x": column}).fields[0].type
    with pytest.raises(DataError, match=f"column 'x' is {type_}".replace("[", r"\[")):
        OVER_COLUMN.transform_arrays({"x": column})
    with pytest.raises(DataError, match=r"found .*: not real numbers"):
        OVER_COLUMN.inverse_transform_arrays({"x": column})
    for item in (column[0], column[:1].astype(np.complex64)[0] if column.dtype.kind == "c" else column[0]):
        with pytest.raises(DataError, match="is no real number"):
            OVER_COLUMN.transform_arrays({"x": objects(item, 1.0)})


ROWS: dict[str, Any] = {
    "pa list": pa.array([[1.0, 3.0], None, [1.0, None], []]), "pa large list": pa.array([[1, 3], None, [1, None], []], pa.large_list(pa.int32())),
    "pa chunked": pa.chunked_array([[[1.0, 3.0], None], [[1.0, None], []]]),
    "pandas list[pyarrow]": pd.Series(pa.array([[1.0, 3.0], None, [1.0, None], []]), dtype=pd.ArrowDtype(pa.list_(pa.float64()))),
    "polars list": pl.Series([[1.0, 3.0], None, [1.0, None], []]),
    "Int64 in objects": objects(pd.array([1, 3], dtype="Int64"), pd.NA, pd.array([1, None], dtype="Int64"), []),
    "Float64 in a list": [pd.array([1.0, 3.0], dtype="Float64"), None, pd.array([1.0, None], dtype="Float64"), []],
    "pa arrays in a list": [pa.array([1.0, 3.0]), None, pa.array([1.0, None]), pa.array([], pa.float64())],
    "series in objects": pd.Series([pd.Series([1, 3]), None, pd.Series([1, pd.NA], dtype="Int8"), []], dtype=object),
    "lists with NA": objects([1, 3], None, [1, pd.NA], ()),
}  # fmt: skip


@pytest.mark.parametrize("form", ROWS)
def test_keep_nulls_within_rows_of_every_library(form: str) -> None:
    assert plain(OVER_ARRAY.transform_arrays({"v": ROWS[form]})["v"]) == [[0.25, 0.75], None, [None, None], []]


def test_keep_nulls_within_rows_of_one_length() -> None:
    rows = [[1.0, 3.0], [1.0, None]]
    for column in (pa.array(rows, pa.list_(pa.float64(), 2)), pl.Series(rows, dtype=pl.Array(pl.Float64, 2)),
                   [pa.array(row) for row in rows], [pd.array(row, dtype="Float64") for row in rows]):  # fmt: skip
        found = OVER_ARRAY.transform_arrays({"v": column})["v"]
        assert (found.tolist() if found.ndim > 1 else plain(found)) == [[0.25, 0.75], [None, None]]


@pytest.mark.parametrize("column", [
    [None, None], objects(None, pd.NA), objects(pd.NaT, None), pa.array([None, None], pa.list_(pa.float64())), pa.nulls(2),
    pl.Series([None, None]), pd.Series([None, pd.NA], dtype=object),
])  # fmt: skip
def test_map_array_column_of_nulls_to_null_rows(column: Any) -> None:
    softmax = ss.Pipeline([ss.Softmax("v", empty="null"), ss.UnitNorm("v", into="u")])
    for fitted in (softmax.fit_arrays({"v": column}), softmax.fit_arrays({"v": [[1.0, 2.0]]})):
        found = fitted.transform_arrays({"v": column})
        assert [plain(found[name]) for name in "vu"] == [[None, None]] * 2
        assert fitted.steps[0].inputs[0].type == "array<double>"
    assert OVER_COLUMN.transform_arrays({"x": column})["x"].tolist() == [None, None]


def test_map_rows_of_nulls_to_nulls() -> None:
    for rows in ([[None, None], [None, None]], objects([None], [pd.NA, None]), np.ma.masked_all((2, 2))):
        found = OVER_ARRAY.transform_arrays({"v": rows})["v"]
        values = found.tolist() if found.ndim > 1 else plain(found)
        assert [set(row) for row in values] == [{None}, {None}]


def test_pass_columns_of_every_library_through_untouched() -> None:
    others = {"text": pd.Series(["a", None]), "day": pa.array([1, None], pa.date32()), "list": pl.Series([[1], None]),
              "z": np.array([1j, 2]), "zip": pd.Categorical(["01", None]), "t": [datetime.time(1), None]}  # fmt: skip
    for kind in (dict, collections.OrderedDict, collections.UserDict):
        given = kind({"x": [0.0, 4.0], **others})
        for found in (OVER_COLUMN.transform_arrays(given), OVER_COLUMN.inverse_transform_arrays(given)):
            assert list(found) == ["x", *others]
            assert all(found[name] is column for name, column in others.items())
    frame = pd.DataFrame(
        {"x": pd.array([0, None], dtype="Int64"), "zip": ["01", None], "day": pd.to_datetime(["2026-01-01", None])}
    )
    found = OVER_COLUMN.transform_arrays(frame)  # type: ignore[arg-type]
    assert found["x"].tolist() == [0.0, None]
    pd.testing.assert_series_equal(found["zip"], frame["zip"])
    pd.testing.assert_series_equal(found["day"], frame["day"])


def test_refuse_a_name_that_stands_twice() -> None:
    frame = pd.DataFrame([[0.0, 1.0, 2.0]], columns=["x", "y", "y"])
    with pytest.raises(DataError, match=r"a dict of arrays, found names \['x', 'y', 'y'\]"):
        OVER_COLUMN.transform_arrays(frame)  # type: ignore[arg-type]


def test_need_neither_pandas_nor_arrow() -> None:
    code = """
import sys
sys.modules.update(pandas=None, pyarrow=None, polars=None)
import sparkscale as ss
fitted = ss.Pipeline([ss.Standard("x"), ss.Softmax("v")]).fit_arrays({"x": [1, None, 3], "v": [[0, 0], None, [1]]})
print(fitted.transform_arrays({"x": [1, None, 3], "v": [[0, 0], None, [None]]})["x"].tolist())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[-1.0, None, 1.0]\n"
