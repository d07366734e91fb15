"""Commands that keep statistics by partition: `update`, and `states`, which starts no engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from sparkscale.cli.app import group, reads_job, section
from sparkscale.cli.jobs import run_verb, shows_progress
from sparkscale.cli.printing import answer, print_json, table

job_command = section("Jobs")


@job_command()
@reads_job
@shows_progress
def update(**options: Any) -> None:
    """Fit on new and changed partitions, and save the artifact."""
    run_verb("update", **options)


@group("Artifacts")
def states() -> None:
    """List, show, drop or compact the statistics that `update` keeps.

    PATH is `states.path` of the job file. KEY is a partition, such as month=2013-02 or year=2013/month=2.
    """


def _plain(function: Any) -> Any:
    """Give a command the options that all of `states` have."""
    function = click.option("--debug", is_flag=True, help="Show tracebacks.")(function)
    return click.option("--json", "as_json", is_flag=True, help="Print a machine-readable summary to stdout.")(function)


@states.command("list")
@click.argument("path")
@_plain
def list_(path: str, as_json: bool, debug: bool) -> None:  # noqa: FBT001, ARG001 - click's flags
    """List the partitions with their rows, features and commits."""
    from sparkscale.artifact.states.states import States, listed

    state = States(path).existing()
    known = listed(state)
    if as_json:
        print_json({"states": [state.described(one) for one in known]})
        return
    rows = [["partition", "rows", "features", "fingerprint", "commit"]]
    for one in known:
        said = state.described(one)
        features = "dropped" if one.dropped else f"{said['features']:,}"
        rows.append([state.shown(one.key), f"{one.rows:,}", features, one.fingerprint[:12], str(one.commit)])
    for line in table(rows):
        answer(line)


@states.command()
@click.argument("path")
@click.argument("key")
@_plain
def show(path: str, key: str, as_json: bool, debug: bool) -> None:  # noqa: FBT001, ARG001 - click's flags
    """Show the statistics of one partition."""
    from sparkscale.artifact.states.states import States
    from sparkscale.pipeline.shown import HEADER, cells, printable

    found = States(path).show(key)
    if as_json:
        print_json({"states": {name: stats.to_dict() for name, stats in found.items()}})
        return
    for line in table([["feature", *HEADER], *([printable(name), *cells(stats)] for name, stats in found.items())]):
        answer(line)


@states.command()
@click.argument("path")
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
@_plain
def drop(path: str, keys: Sequence[str], as_json: bool, debug: bool) -> None:  # noqa: FBT001, ARG001 - click's flags
    """Drop the statistics of partitions until their files change.

    The next update saves an artifact without them.
    """
    from sparkscale.artifact.states.states import States

    state, dropped = States(path).dropped(keys)
    for key in dropped:
        answer(f"dropped {state.shown(key)}; `sparkscale update` saves the artifact without it", as_json=as_json)
    if as_json:
        print_json({"status": "done", "dropped": [state.named(key) for key in dropped]})


@states.command()
@click.argument("path")
@click.option("--keep", type=click.IntRange(min=1), help="Keep only the states of this many newest partitions.")
@_plain
def compact(path: str, keep: int | None, as_json: bool, debug: bool) -> None:  # noqa: FBT001, ARG001 - click's flags
    """Rewrite the states into one file, and delete the old ones."""
    from sparkscale.artifact.states.states import States
    from sparkscale.report.words import counted

    done = States(path).compact(keep)
    expired = f"; {counted(len(done.expired), 'partition')} older than the newest {keep} removed" if keep else ""
    kept, files = counted(len(done.state.partitions), "partition"), counted(len(done.state.files), "file")
    answer(f"{path}: {kept} in {files}, {counted(done.deleted, 'file')} deleted{expired}", as_json=as_json)
    if as_json:
        summary = {"partitions": len(done.state.partitions), "files": len(done.state.files), "deleted": done.deleted}
        print_json({"status": "done", **summary, "expired": [done.state.named(key) for key in done.expired]})
