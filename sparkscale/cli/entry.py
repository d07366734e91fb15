"""The command `sparkscale`. What a person reads goes to stderr; `--json` prints one summary to stdout.

The last line on stderr of a failed run is its cause. Spark is imported only by what needs it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from sparkscale._version import __version__
from sparkscale.errors import InternalError, SparkscaleError, TemporaryError, UnfitEnvironmentError, UsageError

#: How long a signal may take to reach this process after one that was sent it too.
_SIGNAL_SECONDS = 0.3
_HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def _job_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that read a job file."""
    options = [
        click.option("--config", "-c", required=True, metavar="FILE", help="The job file (YAML)."),
        click.option("--set", "overrides", multiple=True, metavar="KEY.KEY=VALUE", help="Set one value of it."),
        click.option("--run-id", metavar="ID", help="Of this run; a digest of configuration and input by default."),
        click.option("--date", metavar="YYYY-MM-DD", help="For ${date}; today (UTC) by default."),
        click.option("--json", "as_json", is_flag=True, help="Print a summary for machines to stdout."),
        click.option("--debug", is_flag=True, help="Show tracebacks and Spark's own log."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def _shows_progress(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command that works on data the option that keeps it silent meanwhile."""
    return click.option("--no-progress", is_flag=True, help="Do not show how far it is: no bar, no lines.")(command)


@click.group(context_settings=_HELP, no_args_is_help=False)
@click.version_option(__version__, prog_name="sparkscale")
def app() -> None:
    """Feature scaling (over all rows) and softmax (over the scores of a row) for the data lake.

    Exit codes: 0 done, 64 usage, 65 data, 66 input missing, 69 environment, 70 a bug, 73/74 output,
    75 try again, 77 permission, 78 configuration.
    """


def _load(config: str, overrides: Sequence[str], run_id: str | None, date: str | None, command: str = "run") -> Any:
    from sparkscale.config import jobfile

    job = jobfile.load(config, command, environ=os.environ, overrides=overrides, run_id=run_id, date=date)
    click.get_current_context().obj.extend(job.secrets)
    return job


def _run(command: str, config: str, no_progress: bool, as_json: bool, debug: bool, **chosen: Any) -> None:  # noqa: FBT001 - click's flags
    from sparkscale.progress import progress
    from sparkscale.run import job as job_run

    job = _load(config, command=command, **chosen)
    # What Spark logs to the terminal, and what reads --json, goes with lines better than with a bar.
    showing = contextlib.nullcontext() if no_progress else progress.shown(sys.stderr, plain=as_json or debug)
    with showing as seen:
        report = job_run.run(job, command, debug=debug, progress=seen)
    for line in report.lines():
        _say(_without(line, job.secrets))
    if as_json:
        _print_json(report.to_dict(), job.secrets)


def _print_json(summary: dict[str, Any], secrets: Sequence[str]) -> None:
    from sparkscale.config import redaction

    click.echo(json.dumps(redaction.hidden(summary, secrets)))


@app.command()
@_job_options
@_shows_progress
def run(**options: Any) -> None:
    """Fit on the input, transform it, and publish artifact and output."""
    _run("run", **options)


@app.command()
@_job_options
@_shows_progress
def fit(**options: Any) -> None:
    """Learn the statistics of the input and save the artifact."""
    _run("fit", **options)


@app.command()
@_job_options
@_shows_progress
def transform(**options: Any) -> None:
    """Apply a saved artifact to the input."""
    _run("transform", **options)


@app.command()
@click.option("--schema", is_flag=True, help="Also read the input's schema (starts an engine).")
@_job_options
def check(config: str, schema: bool, as_json: bool, debug: bool, **chosen: Any) -> None:  # noqa: FBT001 - click's flags
    """Read the job file and show every problem at once."""
    job = _load(config, command="check", **chosen)
    steps = [step.to_dict() for step in job.config.steps]
    if schema:
        from sparkscale.run import job as job_run

        planned, types = job_run.check_schema(job, debug=debug)
        if types:
            _say(_without(f"types, by reading all values once: {types}", job.secrets))
        for number, item in enumerate(planned.steps, 1):
            names = ", ".join(column.name for column in item.inputs)
            said = f"step {number}: {item.step.kind} of {names} -> {', '.join(item.outputs)}"
            _say(_without(said, job.secrets))
        for warning in planned.warnings:
            _say(_without(f"warning: {warning}", job.secrets))
    _say(f"{config}: {len(steps)} steps, no problem found")
    if as_json:
        config_dict = job.config.model_dump(mode="json", by_alias=True, exclude={"steps", "spark"})
        _print_json({"status": "done", "config": config_dict | {"steps": steps}}, job.secrets)


@app.command()
@_job_options
def explain(config: str, as_json: bool, debug: bool, **chosen: Any) -> None:  # noqa: FBT001 - click's flags
    """Show what a job would do: columns, queries, formulas, engines, and how it publishes."""
    from sparkscale.run import job as job_run

    job = _load(config, command="check", **chosen)
    found = job_run.explain(job, debug=debug)
    for line in found.lines():
        _say(_without(line, job.secrets))
    if as_json:
        _print_json({"status": "done", **found.to_dict()}, job.secrets)


@app.command()
@_job_options
def recover(config: str, as_json: bool, debug: bool, **chosen: Any) -> None:  # noqa: FBT001 - click's flags
    """Mend what a run that was stopped left at the output; the next run does it by itself."""
    from sparkscale.publish import announce, files

    job, place = _folder(config, debug=debug, **chosen)
    output = job.config.output
    if output.path is not None and place is None and output.is_files:
        place, found = output.path, announce.Announced.of(output.path).recover()
    else:
        found = files.recover(place) if place else []
    secrets = click.get_current_context().obj
    for line in found or (f"nothing to mend at {place or 'the output'}",):
        _say(_without(line, secrets))
    if as_json:
        _print_json({"status": "done", "recovered": found}, secrets)


@app.command()
@_job_options
def verify(config: str, as_json: bool, debug: bool, **chosen: Any) -> None:  # noqa: FBT001 - click's flags
    """Hold the files of the output against its manifest: sizes and checksums."""
    from sparkscale.publish import files

    _, place = _folder(config, debug=debug, **chosen)
    if place is None:
        raise UsageError("USAGE_VERIFY", "verify: expected an output of plain files on this machine, found another")
    known = files.verify(place)
    size = sum(file["size"] for file in known.files.values())
    secrets = click.get_current_context().obj
    _say(_without(f"{place}: {len(known.files):,} files, {size:,} bytes, as they were published", secrets))
    if as_json:
        summary = {"path": place, "files": len(known.files), "bytes": size, "runs": known.run_ids}
        _print_json({"status": "done", **summary}, secrets)


def _folder(config: str, *, debug: bool, **chosen: Any) -> tuple[Any, str | None]:
    """Return a job and its output's folder; None where that is not on this machine. Of a table the catalog is asked."""
    from sparkscale.run import job as job_run

    job = _load(config, command="recover", **chosen)
    job.config.need("output")
    output = job.config.output
    return job, output.local if output.table is None else job_run.folder_of(job, debug=debug)


@app.command()
@click.argument("uri")
@click.option("--version", "number", type=int, help="The version; the newest by default.")
@click.option("--json", "as_json", is_flag=True, help="Print the artifact itself to stdout.")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def inspect(uri: str, number: int | None, as_json: bool, debug: bool) -> None:  # noqa: FBT001, ARG001 - click's flags
    """Print an artifact (a folder of versions, or one .json file) for people."""
    from sparkscale.artifact import document, store
    from sparkscale.report import tables

    fitted = store.load(uri, number)
    if as_json:
        click.echo(document.dump(fitted), nl=False)
        return
    rows = "no rows (row steps need none)" if fitted.rows is None else f"{fitted.rows:,} rows"
    click.echo(f"fitted on {rows}; {tables.provenance_text(fitted.provenance)}")
    click.echo()
    for line in table(list(tables.describe(fitted))):
        click.echo(line)
    click.echo()
    for item in fitted.applications:
        click.echo(f"step {item.step} {fitted.steps[item.step - 1].step.kind}: {item.label}")
    for warning in fitted.warnings:
        _say(f"warning: {warning}")


@app.command()
def init() -> None:
    """Print a job file to start from."""
    click.echo((Path(__file__).parent / "starter.yaml").read_text(encoding="utf-8"), nl=False)


@app.command()
def schema() -> None:
    """Print the JSON Schema of the job file, for editors."""
    from sparkscale.config import models

    click.echo(json.dumps(models.json_schema(), indent=1))


@app.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings to stdout as JSON.")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def doctor(as_json: bool, debug: bool) -> None:  # noqa: FBT001, ARG001 - click's flags
    """Say what is wrong with this environment, and how to mend it."""
    from sparkscale import doctor as checks

    findings = list(checks.examine())
    for finding in findings:
        _say(f"{finding.state:>5}  {finding.what}: {finding.found}")
        if finding.mend:
            _say(f"       -> {finding.mend}")
    if as_json:
        click.echo(json.dumps([finding.to_dict() for finding in findings]))
    checks.raise_for(findings)


def table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a plain table: the first column to the left, numbers to the right."""
    widths = [max(len(row[j]) for row in rows) for j in range(len(rows[0]))]
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        yield "  ".join(cells).rstrip()


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command and exit with its code."""
    code = _code_of(sys.argv[1:] if arguments is None else list(arguments))
    if code and arguments is None and "pysail" in sys.modules:
        os._exit(code)  # Sail's threads may be in Python yet: an interpreter that waits for them hangs, or crashes
    sys.exit(code)


def _code_of(arguments: list[str]) -> int:
    """Run the command and return its exit code."""
    signals: list[int] = []
    secrets: list[str] = []
    _listen(signals, interrupting=True)
    try:
        app.main(args=arguments, prog_name="sparkscale", standalone_mode=False, obj=secrets)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.UsageError as error:
        return _failed(UsageError("USAGE", error.format_message().rstrip("."), "see `sparkscale --help`"), debug=False)
    except Exception as error:  # noqa: BLE001 - the last resort: one line and the code that says "a bug of ours"
        _listen(signals, interrupting=False)
        ours = error if isinstance(error, SparkscaleError) else _unexpected(error)
        return _interrupted(signals, error, ours) or _failed(ours, debug="--debug" in arguments, secrets=secrets)
    return 0


def _listen(signals: list[int], *, interrupting: bool) -> None:
    """Note Ctrl-C and SIGTERM; at the first a run removes what is staged, stops its engine and ends."""

    def note(number: int, _frame: object) -> None:
        signals.append(number)
        if interrupting:
            logging.disable()  # py4j logs the traceback of a call that is interrupted
            raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, note)


def _interrupted(signals: list[int], error: Exception, ours: SparkscaleError) -> int:
    """Say that the run was interrupted and return its exit code; 0 where it was not.

    Whatever fails after a signal fails for it. A JVM dies of the signal as well, maybe before Python hears of it.
    """
    if not signals and ours.code == "SPARK_LOST":
        time.sleep(_SIGNAL_SECONDS)
    _listen(signals, interrupting=True)
    if not signals and not isinstance(error, click.Abort):
        return 0
    code = 128 + (signals[0] if signals else signal.SIGINT)
    _say(f"sparkscale: interrupted (exit {code})")
    return code


def _unexpected(error: Exception) -> SparkscaleError:
    if isinstance(error, ModuleNotFoundError) and error.name in ("pyspark", "pandas", "pyarrow", "grpc", "pysail"):
        cause = f"expected the package {error.name}, found none"
        return UnfitEnvironmentError("ENV_PACKAGE", cause, "pip install 'sparkscale[spark]'")
    if type(error).__module__.partition(".")[0] in ("py4j", "pyspark"):
        from sparkscale.spark.session.failures import translate

        return translate(error, "Spark")
    if isinstance(error, ConnectionError):
        return TemporaryError("SPARK_LOST", f"the engine is gone: {error.strerror or error}", "run it again")
    if isinstance(error, OSError):
        from sparkscale.publish.files import storage_error

        return storage_error(error, str(error.filename or "input or output"))
    return InternalError("BUG", f"{type(error).__name__}: {error}", "please report it; --debug shows where it happened")


def _failed(error: SparkscaleError, *, debug: bool, secrets: Sequence[str] = ()) -> int:
    """Say what is wrong, the cause last and no secret in it, and return the exit code."""
    said = ["".join(traceback.format_exception(error)).rstrip()] if debug else []
    if len(error.problems) > 1:
        said += [f"  {problem.code}: {problem}" for problem in error.problems]
    for text in (*said, error.line):
        _say(_without(text, secrets))
    return error.exit_code


def _without(text: str, secrets: Sequence[str]) -> str:
    if not secrets:
        return text
    from sparkscale.config import redaction

    return redaction.hide(text, secrets)


def _say(text: str) -> None:
    """Write to stderr; what a terminal would obey is escaped."""
    lines = text.split("\n")
    if not all(map(str.isprintable, lines)):
        from sparkscale.pipeline.fitted import printable

        lines = list(map(printable, lines))
    sys.stderr.write("\n".join(lines) + "\n")
    sys.stderr.flush()
