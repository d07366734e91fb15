"""Drift: how far the statistics of features are from those of a baseline, and what to think of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sparkscale.errors import DataError
from sparkscale.monitor.measures.base import REGISTRY, UNDEFINED, Measure, Measured
from sparkscale.monitor.pair import Pair
from sparkscale.monitor.rows import Drift, DriftRow, Verdict
from sparkscale.monitor.thresholds import Limits
from sparkscale.monitor.words import listed
from sparkscale.stats.column import ColumnStats

Stats = Mapping[str, ColumnStats]
DEFAULT = Limits()


def compare(new: Stats, base: Stats, limits: Limits = DEFAULT) -> Drift:
    """Return every measure of every feature, those furthest over their thresholds first.

    A feature that only the baseline has is noted. One that the baseline lacks cannot be judged:

    Raises:
        DataError: (65) naming the features that the baseline lacks.
    """
    if lacking := new.keys() - base.keys():
        raise lacks(lacking, base.keys() - new.keys())
    return compare_shared(new, base, limits)


def compare_shared(new: Stats, base: Stats, limits: Limits = DEFAULT) -> Drift:
    """Return the measures of the features that both have; those of one side alone are noted."""
    shared = [name for name in new if name in base]
    rows = [row for name in shared for row in _rows(name, Pair(new[name], base[name]), limits)]
    return Drift(sorted(rows, key=lambda row: row.order), list(_notes(new, base, limits)))


def lacks(lacking: set[str], gone: set[str]) -> DataError:
    """Return the error of features that the baseline lacks."""
    noun, it = ("feature", "it") if len(lacking) == 1 else ("features", "them")
    cause = f"expected a baseline with {noun} {listed(sorted(lacking))}, found one "
    found = f"with {listed(sorted(gone))} instead" if gone else f"without {it}"
    hint = "compare with an artifact that was fitted on the same columns"
    return DataError("DRIFT_FEATURES", cause + found, hint)


def _rows(name: str, pair: Pair, limits: Limits) -> Iterator[DriftRow]:
    sketched = _sketched(pair)
    for measure in REGISTRY.values():
        if measure.needs == "sketch" and not sketched:
            continue
        enough, many = _counts(measure, pair, limits.min_rows)
        found = measure.measure(pair) if enough else UNDEFINED
        levels = limits.of(measure, name) if many else (None, None)
        yield _judged(name, measure.name, found, levels)


def _judged(feature: str, measure: str, found: Measured, levels: tuple[float | None, float | None]) -> DriftRow:
    """Return a measure with its verdict and the threshold that it is about: the one exceeded, or the next one."""
    warn, error = levels
    verdict: Verdict = "none"
    threshold = error if warn is None else warn
    if found is not UNDEFINED and threshold is not None:
        verdict = "ok"
        if warn is not None and found.compared > warn:
            verdict, threshold = "warn", warn
        if error is not None and found.compared > error and found.most == "error":
            verdict, threshold = "error", error
    bound = None if found.value is None else found.bound
    return DriftRow(feature, measure, found.value, bound, threshold, verdict, found.compared)


def _counts(measure: Measure, pair: Pair, min_rows: int) -> tuple[bool, bool]:
    """Return whether there is something to measure on both sides, and enough to judge it."""
    least = min(stats.rows if measure.needs == "rows" else stats.finite for stats in (pair.new, pair.base))
    return least > 0, least >= min_rows


def _sketched(pair: Pair) -> bool:
    """Whether both sides have a sketch; of a side without a finite value, there is nothing to sketch."""
    return all(stats.quantiles is not None or not stats.finite for stats in (pair.new, pair.base))


def _notes(new: Stats, base: Stats, limits: Limits) -> Iterator[str]:
    """Yield what the measures do not say: features of one side alone, without a sketch, with few rows."""
    shared = [name for name in new if name in base]
    if only := [name for name in new if name not in base]:
        yield f"not in the baseline: {listed(only)}"
    if only := [name for name in base if name not in new]:
        yield f"only in the baseline: {listed(only)}"
    if plain := [name for name in shared if not _sketched(Pair(new[name], base[name]))]:
        fewer = [measure.name for measure in REGISTRY.values() if measure.needs == "sketch"]
        yield f"without a quantile sketch on both sides, so without {', '.join(fewer)}: {listed(plain)}"
    few = [name for name in shared if min(new[name].finite, base[name].finite) < limits.min_rows]
    if few:
        yield f"fewer than {limits.min_rows:,} finite values, so their values are not judged: {listed(few)}"
