"""What a fit learned, applied with NumPy alone: transforming and inverting arrays, merging, warnings, and its text."""

from __future__ import annotations

import dataclasses
import math
import re
from typing import Any

import numpy as np
import pytest

import sparkscale as ss
from sparkscale.artifact import document
from sparkscale.errors import DataError
from sparkscale.report import tables
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
    (np.array([[1.0, 2.0]]), "SCHEMA_TYPE", "is array<double>"),
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


@pytest.mark.parametrize(("steps", "said"), [
    ([ss.MinMax("x", clip=True)], "in step 1 clip: false and true"),
    ([ss.MinMax("x", empty="null")], "in step 1 empty: 'error' and 'null'"),
    ([ss.MinMax("y")], 'in step 1 columns: ["x"] and ["y"]'),
    ([ss.MinMax(["x", "y"])], 'in step 1 columns: ["x"] and ["x", "y"]'),
    ([ss.MinMax("x", into="x2")], "in step 1 into: null and 'x2'"),
    ([ss.Standard("x", ddof=1)], "in step 1 kind: 'minmax' and 'standard'"),
    ([ss.MinMax("x"), ss.MaxAbs("y")], "1 and 2 steps"),
    ([ss.MinMax("x*")], 'in step 1 columns: ["x"] and ["x*"]'),
    ([], "1 and 0 steps"),
])  # fmt: skip
def test_refuse_to_merge_what_is_different(steps: list[Any], said: str) -> None:
    table = {"x": [1.0], "y": [2.0]}
    first, other = (ss.Pipeline(some).fit_arrays(table) for some in ([ss.MinMax("x")], steps))
    for parts in ([first, other], [other, first], [first, first, other]):
        with pytest.raises(DataError) as caught:
            ss.merge(parts)
        assert (caught.value.code, caught.value.exit_code) == ("MERGE_DIFFERENT", 65)
        if parts[0] is first:
            assert caught.value.cause == f"expected parts of one pipeline, found {said}"


def test_refuse_to_merge_what_found_other_columns() -> None:
    """The same pattern chose other columns in another table."""
    pipeline = ss.Pipeline([ss.MaxAbs("b"), ss.MinMax("a*")])
    tables: list[dict[str, Any]] = [{"b": [1.0], "a1": [1.0], "a3": [2.0]}, {"b": [1.0], "a1": [1.0], "a2": [2.0]}]
    first, other = map(pipeline.fit_arrays, tables)
    with pytest.raises(DataError, match=r"found in step 2 \(minmax\), column 2: 'a3' and 'a2'; fit every part"):
        ss.merge([first, other])
    one = pipeline.fit_arrays({"b": [1.0], "a1": [1.0]})
    with pytest.raises(DataError, match=r"found in step 2 \(minmax\), column 2: 'a3' and none; "):
        ss.merge([first, one])


def test_compare_by_what_was_learned_and_not_where() -> None:
    assert dataclasses.replace(WHOLE, provenance={}) == WHOLE
    assert dataclasses.replace(WHOLE, rows=51) != WHOLE


def test_refuse_to_merge_nothing() -> None:
    with pytest.raises(DataError, match="expected at least one") as caught:
        ss.merge([])
    assert caught.value.code == "MERGE_NOTHING"


def test_refuse_to_fit_on_nothing() -> None:
    with pytest.raises(DataError) as caught:
        ss.Pipeline([ss.MinMax("x", empty="null")]).fit_arrays({"x": np.array([])})
    assert caught.value.code == "DATA_NO_ROWS"


def test_name_every_column_that_cannot_be_fitted() -> None:
    table: dict[str, Any] = {"ok": [1.0, 2.0], "nan": [1.0, math.nan], "inf": [1.0, math.inf], "low": [-math.inf, 1.0],
                             "none": np.array([None, None]), "both": [math.nan, math.inf]}  # fmt: skip
    with pytest.raises(DataError) as caught:
        ss.Pipeline([ss.MinMax([*table], nonfinite="error")]).fit_arrays(table)
    assert [str(problem).partition(";")[0] for problem in caught.value.problems] == [
        f"column {name!r}: expected finite numbers (nonfinite: error), found {found} in 2 rows"
        for name, found in (("nan", "1 NaN, 0 +inf, 0 -inf"), ("inf", "0 NaN, 1 +inf, 0 -inf"),
                            ("low", "0 NaN, 0 +inf, 1 -inf"))
    ] + [
        "column 'none': expected a finite value, found none in 2 rows (2 null, 0 NaN)",
        "column 'both': expected finite numbers (nonfinite: error), found 1 NaN, 1 +inf, 0 -inf in 2 rows",
        "column 'both': expected a finite value, found none in 2 rows (0 null, 1 NaN)",
    ]  # fmt: skip
    assert {problem.code for problem in caught.value.problems} == {"DATA_NONFINITE", "DATA_EMPTY"}


def test_warn_of_integers_that_double_rounds_and_of_constants() -> None:
    table = {"id": np.array([2**53, 0]), "down": np.array([0, -(2**53)]), "n": np.array([2**53 - 1, 1 - 2**53]),
             "x": np.array([1e300, 0.0]), "same": np.array([2.5, 2.5])}  # fmt: skip
    assert ss.Pipeline([ss.MinMax([*table])]).fit_arrays(table).warnings == [
        "column 'down' holds integers beyond 2^53, which a double rounds",
        "column 'id' holds integers beyond 2^53, which a double rounds",
        "column 'same' is constant (2.5): it is shifted and not scaled",
    ]


def test_print_what_was_fitted() -> None:
    table = {"<x>": np.arange(1200.0), "b": np.zeros(1200)}
    whole = ss.Pipeline([ss.MaxAbs("<x>"), ss.Softmax(["<x>", "b"], into="p&{column}")]).fit_arrays(table)
    lines = ["maxabs: <x>: (x - 0.0) / 1199.0", "softmax: <x>, b -> p&<x>, p&b: softmax(x)"]
    assert repr(whole).splitlines() == ["Fitted on 1,200 rows, 2 steps", *(f"  {line}" for line in lines)]
    html = whole._repr_html_()
    assert "<caption>Fitted on 1,200 rows</caption>" in html
    rows = [re.findall("<t[hd]>(.*?)</t[hd]>", row) for row in re.findall("<tr>(.*?)</tr>", html)]
    assert rows == [
        ["step", "formula", "rows", "nulls", "NaN", "inf", "min", "max", "mean", "std"],
        ["maxabs", "&lt;x&gt;: (x - 0.0) / 1199.0", "1,200", "0", "0", "0", "0", "1199", "599.5", "346.41"],
        ["softmax", "&lt;x&gt;, b -&gt; p&amp;&lt;x&gt;, p&amp;b: softmax(x)", *[""] * 8],
    ]
    assert "<x>" not in html
    rows_alone = ss.Pipeline([ss.Softmax(["<x>", "b"])]).fit_arrays(table)
    assert repr(rows_alone).splitlines()[0] == "Fitted on no rows (row steps need none), 1 step"


HOSTILE = "x\x1b]0;owned\x07\x1b[31m\r\n\u202e\x9b"


def test_escape_for_people_what_a_terminal_obeys() -> None:
    whole = ss.Pipeline([ss.MinMax(HOSTILE, into="é🚀{column}"), ss.Softmax([HOSTILE, "b"], into="p_{column}")])
    found = document.load(document.dump(whole.fit_arrays({HOSTILE: [1.0, 1.0], "b": [1.0, 2.0]})))
    shown = [tables.provenance_text({"spark": HOSTILE, HOSTILE: [HOSTILE]}), *found.warnings, *repr(found).split("\n")]
    shown += [cell for row in tables.describe(found) for cell in row] + [item.label for item in found.applications]
    assert all(text.isprintable() for text in shown)
    assert "é🚀x\\x1b]0;owned\\x07\\x1b[31m\\r\\n\\u202e\\x9b: " in repr(found)
    assert found.get_feature_names_out()[0] == f"é🚀{HOSTILE}"
