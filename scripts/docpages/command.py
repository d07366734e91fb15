"""The command: every group, command, argument and option, as click has them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from docpages.tables import table
from sparkscale.cli.app import app, reads_job


def commands() -> str:
    """Return the table of all commands."""
    rows = [[f"[`{name}`](#{name.replace(' ', '-')})", _line(one.help)] for name, one in _by_section()]
    return table(["command", "what it does"], rows)


def job_options() -> str:
    """Return the table of the options that every command with a job file has."""
    return _options(_shared())


def each() -> str:
    """Return a section for each command: usage, help and options."""
    return "\n\n".join(text for name, one in _by_section() for text in _section(name, one))


def _by_section() -> list[tuple[str, click.Command]]:
    """Return the commands in the order of the help."""
    names = app.list_commands(click.Context(app))
    order = list(dict.fromkeys(getattr(app.commands[name], "section", "") for name in names))
    known = sorted(names, key=lambda name: order.index(getattr(app.commands[name], "section", "")))
    return [pair for name in known for pair in _with_parts(name, app.commands[name])]


def _with_parts(name: str, one: click.Command) -> Iterator[tuple[str, click.Command]]:
    """Yield a command, and those of a group of commands after it."""
    yield name, one
    for part, command in one.commands.items() if isinstance(one, click.Group) else ():
        yield f"{name} {part}", command


def _section(name: str, one: click.Command) -> Iterator[str]:
    yield f"### `{name}`"
    # Under the whole command: click keeps the first help option that it makes of a command.
    context = click.Context(one, parent=click.Context(app, **app.context_settings))
    yield f"`sparkscale {name} {' '.join(one.collect_usage_pieces(context))}`"
    yield _text(one.help)
    known = [option for option in one.params if isinstance(option, click.Option) and not option.hidden]
    shared = {option.name for option in _shared()}
    has_job = shared <= {option.name for option in known}
    if own := [option for option in known if not (has_job and option.name in shared)]:
        yield _options(own)
    if has_job:
        yield "Also the [options of commands that read a job file](#options-of-a-job)."


def _shared() -> list[click.Option]:
    @click.command
    @reads_job
    def any_command() -> None: ...

    return [option for option in any_command.params if isinstance(option, click.Option)]


def _options(options: list[click.Option]) -> str:
    return table(["option", "meaning"], [[_name(option), _line(option.help)] for option in options])


def _name(option: click.Option) -> str:
    names = ", ".join(f"`{name}`" for name in sorted(option.opts, key=len))
    metavar = "" if option.is_flag else f" `{option.make_metavar(click.Context(app))}`"
    return names + metavar + (" (required)" if option.required else "")


def _text(help_: str | None) -> str:
    return inspect.cleandoc(help_ or "").replace("\b\n", "").strip()


def _line(help_: str | None) -> str:
    return " ".join(_text(help_).partition("\n\n")[0].split())
