"""Whether two fits differ by the chance of their quantile sketches alone, so that one version serves for both.

See docs/design/006-chance-of-sketches.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from sparkscale.artifact import document, store
from sparkscale.errors import SparkscaleError
from sparkscale.pipeline.fitted import Fitted
from sparkscale.stats.quantiles import QuantileSketch

#: Where sketches are compared: their rank errors are a quarter of a percent.
_RANKS = np.linspace(0.01, 0.99, 99)


def settled(fitted: Fitted, uri: str) -> Fitted:
    """Return the newest version in a store where a fit differs from it by chance alone; else the fit itself."""
    if not any(stats.quantiles for stats in fitted.stats.values()):
        return fitted
    try:
        known = store.load(uri, "newest")
    except SparkscaleError:  # there is none, or none that can be read: saving says so
        return fitted
    return known if same_but_for_chance(known, fitted) else fitted


def same_but_for_chance(one: Fitted, other: Fitted) -> bool:
    """Whether two fits are equal but for their sketches and the maps solved from them, and those are near."""
    if one.stats.keys() != other.stats.keys() or document.content(_exact(one, one)) != document.content(
        _exact(other, one)
    ):
        return False
    pairs = zip(_sketches(one), _sketches(other), strict=True)
    return all(a == b or (a is not None and b is not None and _near(a, b)) for a, b in pairs)


def _exact(fitted: Fitted, shared: Fitted) -> Fitted:
    """Return what a fit has learned without chance: no sketches, and ``shared`` maps of the steps that need them."""
    stats = {name: known.with_quantiles(None) for name, known in fitted.stats.items()}
    if len(fitted.maps) != len(shared.maps):
        return fitted
    maps = zip(fitted.steps, fitted.maps, shared.maps, strict=True)
    kept = tuple(b if step.step.needs_quantiles else a for step, a, b in maps)
    tables = {key: table.unsketched() for key, table in fitted.tables.items()}
    return replace(fitted, stats=stats, maps=kept, tables=tables)


def _sketches(fitted: Fitted) -> Iterator[QuantileSketch | None]:
    """Yield the sketches of all rows, then those of the groups."""
    yield from (stats.quantiles for stats in fitted.stats.values())
    for table in fitted.tables.values():
        for stats in table.features.values():
            held: Iterable[bytes | None] = () if stats.sketches is None else stats.sketches
            yield from (None if data is None else QuantileSketch(data) for data in held)


def _near(one: QuantileSketch, other: QuantileSketch) -> bool:
    """Whether no quantile of one is further from the other's than the rank errors of both."""
    if one.count != other.count:
        return False
    error = one.rank_error + other.rank_error
    low, high = (one.quantiles(np.clip(_RANKS + shift, 0, 1).tolist()) for shift in (-error, error))
    middle = other.quantiles(_RANKS.tolist())
    return all(a <= x <= b for a, x, b in zip(low, middle, high, strict=True))
