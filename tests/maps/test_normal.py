"""The normal distribution in NumPy: published values, scipy's, and one the inverse of the other."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import special

from sparkscale.maps.normal import normal_quantile, share_below

#: From the paper of the algorithm, and of the last two the tables of Abramowitz and Stegun, 26.2.
PUBLISHED = {0.25: -0.6744897501960817, 0.001: -3.090232306167814, 1e-20: -9.262340089798408, 0.975: 1.959963984540054}


@pytest.mark.parametrize(("p", "expected"), PUBLISHED.items())
def test_match_published_quantiles(p: float, expected: float) -> None:
    assert normal_quantile(np.array([p]))[0] == pytest.approx(expected, rel=5e-16, abs=0)


def test_match_scipy() -> None:
    rng = np.random.default_rng(0)
    p = np.concatenate([rng.random(10_000), 10 ** rng.uniform(-300, 0, 10_000), 1 - 10 ** rng.uniform(-15, 0, 10_000)])
    np.testing.assert_allclose(normal_quantile(p), special.ndtri(p), rtol=3e-15, atol=1e-16)
    z = rng.uniform(-9, 9, 10_000)
    np.testing.assert_allclose(share_below(z), special.ndtr(z), rtol=0, atol=1e-15)


def test_be_one_the_inverse_of_the_other() -> None:
    p = np.linspace(0.0, 1.0, 2**12 + 1)[1:-1]
    np.testing.assert_allclose(share_below(normal_quantile(p)), p, rtol=0, atol=1e-15)
    assert normal_quantile(p).tolist() == (-normal_quantile(p)[::-1]).tolist()


def test_know_the_ends() -> None:
    assert share_below(np.array([-math.inf, 0.0, math.inf, 40.0])).tolist() == [0.0, 0.5, 1.0, 1.0]
    assert np.isnan(share_below(np.array([math.nan])))[0]
    assert np.isnan(normal_quantile(np.array([math.nan])))[0]
    assert Fraction(float(normal_quantile(np.array([0.5]))[0])) == 0
    assert share_below(np.array([])).tolist() == normal_quantile(np.array([])).tolist() == []
