"""What the JVM says at its start that nobody asked for: a page of Ivy for every package, a warning of Java's own."""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Iterable, Iterator

from sparkscale.progress import terminal

#: Lines that are passed over. Downloads are shown, as they take their time, and what is wrong with a package.
_NOISE = re.compile(
    rb"WARNING: Using incubator modules|NOTE: Picked up |Ivy Default Cache set|The jars for the packages stored"
    rb"|:: |\t:: |\t\||\t-{9}"
    rb"|\tfound \S+ in |\tconfs: |\t\S+ from \S+ in \[|\t\S+ by \[|\t\d+ artifacts copied|\S+ added as a dependency"
)
#: Java's own warnings of what Spark and its sketches call, in all versions of Java.
_JAVA = re.compile(
    rb"WARNING: (?:A terminally deprecated method|A restricted method|An illegal|sun\.misc\.Unsafe"
    rb"|Please consider reporting|Use --|Restricted methods|All illegal"
    rb"|\S+ (?:has been called|will be (?:removed|blocked|denied)))"
)
#: A warning to PySpark's authors, out of a worker: the line after it shows their code.
_PYSPARK = re.compile(rb"\S*pyspark\S*:\d+: (?:Future|Deprecation)Warning: ")
_TRACEBACK, _CUT = b"Traceback (most recent call last):", b"BrokenPipeError"
#: Lines of Spark's log and of Java's stack traces, which are passed over until the engine has started: where it does
#: not, the command says why.
_LOG = re.compile(
    rb"\d\d/\d\d/\d\d \d\d:\d\d:\d\d |\tat |\t\.\.\. \d+ more|Caused by: |[\w.$]+\.\w+(?:Exception|Error)\b"
    rb"|Using Spark's default log4j profile|Setting default log level|To adjust logging level"
)
_SECONDS = 2.0


@contextlib.contextmanager
def quiet(*, debug: bool) -> Iterator[None]:
    """Start a JVM inside the block: its stderr goes through this process, which passes noise over.

    The JVM keeps what it was started with; this process has its own stderr back when the block ends.
    """
    if debug:
        yield
        return
    ours = os.dup(2)
    out, into = os.pipe()
    os.dup2(into, 2)
    os.close(into)
    started = threading.Event()
    reader = threading.Thread(target=_forward, args=(out, ours, started), name="stderr of the JVM", daemon=True)
    reader.start()
    try:
        yield
    except BaseException:
        os.dup2(ours, 2)
        reader.join(_SECONDS)  # the JVM's last words come before ours
        raise
    started.set()
    os.dup2(ours, 2)


def _forward(out: int, to: int, started: threading.Event) -> None:
    """Write every line of a pipe elsewhere, but for noise, until nobody holds its other end.

    On a terminal each takes the place of a bar that is drawn there, which is drawn anew below it.
    """
    before = terminal.ERASE.encode() if os.isatty(to) and terminal.obeys() else b""
    with os.fdopen(out, "rb") as lines:
        for line in _whole(lines):
            if not (_NOISE.match(line) or _JAVA.match(line) or (_LOG.match(line) and not started.is_set())):
                with contextlib.suppress(OSError):
                    os.write(to, before + line)


def _whole(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield lines, but for what goes over several of them and says nothing.

    A worker whose rows nobody wants any more, as after a limit, ends with the traceback of a pipe that was closed.
    """
    held: list[bytes] = []
    for line in lines:
        inside = bool(held) and line[:1] in (b" ", b"\t")
        if held and not inside:
            told = held if held[0].startswith(_TRACEBACK) else []
            held = []
            if told:
                yield from () if line.startswith(_CUT) else (*told, line)
                continue
        if inside or line.startswith(_TRACEBACK) or _PYSPARK.match(line):
            held.append(line)
        else:
            yield line
    yield from held
