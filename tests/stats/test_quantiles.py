"""Quantile sketches: exact when small, within the stated rank error when large, and no crash on bad bytes."""

from __future__ import annotations

import base64
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sparkscale.errors import DataError
from sparkscale.stats.quantiles import K, QuantileSketch, k_of

#: The stated rank error holds with 99 % confidence. It has the tails of a sum of many bounded terms, so 3 times
#: as much is passed about once in 1e13 tries; the coins of a KLL sketch cannot be seeded.
SURE = 3.0
#: Apache DataSketches, KLL, K = 1024: published single-sided normalized rank error.
RANK_ERROR = 0.0027
RANKS = (0.0, 0.01, 0.25, 0.5, 0.75, 0.99, 1.0)
MANY = np.random.default_rng(7).lognormal(size=50_000)


def rank_distance(values: NDArray[np.float64], found: float, rank: float) -> float:
    """Return how far ``rank`` is from the ranks that ``found`` has in the data."""
    ordered = np.sort(values)
    low, high = (np.searchsorted(ordered, found, side) / values.size for side in ("left", "right"))
    return float(max(low - rank, rank - high, 0.0))


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 28, 100, 101, K - 1, K])
def test_match_numpy_percentile_while_all_values_are_held(size: int) -> None:
    values = np.random.default_rng(size).normal(size=size)
    sketch = QuantileSketch.of(values)
    assert sketch.rank_error == 0.0
    percents = [0, 1, 5, 25, 100 / 3, 50, 61.8, 75, 95, 99.9, 100]
    found = sketch.quantiles([percent / 100 for percent in percents])
    assert found == np.percentile(values, percents).tolist()
    assert found == [sketch.quantile(percent / 100) for percent in percents]


@pytest.mark.parametrize(("values", "expected"), [
    ([1.0, 2.0, 3.0], [1.5, 2.0, 2.5]), ([0.0, 28.0], [7.0, 14.0, 21.0]), ([4.0], [4.0, 4.0, 4.0]),
    ([5.0, 5.0, 5.0, 9.0], [5.0, 5.0, 6.0]), ([-1.7e308, 1.7e308], [-0.85e308, 0.0, 0.85e308]),
    ([0.0, 5e-324], [0.0, 5e-324, 5e-324]), ([-1.0, -0.5, 0.0, 0.5, 1.0], [-0.5, 0.0, 0.5]),
])  # fmt: skip
def test_interpolate_quartiles(values: list[float], expected: list[float]) -> None:
    assert QuantileSketch.of(np.array(values)).quantiles([0.25, 0.5, 0.75]) == pytest.approx(expected, rel=2e-16, abs=0)


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=200), st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_match_numpy_quantile_of_any_values(values: list[float], ranks: list[float]) -> None:
    assert QuantileSketch.of(np.array(values)).quantiles(ranks) == np.quantile(values, ranks).tolist()


def test_interpolate_nothing_to_nan() -> None:
    assert np.isnan(QuantileSketch.of(np.array([])).quantiles([0.0, 0.5])).all()


@pytest.mark.parametrize("size", [K + 1, 3000, 50_000, 400_000])
def test_interpolate_between_retained_values_beyond(size: int) -> None:
    values = np.random.default_rng(size).permutation(size) * 3.0  # rank r is the value 3 r (n - 1)
    sketch = QuantileSketch.of(values)
    assert sketch.rank_error > 0
    ranks = np.linspace(0, 1, 2001)
    found = np.array(sketch.quantiles(ranks.tolist()))
    assert (found[0], found[-1]) == (0.0, 3.0 * (size - 1))
    assert (np.diff(found) >= 0).all()
    assert np.abs(found / (3.0 * (size - 1)) - ranks).max() <= SURE * RANK_ERROR
    assert np.unique(found).size > 1990  # interpolated: the retained values alone repeat


def test_interpolate_by_the_weights_of_the_bytes() -> None:
    """Recompute the rule from the published layout: level i holds values of weight 2**i."""
    sketch = QuantileSketch.of(MANY)
    levels = sketch.data[18]
    starts = struct.unpack_from(f"<{levels}I", sketch.data, 20)
    low, high, *kept = struct.unpack(f"<{(len(sketch.data) - 20 - 4 * levels) // 8}d", sketch.data[20 + 4 * levels :])
    ends = [*starts[1:], starts[0] + len(kept)]
    weighted = sorted(
        (value, 2**level)
        for level, (start, end) in enumerate(zip(starts, ends, strict=True))
        for value in kept[start - starts[0] : end - starts[0]]
    )
    points, before = [(0.0, low)], 0
    for value, weight in weighted:
        points.append((before + (weight - 1) / 2, value))
        before += weight
    points.append((MANY.size - 1.0, high))
    assert before == MANY.size
    ranks = [0.0, 0.001, 0.25, 0.5, 0.77, 0.999, 1.0]
    expected = np.interp(np.array(ranks) * (MANY.size - 1), *zip(*points, strict=True))
    np.testing.assert_allclose(sketch.quantiles(ranks), expected, rtol=1e-13)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 700, K])
def test_keep_one_form_of_a_sketch_that_holds_all(size: int) -> None:
    rng = np.random.default_rng(size)
    values = rng.normal(size=size)
    forms, raw = set(), set()
    for _ in range(5):
        rng.shuffle(values)
        cut = int(rng.integers(0, size + 1))
        sketch = QuantileSketch.of(values[:cut]) + QuantileSketch.of(values[cut:])
        raw.add(sketch.data)
        forms.add(sketch.canonical().data)
    assert len(forms) == 1
    assert size < 3 or len(raw) > 1  # the order leaves traces in what is not canonical
    known = QuantileSketch(forms.pop())
    assert known.count == size
    assert [known.quantile(rank) for rank in RANKS if size] == [sketch.quantile(rank) for rank in RANKS if size]


def test_leave_a_randomized_sketch_as_it_is() -> None:
    sketch = QuantileSketch.of(MANY)
    assert sketch.canonical() == sketch


def test_sketch_median_of_odd_count() -> None:
    assert QuantileSketch.of(np.array([3.0, 1.0, 5.0, 2.0, 4.0])).quantile(0.5) == 3.0


def test_sketch_large_within_rank_error() -> None:
    sketch = QuantileSketch.of(MANY)
    assert sketch.rank_error == pytest.approx(RANK_ERROR, abs=5e-5)
    assert len(sketch.data) < 24_576
    for rank in RANKS:
        assert rank_distance(MANY, sketch.quantile(rank), rank) <= SURE * RANK_ERROR


@pytest.mark.parametrize("size", [0, 1, 2, 200, 205, 206, 1024, 300_000])
def test_coarsen_to_the_error_asked_for(size: int) -> None:
    values = np.random.default_rng(size).gamma(2.0, 3.0, size)
    fine, k = QuantileSketch.of(values), k_of(0.013)
    coarse = fine.coarsened(k)
    assert (coarse.count, coarse.coarsened(K), fine.coarsened(K)) == (size, coarse, fine)
    if size <= k:
        assert coarse == fine
        return
    assert coarse.rank_error == pytest.approx(0.013, abs=5e-5)
    assert len(coarse.data) < 5500
    ranks = np.linspace(0, 1, 101)
    off = np.searchsorted(np.sort(values), coarse.quantiles(list(ranks))) / size - ranks
    assert np.abs(off).max() <= 3 * coarse.rank_error + 1 / size  # stated for 99 %
    for both in (fine + coarse, coarse + fine, QuantileSketch.merged([fine, coarse, fine])):
        assert both.rank_error == coarse.rank_error


def test_merge_within_rank_error_of_one_sketch() -> None:
    merged = QuantileSketch.of(MANY[:10])
    for part in np.array_split(MANY[10:], 64):
        merged = merged + QuantileSketch.of(part)
    assert merged.count == MANY.size
    assert merged.rank_error == pytest.approx(RANK_ERROR, abs=5e-5)
    for rank in RANKS:
        assert rank_distance(MANY, merged.quantile(rank), rank) <= SURE * RANK_ERROR


def test_merge_leaves_both_sides_alone() -> None:
    left, right = QuantileSketch.of(np.arange(10.0)), QuantileSketch.of(np.arange(5.0))
    before = left.data, right.data
    assert (left + right).count == 15
    assert (left.data, right.data) == before


def test_merge_with_sketch_of_nothing() -> None:
    some, none = QuantileSketch.of(np.arange(9.0)), QuantileSketch.of(np.array([]))
    assert none.count == 0
    for merged in (some + none, none + some):
        assert (merged.count, merged.quantile(0.5)) == (9, 4.0)


@pytest.mark.parametrize("size", [0, 1, 2, K, K + 1, 50_000])
def test_round_trip_text(size: int) -> None:
    sketch = QuantileSketch.of(MANY[:size])
    assert QuantileSketch.from_text(sketch.to_text()) == sketch


@pytest.mark.parametrize("text", ["", "AAAA", "not base64!", "é", 5, None, 1234, ["AAAA"], "A" * 1000])
def test_refuse_what_is_no_sketch(text: object) -> None:
    with pytest.raises(DataError, match="quantile sketch") as caught:
        QuantileSketch.from_text(text)
    assert caught.value.exit_code == 65


@pytest.mark.parametrize("change", [" ", "\n", "!", "=", "\0"])
def test_refuse_text_that_was_not_written(change: str) -> None:
    text = QuantileSketch.of(MANY[:8]).to_text()
    assert QuantileSketch.from_text(text).count == 8
    for at in (0, 10, len(text)):
        with pytest.raises(DataError, match="not base64"):
            QuantileSketch.from_text(text[:at] + change + text[at:])


def refuse(data: bytes) -> None:
    with pytest.raises(DataError) as caught:
        QuantileSketch.from_text(base64.b64encode(data).decode())
    assert (caught.value.code, caught.value.exit_code) == ("ARTIFACT_INVALID", 65)


@pytest.mark.parametrize("size", [1, 5, 3000])
def test_refuse_bytes_cut_off(size: int) -> None:
    data = QuantileSketch.of(MANY[:size]).data
    for length in range(min(len(data), 60)):
        refuse(data[:length])
    refuse(data[:-1])


def test_refuse_levels_out_of_order() -> None:
    data = bytearray(QuantileSketch.of(MANY[:3000]).data)
    assert data[18] >= 3  # levels
    struct.pack_into("<I", data, 24, 2**31)  # where the second of them starts: a query would read there
    refuse(bytes(data))


def test_refuse_levels_out_of_order_that_hold_n() -> None:
    data = bytearray(QuantileSketch.of(MANY[:3000]).data)
    first, second, third = struct.unpack_from("<3I", data, 20)
    step = (third - second) // 3 + 1  # the first level grows by 2, the second shrinks by 3 to below 0, the third grows
    struct.pack_into("<3I", data, 20, first, second + 2 * step, third - step)
    refuse(bytes(data))


def test_refuse_levels_that_do_not_hold_n() -> None:
    data = bytearray(QuantileSketch.of(MANY[:3000]).data)
    struct.pack_into("<q", data, 8, 3001)
    refuse(bytes(data))


def test_refuse_no_levels() -> None:
    data = bytearray(QuantileSketch.of(MANY[:3000]).data)
    data[18] = 0
    refuse(bytes(data))


def test_refuse_no_levels_that_hold_nothing() -> None:
    data = QuantileSketch.of(MANY[:5]).data
    assert data[18] == 1  # level, whose start stands in the four bytes before min and max
    without = bytearray(data[:20] + data[24:40])
    without[18] = 0
    struct.pack_into("<q", without, 8, 0)  # n: no levels and no values add up
    refuse(bytes(without))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("size", [1, 5])
def test_refuse_values_not_finite(size: int, value: float) -> None:
    data = QuantileSketch.of(MANY[:size]).data
    refuse(data[:-8] + struct.pack("<d", value))


@given(
    edits=st.lists(st.tuples(st.integers(0, 39), st.integers(0, 255)), min_size=1, max_size=4), cut=st.integers(0, 80)
)
def test_survive_any_header(edits: list[tuple[int, int]], cut: int) -> None:
    for size in (5, 1500):
        data = bytearray(QuantileSketch.of(MANY[:size]).data)
        for offset, byte in edits:
            data[offset] = byte
        try:
            sketch = QuantileSketch.from_text(base64.b64encode(data[: len(data) - cut % 16]).decode())
        except DataError:
            continue
        assert sketch.count == 0 or np.isfinite(sketch.quantile(0.5))
        assert (sketch + sketch).count == 2 * sketch.count
