"""How far a run is: what is said, when, and that it neither fails nor holds up what it speaks of."""

from __future__ import annotations

import io
import itertools
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from sparkscale.progress import progress, terminal
from sparkscale.progress.progress import Log, Progress, Seen, Tasks, duration, shown
from sparkscale.progress.terminal import Above, Bar
from sparkscale.report.tables import Report
from sparkscale.spark.session import quiet
from tests import terminals


class Clock:
    """A clock that stands until somebody waits."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def until(self, end: float) -> Callable[[float], bool]:
        """Return how a thread waits: the clock goes on at once; past ``end`` seconds the run is over."""
        end += self.now

        def over(seconds: float) -> bool:
            self.now += seconds
            return self.now > end

        return over


@pytest.mark.parametrize(("seconds", "said"), [
    (0, "0 s"), (59.99, "59 s"), (60, "1 m 0 s"), (90.5, "1 m 30 s"), (3599.9, "59 m 59 s"), (3600, "1 h 0 m"),
    (7505, "2 h 5 m"), (360_000, "100 h 0 m"),
])  # fmt: skip
def test_say_seconds(seconds: float, said: str) -> None:
    assert duration(seconds) == said


@pytest.mark.parametrize(("seen", "said"), [
    (Seen("fit", 90, Tasks(120, 400)), "120 of 400 tasks, 1 m 30 s"),
    (Seen("write", 5, Tasks(0, 12_345), 1_234_567), "0 of 12,345 tasks, 1,234,567 rows in all, 5 s"),
    (Seen("write", 5, None, 0), "0 rows in all, 5 s"),
    (Seen("start", 5), "5 s"),
])  # fmt: skip
def test_say_what_is_known(seen: Seen, said: str) -> None:
    assert seen.facts == said


def logged(seconds: float) -> list[str]:
    """Return what a log says of a fit that takes so long."""
    clock, stream = Clock(), io.StringIO()
    known = Progress(clock)
    with known.stage("fit"):
        known.tell(Log(stream), clock.until(seconds))
    return stream.getvalue().splitlines()


def test_log_nothing_of_a_short_run() -> None:
    assert logged(29.9) == []


def test_log_first_after_half_a_minute_and_then_every_minute() -> None:
    assert logged(155) == ["sparkscale: fit: 30 s", "sparkscale: fit: 1 m 30 s", "sparkscale: fit: 2 m 30 s"]
    assert len(logged(3600)) == 60


def test_tell_the_stage_and_its_time() -> None:
    clock = Clock()
    known = Progress(clock)
    clock.now += 1
    assert known.seen() == Seen("start", 1)
    with known.stage("write", 7):
        clock.now += 2
        with known.stage("save"):
            clock.now += 3
            assert known.seen() == Seen("save", 3)
        assert known.seen() == Seen("write", 5, None, 7)
    clock.now += 4
    assert known.seen() == Seen("write", 9, None, 7)  # until the next one begins
    with pytest.raises(KeyError), known.stage("fit"):
        raise KeyError
    with known.stage("self_check"):
        assert known.seen() == Seen("self_check", 0)


def test_tell_the_stages_of_a_report() -> None:
    known = Progress(Clock())
    report = Report("run", "r-1", rows=5, observe=known.stage)
    with report.stage("write"):
        assert known.seen() == Seen("write", 0, None, 5)
    assert list(report.seconds) == ["write"]
    assert report.to_dict().keys() == Report("run", "r-1").to_dict().keys()


def test_ask_a_source_while_it_may_be_asked() -> None:
    known, numbers = Progress(Clock()), itertools.count(1)
    with known.reading(lambda: Tasks(next(numbers), 9)):
        assert [known.seen().tasks, known.seen().tasks] == [Tasks(1, 9), Tasks(2, 9)]
    assert (known.seen().tasks, next(numbers)) == (None, 3)


def test_ask_a_source_that_fails_no_more() -> None:
    known, asked = Progress(Clock()), []

    def gone() -> Tasks:
        asked.append(1)
        raise ConnectionRefusedError

    with known.reading(gone):
        assert [known.seen(), known.seen()] == [Seen("start", 0)] * 2
    assert asked == [1]


def test_end_the_engine_when_it_has_answered() -> None:
    """An engine that is stopped while it is asked would fail what asks, and say so."""
    known, asked, answer, order = Progress(), threading.Event(), threading.Event(), []

    def slow() -> None:
        asked.set()
        answer.wait(30)
        order.append("answered")

    with known.reading(slow):
        asking = threading.Thread(target=known.seen)
        asking.start()
        assert asked.wait(30)
        threading.Timer(0.05, answer.set).start()
    order.append("ended")
    asking.join(30)
    assert order == ["answered", "ended"]


@pytest.mark.parametrize("error", [BrokenPipeError, ModuleNotFoundError, ValueError])
def test_survive_a_display_that_fails(error: type[Exception]) -> None:
    closed = []

    class Fails(Log):
        def show(self, _: Seen) -> None:
            raise error

        def close(self) -> None:
            closed.append(1)

    Progress(Clock()).tell(Fails(io.StringIO()), lambda _: False)
    assert closed == [1]


def test_do_not_wait_for_a_display_that_is_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    stuck, release, waited = threading.Event(), threading.Event(), []

    class Stuck(io.StringIO):
        def write(self, text: str) -> int:
            stuck.set()
            waited.append(release.wait(5))
            return len(text)

    monkeypatch.setattr(progress, "FIRST", 0.0)
    monkeypatch.setattr(progress, "PATIENCE", 0.01)
    with shown(Stuck()):
        assert stuck.wait(30)
    assert waited == []  # it is stuck yet
    release.set()


# --- on a terminal ------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _xterm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


def drawn(seen: Seen, columns: int = terminals.COLUMNS) -> str:
    """Return the line that a bar draws."""
    with terminals.terminal(columns) as screen, open(screen.end, "w", closefd=False, encoding="utf-8") as stream:
        bar = Bar(stream)
        bar.show(seen)
        bar.close()
    assert screen.screen == [""]
    assert "\n" not in screen.raw
    return screen.drawn[1]


def test_draw_a_bar() -> None:
    assert drawn(Seen("fit", 90, Tasks(1, 4))) == f"fit {'━' * 10}╺{'━' * 29} 1 of 4 tasks, 1 m 30 s"
    assert drawn(Seen("start", 5)) == f"start {'━' * 40} 5 s"
    assert drawn(Seen("fit", 5, Tasks(0, 0))) == f"fit {'━' * 40} 0 of 0 tasks, 5 s"


@pytest.mark.parametrize("columns", [1, 2, 5, 20, 60, 79, 80])
def test_draw_in_one_line_of_any_terminal(columns: int) -> None:
    line = drawn(Seen("write", 90, Tasks(123, 4567), 123_456_789), columns)
    assert len(line) < max(columns, 2)


def test_draw_on_a_terminal_that_does_not_know_its_size() -> None:
    assert 70 < len(drawn(Seen("write", 90, Tasks(123, 4567), 123_456_789), 0)) < 80


def test_draw_without_colours_where_they_are_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    with terminals.terminal() as screen, open(screen.end, "w", closefd=False, encoding="utf-8") as stream:
        Bar(stream).show(Seen("fit", 1, Tasks(1, 2)))
    assert "1 of 2 tasks" in screen.raw
    assert "38;5" not in screen.raw


def test_write_above_a_bar() -> None:
    """Lines of others (warnings of PySpark, a traceback of py4j) stand alone, however they are cut into pieces."""
    with terminals.terminal() as screen, open(screen.end, "w", closefd=False, encoding="utf-8") as stream:
        bar, above = Bar(stream), Above(stream)
        for text in ("a warning\n", "half a line", ", and the rest", "\n", "one more\n"):
            if text.startswith(("a", "o", "half")):
                bar.show(Seen("fit", 1))
            print(text, end="", file=above, flush=True)
        bar.show(Seen("fit", 2))
        bar.close()
    assert screen.screen == ["a warning", "half a line, and the rest", "one more", ""]


def forwarded(*, term: str) -> terminals.Terminal:
    """Return a terminal with a bar, after a JVM has said something."""
    with terminals.terminal() as screen, open(screen.end, "w", closefd=False, encoding="utf-8") as stream:
        bar = Bar(stream)
        bar.show(Seen("start", 1))
        out, into = os.pipe()
        os.write(into, b"downloading it\n:: noise\nthe JVM's last words\n")
        os.close(into)
        os.environ["TERM"] = term  # which the fixture gives back
        quiet._forward(out, screen.end, threading.Event())
        bar.close()
    return screen


@pytest.mark.parametrize("started", [False, True])
def test_pass_over_the_log_of_a_start(tmp_path: Path, *, started: bool) -> None:
    log = "26/11/26 18:26:38 ERROR Backend: killed\n\tat org.apache.X\njava.io.IOException: x\nCaused by: java.lang.Y\n"
    out, into = os.pipe()
    os.write(into, f"{log}downloading it\n".encode())
    os.close(into)
    event = threading.Event()
    if started:
        event.set()
    with (tmp_path / "said").open("w") as said:
        quiet._forward(out, said.fileno(), event)
    assert (tmp_path / "said").read_text() == (log if started else "") + "downloading it\n"


CUT = [
    "Traceback (most recent call last):",
    '  File "daemon.py", line 233, in manager',
    "BrokenPipeError: [Errno 32] Broken pipe",
]


@pytest.mark.parametrize(("lines", "shown"), [
    ([*CUT, "after"], ["after"]),
    ([*CUT, *CUT], []),
    ([*CUT[:2], "ValueError: x", "after"], [*CUT[:2], "ValueError: x", "after"]),
    (CUT[:2], CUT[:2]),
    (["/x/pyspark/sql/pandas/types.py:1: FutureWarning: old", "  series.map(x)", "after"], ["after"]),
    (["/mine.py:1: FutureWarning: old", "  my code"], ["/mine.py:1: FutureWarning: old", "  my code"]),
    (["WARNING: A terminally deprecated method in sun.misc.Unsafe has been called",
      "WARNING: sun.misc.Unsafe::objectFieldOffset has been called by org.apache.datasketches.Y",
      "WARNING: Please consider reporting this to the maintainers of class X",
      "WARNING: sun.misc.Unsafe::objectFieldOffset will be removed in a future release", "WARNING: disk"], ["WARNING: disk"]),
])  # fmt: skip
def test_pass_over_noise_of_runs_that_succeed(tmp_path: Path, lines: list[str], shown: list[str]) -> None:
    out, into = os.pipe()
    os.write(into, "".join(f"{line}\n" for line in lines).encode())
    os.close(into)
    with (tmp_path / "said").open("w") as said:
        quiet._forward(out, said.fileno(), threading.Event())
    assert (tmp_path / "said").read_text().splitlines() == shown


def test_write_what_a_jvm_says_above_a_bar() -> None:
    assert forwarded(term="xterm").screen == ["downloading it", "the JVM's last words", ""]
    assert forwarded(term="dumb").raw.count(terminal.ERASE) == 2  # the bar's own


def test_show_a_bar_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "TICK", 0.01)
    monkeypatch.setattr(progress, "FIRST", 0.01)
    monkeypatch.setattr(progress, "EVERY", 0.01)

    def bars(term: str = "xterm", *, plain: bool = False) -> bool:
        monkeypatch.setenv("TERM", term)
        moved = threading.Event()
        with terminals.terminal() as screen, open(screen.end, "w", closefd=False, encoding="utf-8") as stream:
            before = sys.stderr
            with shown(stream, plain=plain) as known, known.reading(moved.set):
                assert moved.wait(30)
                assert sys.stderr.isatty()
            assert sys.stderr is before
        assert screen.screen[-1] == ""
        assert screen.raw.startswith((terminal.ERASE, "sparkscale: start: 0 s\n"))
        return "━" in screen.raw or terminal.ERASE in screen.raw

    assert bars()
    assert not bars(plain=True)
    assert not bars("dumb")
    monkeypatch.delenv("TERM")
    assert not terminal.obeys()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(terminal.importlib.util, "find_spec", lambda _: None)
    assert not bars()
