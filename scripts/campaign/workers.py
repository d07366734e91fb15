"""Python workers killed under a job of Arrow UDFs: the result is the same, or the error says to try again."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time

from campaign import processes
from campaign.ledger import Tally
from campaign.processes import Outcome
from campaign.scene import FILES, Scene, ended
from campaign.stage import Stage

_TIMES = (5, 200)
_ARROW = ["--set", "engine=arrow", "--set", "self_check=0"]
_SINK = FILES[1]
_PYTHON = "pyspark.daemon"
#: Seconds that a worker is let work for, at most.
_MOMENT = 0.1


def campaign(stage: Stage, tally: Tally) -> None:
    """Kill a worker, or the daemon that forks them, at a random moment of the work."""
    if "spark" not in stage.engines:
        tally.notes.append("skipped: Sail runs Python in its own process")
        return
    numbers, host = stage.random("worker killed"), stage.host("spark")
    old, clean = (stage.scene(_SINK, host, inputs="inputs-big") for _ in range(2))
    for scene in (clean.copy(stage.place()), clean):  # the first has the workers to start
        began = time.monotonic()
        done = host.run([*scene.second, *_ARROW], scene.folder)
        usual = time.monotonic() - began
        if done.code:
            raise RuntimeError(f"a job without a fault: {done}")
    killed = {"the daemon": 0, "a worker": 0, "exit 0": 0, "exit 75": 0}
    while tally.runs < _TIMES[stage.long]:
        scene = old.copy(stage.place())
        ends: list[Outcome] = []
        with host.alone() as run:
            job = threading.Thread(target=lambda r=run, s=scene, e=ends: e.append(r([*s.second, *_ARROW], s.folder)))
            job.start()
            victim = _kill(host.pid, job, numbers)
            job.join()
        if victim is None:
            continue
        killed[victim] += 1
        killed[f"exit {ends[0].code}"] = killed.get(f"exit {ends[0].code}", 0) + 1
        _judge(tally, scene, ends[0], victim)
        scene.rerun(tally, f"{victim} killed", lambda a, f: host.run([*a, *_ARROW], f), clean)
        tally.ran()
    tally.notes.append(f"in jobs of {usual:.1f} s: {killed}")


def _judge(tally: Tally, scene: Scene, done: Outcome, victim: str) -> None:
    what = f"{victim} killed"
    ended(tally, what, done, {0, 75})
    expected = "new" if done.code == 0 else "old"
    found = scene.inspect(tally, what)
    tally.hold("I1", found == expected, f"{what}: exit {done.code} and the {found} data")


def _kill(session: int, job: threading.Thread, numbers: random.Random) -> str | None:
    """Wait until a worker is busy, and a moment more; then kill it, or the daemon that forks them."""
    before, moment, daemon = processes.busy(session, _PYTHON), numbers.random() * _MOMENT, numbers.random() < 1 / 4
    while job.is_alive():
        now = processes.busy(session, _PYTHON)
        working = [pid for pid, used in now.items() if used > before.get(pid, 0) and pid != min(now)]
        if working:
            time.sleep(moment)
            with contextlib.suppress(ProcessLookupError):
                os.kill(min(now) if daemon else working[0], signal.SIGKILL)
                return "the daemon" if daemon else "a worker"
        time.sleep(0.002)
    return None
