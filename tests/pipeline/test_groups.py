"""Grouped scaling in NumPy: separate fits to the bit, keys of every type, unseen groups, small groups, merging."""

import datetime
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sparkscale as ss
from sparkscale.errors import ConfigError, DataError

RNG = np.random.default_rng(15)
KEYS = ["a", "b", "c", None]
VALUES = st.one_of(
    st.none(), st.floats(width=64), st.sampled_from([0.0, -0.0, 1.0, 1e9, 1e9 + 1, 5e-324, 1.7e308, -1.7e308])
)
ROWS = st.lists(st.tuples(st.sampled_from(KEYS), VALUES), min_size=1, max_size=40)
SCALERS = {
    "standard": lambda **by: ss.Standard("x", empty="null", **by),
    "ddof": lambda **by: ss.Standard("x", ddof=1, empty="null", **by),
    "minmax": lambda **by: ss.MinMax("x", range=(-1, 1), clip=True, empty="null", **by),
    "minmax of odd ends": lambda **by: ss.MinMax("x", range=(0.1, 0.7), empty="null", **by),
    "mean_norm": lambda **by: ss.MeanNorm("x", empty="null", **by),
    "maxabs": lambda **by: ss.MaxAbs("x", empty="null", **by),
    "robust": lambda **by: ss.Robust("x", empty="null", **by),
    "quantile": lambda **by: ss.Quantile("x", knots=10, empty="null", **by),
    "clip": lambda **by: ss.Clip("x", quantiles=(10, 90), empty="null", **by),
    "impute": lambda **by: ss.Impute("x", value="mean", missing=["null", "nan"], empty="null", **by),
    "chain": lambda **by: ss.Chain("x", [ss.Impute(value="median"), ss.Standard()], empty="null", **by),
}


def objects(items):
    out = np.empty(len(items), dtype=object)
    out[:] = items
    return out


def frame(rows):
    return {"store": objects([key for key, _ in rows]), "x": objects([x for _, x in rows])}


def bits(column):
    """Values with their bits, None for a null."""
    null = np.ma.getmaskarray(column)
    return [None if gone else float(x).hex() for x, gone in zip(np.ma.getdata(column), null, strict=True)]


def same(found, expected):
    """Bits, but that all NaN are one."""
    assert bits(found) == bits(expected)


@pytest.mark.parametrize("name", SCALERS)
@given(rows=ROWS)
@settings(max_examples=60, deadline=None)
def test_give_the_bits_of_separate_fits(name, rows):
    """A group without a finite value has the map of all rows."""
    table, make = frame(rows), SCALERS[name]
    fitted = ss.Pipeline([make(by="store")]).fit_arrays(table)
    found = fitted.transform_arrays(table)["x"]
    back = fitted.inverse_transform_arrays({"store": table["store"], "x": found})["x"] if name != "quantile" else None
    for key in {key for key, _ in rows}:
        own = np.array([k == key for k, _ in rows])
        part = {"store": table["store"][own], "x": table["x"][own]}
        some = any(x is not None and np.isfinite(x) for x in part["x"])
        alone = ss.Pipeline([make()]).fit_arrays(part if some else table)
        expected = alone.transform_arrays({"x": part["x"]})["x"]
        if not some:  # the statistics of all rows are merged ones: a mean's error goes by the largest value
            values = np.array([x for _, x in rows if x is not None and np.isfinite(x)])
            atol = 1e-16 * np.abs(values).max(initial=0) if name == "impute" else 0
            np.testing.assert_allclose(
                *(np.ma.filled(one, np.nan) for one in (found[own], expected)), rtol=1e-12, atol=atol
            )
            continue
        same(found[own], expected)
        if back is not None:
            same(back[own], alone.inverse_transform_arrays({"x": expected})["x"])


@given(rows=ROWS, parts=st.lists(st.integers(0, 2), min_size=40, max_size=40))
@settings(max_examples=100, deadline=None)
def test_merge_any_split_to_the_fit_of_the_whole(rows, parts):
    pipeline = ss.Pipeline([ss.Standard("x", by="store", empty="null")])
    split = [[row for row, part in zip(rows, parts, strict=False) if part == one] for one in range(3)]
    merged = ss.merge([pipeline.fit_arrays(frame(part)) for part in split if part])
    whole = pipeline.fit_arrays(frame(rows))
    assert merged.rows == whole.rows
    assert merged.tables["store",].keys == whole.tables["store",].keys
    for key in {key for key, _ in rows}:
        ours, theirs = (fit.tables["store",].of(key)["x"] for fit in (merged, whole))
        assert (ours.nulls, ours.nans, ours.finite) == (theirs.nulls, theirs.nans, theirs.finite)
        np.testing.assert_equal([ours.min, ours.max], [theirs.min, theirs.max])
        np.testing.assert_allclose([ours.mean, ours.std], [theirs.mean, theirs.std], rtol=1e-12, atol=1e-320)


def test_agree_with_pandas():
    frame = pd.DataFrame({"store": RNG.choice(["a", "b", "c"], 500), "x": RNG.normal(10, 2, 500)})
    fitted = ss.Pipeline([ss.Standard("x", by="store")]).fit_arrays(frame)
    groups = frame.groupby("store")["x"]
    expected = (frame["x"] - groups.transform("mean")) / groups.transform("std", ddof=0)
    np.testing.assert_allclose(fitted.transform_arrays(frame)["x"], expected, rtol=1e-12, atol=1e-14)


DAYS = [datetime.date(2020, 1, day) for day in (1, 2)]
KEY_ARRAYS = {
    "objects": objects(["u", "v", None, "u", "v", None]),
    "text": np.array(["u", "v", "w", "u", "v", "w"]),
    "integers": np.array([1, 2, 3, 1, 2, 3], dtype=np.int32),
    "object integers": objects([1, None, 2, 1, None, 2]),
    "booleans": np.array([True, False, True, True, False, True]),
    "dates": np.array(["2020-01-01", "2020-01-02", "NaT"] * 2, dtype="datetime64[D]"),
    "object dates": objects([*DAYS, None, *DAYS, None]),
    "masked": np.ma.MaskedArray([1, 2, 9, 1, 2, 9], mask=[0, 0, 1, 0, 0, 1]),
    "pandas": pd.Series(["u", None, "w", "u", None, "w"], dtype="string"),
    "nullable": pd.Series([1, None, 3, 1, None, 3], dtype="Int64"),
}


@pytest.mark.parametrize("name", KEY_ARRAYS)
def test_group_by_keys_of_any_type(name, tmp_path):
    """Rows 0 and 3, 1 and 4, 2 and 5 have one key (the booleans' third is their first)."""
    table = {"k": KEY_ARRAYS[name], "x": np.array([1.0, 10.0, 100.0, 3.0, 30.0, 300.0])}
    fitted = ss.Pipeline([ss.MinMax("x", by="k")]).fit_arrays(table)
    expected = [0, 0, 33.0 / 99, 2.0 / 299, 1, 1] if name == "booleans" else [0, 0, 0, 1, 1, 1]
    if name != "booleans":
        assert fitted.transform_arrays(table)["x"].tolist() == expected
    fitted.save(tmp_path / "store")
    loaded = ss.load(tmp_path / "store")
    assert loaded == fitted
    assert loaded.transform_arrays(table)["x"].tolist() == fitted.transform_arrays(table)["x"].tolist()
    assert loaded.transform_arrays(table)["k"] is table["k"]


def test_group_by_several_keys():
    table = {
        "store": objects(["a", "a", "b", "b", None, None]),
        "open": np.array([True, False] * 3),
        "x": np.array([1.0, 2, 3, 4, 5, 6]),
    }
    fitted = ss.Pipeline([ss.Standard("x", by=["store", "open"], with_std=False)]).fit_arrays(table)
    assert fitted.transform_arrays(table)["x"].tolist() == [0] * 6
    assert fitted.tables["store", "open"].of((None, True))["x"].mean == 5.0


def fit_two(**fields):
    table = {"store": objects(["a", "a", "a", "b"]), "x": np.array([1.0, 2.0, 3.0, 10.0])}
    return ss.Pipeline([ss.Standard("x", by="store", with_std=False, **fields)]).fit_arrays(table)


OTHERS = {"store": objects(["a", "z", None, "z"]), "x": np.array([5.0, 5.0, 5.0, np.nan])}


def test_scale_unseen_groups_by_all_rows():
    assert fit_two().transform_arrays(OTHERS)["x"].tolist()[:3] == [3.0, 1.0, 1.0]


def test_give_null_for_unseen_groups():
    found = fit_two(unseen="null").transform_arrays(OTHERS)["x"]
    assert found.tolist() == [3.0, None, None, None]
    back = fit_two(unseen="null").inverse_transform_arrays({"store": OTHERS["store"], "x": found})["x"]
    assert back.tolist() == [5.0, None, None, None]


@pytest.mark.parametrize("verb", ["transform_arrays", "inverse_transform_arrays"])
def test_refuse_unseen_groups_with_counts(verb):
    with pytest.raises(
        DataError, match=r"step 1: .*found 3 rows of 2 groups that it has not seen, such as null"
    ) as found:
        getattr(fit_two(unseen="error"), verb)(OTHERS)
    assert found.value.code == "DATA_UNSEEN"
    assert "unseen: global" in found.value.hint


def test_scale_small_groups_by_all_rows():
    fitted = fit_two(min_rows=2)
    assert fitted.transform_arrays({"store": objects(["b", "a"]), "x": np.array([10.0, 3.0])})["x"].tolist() == [6, 1]
    assert fitted.warnings == [
        "column 'x': 1 of 2 groups has fewer than 2 finite values and uses the statistics of all rows"
    ]


def test_share_statistics_with_ungrouped_steps():
    table = {"store": objects(["a", "b", "a"]), "x": np.array([1.0, 2.0, 3.0])}
    steps = [
        ss.Standard("x", by="store", into="own"),
        ss.MinMax("x", into="all"),
        ss.MinMax("x", by="store", into="mm"),
    ]
    fitted = ss.Pipeline(steps).fit_arrays(table)
    out = fitted.transform_arrays(table)
    assert out["all"].tolist() == [0, 0.5, 1]
    assert out["mm"].tolist() == [0, 0, 1]
    assert fitted.get_feature_names_out() == ["own", "all", "mm"]
    assert len(fitted.tables) == 1


def test_choose_no_key_by_a_pattern():
    table = {"id": np.array([1, 1, 2]), "x": np.array([1.0, 3.0, 5.0]), "y": np.array([1.0, 2.0, 3.0])}
    fitted = ss.Pipeline([ss.Standard("x", by="id"), ss.MinMax({"dtype": "numeric", "except": ["x"]})]).fit_arrays(
        table
    )
    assert fitted.get_feature_names_out() == ["x", "y"]
    assert fitted.transform_arrays(table)["id"] is table["id"]


def test_impute_by_group_with_an_indicator():
    table = {"store": objects(["a", "a", "b", "z"]), "x": objects([1.0, None, 4.0, 2.0])}
    step = ss.Impute("x", value="mean", indicator="{column}_missing", by="store")
    fitted = ss.Pipeline([step]).fit_arrays(table)
    out = fitted.transform_arrays({"store": objects(["a", "b", "?"]), "x": objects([None, None, None])})
    assert out["x"].tolist() == [1.0, 4.0, pytest.approx(7 / 3)]
    assert out["x_missing"].tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("step", "text"),
    [
        (lambda: ss.Power("x", by="k"), "looks at the data again"),
        (lambda: ss.Chain("x", [ss.Power(), ss.Standard()], by="k"), "looks at the data again"),
        (lambda: ss.Asinh("x", by="k"), "learns nothing"),
        (lambda: ss.Impute("x", value=0, by="k"), "learns nothing"),
        (lambda: ss.Standard("x", min_rows=3), "expected 'by'"),
        (lambda: ss.Standard("x", unseen="null"), "expected 'by'"),
        (lambda: ss.Standard("x", by=[]), "name of a column"),
        (lambda: ss.Standard("x", by=["a", "a"]), "different names"),
        (lambda: ss.Standard("x", by="k", min_rows=0), "1 or more"),
        (lambda: ss.Standard("x", by="k", unseen="drop"), "'global', 'null' or 'error'"),
        (lambda: ss.Chain("x", [ss.Standard(by="k")]), "belongs to the chain"),
        (lambda: ss.Pipeline([ss.Standard("x", by="k")], weight="w"), "not weighted"),
    ],
)
def test_refuse_what_cannot_be_grouped(step, text):
    with pytest.raises(ConfigError, match=text) as found:
        step()
    assert found.value.exit_code == 78


@pytest.mark.parametrize(
    ("table", "steps", "text"),
    [
        ({"x": [1.0], "k": [1.5]}, [ss.Standard("x", by="k")], "'k' is double"),
        ({"x": [1.0], "k": np.array([b"u"])}, [ss.Standard("x", by="k")], "'k' is binary"),
        ({"x": [1.0], "k": [[1, 2]]}, [ss.Standard("x", by="k")], "'k' is array<bigint>"),
        ({"x": [1.0], "k": np.array(["2020-01-01"], "M8[ns]")}, [ss.Standard("x", by="k")], "'k' is timestamp"),
        ({"x": [1.0]}, [ss.Standard("x", by="k")], "column 'k' is not in the arrays"),
        ({"x": [1.0], "k": [1]}, [ss.Standard("x", by="k"), ss.MinMax("k")], "step 2 .minmax. would rewrite 'k'"),
        ({"x": [1.0], "k": [1]}, [ss.Standard("k", by="k")], "would rewrite 'k'"),
        ({"x": [1.0, 2.0], "k": objects(["a", 1])}, [ss.Standard("x", by="k")], "keys of type string"),
    ],
)
def test_refuse_keys_that_are_none(table, steps, text):
    with pytest.raises(DataError, match=text) as found:
        ss.Pipeline(steps).fit_arrays(table)
    assert found.value.exit_code == 65


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ({"x": [1.0]}, "column 'store' is not in the arrays"),
        ({"x": [1.0], "shop": ["a"]}, "column 'store' is not in the arrays"),
        ({"x": [1.0], "store": [1.5]}, "'store' is double"),
        ({"x": [1.0], "store": [1]}, "of type string as in the fit, found bigint"),
        ({"x": [1.0], "Store": objects(["a"])}, "case"),
    ],
)
def test_refuse_a_table_with_other_keys(table, text):
    with pytest.raises(DataError, match=text):
        fit_two().transform_arrays(table)


def test_refuse_to_invert_without_the_key():
    with pytest.raises(DataError, match="'store', by which step 1 groups, is not in the data"):
        fit_two().inverse_transform_arrays({"x": [1.0]})


def test_accept_integers_of_another_width():
    table = {"k": np.array([1, 1, 2], np.int32), "x": np.array([1.0, 3.0, 5.0])}
    fitted = ss.Pipeline([ss.MinMax("x", by="k")]).fit_arrays(table)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fitted.transform_arrays({"k": np.array([1, 2**40]), "x": np.array([3.0, 5.0])})["x"].tolist() == [1, 1]


def test_refuse_to_merge_keys_of_other_types():
    pipeline = ss.Pipeline([ss.MinMax("x", by="k")])
    parts = [pipeline.fit_arrays({"k": keys, "x": [1.0]}) for keys in ([1], np.array(["a"]))]
    with pytest.raises(DataError, match="keys of one type"):
        ss.merge(parts)


def test_say_the_groups():
    fitted = fit_two()
    assert "(x - mean) / std by store, 2 groups" in repr(fitted)
