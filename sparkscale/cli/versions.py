"""Commands about the versions of an artifact. They start no engine."""

from __future__ import annotations

import click

from sparkscale.cli.app import section
from sparkscale.cli.printing import answer, print_json

command = section("Artifacts")

_JSON = click.option("--json", "as_json", is_flag=True, help="Print a machine-readable summary to stdout.")
_DEBUG = click.option("--debug", is_flag=True, help="Show tracebacks.")
_REASON = click.option("--reason", default="", metavar="TEXT", help="Keep this text with the record.")


@command()
@click.argument("path")
@click.option("--last", type=click.IntRange(min=1), default=10, metavar="N", help="How many to list (default: 10).")
@_JSON
@_DEBUG
def versions(path: str, last: int, as_json: bool, debug: bool) -> None:  # noqa: FBT001, ARG001 - click's flags
    """List the newest versions, which is promoted, and what changed.

    The promoted version is always listed. A damaged one is listed as damaged.
    """
    from sparkscale.artifact import listing
    from sparkscale.report.words import counted

    found = listing.versions(path, last=last)
    for line in found.lines():
        answer(line, as_json=as_json)
    if found.left_out:
        answer(f"{counted(found.left_out, 'more version')}; to list more, set --last", as_json=as_json)
    if as_json:
        print_json(found.to_dict())


@command()
@click.argument("path")
@click.argument("number", metavar="N", type=int)
@_REASON
@_JSON
@_DEBUG
def promote(path: str, number: int, reason: str, as_json: bool, debug: bool) -> None:  # noqa: FBT001, ARG001 - click's flags
    """Promote version N: `transform` and `load` use it from now on.

    The version is checked first. If another version is promoted at the same moment, one of the two commands wins, and
    the other ends with 75 and changes nothing.
    """
    from sparkscale.artifact import promoting

    done = promoting.promote(path, number, reason=reason)
    answer(repr(done), as_json=as_json)
    if as_json:
        print_json(done.to_dict())


@command()
@click.argument("path")
@_REASON
@_JSON
@_DEBUG
def rollback(path: str, reason: str, as_json: bool, debug: bool) -> None:  # noqa: FBT001, ARG001 - click's flags
    """Promote the version that was promoted before this one.

    A rollback is also recorded. The next one goes back one promotion further.
    """
    from sparkscale.artifact import promoting

    done = promoting.rollback(path, reason=reason)
    answer(repr(done), as_json=as_json)
    if as_json:
        print_json(done.to_dict())
