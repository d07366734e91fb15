"""Commands that look at saved artifacts. They start no engine."""

from __future__ import annotations

import click

from sparkscale.cli.app import section
from sparkscale.cli.printing import say, table

command = section("Artifacts")


@command()
@click.argument("uri")
@click.option("--version", "number", type=int, help="Version to show (default: newest).")
@click.option("--json", "as_json", is_flag=True, help="Print the artifact itself to stdout.")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def inspect(uri: str, number: int | None, as_json: bool, debug: bool) -> None:  # noqa: FBT001, ARG001 - click's flags
    """Show an artifact: a folder of versions, or one .json file."""
    from sparkscale.artifact import document, store
    from sparkscale.report import tables

    fitted = store.load(uri, number)
    if as_json:
        click.echo(document.dump(fitted), nl=False)
        return
    click.echo(f"fitted on {tables.rows_text(fitted)}; {tables.provenance_text(fitted.provenance)}")
    click.echo()
    for line in table(list(tables.describe(fitted))):
        click.echo(line)
    click.echo()
    for item in fitted.applications:
        click.echo(f"step {item.number} {fitted.steps[item.number - 1].step.kind}: {item.label}")
    for warning in fitted.warnings:
        say(f"warning: {warning}")
