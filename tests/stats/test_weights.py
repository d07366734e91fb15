"""Weighted statistics: against NumPy and scikit-learn, in exact arithmetic, and the laws of weights."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from fractions import Fraction
from functools import reduce
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.preprocessing import StandardScaler

from sparkscale.errors import DataError
from sparkscale.maps import Affine, Chained, ColumnMap, Fill, Undefined
from sparkscale.stats.column import EMPTY, ColumnStats
from sparkscale.stats.weights import Weights
from tests.numacc import digits, root

RNG = np.random.default_rng(41)
SETS = {"iris": load_iris, "wine": load_wine, "diabetes": load_diabetes, "breast cancer": load_breast_cancer}


def exact(values: Any, weights: Any) -> tuple[Fraction, Fraction]:
    """Return the weighted mean and M2 of the doubles as they are stored."""
    (xs, x_unit), (ws, w_unit) = whole(values), whole(weights)
    total, first, second = sum(ws), sum(map(int.__mul__, ws, xs)), sum(w * x * x for w, x in zip(ws, xs, strict=True))
    return Fraction(first, total * x_unit), Fraction(second * total - first * first, total * x_unit**2 * w_unit)


def whole(numbers: Any) -> tuple[list[int], int]:
    """Return doubles as whole numbers over one denominator."""
    ratios = [float(x).as_integer_ratio() for x in numbers]
    unit = max(denominator for _, denominator in ratios)  # all are powers of 2
    return [numerator * (unit // denominator) for numerator, denominator in ratios], unit


def assert_exact(stats: ColumnStats, values: Any, weights: Any, least: float) -> None:
    """Compare mean, M2 and std with exact arithmetic; the error of the mean is measured in std too."""
    mean, square = exact(values, weights)
    total = Fraction(sum(whole(weights)[0]), whole(weights)[1])
    unit = Fraction(2) ** stats.exp
    std = root(square / total)
    found = Fraction(stats.mean) + Fraction(stats.mean_lo) * unit
    assert digits(Fraction(stats.m2) * unit**2, square) >= least
    assert abs(found - mean) <= std / 10 ** Fraction(int(least))
    assert digits(stats.std, std) >= least
    assert digits(stats.weight, total) >= least


def merged(values: NDArray[np.float64], weights: NDArray[np.float64], parts: int, seed: int = 0) -> ColumnStats:
    """Merge the states of pieces of different sizes, in shuffled order."""
    rng = np.random.default_rng(seed)
    cuts = np.sort(rng.integers(0, values.size + 1, parts - 1))
    pieces = list(zip(np.split(values, cuts), np.split(weights, cuts), strict=True))
    rng.shuffle(pieces)  # type: ignore[arg-type]
    return reduce(lambda left, part: left + EMPTY + ColumnStats.of(part[0], weights=part[1]), pieces, EMPTY)


@pytest.mark.parametrize("load", SETS.values(), ids=SETS)
def test_agree_with_numpy_and_scikit_learn(load: Callable[[], Any]) -> None:
    data = load().data
    weights = RNG.exponential(2.0, len(data)) * (RNG.random(len(data)) > 0.1)
    scaler = StandardScaler().fit(data, sample_weight=weights)
    for j, values in enumerate(data.T):
        stats = ColumnStats.of(values, weights=weights)
        mean = np.average(values, weights=weights)
        std = math.sqrt(np.average((values - mean) ** 2, weights=weights))
        np.testing.assert_allclose([stats.mean, stats.std], [mean, std], rtol=1e-12, atol=1e-12 * std)
        np.testing.assert_allclose([stats.mean, stats.var], [scaler.mean_[j], scaler.var_[j]], rtol=1e-12, atol=1e-12)
        assert stats.std_of(1) == pytest.approx(
            np.sqrt(np.cov(values, aweights=weights, ddof=0) * weights.sum() / (weights.sum() - 1)), rel=1e-12
        )
        assert (stats.min, stats.max) == (values[weights > 0].min(), values[weights > 0].max())
        assert stats.rows == np.count_nonzero(weights)


ROWS = st.lists(
    st.tuples(st.one_of(st.none(), st.floats(allow_subnormal=False)), st.integers(0, 9)), min_size=1, max_size=25
)


def split(rows: list[tuple[float | None, int]]) -> tuple[Any, Any]:
    mask = [x is None for x, _ in rows]
    return np.ma.MaskedArray([0.0 if x is None else x for x, _ in rows], mask=mask), np.array(
        [w for _, w in rows], float
    )


def near(a: ColumnStats, b: ColumnStats) -> bool:
    """Whether counts and ends are the same, and moments up to rounding."""
    same = (a.nulls, a.nans, a.posinf, a.neginf, a.min, a.max) == (b.nulls, b.nans, b.posinf, b.neginf, b.min, b.max)
    if not a.finite or not b.finite:
        return a.finite == b.finite
    top = max(abs(a.min), abs(a.max))
    return same and abs(a.mean - b.mean) <= 1e-14 * top and abs(a.std - b.std) <= 1e-14 * max(a.std, top * 1e-2)


@given(ROWS)
def test_count_a_weight_as_so_many_rows(rows: list[tuple[float | None, int]]) -> None:
    weighted = ColumnStats.of(split(rows)[0], weights=split(rows)[1])
    plain = ColumnStats.of(split([(x, 1) for x, w in rows for _ in range(w)])[0])
    assert weighted.weights is not None
    assert weighted.weights.to_dict() == {name: getattr(plain, name) for name in weighted.weights.to_dict()}
    assert weighted.rows == sum(w > 0 for _, w in rows)
    if plain.finite:
        assert (weighted.min, weighted.max) == (plain.min, plain.max)
        top = max(abs(plain.min), abs(plain.max))
        assert abs(weighted.mean - plain.mean) <= 1e-14 * top
        assert abs(weighted.std - plain.std) <= 1e-14 * top or weighted.std == plain.std
        assert weighted.std_of(1) == pytest.approx(plain.std_of(1), rel=1e-9, abs=1e-14 * top, nan_ok=True)


@given(ROWS)
def test_leave_out_rows_of_weight_zero(rows: list[tuple[float | None, int]]) -> None:
    kept = [(x, w) for x, w in rows if w]
    assert ColumnStats.of(split(rows)[0], weights=split(rows)[1]) == ColumnStats.of(
        split(kept)[0], weights=split(kept)[1]
    )


@given(ROWS)
def test_change_nothing_by_weights_of_one(rows: list[tuple[float | None, int]]) -> None:
    values = split(rows)[0]
    weighted, plain = ColumnStats.of(values, weights=np.ones(len(rows))), ColumnStats.of(values)
    found = weighted.to_dict()
    weights = found.pop("weights")
    assert found == plain.to_dict()
    assert weights == {name: found[name] for name in weights}
    assert (weighted.var, weighted.std_of(1)) == pytest.approx((plain.var, plain.std_of(1)), rel=0, nan_ok=True)
    both = (weighted + weighted).to_dict()
    del both["weights"]
    assert both == (plain + plain).to_dict()


@given(ROWS, st.integers(0, 25), st.integers(0, 25))
def test_merge_any_split(rows: list[tuple[float | None, int]], one: int, other: int) -> None:
    values, weights = split(rows)
    cuts = sorted((min(one, len(rows)), min(other, len(rows))))
    parts = [ColumnStats.of(v, weights=w) for v, w in zip(np.split(values, cuts), np.split(weights, cuts), strict=True)]
    whole, found = ColumnStats.of(values, weights=weights), parts[0] + parts[1] + parts[2]
    assert near(whole, found)
    assert found.weights == whole.weights
    assert parts[0] + parts[1] == parts[1] + parts[0]
    assert parts[0] + EMPTY == parts[0] == EMPTY + parts[0]


HARD = {
    "offset": (RNG.normal(1e9, 1.0, 4000), RNG.exponential(1.0, 4000)),
    "offset, sorted": (np.sort(RNG.normal(1e9, 1.0, 4000)), np.sort(RNG.exponential(1.0, 4000))),
    "few decimals": (np.tile([0.1, 0.3], 2000), np.tile([0.1, 0.7], 2000)),
    "huge weights": (RNG.normal(3, 2, 500), RNG.uniform(1, 2, 500) * 1e300),
    "tiny weights": (RNG.normal(3, 2, 500), RNG.uniform(1, 2, 500) * 1e-300),
    "tiny weights, offset": (RNG.normal(1e9, 1, 500), RNG.uniform(1, 2, 500) * 1e-300),
    "huge and tiny weights": (RNG.normal(3, 2, 500), 10.0 ** RNG.uniform(-300, 300, 500)),
    "far apart": (np.array([1.0, 2.0, 4.0]), np.array([1e300, 1e-300, 3e-300])),
    "far apart, far out": (np.array([1e9, 1e9 + 1, -1e-9]), np.array([1e300, 1e-290, 3e-300])),
    "outliers of little weight": (
        np.append(RNG.normal(1e9, 1, 500), [0.0, 1e12]),
        np.append(np.ones(500), [1e-40] * 2),
    ),
    "huge values, huge weights": (RNG.normal(1e300, 1e299, 200), RNG.uniform(1, 2, 200) * 1e300),
    "tiny values, tiny weights": (RNG.normal(1e-300, 1e-301, 200), RNG.uniform(1, 2, 200) * 1e-300),
}


@pytest.mark.parametrize("name", HARD)
def test_keep_twelve_digits(name: str) -> None:
    values, weights = HARD[name]
    least = 12.0 if "far" in name else 13.5
    assert_exact(ColumnStats.of(values, weights=weights), values, weights, least)
    for parts, seed in ((2, 1), (64, 2), (64, 3)):
        assert_exact(merged(values, weights, parts, seed), values, weights, least)


@pytest.mark.parametrize("name", HARD)
def test_write_and_read(name: str) -> None:
    stats = ColumnStats.of(HARD[name][0], weights=HARD[name][1])
    assert ColumnStats.from_dict(json.loads(json.dumps(stats.to_dict()))) == stats


def test_keep_the_weights_of_each_kind_of_row() -> None:
    values = np.ma.MaskedArray([1.0, 2.0, math.nan, math.inf, -math.inf, 0.0], mask=[False] * 5 + [True])
    stats = ColumnStats.of(values, weights=[1, 2, 4, 8, 16, 32])
    assert stats.weights == Weights(nulls=32, nans=4, posinf=8, neginf=16, finite=3)
    assert (stats.weight, stats.mean, "weight=3" in repr(stats)) == (3, 5 / 3, True)
    assert ColumnStats.of(values).weights is None
    assert "weight" not in repr(ColumnStats.of(values))
    assert "weights" not in ColumnStats.of(values).to_dict()


def test_refuse_bad_weights_with_counts() -> None:
    weights = np.ma.MaskedArray([1, math.nan, math.inf, -math.inf, -1, -0.5, 0, 1], mask=[False] * 7 + [True])
    with pytest.raises(DataError, match=r"found 1 null, 1 NaN, 2 infinite, 2 negative in 8 rows") as caught:
        ColumnStats.of(np.zeros(8), weights=weights)
    assert (caught.value.code, caught.value.exit_code) == ("DATA_WEIGHT", 65)
    with pytest.raises(DataError, match="one for each of 2 values, found 3"):
        ColumnStats.of([1.0, 2.0], weights=[1, 1, 1])


def test_refuse_a_sum_beyond_doubles() -> None:
    with pytest.raises(DataError, match="divide all weights"):
        ColumnStats.of([1.0, 2.0], weights=[1.7e308, 1.7e308])
    one = ColumnStats.of([1.0], weights=[1.7e308])
    with pytest.raises(DataError, match="divide all weights"):
        one + one


def test_refuse_to_merge_weighted_and_unweighted() -> None:
    weighted, plain = ColumnStats.of([1.0], weights=[2.0]), ColumnStats.of([1.0])
    for parts in ((weighted, plain), (plain, weighted), (ColumnStats.of([1.0], weights=[0.0]), plain)):
        with pytest.raises(DataError, match="one with weights and one without") as caught:
            parts[0] + parts[1]
        assert caught.value.code == "MERGE_WEIGHTS"


@pytest.mark.parametrize(
    "change",
    [
        {"weights": None},
        {"weights": {}},
        {"weights": {"nulls": 0.0, "nans": 0.0, "posinf": 0.0, "neginf": 0.0, "finite": 0.0}},
        {"weights": {"nulls": 0.0, "nans": 0.0, "posinf": 0.0, "neginf": 0.0, "finite": -1.0}},
        {"weights": {"nulls": 1.0, "nans": 0.0, "posinf": 0.0, "neginf": 0.0, "finite": 1.0}},
        {"weights": {"nulls": 0.0, "nans": 0.0, "posinf": 0.0, "neginf": 0.0, "finite": math.inf}},
        {"weights": {"nulls": 0.0, "nans": 0.0, "posinf": 0.0, "neginf": 0.0, "finite": "1"}},
    ],
)
def test_refuse_weights_that_do_not_fit_the_counts(change: dict[str, Any]) -> None:
    good = ColumnStats.of([1.0, 2.0], weights=[1.0, 2.0]).to_dict()
    assert ColumnStats.from_dict(good).weight == 3
    with pytest.raises(DataError):
        ColumnStats.from_dict(good | change)


def behind(map_: ColumnMap, values: Any, weights: Any) -> ColumnStats:
    """Return the statistics of a column as a map leaves it, from its values."""
    null = np.ma.getmaskarray(values)
    y, absent = map_.apply(values.filled(0.0)[:, None], null[:, None])
    return ColumnStats.of(np.ma.MaskedArray(y[:, 0], mask=absent[:, 0]), weights=weights)


MAPS = [
    Fill(2.5),
    Fill(-1.0, ("nan",)),
    Fill(9.0, ("null", "nan")),
    Affine(center=3.0, scale=2.0, gain=5.0),
    Undefined(),
]


@pytest.mark.parametrize("map_", [*MAPS, Chained((Fill(1.0), Affine(center=-1.0, scale=0.3)))], ids=repr)
@pytest.mark.parametrize("size", [1.0, 1e300, 1e-300])
def test_know_the_weighted_statistics_behind_a_map(map_: ColumnMap, size: float) -> None:
    values = np.ma.MaskedArray(RNG.normal(3, 2, 200), mask=RNG.random(200) < 0.2)
    values.data[::7] = math.nan
    weights = RNG.exponential(size, 200)
    known, found = map_.after(ColumnStats.of(values, weights=weights)), behind(map_, values, weights)
    assert known is not None
    assert known.weights is not None
    assert found.weights is not None
    assert (known.rows, known.nulls, known.nans, known.finite) == (found.rows, found.nulls, found.nans, found.finite)
    ours, theirs = known.weights.to_dict(), found.weights.to_dict()
    np.testing.assert_allclose(list(ours.values()), list(theirs.values()), rtol=1e-14)
    np.testing.assert_allclose([known.mean, known.std], [found.mean, found.std], rtol=1e-13)
