"""Commands to start from: an example job file, and the entry points of spark-submit."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import dataclass
from pathlib import Path

import click

from sparkscale.cli.app import section
from sparkscale.cli.printing import answer
from sparkscale.errors import UsageError, nearest

command = section("Jobs")

_PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True)
class Example:
    """A file to start from: a job of `conf/`, or an entry point of `jobs/`."""

    path: Path

    @property
    def name(self) -> str:
        """What the user calls it: ``flights``, ``run.py``."""
        return self.path.stem if self.path.suffix == ".yaml" else self.path.name

    @property
    def text(self) -> str:
        """The file's content."""
        return self.path.read_text(encoding="utf-8")

    @property
    def summary(self) -> str:
        """The first sentence of the file's own comment or docstring."""
        if self.path.suffix == ".py":
            return self.text.split('"""')[1].partition("\n")[0]
        comment = itertools.takewhile(lambda line: line.startswith("#"), self.text.splitlines())
        said = " ".join(line[1:].strip() for line in comment if not line.startswith("# yaml-language-server"))
        return re.split(r"(?<=\.)\s", said, maxsplit=1)[0]

    def to_dict(self) -> dict[str, str]:
        """Return what a list says of it."""
        return {"name": self.name, "summary": self.summary}


def jobs() -> list[Example]:
    """Return the example jobs."""
    return _files("conf", "*.yaml")


def entry_points() -> list[Example]:
    """Return the entry points of spark-submit."""
    return _files("jobs", "*.py")


def _files(folder: str, pattern: str) -> list[Example]:
    """Return the examples of a folder: in a wheel it's part of the package, in a checkout it's beside it."""
    packed = _PACKAGE / "examples" / folder
    place = packed if packed.is_dir() else _PACKAGE.parent / folder
    return [Example(path) for path in sorted(place.glob(pattern))]


@command()
@click.option("--example", metavar="NAME", help="Print this example instead; `sparkscale examples` lists them.")
def init(example: str | None) -> None:
    """Print a job file to start from."""
    path = Path(__file__).parent / "starter.yaml" if example is None else _find(example).path
    click.echo(path.read_text(encoding="utf-8"), nl=False)


def _find(name: str) -> Example:
    known = {one.name: one for one in (*jobs(), *entry_points())}
    if name not in known:
        hint = nearest(name, known) or "`sparkscale examples` lists them"
        raise UsageError("USAGE_EXAMPLE", f"--example: expected the name of an example, found {name!r}", hint)
    return known[name]


@command()
@click.option("--json", "as_json", is_flag=True, help="Print the list to stdout as JSON.")
def examples(as_json: bool) -> None:  # noqa: FBT001 - click's flag
    """List the example job files and the entry points of spark-submit."""
    listed = {"jobs": jobs(), "entry_points": entry_points()}
    width = max((len(one.name) for files in listed.values() for one in files), default=0)
    for title, files in listed.items():
        answer(f"{title.replace('_', ' ')}:", as_json=as_json)
        for one in files:
            answer(f"  {one.name:<{width}}  {one.summary}", as_json=as_json)
    answer("Print one with `sparkscale init --example NAME`.", as_json=as_json)
    if as_json:
        click.echo(json.dumps({title: [one.to_dict() for one in files] for title, files in listed.items()}))
