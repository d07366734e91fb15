"""Pairs of samples to compare: shifts, ties, constants, few values, heavy tails, gaps; of few values and of many."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import datasketches
import numpy as np

from sparkscale.stats.column import ColumnStats
from sparkscale.stats.quantiles import K, QuantileSketch

Draw = Callable[[np.random.Generator, int], Any]
#: Up to about a thousand values a sketch is exact.
SIZES = (7, 150, 900, 5000, 30_000)
DRAWS: dict[str, Draw] = {
    "normal": lambda rng, n: rng.normal(rng.uniform(-1, 1), rng.uniform(0.5, 2), n),
    "far": lambda rng, n: rng.normal(1e9, 1, n),
    "uniform": lambda rng, n: rng.uniform(rng.uniform(-1, 0), 1, n),
    "lognormal": lambda rng, n: rng.lognormal(rng.uniform(0, 1), 1.5, n),
    "cauchy": lambda rng, n: rng.standard_cauchy(n),
    "pareto": lambda rng, n: rng.pareto(0.7, n),
    "ties": lambda rng, n: np.round(rng.normal(0, 1, n), 1),
    "few": lambda rng, n: rng.choice([1.0, 2.0, 3.0], n, p=rng.dirichlet([1, 1, 1])),
    "half zero": lambda rng, n: np.where(rng.random(n) < 0.5, 0.0, rng.exponential(1, n)),
    "gap": lambda rng, n: np.where(rng.random(n) < rng.uniform(0.2, 0.8), rng.normal(0, 1, n), rng.normal(1000, 1, n)),
    "constant": lambda rng, n: np.full(n, float(rng.integers(3))),
    "sorted": lambda rng, n: np.sort(rng.normal(0, 1, n)),
}


def pairs(count: int, seed: int = 0) -> Iterator[tuple[str, Any, Any, int]]:
    """Yield names and samples, new and baseline, and the accuracy of the sketches; half of them of one shape."""
    rng = np.random.default_rng(seed)
    kinds = list(DRAWS)
    for number in range(count):
        base = kinds[number % len(kinds)]
        new = base if number % 2 else str(rng.choice(kinds))
        n, m = (int(size) for size in rng.choice(SIZES, 2))
        k = K if number % 3 else 200
        yield f"{number}: {new} {n} against {base} {m}, k {k}", DRAWS[new](rng, n), DRAWS[base](rng, m), k


def sketched(x: Any, k: int = K) -> ColumnStats:
    """Return the statistics of values, with a sketch of another accuracy."""
    if k == K:
        return ColumnStats.of(x, quantiles=True)
    sketch = datasketches.kll_doubles_sketch(k)
    sketch.update(np.asarray(x, dtype=np.float64))
    return ColumnStats.of(x).with_quantiles(QuantileSketch(sketch.serialize()))
