"""The suites: which works meet, on which tables, and the targets that they are held to."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import partial
from typing import Any

from benchmark import data, floors, peers, states, works
from benchmark.contest import Contest, Entry, Target
from benchmark.groups import groups
from benchmark.monitoring import drift
from benchmark.setting import Bench, fitted, job_file
from benchmark.wide import wide

#: Who applies the maps; see `Fitted.transform`.
ENGINES = ("native", "arrow", "pandas")


def fit(bench: Bench) -> Iterator[Contest]:
    """Fit: 20, 200 and 2,000 columns; quantiles; lineitem."""
    for cols in bench.widths(20, 200):
        rows = bench.cells(cols)
        at = {"data": data.features(bench.folder, rows, cols)}
        yield Contest(
            f"fit, {rows:,} rows, {cols} columns",
            [
                Entry("noop scan", partial(floors.noop, **at)),
                Entry("sparkscale", partial(works.fit, **at)),
                Entry("sparkscale on Sail", partial(works.fit, **at), "sail"),
                Entry("MLlib", partial(peers.mllib_fit, **at)),
                Entry("agg, 10 columns at a time", partial(peers.agg, **at, at_a_time=10)),
                Entry("one plain agg", partial(peers.agg, **at)),
                Entry("sparkscale with quantiles", partial(works.fit, **at, scaler="Robust")),
            ],
            [
                Target("sparkscale", "noop scan", 1.5),
                Target("sparkscale", "MLlib", 1 / (1.4 if cols >= 200 else 1.7)),
                Target("sparkscale", "one plain agg", 1 / (4 if cols >= 200 else 3.5)),
            ],
        )
    at = {"data": data.lineitem(bench.folder, 0.01 if bench.quick else bench.rows / 6e6), "columns": data.LINEITEM}
    yield Contest(
        "fit, TPC-H lineitem, 5 columns (integers and decimals)",
        [
            Entry("noop scan", partial(floors.noop, **at)),
            Entry("sparkscale", partial(works.fit, **at)),
            Entry("sparkscale on Sail", partial(works.fit, **at), "sail"),
            Entry("one plain agg", partial(peers.agg, **at)),
        ],
    )


def update(bench: Bench) -> Iterator[Contest]:
    """Update 1 new of 30 partitions, the first update of all, and merging the states of 365 days."""
    for cols in bench.widths(20):
        whole, stored = data.partitioned(bench.folder, bench.rows, cols), str(bench.folder / "states")
        at = {"data": whole, "states": stored}
        yield Contest(
            f"update, {bench.rows:,} rows in 30 partitions, {cols} columns",
            [
                Entry("fit", partial(works.fit, data=whole)),
                Entry("first update", partial(works.update, **at)),
                Entry("update, 1 new of 30", partial(works.update, **at, again=True)),
            ],
            [Target("update, 1 new of 30", "fit", 0.1), Target("first update", "fit", 1.5)],
        )
    scale = 0.01 if bench.quick else bench.rows / 6e6
    whole, stored = data.lineitem_by_month(bench.folder, scale), str(bench.folder / "states-by-month")
    read: dict[str, Any] = {"data": whole, "columns": data.LINEITEM}
    at = read | {"states": stored}
    yield Contest(
        "update, TPC-H lineitem in 84 months of shipping, 5 columns (integers and decimals)",
        [
            Entry("fit", partial(works.fit, **read)),
            Entry("first update", partial(works.update, **at)),
            Entry("update, 1 new of 84", partial(works.update, **at, again=True)),
            Entry("fit by DuckDB", partial(peers.duckdb_fit, **read), "python"),
        ],
        [Target("update, 1 new of 84", "fit", 0.1)],
    )
    many = 12 if bench.quick else 365
    yield Contest(
        f"update: merge the states of {many} days, 200 columns (at most 1 s)",
        [Entry("merge", partial(works.merge, states=states.of_days(bench.folder, many, 200)), "python")],
    )


def power(bench: Bench) -> Iterator[Contest]:
    """Fit power transforms, which scan again and again: by how many scans that takes."""
    for cols in bench.widths(20):
        at = {"data": data.features(bench.folder, bench.rows, cols)}
        yield Contest(
            f"power: fit, {bench.rows:,} rows, {cols} columns",
            [
                Entry("noop scan", partial(floors.noop, **at)),
                Entry("one look, by Spark alone", partial(floors.power_look, **at)),
                Entry("standard", partial(works.fit, **at)),
                Entry("power", partial(works.power, **at)),
                Entry("noop scan on Sail", partial(floors.noop, **at), "sail"),
                Entry("standard on Sail", partial(works.fit, **at), "sail"),
                Entry("power on Sail", partial(works.power, **at), "sail"),
                Entry("scikit-learn", partial(peers.sklearn_power, **at), "python"),
            ],
            [
                Target("power", "noop scan", 12),
                Target("power on Sail", "noop scan on Sail", 12),
                Target("power", "scikit-learn", 1),
            ],
            rtol=1e-6,
        )


def temperature(bench: Bench) -> Iterator[Contest]:
    """Fit the temperature of a softmax over 10 scores: by how many scans of them that takes."""
    at = {"data": data.features(bench.folder, bench.rows, 0, scores=10, labelled=True)}
    read = at | {"columns": [*(f"s{j}" for j in range(10)), "label"]}
    yield Contest(
        f"temperature: fit, {bench.rows:,} rows, 10 scores",
        [
            Entry("noop scan", partial(floors.noop, **read)),
            Entry("scores to Python and back", partial(floors.crossing, **read)),
            Entry("one look, by Spark alone", partial(floors.softmax_look, **at)),
            Entry("temperature", partial(works.temperature, **at)),
            Entry("noop scan on Sail", partial(floors.noop, **read), "sail"),
            Entry("temperature on Sail", partial(works.temperature, **at), "sail"),
            Entry("scipy", partial(peers.scipy_temperature, **at), "python"),
        ],
        [Target("temperature", "noop scan", 4)],
        rtol=1e-6,
    )


def transform(bench: Bench) -> Iterator[Contest]:
    """Transform to Parquet: standard, min-max, softmax over 10 and 200 scores and over an array."""
    out = str(bench.folder / "out")
    for cols in bench.widths(20):
        at = fitted(bench, data.features(bench.folder, bench.rows, cols), "standard: f*") | {"out": out}
        yield Contest(
            f"transform, {bench.rows:,} rows, standard of {cols} columns, to Parquet",
            [
                Entry("read and write", partial(floors.copy, data=at["data"], out=out)),
                *(Entry(engine, partial(works.transform, **at, engine=engine), out=out) for engine in ENGINES),
                Entry("MLlib", partial(peers.mllib_transform, **at), out=out),
                Entry("one pandas UDF a column", partial(peers.one_udf_a_column, **at), out=out),
                Entry("native on Sail", partial(works.transform, **at), "sail", out),
            ],
            [
                Target("native", "read and write", 1.1),
                Target("native", "MLlib", 1 / 1.3),
                Target("arrow", "read and write", 1.7),
            ],
        )
    tables = {
        "min-max of 20 columns": ({"cols": 20}, "min_max: f*"),
        "softmax over 10 scores": ({"cols": 20, "scores": 10}, "softmax: s*"),
        "softmax over 200 scores": ({"cols": 0, "scores": 200}, "softmax: s*"),
        "softmax over an array of 10": ({"cols": 20, "arrays": 10}, "softmax: v"),
    }
    for title, (shape, step) in tables.items():
        rows = bench.rows // (8 if shape.get("scores") == 200 else 1)
        at = fitted(bench, data.features(bench.folder, rows, **shape), step) | {"out": out}
        yield Contest(
            f"transform, {rows:,} rows, {title}, to Parquet",
            [
                Entry("read and write", partial(floors.copy, data=at["data"], out=out)),
                *(Entry(engine, partial(works.transform, **at, engine=engine), out=out) for engine in ENGINES),
            ],
            [Target("native", "read and write", 1.1)] if "min-max" in title else [],
        )


def job(bench: Bench) -> Iterator[Contest]:
    """Whole jobs, warm and cold, against MLlib and against one machine's libraries."""
    at = {"data": data.features(bench.folder, bench.rows, 20), "out": str(bench.folder / "out")}
    file, out = job_file(bench, **at), at["out"]
    yield Contest(
        f"whole job, {bench.rows:,} rows, standard of 20 columns: fit, transform, write; engines running already",
        [
            Entry("read and write", partial(floors.copy, **at), out=None),
            Entry("sparkscale run", partial(works.job, file=file), out=out),
            Entry("sparkscale run on Sail", partial(works.job, file=file), "sail", out),
            Entry("MLlib", partial(peers.mllib_job, **at), out=out),
            Entry("scikit-learn", partial(peers.sklearn_job, **at), "python", out),
            Entry("Polars", partial(peers.polars_job, **at), "python", out),
            Entry("DuckDB", partial(peers.duckdb_job, **at), "python", out),
        ],
        [
            Target("sparkscale run", "MLlib", 1 / 1.5),
            Target("sparkscale run on Sail", "sparkscale run", 1 / 2),
        ],
    )
    yield Contest(
        f"the same, cold: a process of its own, {bench.rows:,} rows",
        [
            Entry("sparkscale run", partial(works.cold_job, file=file, engine="spark"), "python", out),
            Entry("sparkscale run on Sail", partial(works.cold_job, file=file, engine="sail"), "python", out),
            Entry("MLlib", partial(peers.cold_mllib_job, **at), "python", out),
            Entry("sparkscale --help", partial(works.command, arguments=["--help"]), "python"),
            Entry("sparkscale check", partial(works.command, arguments=["check", "--config", file]), "python"),
        ],
        [Target("sparkscale run", "MLlib", 1 / 1.5), Target("sparkscale run on Sail", "sparkscale run", 1 / 2)],
    )


def engines(bench: Bench) -> Iterator[Contest]:
    """Fit, and transform to Parquet, on each engine; the numbers are compared."""
    table, out = data.features(bench.folder, bench.rows, 20, scores=10), str(bench.folder / "out")
    lanes = ("spark", "connect", "sail")
    yield Contest(
        f"engines: fit, {bench.rows:,} rows, 20 columns",
        [Entry(engine, partial(works.fit, data=table), engine) for engine in lanes],
    )
    at = fitted(bench, table, "standard: f*") | {"out": out}
    yield Contest(
        f"engines: transform to Parquet, {bench.rows:,} rows, 20 columns",
        [
            Entry(f"{engine}, {how}", partial(works.transform, **at, engine=how), engine, out)
            for engine, how in itertools.product(lanes, ENGINES)
        ],
    )


def growth(bench: Bench) -> Iterator[Contest]:
    """Rows by 1, 2, 4 and 8; 20, 200 and 2,000 columns; 2 to 32 partitions: against a straight line."""
    base = max(bench.rows // 4, 1000)
    doubled = [base * times for times in ((1, 2) if bench.quick else (1, 2, 4, 8))]
    out = str(bench.folder / "out")
    entries = []
    for rows in doubled:
        table = data.features(bench.folder, rows, 20, files=8)
        file = job_file(bench, table, out, f"job-{rows}")
        entries.append(Entry(f"job, {rows:,} rows", partial(works.job, file=file), out=out))
    names = [entry.name for entry in entries]
    targets = [Target(b, a, 2.2) for a, b in itertools.pairwise(names)]
    for entry in entries:  # one after the other: what the JVM held at its peak by then stands beside each
        yield Contest(entry.name, [entry])
    yield Contest(f"growth: whole job, 20 columns, {base:,} rows and more", entries, targets, alike=False)
    widths = bench.widths(20, 200, 2000)
    rows = max(base // 10, 1000)
    by_width = [(cols, data.features(bench.folder, rows, cols)) for cols in widths]
    yield Contest(
        f"growth: fit, {rows:,} rows, by columns (a column may take 1.5 times as long in ten times as many)",
        [Entry(f"fit, {cols:,} columns", partial(works.fit, data=table)) for cols, table in by_width],
        [
            Target(f"fit, {b:,} columns", f"fit, {a:,} columns", 1.5 * b / a)
            for a, b in itertools.pairwise(widths)
            if a >= 200
        ],
        alike=False,
    )
    by_files = [(n, data.features(bench.folder, base, 20, files=n)) for n in ((2, 4) if bench.quick else (2, 8, 32))]
    yield Contest(
        f"growth: fit, {base:,} rows, 20 columns, by files",
        [Entry(f"fit, {n} files", partial(works.fit, data=table)) for n, table in by_files],
        alike=False,
    )


SUITES = {
    "fit": fit,
    "update": update,
    "power": power,
    "temperature": temperature,
    "transform": transform,
    "job": job,
    "engines": engines,
    "groups": groups,
    "growth": growth,
    "wide": wide,
    "drift": drift,
}
