"""SIGTERM and Ctrl-C: the command ends in time, with its line and its code, and takes all that it started with it."""

from __future__ import annotations

import re
import signal
import time

from campaign import processes
from campaign.ledger import Tally
from campaign.processes import Host, Started
from campaign.scene import FILES, LAKES
from campaign.stage import Stage

_TIMES = {"sail": (4, 30), "spark": (1, 20)}
#: Seconds to end in.
_ENDED = 15.0
#: Seconds of a job on each engine between its claim and its end.
_USUAL = {"sail": 0.4, "spark": 9.0}


def campaign(stage: Stage, tally: Tally) -> None:
    """Interrupt on each engine, by each signal in turn."""
    for engine in sorted(stage.engines):
        times = _TIMES[engine][stage.long] if len(stage.engines) > 1 else (5, 50)[stage.long]
        numbers, host = stage.random(f"signals {engine}"), stage.host(engine)
        for n in range(times):
            number = (signal.SIGTERM, signal.SIGINT)[(n + (engine == "spark")) % 2]
            while not _interrupt(stage, tally, (host, n), number, numbers.random() * _USUAL[engine]):
                pass
        tally.notes.append(f"{engine}: {times} signals")


def _interrupt(stage: Stage, tally: Tally, which: tuple[Host, int], number: signal.Signals, seconds: float) -> bool:
    """Interrupt a run some time after it has claimed its target; say whether it was still there."""
    host, n = which
    sinks = [*FILES, *(LAKES if stage.is_spark(host) else ())]
    sink = sinks[n % len(sinks)]
    scene = stage.scene(sink, host) if sink in LAKES else stage.old(sink, host).copy(stage.place())
    what = f"{sink}, {number.name} {seconds:.2f} s after its claim"
    with Started(scene.second, scene.folder, forked=False).ending() as started:
        processes.await_(lambda: list(scene.target.parent.glob("_sparkscale-*")), 30)
        time.sleep(seconds)
        began = time.monotonic()
        started.signal(number, group=number == signal.SIGINT)  # a terminal's Ctrl-C goes to the whole group
        done = started.wait(_ENDED)
        processes.await_(lambda: not processes.of_session(started.pid), _ENDED - (time.monotonic() - began))
        left = processes.of_session(started.pid)
    if done is not None and done.code in (0, -number) and done.out:
        return False  # it had said that it was done, and was on its way out
    tally.ran()
    tally.hold("I4", not left, f"{what}: alive after {_ENDED} s: {left}")
    if tally.hold("I4", done, f"{what}: no end after {_ENDED} s") and done is not None:
        line = f"sparkscale: interrupted (exit {128 + number})"
        tally.hold("I4", (done.code, done.last) == (128 + number, line), f"{what}: exit {done.code}: {done.err[-600:]}")
        ours = re.search(r"/sparkscale/(spark/)?\w+\.py\"", done.err)
        tally.hold("I4", not ours, f"{what}: a traceback: {done.err[-600:]}")
    scene.scratch(tally, what)
    beside = list(scene.target.parent.glob("_sparkscale-*"))
    tally.hold("I5", not beside, f"{what}: left behind: {beside}")
    scene.inspect(tally, what)
    scene.rerun(tally, what, host.run, stage.clean(sink, host))
    return True
