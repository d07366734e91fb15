"""The suite of what a run checks beside its scan: expectations, drift, metrics. No engine is asked."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

from benchmark.contest import Contest, Entry, Limit
from benchmark.setting import Bench

#: Values of a column: enough for a sketch of full size.
_VALUES = 200_000


def drift(bench: Bench) -> Iterator[Contest]:
    """Compare 200 columns with a baseline: loading it, expectations, drift and metrics."""
    for cols in bench.widths(200):
        at = {"folder": _fits(bench, cols)}
        whole = f"expectations, drift and metrics of {cols} columns"
        yield Contest(
            f"drift: {cols} columns with sketches of {_VALUES if not bench.quick else bench.rows:,} values",
            [
                Entry(whole, partial(monitor, **at), "python"),
                Entry("of it: expectations", partial(expect, **at), "python"),
                Entry("of it: drift", partial(compare, **at), "python"),
                Entry("of it: metrics", partial(metrics, **at), "python"),
                Entry("before it: load the baseline", partial(load, **at), "python"),
            ],
            [Limit(whole, 0.3)],
            alike=False,
        )


def _fits(bench: Bench, cols: int) -> str:
    """Save two fits of random columns; returns their folder."""
    import numpy as np

    import sparkscale as ss

    rng, place = np.random.default_rng(0), bench.folder / f"drift-{cols}"
    rows = bench.rows if bench.quick else _VALUES
    for name in ("base", "new"):
        data = {f"f{number}": rng.normal(size=rows) for number in range(cols)}
        ss.Pipeline([ss.Standard("f*")]).fit_arrays(data, sketch="all").save(str(place / name))
    return str(place)


@functools.cache
def _loaded(place: str) -> Any:
    """Load a fit; the first time, which is not timed."""
    import sparkscale as ss

    return ss.load(place)


def _expected(folder: str) -> list[Any]:
    from sparkscale.monitor.expectations import Expectation, judge

    rules = [Expectation("nulls", "le", 0.05), Expectation("std", "gt", 0.0), Expectation("constant", "eq", 0.0)]
    return judge(rules, _loaded(f"{folder}/new").stats, 1)


def _compared(folder: str) -> list[Any]:
    return list(_loaded(f"{folder}/new").drift(_loaded(f"{folder}/base")))


def _written(folder: str, rows: list[Any]) -> None:
    from sparkscale.config.monitoring import Metrics
    from sparkscale.monitor.facts import facts
    from sparkscale.spark.metrics.append import append

    stats = _loaded(f"{folder}/new").stats
    append(Metrics(path=f"{folder}/metrics"), f"run-{time.time_ns()}", "fit", [*facts(stats), *rows], None)  # type: ignore[arg-type]


def monitor(_spark: Any, folder: str) -> None:
    """Do all that a run does after its scan and before its verdict."""
    _written(folder, _expected(folder) + _compared(folder))


def expect(_spark: Any, folder: str) -> None:
    """Judge three rules."""
    _expected(folder)


def compare(_spark: Any, folder: str) -> None:
    """Measure drift."""
    _compared(folder)


def metrics(_spark: Any, folder: str) -> None:
    """Write the plain statistics."""
    _written(folder, [])


def load(_spark: Any, folder: str) -> None:
    """Load the baseline."""
    import sparkscale as ss

    ss.load(f"{folder}/base")
