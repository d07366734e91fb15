"""The command `sparkscale`: exit codes and signals.

The last line on stderr of a failed run is its cause. Spark is imported only by the commands that need it.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Sequence
from typing import NoReturn

import click

from sparkscale.cli.app import app
from sparkscale.cli.printing import say
from sparkscale.errors import InternalError, SparkscaleError, TemporaryError, UnfitEnvironmentError, UsageError

#: How long a signal may take to reach this process after another process got it too.
_SIGNAL_SECONDS = 0.3


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command and exit with its code."""
    warnings.filterwarnings("ignore", category=FutureWarning, module="pyspark")  # of pandas, for PySpark's authors
    code = _code_of(sys.argv[1:] if arguments is None else list(arguments))
    if code and arguments is None and "pysail" in sys.modules:
        os._exit(code)  # Sail's threads may still be in Python: an interpreter that waits for them hangs or crashes
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
    except Exception as error:  # noqa: BLE001 - the last resort: one line, and the exit code of a bug
        _listen(signals, interrupting=False)
        ours = error if isinstance(error, SparkscaleError) else _unexpected(error)
        return _interrupted(signals, error, ours) or _failed(ours, debug="--debug" in arguments, secrets=secrets)
    return 0


def _listen(signals: list[int], *, interrupting: bool) -> None:
    """Note Ctrl-C and SIGTERM. At the first, a run removes what it has staged, stops its engine and ends."""

    def note(number: int, _frame: object) -> None:
        signals.append(number)
        if interrupting:
            logging.disable()  # py4j logs the traceback of a call that is interrupted
            raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, note)


def _interrupted(signals: list[int], error: Exception, ours: SparkscaleError) -> int:
    """Say that the run was interrupted and return its exit code, or 0 if it was not.

    Treat any failure after a signal as an interruption. The signal ends the JVM too, maybe before Python hears of it.
    """
    if not signals and ours.code == "SPARK_LOST":
        time.sleep(_SIGNAL_SECONDS)
    _listen(signals, interrupting=True)
    if not signals and not isinstance(error, click.Abort):
        return 0
    code = 128 + (signals[0] if signals else signal.SIGINT)
    say(f"sparkscale: interrupted (exit {code})")
    return code


def _unexpected(error: Exception) -> SparkscaleError:
    if isinstance(error, ModuleNotFoundError) and error.name in ("pyspark", "pandas", "pyarrow", "grpc", "pysail"):
        cause = f"package {error.name} is not installed"
        return UnfitEnvironmentError("ENV_PACKAGE", cause, "pip install 'sparkscale[spark]'")
    if type(error).__module__.partition(".")[0] in ("py4j", "pyspark"):
        from sparkscale.spark.session.failures import translate

        return translate(error, "Spark")
    if isinstance(error, ConnectionError):
        return TemporaryError("SPARK_LOST", f"lost the engine: {error.strerror or error}", "run it again")
    if isinstance(error, OSError):
        from sparkscale.publish.filesystem import storage_error

        return storage_error(error, str(error.filename or "input or output"))
    return InternalError("BUG", f"{type(error).__name__}: {error}", "please report it; --debug shows where it happened")


def _failed(error: SparkscaleError, *, debug: bool, secrets: Sequence[str] = ()) -> int:
    """Say what is wrong, with the cause last and secrets hidden, and return the exit code."""
    said = ["".join(traceback.format_exception(error)).rstrip()] if debug else []
    if len(error.problems) > 1:
        said += [f"  {problem.code}: {problem}" for problem in error.problems]
    for text in (*said, error.line):
        say(text, secrets)
    return error.exit_code
