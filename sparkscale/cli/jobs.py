"""Commands that read, plan or run a job."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from sparkscale.cli.app import load, reads_job, section
from sparkscale.cli.printing import answer, print_json, say

if TYPE_CHECKING:
    from sparkscale.report.tables import Report

command = section("Jobs")


def shows_progress(function: Any) -> Any:
    """Give a command that works on data the option to show no progress."""
    return click.option("--no-progress", is_flag=True, help="Show no progress bar and no progress lines.")(function)


@command()
@reads_job
@shows_progress
def run(**options: Any) -> None:
    """Fit on the input, transform it, and publish artifact and output."""
    run_verb("run", **options)


@command()
@reads_job
@shows_progress
def fit(**options: Any) -> None:
    """Fit on the input and save the artifact."""
    run_verb("fit", **options)


@command()
@reads_job
@shows_progress
def transform(**options: Any) -> None:
    """Apply a saved artifact to the input and publish the output."""
    run_verb("transform", **options)


def run_verb(verb: str, config: str, no_progress: bool, as_json: bool, debug: bool, **chosen: Any) -> None:  # noqa: FBT001 - click's flags
    """Do what a verb says, and show its report."""
    from sparkscale.progress import progress
    from sparkscale.run.job import VERBS

    job = load(config, verb, **chosen)
    # Lines mix better than a bar with Spark's own log, and with programs that read --json.
    showing = contextlib.nullcontext() if no_progress else progress.shown(sys.stderr, plain=as_json or debug)
    with showing as seen, _reported(as_json=as_json):
        report = VERBS[verb](job, debug=debug, progress=seen)
    _show(report, as_json=as_json)


@contextlib.contextmanager
def _reported(*, as_json: bool) -> Iterator[None]:
    """Show what a run measured though its statistics were refused; the error is raised all the same."""
    from sparkscale.run.monitoring import RefusedError

    try:
        yield
    except RefusedError as error:
        _show(error.report, as_json=as_json)
        raise


def _show(report: Report, *, as_json: bool, alone: bool = True) -> None:
    """Show what a run did: for people, and to stdout for machines if nothing else goes there."""
    for note in report.notes():
        say(note)
    for line in report.lines():
        answer(line, as_json=as_json)
    if as_json and alone:
        print_json(report.to_dict())


@command()
@click.option("--schema", is_flag=True, help="Also check the steps against the input's schema (starts an engine).")
@click.option("--data", is_flag=True, help="Also fit, and check `expect` and `drift`; publishes and saves nothing.")
@reads_job
def check(config: str, schema: bool, data: bool, as_json: bool, debug: bool, **chosen: Any) -> None:  # noqa: FBT001 - click's flags
    """Check the job file and report every problem."""
    from sparkscale.report.words import counted
    from sparkscale.run.check import check as check_job

    job = load(config, "check", **chosen)
    check_job(job)
    steps = [step.to_dict() for step in job.config.steps]
    if schema:
        from sparkscale.run.check_schema import check_schema

        _show_plan(*check_schema(job, debug=debug), as_json=as_json)
    found: dict[str, Any] = {}
    if data:
        from sparkscale.run.check_data import check_data

        with _reported(as_json=as_json):
            report = check_data(job, debug=debug)
        _show(report, as_json=as_json, alone=False)
        found = {name: getattr(report, name) for name in ("rows", "expect", "drift", "baseline", "warnings")}
    answer(f"{config}: {counted(len(steps), 'step')}, no problems found", as_json=as_json)
    if as_json:
        known = job.config.model_dump(mode="json", by_alias=True, exclude={"steps", "spark"})
        print_json({"status": "done", "config": known | {"steps": steps}, **found})


def _show_plan(planned: Any, explained: Any, *, as_json: bool) -> None:
    """Show what the steps read and write, what the values of a text input decided, and which partitions differ."""
    for note in explained.notes():
        answer(note, as_json=as_json)
    for number, item in enumerate(planned.steps, 1):
        names = ", ".join(column.name for column in item.inputs)
        answer(f"step {number}: {item.step.kind} of {names} -> {', '.join(item.outputs)}", as_json=as_json)
    for warning in planned.warnings:
        say(f"warning: {warning}")


@command()
@reads_job
def explain(config: str, as_json: bool, debug: bool, **chosen: Any) -> None:  # noqa: FBT001 - click's flags
    """Show what a job would read, compute and publish, without running it."""
    from sparkscale.run import explain as explaining
    from sparkscale.run.check import check as check_job

    job = load(config, "check", **chosen)
    check_job(job)
    found = explaining.explain(job, debug=debug)
    for line in found.lines():
        answer(line, as_json=as_json)
    if as_json:
        print_json({"status": "done", **found.to_dict()})
