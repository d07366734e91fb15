"""The fit of a temperature: against scipy, at the bounds, and by how many looks at the data."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, special

from sparkscale.errors import DataError
from sparkscale.scalers.learning import LossAsk, learned_row
from sparkscale.scalers.softmax import LogSoftmax, Softmax
from sparkscale.scalers.temperature import LOOKS, MOST_LOOKS, calibrate
from sparkscale.stats.calibration import HIGHEST, LOWEST, Calibration
from sparkscale.stats.losses import Losses, Ragged, Scored


def scores(noise: float, signal: float, rows: int = 3000, k: int = 5, seed: int = 0) -> tuple[Any, Any]:
    """Return normal scores, and labels whose score is raised."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, k, rows)
    x = rng.normal(0, noise, (rows, k))
    x[np.arange(rows), label] += signal
    return x, label


def learned(x: Any, label: Any, weight: Any = None, null: Any = None) -> tuple[Calibration, int]:
    """Return what is found, and how often it has looked."""
    looks = 0
    rows = Scored(
        x, np.zeros(x.shape, dtype=bool) if null is None else null, label,
        np.ones(len(label)) if weight is None else weight,
    )  # fmt: skip

    def answer(ask: LossAsk) -> Losses:
        nonlocal looks
        looks += 1
        return rows.losses(ask.betas, ask.binned, ask.derivatives)

    _, found = learned_row(Softmax("x", temperature={"fit": "y"}).learn_row(), answer)
    assert found is not None
    return found, looks


def nll(x: Any, label: Any, temperature: float, weight: Any = None) -> float:
    """Return the mean negative log-likelihood, by scipy."""
    return float(np.average(-special.log_softmax(x / temperature, axis=1)[np.arange(len(x)), label], weights=weight))


def ece(x: Any, label: Any, temperature: float) -> float:
    """Return the expected calibration error as Guo et al. write it: bins ((m - 1) / 15, m / 15]."""
    p = special.softmax(x / temperature, axis=1)
    confidence, right = p.max(axis=1), p.argmax(axis=1) == label
    total = 0.0
    for m in range(1, 16):
        inside = (confidence > (m - 1) / 15) & (confidence <= m / 15)
        if inside.any():
            total += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    return total


def best(x: Any, label: Any, weight: Any = None) -> float:
    """Return the temperature by scipy, of the slope's root: a minimum of values is known to 1e-8 only."""

    def slope(log_t: float) -> float:
        b = math.exp(-log_t)
        p = special.softmax(x * b, axis=1)
        return float(np.average((p * x).sum(axis=1) - x[np.arange(len(x)), label], weights=weight))

    return math.exp(optimize.brentq(slope, math.log(LOWEST), math.log(HIGHEST), xtol=1e-14, rtol=1e-14))


@pytest.mark.parametrize(("noise", "signal"), [(1, 2), (3, 2), (0.5, 1.5), (1, 0.3), (2, 6)])
@pytest.mark.parametrize("scale", [1, 0.02, 37, 1e-3, 1e3])
def test_find_the_temperature_of_scipy(noise: float, signal: float, scale: float) -> None:
    x, label = scores(noise, signal)
    x = x * scale
    found, looks = learned(x, label)
    assert found.bound is None
    assert found.temperature == pytest.approx(best(x, label), rel=1e-9)
    minimum = optimize.minimize_scalar(
        lambda t: nll(x, label, math.exp(t)), bracket=[math.log(scale), math.log(2 * scale)]
    )
    assert found.temperature == pytest.approx(math.exp(minimum.x), rel=1e-6)
    assert found.nll_before == pytest.approx(nll(x, label, 1.0), rel=1e-12)
    assert found.nll_after == pytest.approx(nll(x, label, found.temperature), rel=1e-12)
    assert found.ece_before == pytest.approx(ece(x, label, 1.0), rel=1e-9, abs=1e-12)
    assert found.ece_after == pytest.approx(ece(x, label, found.temperature), rel=1e-9, abs=1e-12)
    assert looks <= LOOKS + (scale != 1) * 2 + 1


def test_take_three_looks_as_a_rule() -> None:
    for noise, signal in [(1, 2), (1, 0.5), (2, 3)]:
        assert learned(*scores(noise, signal))[1] == LOOKS == 3


@given(st.integers(0, 10**6), st.floats(-12, 12), st.floats(0.1, 6))
def test_never_look_more_often_than_it_says(seed: int, power: float, signal: float) -> None:
    x, label = scores(1, signal, rows=40, k=3, seed=seed)
    found, looks = learned(x * 2.0**power, label)
    assert looks <= MOST_LOOKS
    if found.bound is None:
        assert found.temperature == pytest.approx(best(x * 2.0**power, label), rel=1e-6)


def test_weigh_the_rows() -> None:
    x, label = scores(2, 3, rows=400)
    weight = np.random.default_rng(1).integers(1, 5, 400)
    once, _ = learned(x, label, weight.astype(float))
    repeated, _ = learned(np.repeat(x, weight, axis=0), np.repeat(label, weight))
    assert once.temperature == pytest.approx(repeated.temperature, rel=1e-11)
    assert once.temperature == pytest.approx(best(x, label, weight), rel=1e-9)
    assert [once.nll_before, once.ece_before, once.ece_after] == pytest.approx(
        [repeated.nll_before, repeated.ece_before, repeated.ece_after], rel=1e-9
    )
    assert learned(x, label)[0].temperature != once.temperature


def test_stop_at_the_lower_bound_for_labels_that_always_win() -> None:
    label = np.arange(40) % 4
    for size in (1.0, 1e-3, 1e9, 1e300):
        found, looks = learned(np.eye(4)[label] * size, label)
        assert (found.temperature, found.bound, looks) == (LOWEST, "lower", 2)
        assert "largest in every row" in found.warning


def test_stop_at_the_upper_bound_for_labels_that_scores_say_nothing_of() -> None:
    label = np.arange(40) % 4
    for x in (-np.eye(4)[label], np.zeros((40, 4)), np.full((40, 4), -1e308)):
        found, looks = learned(x, label)
        assert (found.temperature, found.bound) == (HIGHEST, "upper")
        assert looks <= 4
        assert found.nll_after <= found.nll_before
        assert "nothing" in found.warning


def test_have_the_best_temperature_where_a_look_hits_it() -> None:
    x = np.array([[math.log(3), 0.0]] * 4)  # p = 3/4 at T = 1, and three of four labels are the first
    found, looks = learned(x, np.array([0, 0, 0, 1]))
    assert found.temperature == pytest.approx(1.0, rel=1e-12)
    assert looks <= LOOKS
    assert not found.warning


def test_leave_rows_out_and_count_them() -> None:
    x, label = scores(2, 3, rows=100)
    dirty, names, null = x.copy(), label.copy(), np.zeros(x.shape, dtype=bool)
    dirty[0, 1], dirty[1, 0], dirty[2, 3] = np.nan, np.inf, -np.inf
    null[3:5, 2], names[5:9] = True, -1
    found, _ = learned(dirty, names, null=null)
    clean, _ = learned(x[9:], label[9:])
    assert found.temperature == clean.temperature
    rows = found.rows
    assert (rows.rows, rows.nonfinite, rows.nulls, rows.unlabelled, rows.used) == (100, 3, 2, 4, 91)
    assert "4 without a label, 2 with null scores, 3 with NaN or infinite scores" in found.summary


def test_use_the_scores_that_are_there() -> None:
    """With ``nulls: mask`` a null score takes no part; without the label's own score, a row says nothing."""
    x, label = scores(2, 3, rows=300, k=4)
    null = np.random.default_rng(3).random(x.shape) < 0.3
    keep = ~null[np.arange(300), label]
    rows = Scored(x, null, label, np.ones(300), partial=True)
    _, found = learned_row(
        LogSoftmax("x", temperature={"fit": "y"}, nulls="mask").learn_row(),
        lambda ask: rows.losses(ask.betas, ask.binned, ask.derivatives),
    )
    assert found is not None
    assert found.rows.nulls == 300 - keep.sum()
    masked = np.where(null, -1e9, x)[keep]
    assert found.temperature == pytest.approx(best(masked, label[keep]), rel=1e-8)
    assert found.nll_after == pytest.approx(nll(masked, label[keep], found.temperature), rel=1e-12)


def test_refuse_labels_that_name_no_class() -> None:
    x, label = scores(1, 1, rows=10)
    for wrong in (-2, 5, 10**6):
        label[:3] = wrong
        with pytest.raises(DataError, match=r"label 'y': expected .* found 3 of 10 rows with others"):
            learned(x, label)


def test_refuse_rows_that_say_nothing() -> None:
    x, label = scores(1, 1, rows=3)
    with pytest.raises(DataError, match=r"found none in 3 rows \(0 without a label, 0 with null scores, 3 with NaN"):
        learned(x * np.nan, label)
    with pytest.raises(DataError, match=r"3 without a label"):
        learned(x, label * 0 - 1)


def test_sum_rows_of_any_length_as_rows_of_one() -> None:
    x, label = scores(2, 3, rows=60, k=4)
    lengths = np.repeat([2, 0, 4], 20)
    places = np.minimum(label, 1)
    flat = np.concatenate([row[:length] for row, length in zip(x, lengths, strict=True)])
    null = np.zeros(flat.size, dtype=bool)
    found = Ragged(flat, null, lengths, places, np.ones(60)).losses((0.5, 1.0), 1.0)
    parts = [
        Scored(x[lengths == k][:, :k], np.zeros((20, k), dtype=bool), places[lengths == k], np.ones(20)).losses(
            (0.5, 1.0), 1.0
        )
        for k in (2, 0, 4)
    ]
    total = parts[0] + parts[1] + parts[2]
    np.testing.assert_allclose(found.flat, total.flat, rtol=1e-13)
    assert Losses.of_flat(found.flat, (0.5, 1.0)) == found
    assert (found.rows.rows, found.rows.nulls) == (60, 20)


def test_differentiate_the_loss() -> None:
    """Slope, curvature and bend are the derivatives of the loss by b."""
    x, label = scores(2, 1, rows=50)
    rows, b, h = Scored(x, np.zeros(x.shape, dtype=bool), label, np.ones(50)), 0.8, 1e-4
    below, at, above = rows.losses((b - h, b, b + h)).points
    assert (above.loss - below.loss) / (2 * h) == pytest.approx(at.slope, rel=1e-6)
    assert (above.slope - below.slope) / (2 * h) == pytest.approx(at.curvature, rel=1e-6)
    assert (above.curvature - below.curvature) / (2 * h) == pytest.approx(at.bend, rel=1e-6)


def test_calibrate_stops_with_its_data() -> None:
    assert next(calibrate(LossAsk("y"))).binned == 1.0
