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
from sparkscale.quantiles import K, QuantileSketch

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


@pytest.mark.parametrize("size", [1, 2, 5, 100, K])
def test_sketch_small_is_exact(size: int) -> None:
    values = np.random.default_rng(size).normal(size=size)
    sketch = QuantileSketch.of(values)
    assert sketch.rank_error == 0.0
    for rank in RANKS:
        neighbours = [np.quantile(values, rank, method=side) for side in ("lower", "higher")]
        assert sketch.quantile(rank) in neighbours


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
