"""Each measure against its value from the raw data, by NumPy and SciPy: within the stated bound, always."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats as scipy_stats
from scipy.spatial.distance import jensenshannon

from sparkscale.monitor.distribution import Distribution
from sparkscale.monitor.drift import compare
from sparkscale.monitor.rows import DriftRow
from tests.monitor.samples import DRAWS, pairs, sketched

COUNT = 240


def ks(new: Any, base: Any) -> float:
    return float(scipy_stats.ks_2samp(new, base, method="asymp").statistic)


def counts(new: Any, base: Any) -> tuple[Any, Any]:
    """Count both in the baseline's deciles, each bin closed at its upper edge."""
    edges = np.unique(np.quantile(base, np.arange(1, 10) / 10))
    return tuple(np.bincount(np.searchsorted(edges, x, side="left"), minlength=edges.size + 1) for x in (new, base))


def psi(new: Any, base: Any) -> float:
    p, q = ((one + 0.5) / (one.sum() + 0.5 * one.size) for one in counts(new, base))
    return float(np.sum((p - q) * np.log(p / q)))


def js(new: Any, base: Any) -> float:
    return float(np.nan_to_num(jensenshannon(*counts(new, base), base=2)))  # SciPy has a root of -1e-17


def trimmed(x: Any) -> tuple[Any, Any]:
    """Return sorted values, and how much of the middle 98 % each of them is."""
    ends = np.clip(np.arange(x.size + 1) / x.size, 0.01, 0.99)
    weights = np.diff(ends)
    return np.sort(x)[weights > 0], weights[weights > 0]


def wasserstein(new: Any, base: Any) -> float | None:
    if base.std() <= 2**-52 * abs(base.mean()):
        return None
    (x, u), (y, v) = trimmed(new), trimmed(base)
    return float(scipy_stats.wasserstein_distance(x, y, u, v)) * 0.98 / float(base.std())


def out_of_range(new: Any, base: Any) -> float:
    return float(np.mean((new < base.min()) | (new > base.max())))


RAW: dict[str, Callable[[Any, Any], float | None]] = {
    "ks": ks, "psi": psi, "js": js, "wasserstein": wasserstein, "out_of_range": out_of_range,
}  # fmt: skip


@pytest.fixture(scope="module")
def compared() -> list[tuple[str, Any, Any, dict[str, DriftRow], bool]]:
    """Compare all pairs; returns for each its name, the samples, the rows, and whether both sketches are exact."""
    out = []
    for name, new, base, k in pairs(COUNT):
        ours, theirs = sketched(new, k), sketched(base, k)
        rows = {row.measure: row for row in compare({"x": ours}, {"x": theirs})}
        assert ours.quantiles is not None
        assert theirs.quantiles is not None
        out.append((name, new, base, rows, not (ours.quantiles.rank_error or theirs.quantiles.rank_error)))
    return out


@pytest.mark.parametrize("measure", RAW)
def test_be_within_the_bound_of_the_raw_value(compared: Any, measure: str) -> None:
    outside, exact = [], 0
    for name, new, base, rows, is_exact in compared:
        row, raw = rows[measure], RAW[measure](new, base)
        if raw is None or row.value is None:
            assert raw is None, name
            assert row.value is None, name
            continue
        rounding = 1e-9 * max(1.0, abs(raw))
        exact += is_exact
        assert not (is_exact and row.bound), name
        if not abs(row.value - raw) <= row.bound + rounding:
            outside.append((name, row.value, raw, row.bound))
    assert outside == []
    assert exact >= COUNT // 5


@pytest.mark.parametrize("k", [1024, 200])
@pytest.mark.parametrize("kind", ["normal", "ties", "few", "half zero", "cauchy", "sorted"])
def test_bracket_the_deciles_of_the_raw_data(kind: str, k: int) -> None:
    rng, ranks = np.random.default_rng(4), np.arange(1, 10) / 10
    width = []
    for n in (3000, 20_000, 60_000):
        x = DRAWS[kind](rng, n)
        stats = sketched(x, k)
        assert stats.quantiles is not None
        one = Distribution.of(stats.quantiles, stats.min, stats.max)
        lows, highs = one.bracket(ranks)
        raw = np.quantile(x, ranks)
        assert (lows <= raw).all()
        assert (raw <= highs).all()
        width.append(np.max(np.mean(x[:, None] <= highs, axis=0) - np.mean(x[:, None] <= lows, axis=0)))
    assert kind not in ("normal", "cauchy", "sorted") or max(width) < 5 * one.error  # no wider than errors make it
