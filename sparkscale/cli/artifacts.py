"""Commands that look at saved artifacts. They start no engine."""

from __future__ import annotations

from typing import Literal

import click

from sparkscale.cli.app import section
from sparkscale.cli.printing import say, table

command = section("Artifacts")


def _which(_context: click.Context, _option: click.Parameter, value: str | None) -> int | str | None:
    """Read a version: a number, ``newest`` or ``promoted``."""
    if value is None or value in ("newest", "promoted"):
        return value
    try:
        return int(value)
    except ValueError:
        raise click.BadParameter(f"expected a number, newest or promoted, found {value!r:.80}") from None


@command()
@click.argument("uri")
@click.option(
    "--version",
    "which",
    callback=_which,
    metavar="VERSION",
    help="A number, newest or promoted (default: promoted, or newest if none was promoted).",
)
@click.option("--json", "as_json", is_flag=True, help="Print the artifact itself to stdout.")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def inspect(uri: str, which: int | Literal["newest", "promoted"] | None, as_json: bool, debug: bool) -> None:  # noqa: FBT001, ARG001 - click's flags
    """Show an artifact: a folder of versions, or one .json file."""
    from sparkscale.artifact import document, store
    from sparkscale.pipeline.shown import printable
    from sparkscale.report import tables

    number = store.locate(uri, which)
    fitted = store.load(uri, number)
    if as_json:
        click.echo(document.dump(fitted), nl=False)
        return
    version = "" if number is None else f"version {number}, "
    origin = tables.origin_text(fitted.provenance)
    click.echo(f"{version}fitted on {tables.rows_text(fitted)}{origin}; {tables.provenance_text(fitted.provenance)}")
    click.echo()
    for line in table(list(tables.describe(fitted))):
        click.echo(line)
    click.echo()
    for item in fitted.applications:
        click.echo(f"step {item.number} {fitted.steps[item.number - 1].step.kind}: {item.label}")
    for step, found in tables.calibrations(fitted).items():
        click.echo(printable(f"{step}: {found.summary}"))
    for warning in fitted.warnings:
        say(f"warning: {warning}")
