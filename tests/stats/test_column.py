"""Column statistics: counts, accuracy against rational arithmetic, the laws of merging, and the JSON form."""

from __future__ import annotations

import dataclasses
import json
import math
from fractions import Fraction
from functools import reduce
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sparkscale.errors import DataError
from sparkscale.stats.column import EMPTY, ColumnStats
from sparkscale.stats.exact import exact_mean
from tests import numacc
from tests.numacc import NumAcc, digits, exact_moments, exact_std

#: Digits that NumPy states must have (semantics.md asks 12 of every state).
FLOOR = 14.0
MAX = 1.7976931348623157e308
TINY = 5e-324
RNG = np.random.default_rng(2026)
OFFSETS = [
    (mean, std, order) for mean in (0, 1e2, 1e6, 1e9, -1e9) for std in (1.0, 1e-3) for order in ("any", "sorted")
]

finite = st.floats(allow_nan=False, allow_infinity=False)
ordinary = st.floats(min_value=-1e100, max_value=1e100, allow_subnormal=False)
offset = st.floats(min_value=999_999_999.0, max_value=1_000_000_001.0)
columns = st.one_of(
    st.lists(st.floats(), max_size=20),
    st.lists(finite, max_size=20),
    st.lists(offset, max_size=20),
    st.lists(st.sampled_from([0.0, -0.0, TINY, -2 * TINY, MAX, -MAX, 1e155, 1.0]), max_size=20),
)


def moments_of(stats: ColumnStats) -> tuple[Fraction, Fraction]:
    """Read mean and M2 out of the state by its documented form: ``mean + mean_lo * 2**exp`` and ``m2 * 4**exp``."""
    unit = Fraction(2) ** stats.exp
    return Fraction(stats.mean) + Fraction(stats.mean_lo) * unit, Fraction(stats.m2) * unit**2


def merged(values: NDArray[np.float64], parts: int, seed: int = 0) -> ColumnStats:
    """Merge the states of ``parts`` pieces of very different sizes in shuffled order, with EMPTY between them."""
    rng = np.random.default_rng(seed)
    pieces = np.split(values, np.sort(rng.integers(0, values.size + 1, parts - 1)))
    rng.shuffle(pieces)
    return reduce(lambda left, part: left + EMPTY + ColumnStats.of(part), pieces, EMPTY)


def assert_accurate(stats: ColumnStats, values: NDArray[np.float64], least: float = FLOOR) -> None:
    """Hold mean, M2, std and var to the exact moments of the stored doubles; the mean in units of the std, too."""
    mean, square = exact_moments(values)
    found_mean, found_square = moments_of(stats)
    assert digits(found_square, square) >= least
    assert digits(stats.std, exact_std(values)) >= least
    assert digits(stats.var, square / values.size) >= least
    lost = exact_std(values) / 10 ** Fraction(int(least))
    assert abs(found_mean - mean) <= lost
    assert abs(Fraction(stats.mean) - mean) <= Fraction(math.ulp(stats.mean)) / 2 + lost


def test_count_each_kind_of_row() -> None:
    values = np.ma.array([1.0, np.nan, np.inf, -np.inf, -np.inf, 3.0, np.nan, 7.0], mask=[False] * 7 + [True])
    stats = ColumnStats.of(values)
    assert (stats.nulls, stats.nans, stats.posinf, stats.neginf, stats.finite) == (1, 2, 1, 2, 2)
    assert (stats.rows, stats.min, stats.max, stats.mean, stats.std) == (8, 1.0, 3.0, 2.0, 1.0)


def test_count_masked_nan_as_null() -> None:
    stats = ColumnStats.of(np.ma.array([np.nan, 1.0], mask=[True, False]))
    assert (stats.nulls, stats.nans, stats.finite) == (1, 0, 1)


@pytest.mark.parametrize("dtype", ["int8", "uint64", "int64", "bool", "float16", "float32", "longdouble"])
def test_cast_any_dtype_to_double(dtype: str) -> None:
    stats = ColumnStats.of(np.array([0, 1, 1, 0], dtype=dtype))
    assert (stats.min, stats.max, stats.mean, stats.std) == (0.0, 1.0, 0.5, 0.5)
    assert all(type(getattr(stats, name)) is float for name in ("min", "max", "mean", "mean_lo", "m2"))


@pytest.mark.parametrize("values", [[], [np.nan], [np.inf, -np.inf], np.ma.array([1.0], mask=[True])])
def test_hold_no_numbers_without_finite_values(values: Any) -> None:
    stats = ColumnStats.of(values)
    assert (stats.finite, stats.constant) == (0, False)
    assert all(math.isnan(number) for number in (stats.min, stats.max, stats.mean, stats.std, stats.var, stats.range))


def test_derive_std_by_ddof() -> None:
    values = RNG.normal(5, 3, 100)
    stats = ColumnStats.of(values)
    for ddof in (0, 1):
        assert stats.std_of(ddof) == pytest.approx(np.std(values, ddof=ddof), rel=1e-14)
    assert stats.std == stats.std_of(0)
    assert stats.var == pytest.approx(np.var(values), rel=1e-14)
    assert stats.range == np.ptp(values)


def test_leave_std_of_one_value_undefined_by_ddof_1() -> None:
    stats = ColumnStats.of([4.0])
    assert (stats.std_of(0), stats.constant) == (0.0, True)
    assert math.isnan(stats.std_of(1))


@pytest.mark.parametrize("value", [0.0, 0.1, -1e9 / 3, 1e155, MAX, -MAX, TINY, 1e-310])
@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_keep_constant_exact(value: float, size: int) -> None:
    for stats in (ColumnStats.of(np.full(size, value)), merged(np.full(size, value), 5)):
        assert (stats.min, stats.max, stats.mean, stats.mean_lo, stats.m2) == (value, value, value, 0.0, 0.0)
        assert stats.constant


def test_normalize_negative_zero() -> None:
    stats = ColumnStats.of([-0.0, 0.0])
    assert [math.copysign(1.0, number) for number in (stats.min, stats.max, stats.mean)] == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("case", numacc.ALL, ids=lambda case: case.name)
def test_compute_numacc_to_stored_doubles(case: NumAcc) -> None:
    assert_accurate(ColumnStats.of(case.values), case.values)
    for seed in range(5):
        assert_accurate(merged(case.values, 64, seed), case.values)


@pytest.mark.parametrize("case", numacc.ALL, ids=lambda case: case.name)
def test_compute_numacc_to_certified_values(case: NumAcc) -> None:
    stats = ColumnStats.of(case.values)
    moved = Fraction(math.ulp(float(case.values.max()))) / 2  # storing a decimal number moves it by no more
    assert abs(Fraction(stats.mean) - case.mean) <= 2 * moved
    bound = (
        numacc.root(Fraction(stats.finite, stats.finite - 1)) * moved
    )  # |e| / sqrt(n - 1), by the triangle inequality
    assert abs(Fraction(stats.std_of(1)) - case.std) <= bound + case.std / 10**14


@pytest.mark.parametrize(("mean", "std", "order"), OFFSETS)
def test_compute_large_offset(mean: float, std: float, order: str) -> None:
    values = RNG.normal(mean, std, 20_000)
    values = np.sort(values) if order == "sorted" else values
    assert_accurate(ColumnStats.of(values), values)
    assert_accurate(merged(values, 64), values)


def test_merge_large_offset_by_tree() -> None:
    values = RNG.normal(1e9, 1.0, 4096)
    level = [ColumnStats.of(part) for part in np.split(values, 1024)]
    while len(level) > 1:
        level = [left + right for left, right in zip(level[::2], level[1::2], strict=True)]
    assert_accurate(level[0], values)


@pytest.mark.parametrize("scale", [1e155, 1e-155, 1e300, 1e-300, MAX / 4])
def test_merge_extreme_means(scale: float) -> None:
    values = RNG.uniform(1.0, 2.0, 500) * scale
    for stats in (ColumnStats.of(values), merged(values, 64)):
        assert math.isfinite(stats.mean)
        assert digits(moments_of(stats)[1], exact_moments(values)[1]) >= FLOOR
        assert digits(stats.std, exact_std(values)) >= FLOOR


def test_merge_means_of_opposite_sign_beyond_range() -> None:
    stats = ColumnStats.of([-1.7e308]) + ColumnStats.of([1.7e308])
    assert (stats.mean, stats.std, stats.range, stats.var) == (0.0, 1.7e308, math.inf, math.inf)


def test_hold_std_in_units_where_a_double_cannot() -> None:
    stats = ColumnStats.of([-1.7e308, 1.7e308])
    assert stats.std_of(1) == math.inf
    assert stats.std_of(1, unit=1) == pytest.approx(math.sqrt(2) * 0.85e308, rel=1e-15)


@pytest.mark.parametrize(
    "values", [[0.0, TINY, 2 * TINY], [0.0, 0.0, TINY], [1e-310, 3e-310, 7e-310], [0.0, TINY, 1e-16]]
)
@pytest.mark.parametrize("how", ["whole", "one by one", "last first", "pair first"])
def test_compute_subnormals(values: list[float], how: str) -> None:
    parts = {"whole": [values], "one by one": [[x] for x in values], "last first": [[x] for x in values[::-1]]}
    stats = reduce(ColumnStats.__add__, map(ColumnStats.of, parts.get(how, [values[:2], values[2:]])), EMPTY)
    mean, square = exact_moments(values)
    found = moments_of(stats)
    assert digits(found[0], mean) >= FLOOR
    assert digits(found[1], square) >= FLOOR
    assert not stats.constant


@pytest.mark.parametrize(("shift", "exp"), [(0.0, 0), (1e9, 0), (1e9 / 2**30, 30)])
def test_assemble_shifted_aggregate(shift: float, exp: int) -> None:
    values = RNG.normal(1e9, 1.0, 5000)
    moved = values * 2.0**-exp - shift  # exact for the shifts near the mean
    stats = ColumnStats.shifted(
        finite=values.size,
        min=values.min(),
        max=values.max(),
        mean=moved.mean(),
        m2=float(np.square(moved - moved.mean()).sum()),
        shift=shift,
        exp=exp,
        nans=3,
    )
    assert (stats.nans, stats.rows, stats.min, stats.max) == (3, 5003, values.min(), values.max())
    if shift:
        assert_accurate(stats, values, least=12.0)
    assert digits(stats.mean, exact_moments(values)[0]) >= FLOOR


def test_assemble_shifted_without_values() -> None:
    nothing = {"finite": 0, "min": math.nan, "max": math.nan, "mean": math.nan, "m2": math.nan}
    assert ColumnStats.shifted(**nothing, nulls=4) == ColumnStats(nulls=4)  # type: ignore[arg-type]


def parts_of(values: NDArray[np.float64], shift: float, exp: int) -> dict[str, Any]:
    """Return what an engine's aggregate says of pieces of ``values``, an empty one among them."""
    pieces = [*np.array_split(np.ldexp(values, -exp) - shift, 40), np.array([])]
    high = [piece.astype(np.float32).astype(np.float64) for piece in pieces]
    rest = [piece - ours for piece, ours in zip(pieces, high, strict=True)]
    return {
        "finite": np.array([piece.size for piece in pieces]),
        "total": np.array([part.sum() if part.size else np.nan for part in high]),
        "rest": np.array([part.sum() if part.size else np.nan for part in rest]),
        "var": np.array([np.nan if not piece.size else float(piece.var()) for piece in pieces]),
        "min": float(values.min()),
        "max": float(values.max()),
        "shift": shift,
        "exp": exp,
    }


@pytest.mark.parametrize(("mean", "std"), [(0, 1.0), (50, 1.0), (1e9, 1.0), (1e155, 1e150)])
def test_pool_parts_as_exact_moments(mean: float, std: float) -> None:
    values = np.sort(RNG.normal(mean, std, 5000))
    exp = 500 if std > 1 else 0
    stats = ColumnStats.pooled(**parts_of(values, math.ldexp(float(np.median(values)), -exp), exp), nulls=2)
    assert (stats.finite, stats.nulls, stats.min, stats.max) == (5000, 2, values.min(), values.max())
    assert_accurate(stats, values)


@pytest.mark.parametrize("shift", [-3.3, 3.1, 1e3, -0.117])
def test_pool_parts_about_a_distant_shift(shift: float) -> None:
    values = RNG.normal(0.1, 1.0, 999)
    stats = ColumnStats.pooled(**parts_of(values, shift, 0))
    assert stats.mean == stats.mean + stats.mean_lo
    assert ColumnStats.from_dict(stats.to_dict()) == stats
    assert_accurate(stats, values, least=12.0)


PARTS = ("finite", "total", "rest", "var")


@pytest.mark.parametrize("shift", [0.0, 1e6])
def test_pool_parts_in_any_order_to_the_same_bits(shift: float) -> None:
    parts = parts_of(RNG.lognormal(10, 3, 5000), shift, 0)
    known = ColumnStats.pooled(**parts)
    for seed in range(20):
        order = np.random.default_rng(seed).permutation(41)
        assert ColumnStats.pooled(**parts | {name: parts[name][order] for name in PARTS}) == known


@pytest.mark.parametrize("bad", [math.inf, math.nan])
@pytest.mark.parametrize("of", ["total", "rest", "var"])
def test_pool_overflow_as_moments_that_are_not_finite(of: str, bad: float) -> None:
    parts = parts_of(RNG.normal(0, 1, 100), 0.0, 0)
    parts[of][3] = bad
    stats = ColumnStats.pooled(**parts)
    assert (stats.finite, stats.min, stats.max) == (100, parts["min"], parts["max"])
    assert math.isinf(stats.mean)
    assert math.isinf(stats.m2)


def test_pool_nothing() -> None:
    none = np.array([], dtype=np.int64)
    parts = {"finite": none, **dict.fromkeys(("total", "rest", "var"), none * 1.0), "min": math.inf, "max": -math.inf}
    assert ColumnStats.pooled(**parts, nans=3) == ColumnStats(nans=3)  # type: ignore[arg-type]


@given(st.lists(ordinary, min_size=1, max_size=30), st.integers(1, 10**15))
def test_compute_exact_mean_in_any_order(totals: list[float], n: int) -> None:
    mean, low = exact_mean(totals, n)
    exact = sum(map(Fraction, totals), Fraction(0)) / n
    assert mean == mean + low  # low is what the double could not hold
    assert abs(Fraction(mean) + Fraction(low) - exact) <= abs(exact) / 2**104 + Fraction(TINY)
    assert exact_mean(totals[::-1], n) == (mean, low)


@given(columns)
def test_merge_empty_is_identity(values: list[float]) -> None:
    stats = ColumnStats.of(values)
    assert stats + EMPTY == stats == EMPTY + stats


@given(columns, columns)
def test_merge_commutes_bitwise(left: list[float], right: list[float]) -> None:
    a, b = ColumnStats.of(left), ColumnStats.of(right)
    assert json.dumps((a + b).to_dict()) == json.dumps((b + a).to_dict())


@given(columns, columns, columns)
def test_merge_associates(x: list[float], y: list[float], z: list[float]) -> None:
    a, b, c = map(ColumnStats.of, (x, y, z))
    left, right = (a + b) + c, a + (b + c)
    for name in ("rows", "nulls", "nans", "posinf", "neginf", "finite"):
        assert getattr(left, name) == getattr(right, name)
    values = [value for value in x + y + z if math.isfinite(value)]
    if values:
        assert (left.min, left.max) == (right.min, right.max) == (min(values), max(values))
        assert_close(left, values)
        assert_close(right, values)


@given(columns, st.lists(st.integers(0, 20), max_size=4))
def test_split_anywhere_gives_whole(values: list[float], cuts: list[int]) -> None:
    parts = np.split(np.array(values, dtype=float), sorted(min(cut, len(values)) for cut in cuts))
    split = reduce(ColumnStats.__add__, map(ColumnStats.of, parts))
    whole = ColumnStats.of(values)
    assert (split.rows, split.nans, split.posinf, split.neginf) == (whole.rows, whole.nans, whole.posinf, whole.neginf)
    kept = [value for value in values if math.isfinite(value)]
    for stats in (whole, split):
        if kept:
            assert (stats.min, stats.max) == (min(kept), max(kept))
            assert_close(stats, kept)


def assert_close(stats: ColumnStats, values: list[float]) -> None:
    """Hold mean (in units of the range) and M2 to the exact ones: two doubles and n roundings, no cancellation."""
    mean, square = exact_moments(values)
    found_mean, found_square = moments_of(stats)
    assert abs(found_mean - mean) <= (Fraction(max(values)) - Fraction(min(values))) * Fraction(2) ** -50
    assert abs(found_square - square) <= square * len(values) * Fraction(2) ** -50


@given(columns)
def test_round_trip_json_bitwise(values: list[float]) -> None:
    stats = ColumnStats.of(values) + ColumnStats(nulls=2)
    text = json.dumps(stats.to_dict(), allow_nan=False)
    back = ColumnStats.from_dict(json.loads(text))
    assert back == stats
    assert json.dumps(back.to_dict()) == text


def test_round_trip_quantiles() -> None:
    stats = ColumnStats.of(RNG.normal(size=3000), quantiles=True)
    assert ColumnStats.from_dict(json.loads(json.dumps(stats.to_dict()))) == stats


def test_merge_quantiles_of_both() -> None:
    a, b = (ColumnStats.of(part, quantiles=True) for part in ([1.0, 2.0], [3.0, 4.0, 5.0]))
    sketch = (a + b).quantiles
    assert sketch is not None
    assert (sketch.count, sketch.quantile(0.5)) == (5, 3.0)


def test_merge_quantiles_past_a_part_without_values() -> None:
    stats = ColumnStats.of([1.0, 2.0], quantiles=True)
    assert (stats + ColumnStats.of([np.nan])).quantiles == stats.quantiles


def test_merge_quantiles_ends_at_an_unsketched_part() -> None:
    assert (ColumnStats.of([1.0], quantiles=True) + ColumnStats.of([2.0])).quantiles is None


def test_compare_by_content() -> None:
    assert ColumnStats.of([np.nan]) == ColumnStats.of([np.nan])
    assert ColumnStats.of([1.0]) != ColumnStats.of([2.0])
    assert len({ColumnStats.of([1.0, 2.0]), ColumnStats.of([1.0, 2.0]), EMPTY}) == 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        EMPTY.finite = 1  # type: ignore[misc]


SOME, NONE = ColumnStats.of([1.0, 2.0, 3.0]).to_dict(), EMPTY.to_dict()
SKETCH = ColumnStats.of([1.0, 2.0], quantiles=True).to_dict()["quantiles"]
HOSTILE: list[Any] = [
    None, [], "x", {}, {1: 2, "a": 3}, SOME | {"more": 1}, {k: v for k, v in SOME.items() if k != "m2"},
    *(SOME | {"rows": value} for value in (4, -3, 3.0, "3", None)),
    *(SOME | {"finite": value} for value in (True, 0, -1, 2**63, 10**400)),
    *(SOME | {"nulls": value} for value in (-1, 0.0, False)),
    *(SOME | {name: value} for name in ("min", "max", "mean", "mean_lo", "m2")
      for value in (None, "1", True, [1.0], math.nan, math.inf, -math.inf, 10**400)),
    *(SOME | {"m2": value} for value in (-1.0, 1e3, 1e300)), SOME | {"mean": 4.0}, SOME | {"mean_lo": 1e-15},
    *(SOME | {"exp": value} for value in (0.0, True, 600, -(10**18), 10**18, 2**63)),
    *(NONE | {name: value} for name in ("min", "max", "mean", "mean_lo", "m2") for value in (0.0, math.nan)),
    NONE | {"exp": 7},
    *(SOME | {"quantiles": value} for value in (5, "", "AAAA", "é", [SKETCH], SKETCH)),
]  # fmt: skip


@pytest.mark.parametrize("data", HOSTILE, ids=range(len(HOSTILE)))
def test_refuse_hostile_dict(data: Any) -> None:
    with pytest.raises(DataError) as caught:
        ColumnStats.from_dict(data)
    assert (caught.value.code, caught.value.exit_code) == ("ARTIFACT_INVALID", 65)


def test_refuse_to_merge_with_something_else() -> None:
    with pytest.raises(TypeError):
        EMPTY + 1  # type: ignore[operator]


def test_show_what_people_look_for() -> None:
    stats = ColumnStats.of(np.ma.array([1.0, 2.0, 6.0, math.nan, -math.inf, math.inf, 0.0], mask=[0] * 6 + [1]))
    assert repr(stats) == "ColumnStats(rows=7, nulls=1, nan=1, inf=2, min=1, max=6, mean=3, std=2.16025)"
    assert repr(ColumnStats()) == "ColumnStats(rows=0, nulls=0, nan=0, inf=0, min=nan, max=nan, mean=nan, std=nan)"
