"""How far a run is: a bar on a terminal, a line now and then in a log.

Nothing here knows Spark. A display never fails a run and never holds it up: it has a thread of its own, which ends with
the run, and what goes wrong in it ends the display alone.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TextIO, cast

from sparkscale.errors import counted
from sparkscale.progress.terminal import Above, Bar, can_draw

#: Seconds to a log's first line, and from line to line. A job of seconds adds nothing to its log;
#: the log of a long one shows within a minute that it moves, and an hour fills no more than a page.
FIRST, EVERY = 30.0, 60.0
#: Seconds that the end of a run waits for a display that is stuck, as on a terminal that Ctrl-S has stopped.
PATIENCE = 2.0
_MINUTE, _HOUR = 60, 3600


@dataclass(frozen=True)
class Tasks:
    """Tasks of the queries that run now."""

    done: int
    total: int


#: Asked for the tasks; None if no query runs or the engine doesn't report them.
Source = Callable[[], Tasks | None]


@dataclass(frozen=True)
class Seen:
    """How far a run is; ``seconds`` is how long it has been in this stage."""

    stage: str
    seconds: float
    tasks: Tasks | None = None
    rows: int | None = None

    @property
    def facts(self) -> str:
        """What is known, in one line; rows are those of the input."""
        tasks = [f"{self.tasks.done:,} of {self.tasks.total:,} tasks"] if self.tasks else []
        rows = [f"{counted(self.rows, 'row')} in all"] if self.rows is not None else []
        return ", ".join([*tasks, *rows, duration(self.seconds)])


def duration(seconds: float) -> str:
    """Return seconds for people.

    >>> [duration(seconds) for seconds in (0.7, 90, 7505)]
    ['0 s', '1 m 30 s', '2 h 5 m']
    """
    whole = int(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} m {whole % _MINUTE} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} m"


class Display(Protocol):
    """Where progress is shown: ``pauses`` are the seconds before each ``show``."""

    @property
    def pauses(self) -> Iterable[float]:
        """Yield the seconds before each show."""

    def show(self, seen: Seen) -> None:
        """Show how far a run is."""

    def close(self) -> None:
        """Leave what follows a clean line."""


class Log:
    """A line now and then."""

    pauses: Iterable[float]

    def __init__(self, stream: TextIO) -> None:
        self.pauses = itertools.chain([FIRST], itertools.repeat(EVERY))
        self._stream = stream

    def show(self, seen: Seen) -> None:
        """Write one line."""
        self._stream.write(f"sparkscale: {seen.stage}: {seen.facts}\n")
        self._stream.flush()

    def close(self) -> None:
        """Do nothing: the lines stay."""


@dataclass(frozen=True)
class _At:
    """The stage that a run is in, and since when."""

    stage: str
    since: float
    rows: int | None = None


class Progress:
    """How far a run is. The run reports its stages; a source that is polled reports the tasks."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._at = _At("start", clock())
        self._open: _At | None = None
        self._source: Source | None = None
        self._asking = threading.Lock()

    @contextlib.contextmanager
    def stage(self, name: str, rows: int | None = None) -> Iterator[None]:
        """Enter a stage, maybe inside another one; ``rows`` of the input, if known."""
        outer = self._open
        self._open = self._at = _At(name, self._clock(), rows)
        try:
            yield
        finally:
            self._open = outer
            self._at = outer or self._at  # until the next one begins

    @contextlib.contextmanager
    def reading(self, source: Source) -> Iterator[None]:
        """Ask a source for the tasks, in another thread; when the block ends, it is not asked any more."""
        self._source = source
        try:
            yield
        finally:
            self._source = None
            if self._asking.acquire(timeout=PATIENCE):  # what is being asked is answered before an engine ends
                self._asking.release()

    def seen(self) -> Seen:
        """Return how far the run is now."""
        at = self._at
        return Seen(at.stage, self._clock() - at.since, self._tasks(), at.rows)

    def tell(self, display: Display, over: Callable[[float], bool]) -> None:
        """Show how far the run is, until ``over``, which waits for so many seconds, says that it is over."""
        # A terminal or a log that is gone, or a bar that cannot be drawn: the run goes on without it.
        with contextlib.suppress(Exception), contextlib.closing(display):
            for pause in display.pauses:
                if over(pause):
                    return
                display.show(self.seen())

    def _tasks(self) -> Tasks | None:
        with self._asking:
            source = self._source
            try:
                return source() if source else None
            except Exception:  # noqa: BLE001 - an engine that does not answer; if it is gone, the run itself says so
                self._source = None
                return None


@contextlib.contextmanager
def shown(stream: TextIO, *, plain: bool = False) -> Iterator[Progress]:
    """Show how far a run is during the block: a bar on a terminal, lines elsewhere or if ``plain``."""
    progress, over = Progress(), threading.Event()
    display, above = (Log(stream), stream) if plain or not can_draw(stream) else (Bar(stream), Above(stream))
    thread = threading.Thread(target=progress.tell, args=(display, over.wait), name="progress", daemon=True)
    with contextlib.redirect_stderr(cast("TextIO", above)):
        thread.start()
        try:
            yield progress
        finally:
            over.set()
            thread.join(PATIENCE)
