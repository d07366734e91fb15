"""Scaling of array columns in NumPy: positions as columns, all elements as one column, lengths, weights, artifacts."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import StandardScaler

import sparkscale as ss
from sparkscale.artifact import document, jsons
from sparkscale.errors import DataError

RNG = np.random.default_rng(17)
VALUES = st.one_of(
    st.none(), st.floats(width=64), st.sampled_from([0.0, -0.0, 1.0, 1e9, 1e9 + 1, 5e-324, 1.7e308, -1.7e308])
)
WIDTH = 3
ARRAYS = st.lists(st.one_of(st.none(), st.lists(VALUES, min_size=WIDTH, max_size=WIDTH)), min_size=1, max_size=12)
RAGGED = st.lists(st.one_of(st.none(), st.lists(VALUES, max_size=4)), min_size=1, max_size=12)
SCALERS = [
    ss.Standard("x", empty="null"),
    ss.Standard("x", ddof=1, empty="null", dtype="float32"),
    ss.MinMax("x", range=(-1, 1), clip=True, empty="null"),
    ss.MeanNorm("x", empty="null"),
    ss.MaxAbs("x", empty="null"),
    ss.Robust("x", empty="null"),
    ss.Quantile("x", knots=10, empty="null"),
    ss.Clip("x", quantiles=(10, 90), empty="null"),
    ss.Impute("x", value=7.0, missing=["null", "nan"], empty="null"),
    ss.Log1p("x", undefined="null", empty="null"),
    ss.Chain("x", [ss.Impute(value="median"), ss.Standard()], empty="null"),
]
EMBEDDINGS = RNG.normal(3, 2, (60, 5)) * [1, 10, 1e6, 1e-6, 0] + [0, 5, 1e9, 0, 4]


def rows_of(rows: list[Any]) -> np.ndarray:
    out = np.empty(len(rows), dtype=object)
    out[:] = rows
    return out


def plain(column: Any) -> list[Any]:
    """Return numbers, rows of them and nulls so that they compare by bits."""
    return [
        None if x is None or x is np.ma.masked else plain(x) if np.ndim(x) else repr(float(x))
        for x in (column if isinstance(column, list) else np.ma.asarray(column).tolist())
    ]


def over(scaler: Any, **fields: Any) -> Any:
    return type(scaler)(**{**{item.name: getattr(scaler, item.name) for item in dataclasses.fields(scaler)}, **fields})


@given(rows=ARRAYS.filter(any), scaler=st.sampled_from(SCALERS))
@settings(max_examples=40, deadline=None)
def test_scale_positions_as_columns(rows: list[Any], scaler: Any) -> None:
    cells = {f"x{j}": [None if row is None else row[j] for row in rows] for j in range(WIDTH)}
    columns = ss.Pipeline([over(scaler, columns=[*cells])]).fit_arrays({k: rows_of(v) for k, v in cells.items()})
    arrays = ss.Pipeline([scaler]).fit_arrays({"x": rows_of(rows)})
    assert {f"x.{j}": columns.stats[f"x{j}"] for j in range(WIDTH)} == dict(arrays.stats)
    assert arrays.maps[0][0].maps == columns.maps[0]
    made = columns.transform_arrays({k: rows_of(v) for k, v in cells.items()})
    scaled = [plain(column) for column in made.values()]
    wanted = [[column[i] for column in scaled] for i in range(len(rows))]
    wanted = [None if row is None and not any(cells) else cells for row, cells in zip(rows, wanted, strict=True)]
    found = arrays.transform_arrays({"x": rows_of(rows)})["x"]
    assert plain(found) == wanted
    assert columns.rows == arrays.rows == len(rows)


def test_fill_null_rows_with_what_the_chain_learned_from() -> None:
    rows = [[1.0, 10.0], None, [3.0, None]]
    chain = [ss.Impute(value=9), ss.Standard()]
    fitted = ss.Pipeline([ss.Impute("x", value=9, into="f"), ss.Chain("x", chain, into="c")]).fit_arrays({"x": rows})
    made = fitted.transform_arrays({"x": rows})
    filled = np.array([[1.0, 10.0], [9.0, 9.0], [3.0, 9.0]])
    assert [row.tolist() for row in made["f"]] == filled.tolist()
    np.testing.assert_allclose(np.vstack(list(made["c"])), StandardScaler().fit_transform(filled), rtol=1e-12)
    kept = ss.Pipeline([ss.Impute("x", value=9, missing=["nan"])]).fit_arrays({"x": rows})
    assert kept.transform_arrays({"x": rows})["x"][1] is None


@given(rows=RAGGED.filter(any), scaler=st.sampled_from(SCALERS))
@settings(max_examples=40, deadline=None)
def test_scale_all_elements_as_one_column(rows: list[Any], scaler: Any) -> None:
    flat = {"x": rows_of([x for row in rows if row is not None for x in row])}
    column = ss.Pipeline([scaler]).fit_arrays(flat)
    arrays = ss.Pipeline([over(scaler, over="all")]).fit_arrays({"x": rows_of(rows)})
    assert column.stats == arrays.stats
    found = plain(arrays.transform_arrays({"x": rows_of(rows)})["x"])
    assert [x for row in found if row is not None for x in row] == plain(column.transform_arrays(flat)["x"])
    assert [None if row is None else len(row) for row in found] == [None if r is None else len(r) for r in rows]
    assert (arrays.rows, arrays.stats["x"].rows) == (len(rows), len(flat["x"]))


def test_agree_with_scikit_learn() -> None:
    fitted = ss.Pipeline([ss.Standard("x")]).fit_arrays({"x": EMBEDDINGS})
    ours, theirs = fitted.transform_arrays({"x": EMBEDDINGS})["x"], StandardScaler().fit_transform(EMBEDDINGS)
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours[:, [0, 1, 3, 4]], theirs[:, [0, 1, 3, 4]], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(ours[:, 2], theirs[:, 2], rtol=1e-9, atol=1e-12)  # their mean is one double of 1e9
    whole = (
        ss.Pipeline([ss.Standard("x", over="all")]).fit_arrays({"x": EMBEDDINGS}).transform_arrays({"x": EMBEDDINGS})
    )
    flat = StandardScaler().fit_transform(EMBEDDINGS.reshape(-1, 1)).reshape(EMBEDDINGS.shape)
    np.testing.assert_allclose(whole["x"], flat, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("how", ["position", "all"])
def test_give_back_what_went_in(how: Any) -> None:
    rows = rows_of([[1.0, 2.0, 4.0], None, [3.0, None, float("nan")], [5.0, float("inf"), -1.0]])
    steps = [ss.Standard("x", over=how), ss.Chain("x", [ss.Asinh(), ss.MinMax()], over=how, into="c")]
    fitted = ss.Pipeline(steps).fit_arrays({"x": rows})
    out = fitted.transform_arrays({"x": rows})
    assert list(out) == ["x", "c"]
    found = fitted.inverse_transform_arrays(out)["x"]
    assert found[1] is None
    assert np.ma.getmaskarray(found[2]).tolist() == [False, True, False]
    for i in (0, 2, 3):
        known = np.ma.masked_equal([np.inf if x is None else x for x in rows[i]], np.inf if i == 2 else 99)
        np.testing.assert_allclose(np.ma.filled(found[i], 0), np.ma.filled(known.astype(float), 0), rtol=1e-12)


@pytest.mark.parametrize("make", [
    lambda x: x, lambda x: x.tolist(), lambda x: pa.array(x.tolist()), lambda x: rows_of(list(x)),
    lambda x: x.astype(np.float32),
])  # fmt: skip
def test_read_arrays_of_any_library(make: Any) -> None:
    x = np.arange(12.0).reshape(4, 3)
    out = ss.Pipeline([ss.MinMax("x")]).fit_arrays({"x": make(x)}).transform_arrays({"x": make(x)})["x"]
    np.testing.assert_array_equal(np.array([list(row) for row in out]), (x - x[0]) / 9)


def test_weigh_rows_and_their_elements() -> None:
    weights = RNG.integers(0, 4, 60).astype(float)
    steps = [ss.Standard("x"), ss.Standard("x", over="all", into="a")]
    fitted = ss.Pipeline(steps, weight="w").fit_arrays({"x": EMBEDDINGS, "w": weights})
    for j in range(5):
        mean = np.average(EMBEDDINGS[:, j], weights=weights)
        assert fitted.stats[f"x.{j}"].mean == pytest.approx(mean, rel=1e-12)
    assert fitted.stats["x"].mean == pytest.approx(np.average(EMBEDDINGS, weights=np.tile(weights[:, None], 5)))
    assert (fitted.rows, fitted.stats["x"].rows) == (np.sum(weights > 0), 5 * np.sum(weights > 0))


def test_leave_rows_of_weight_0_out_of_the_lengths() -> None:
    data = {"x": rows_of([[1.0, 2.0], [3.0, 6.0], [9.0]]), "w": [1.0, 2.0, 0.0]}
    assert ss.Pipeline([ss.Standard("x")], weight="w").fit_arrays(data).stats["x.1"].max == 6.0
    with pytest.raises(DataError, match="expected arrays of one length"):
        ss.Pipeline([ss.Standard("x")], weight="w").fit_arrays({**data, "w": [1.0, 2.0, 1.0]})


def test_merge_parts_into_the_whole() -> None:
    pipeline = ss.Pipeline([ss.Standard("x"), ss.Robust("x", over="all", into="a")])
    whole, *parts = (pipeline.fit_arrays({"x": part}) for part in (EMBEDDINGS, EMBEDDINGS[:7], EMBEDDINGS[7:]))
    merged = ss.merge(parts)
    assert (merged.steps, merged.rows) == (whole.steps, 60)
    ours, theirs = (one.transform_arrays({"x": EMBEDDINGS}) for one in (merged, whole))
    for name in ("x", "a"):
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-12, atol=1e-12)


def test_count_other_lengths() -> None:
    rows = rows_of([[1.0, 2.0]] * 7 + [[1.0]] * 2 + [[], None] + [[0.0] * n for n in (3, 4, 5)])
    with pytest.raises(DataError) as caught:
        ss.Pipeline([ss.Standard("x")]).fit_arrays({"x": rows})
    assert (caught.value.code, caught.value.exit_code) == ("DATA_LENGTH", 65)
    assert caught.value.cause == (
        "column 'x': expected arrays of one length (over: position), found 2 elements in 7 rows, 1 element in 2 rows, "
        "0 elements in 1 row, 3 elements in 1 row and 2 other lengths"
    )
    fitted = ss.Pipeline([ss.Standard("x")]).fit_arrays({"x": np.eye(2)})
    for use in (fitted.transform_arrays, fitted.inverse_transform_arrays, fitted.audit_arrays):
        with pytest.raises(
            DataError, match="of 2 elements in 'x' as in the fit, found another length in 6 of 14 rows: 1 ele"
        ):
            use({"x": rows})


def test_keep_an_artifact(tmp_path: Any) -> None:
    fitted = ss.Pipeline([ss.Power("x"), ss.MaxAbs("x", over="all", into="a")]).fit_arrays({"x": EMBEDDINGS[:, :2]})
    fitted.save(tmp_path)
    loaded = ss.load(tmp_path)
    assert loaded == fitted
    assert [*loaded.stats] == ["x", "x.0", "x.1"]
    ours, theirs = (one.transform_arrays({"x": EMBEDDINGS[:, :2]}) for one in (loaded, fitted))
    assert plain(ours["x"].tolist()) == plain(theirs["x"].tolist())


@pytest.mark.parametrize("change", [
    lambda step: step["maps"][0]["maps"].pop(),
    lambda step: step["maps"][0].update(maps=[]),
    lambda step: step["maps"][0].update(over="all"),
    lambda step: step["maps"][0].update(maps=[dict(step["maps"][0])]),
    lambda step: step.update(maps=step["maps"][0]["maps"][:1]),
    lambda step: step["step"].update(over="all"),
    lambda step: step["inputs"][0].update(type="double"),
])  # fmt: skip
def test_refuse_an_artifact_whose_maps_are_not_of_its_elements(change: Any) -> None:
    fitted = ss.Pipeline([ss.MinMax("x")]).fit_arrays({"x": EMBEDDINGS[:, :2]})
    data = json.loads(document.dump(fitted))
    change(data["steps"][0])
    del data["checksum"]
    with pytest.raises(DataError) as caught:
        document.load(jsons.text(data | {"checksum": jsons.checksum(data)}))
    assert caught.value.exit_code == 65


def test_refuse_an_artifact_that_maps_arrays_as_numbers() -> None:
    data = json.loads(document.dump(ss.Pipeline([ss.MinMax("x")]).fit_arrays({"x": EMBEDDINGS[:, :1]})))
    data["steps"][0]["maps"] = data["steps"][0]["maps"][0]["maps"]
    del data["checksum"]
    with pytest.raises(DataError, match="not of its elements"):
        document.load(jsons.text(data | {"checksum": jsons.checksum(data)}))


def test_name_the_position_that_drifts() -> None:
    base, new = (ss.Pipeline([ss.Standard("x")]).fit_arrays({"x": x}) for x in (np.tile(EMBEDDINGS, (2, 1)),) * 2)
    moved = np.tile(EMBEDDINGS, (2, 1)) + np.array([0, 100, 0, 0, 0])
    assert not [row for row in new.drift(base) if row.verdict in ("warn", "error")]
    found = ss.Pipeline([ss.Standard("x")]).fit_arrays({"x": moved}).drift(base)
    assert {row.feature for row in found if row.verdict == "error"} == {"x.1"}


def test_name_the_positions_without_a_value() -> None:
    with pytest.raises(
        DataError, match=r"column 'x\.1': expected a finite value, found none in 2 rows \(2 null, 0 NaN"
    ):
        ss.Pipeline([ss.Standard("x")]).fit_arrays({"x": rows_of([[1.0, None], [2.0, None]])})
