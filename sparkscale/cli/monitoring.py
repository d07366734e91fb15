"""Commands that compare saved artifacts. They start no engine."""

from __future__ import annotations

from typing import Any

import click

from sparkscale.cli.app import section
from sparkscale.cli.printing import answer, print_json
from sparkscale.errors import DataError, Problem, UsageError

command = section("Artifacts")


@command()
@click.argument("path")
@click.option("--baseline", metavar="PATH", help="Artifact to measure from (default: another version of PATH).")
@click.option("--version", metavar="N", help="Version to compare: a number, newest or promoted.")
@click.option("--baseline-version", metavar="M", help="The same of the baseline.")
@click.option("--json", "as_json", is_flag=True, help="Print a machine-readable summary to stdout.")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def drift(path: str, baseline: str | None, as_json: bool, **chosen: Any) -> None:  # noqa: FBT001 - click's flag
    """Compare the statistics of an artifact with a baseline's.

    Shows every measure, those furthest over their thresholds first. Exit 65 if one is over its error threshold.
    """
    from sparkscale.artifact.baseline import Baseline
    from sparkscale.report.words import counted

    if baseline is None and chosen["baseline_version"] is None:
        raise UsageError("USAGE_DRIFT", "drift: expected --baseline PATH or --baseline-version M, found neither")
    new = Baseline.at(path, _which(chosen["version"]))
    base = Baseline.at(baseline or path, _which(chosen["baseline_version"]))
    found = new.fitted.drift(base.fitted)
    counts = f"{counted(len(found.errors), 'error')}, {counted(len(found.warnings), 'warning')}"
    answer(f"{new}, compared with {base}: {counts} of {counted(len(found), 'measure')}", as_json=as_json)
    answer(repr(found), as_json=as_json)
    if as_json:
        places = {"artifact": new.to_dict(), "baseline": base.to_dict()}
        status = "refused" if found.errors else "done"
        print_json({"status": status, **places, "drift": found.to_dict(), "notes": found.notes})
    if found.errors:
        hint = "check the data, or compare with another baseline"
        raise DataError.of([Problem("DRIFT", f"drift: {row}", hint) for row in found.errors])


def _which(text: str | None) -> Any:
    """Return a version as the store takes it: a number where it is one."""
    return int(text) if text is not None and text.isdecimal() else text
