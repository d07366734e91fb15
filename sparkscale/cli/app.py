"""The root command: imports the files of commands in this folder, and has the options that they share."""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import pkgutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from sparkscale import cli
from sparkscale._version import __version__
from sparkscale.cli.printing import say
from sparkscale.errors import UsageError

if TYPE_CHECKING:
    from sparkscale.config.jobfile import Job

_HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
#: \b keeps click from wrapping the lines.
_COMPLETION = """\b
Shell completion, a line of ~/.bashrc (for zsh: zsh_source, in ~/.zshrc; for fish: fish_source):
  eval "$(_SPARKSCALE_COMPLETE=bash_source sparkscale)"
"""
Decorator: TypeAlias = Callable[[Callable[..., None]], Callable[..., None]]


class Command(click.Command):
    """A command, and the section of the help that lists it."""

    def __init__(self, *arguments: Any, section: str = "Other", **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.section = section


class Group(click.Group):
    """A group of commands, and the section of the help that lists it."""

    def __init__(self, *arguments: Any, section: str = "Other", **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.section = section


class Root(click.Group):
    """The commands of this folder, listed by section."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        discover()
        return super().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Find a command."""
        discover()
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one list for each section."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            command = self.commands[name]
            listed = sections.setdefault(getattr(command, "section", "Other"), [])
            listed.append((name, command.get_short_help_str(limit=80)))
        for title, rows in sections.items():
            with formatter.section(title):
                formatter.write_dl(rows)


@click.group(cls=Root, context_settings=_HELP, epilog=_COMPLETION, invoke_without_command=True)
@click.version_option(__version__, prog_name="sparkscale")
@click.pass_context
def app(context: click.Context) -> None:
    """Feature scaling (over all rows) and softmax (over the scores of a row) for the data lake.

    Exit codes: 0 done, 64 usage, 65 data, 66 input missing, 69 environment, 70 bug, 73/74 output,
    75 try again, 77 permission, 78 configuration.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def discover() -> None:
    """Import every file of this folder: a command registers by being defined."""
    for found in pkgutil.iter_modules(cli.__path__, f"{cli.__name__}."):
        if not found.name.endswith(".__main__"):
            importlib.import_module(found.name)


def section(title: str) -> Callable[[], Decorator]:
    """Return the decorator factory of a section of the help; a function under it is a command, named after it."""

    def command() -> Decorator:
        def register(function: Callable[..., None]) -> Callable[..., None]:
            app.command(cls=Command, section=title)(function)
            return function

        return register

    return command


def group(title: str) -> Callable[[Callable[..., None]], click.Group]:
    """Return the decorator of a group of commands in a section of the help: a function under it is named after it."""

    def register(function: Callable[..., None]) -> click.Group:
        made = app.group(cls=Group, section=title)(function)
        assert isinstance(made, click.Group)  # noqa: S101 - as asked for
        return made

    return register


def reads_job(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that read a job file; :func:`load` takes those of them that it does not name.

    Of several files, the command is called for one after another. They share a session, and the first failure ends all.
    """
    many = "Job file (YAML). Repeat it to run several in one session, in order, up to the first that fails."
    options = [
        click.option(
            "--config", "-c", "files", required=True, multiple=True, type=click.Path(), metavar="FILE", help=many
        ),
        click.option("--set", "overrides", multiple=True, metavar="KEY.KEY=VALUE", help="Override one value."),
        click.option("--run-id", metavar="ID", help="Run id (default: hash of config and input)."),
        click.option("--date", metavar="YYYY-MM-DD", help="Value of ${date} (default: today, UTC)."),
        click.option("--json", "as_json", is_flag=True, help="Print a machine-readable summary to stdout."),
        click.option("--debug", is_flag=True, help="Show tracebacks and Spark's own log."),
    ]

    @functools.wraps(command)
    def each(files: Sequence[str], **chosen: Any) -> None:
        with _shared(files, **chosen) if len(files) > 1 else contextlib.nullcontext():
            for file in files:
                if len(files) > 1:
                    say(f"{file}:")
                command(config=file, **chosen)

    return functools.reduce(lambda function, option: option(function), reversed(options), each)


def _shared(files: Sequence[str], **chosen: Any) -> AbstractContextManager[None]:
    """Read all job files, so that mistakes are found before any is run, and return what lets them share a session."""
    from sparkscale.spark.session import kept, lakes

    given = {key: value for key, value in chosen.items() if key in ("overrides", "run_id", "date")}
    configs = [load(file, "check", **given).config for file in files]
    odd = next((file for file, config in zip(files, configs, strict=True) if config.spark != configs[0].spark), None)
    if odd is not None:
        cause = f"{files[0]} and {odd} would share a session, but their 'spark' sections differ"
        raise UsageError("USAGE_SESSION", cause, "run them by separate commands")
    return kept.kept(set().union(*map(lakes.of_job, configs)))


def load(config: str, command: str, **chosen: Any) -> Job:
    """Load a job file for a command, with the environment; everything printed from now on hides its secrets.

    Args:
        config: the file.
        command: what it is read for, see :func:`sparkscale.config.jobfile.load`.
        chosen: overrides, run_id and date, as the options give them.
    """
    from sparkscale.config import jobfile

    job = jobfile.load(config, command, environ=os.environ, **chosen)
    click.get_current_context().obj.extend(job.secrets)
    return job
