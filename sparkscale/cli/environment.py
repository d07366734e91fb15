"""Commands about the environment."""

from __future__ import annotations

import json

import click

from sparkscale.cli.app import section
from sparkscale.cli.printing import answer

command = section("Environment")


@command()
def schema() -> None:
    """Print the JSON Schema of the job file, for editors."""
    from sparkscale.config import models

    click.echo(json.dumps(models.json_schema(), indent=1))


@command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings to stdout as JSON.")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def doctor(as_json: bool, debug: bool) -> None:  # noqa: FBT001, ARG001 - click's flags
    """Check this environment, and say how to fix what is wrong."""
    from sparkscale import doctor as checks
    from sparkscale.spark.session import lakes

    findings = list(checks.examine({"Delta": lakes.PACKAGES["delta"], "Iceberg": lakes.PACKAGES["iceberg"]}))
    for finding in findings:
        answer(f"{finding.state:>5}  {finding.what}: {finding.found}", as_json=as_json)
        if finding.fix:
            answer(f"       -> {finding.fix}", as_json=as_json)
    if as_json:
        click.echo(json.dumps([finding.to_dict() for finding in findings]))
    checks.raise_for(findings)
