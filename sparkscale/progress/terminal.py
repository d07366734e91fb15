"""The line of a terminal in which a run shows how far it is."""

from __future__ import annotations

import functools
import importlib.util
import itertools
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console

    from sparkscale.progress.progress import Seen

#: Seconds between two drawings of a bar: it is seen to move, and costs the engine a few small calls.
TICK = 0.5
#: What takes away the line of a terminal that the cursor is in.
ERASE = "\r\x1b[2K"
#: Columns of a terminal that does not know how many it has, and of the bar itself.
_COLUMNS, _BAR = 80, 40


class Bar:
    """The line of a terminal that the cursor is in, drawn over itself, and taken away at the end.

    rich draws it, and this class writes it: ``rich.live`` hides the cursor, which a killed run would not restore, and
    replaces ``sys.stderr``, where a thread that is stuck would block the run's last lines.
    """

    pauses: Iterable[float]

    def __init__(self, stream: TextIO) -> None:
        self.pauses = itertools.repeat(TICK)
        # While a JVM starts, file 2 is a pipe to us (spark/quiet.py): the bar keeps the terminal.
        self._stream = open(os.dup(stream.fileno()), "w", encoding=stream.encoding, errors="replace")  # noqa: PTH123, SIM115 - a descriptor, closed by close()

    def show(self, seen: Seen) -> None:
        """Draw the bar; where the tasks are not known, one that moves to and fro."""
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        tasks = seen.tasks
        bar = ProgressBar(tasks.total, tasks.done, width=_BAR) if tasks else ProgressBar(None, width=_BAR)
        line = Table.grid(padding=(0, 1))
        for _ in range(3):
            line.add_column(no_wrap=True, overflow="ellipsis")
        line.add_row(seen.stage, bar, seen.facts)
        console = self._console
        console.width = max(self._columns() - 1, 1)  # in the last column a terminal may go to the next line
        with console.capture() as drawn:
            console.print(line, end="")
        self._put(ERASE + drawn.get().partition("\n")[0])

    def close(self) -> None:
        """Take the bar away."""
        with self._stream:
            self._put(ERASE)

    @functools.cached_property
    def _console(self) -> Console:
        from rich.console import Console

        return Console(file=self._stream, force_terminal=True, highlight=False, markup=False)

    def _columns(self) -> int:
        return os.get_terminal_size(self._stream.fileno()).columns or _COLUMNS

    def _put(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


class Above:
    """The stderr of a run that has a bar: what others write takes the place of the bar, which comes again below."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._fresh = stream, True

    def write(self, text: str) -> int:
        """Write a text; where it begins a line, over the bar."""
        self._stream.write(ERASE + text if self._fresh else text)
        self._fresh = text.endswith("\n") if text else self._fresh
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def can_draw(stream: TextIO) -> bool:
    """Whether a stream is a terminal that a line can be taken away from, and there is what draws on it."""
    return stream.isatty() and obeys() and importlib.util.find_spec("rich") is not None


def obeys() -> bool:
    """Whether a terminal, if there is one, obeys escape sequences."""
    return os.environ.get("TERM", "dumb") not in ("dumb", "unknown")
