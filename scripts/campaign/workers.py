"""Python workers killed under a job of pandas UDFs: the result is the same, or it is told to try again."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time

from campaign import processes
from campaign.ledger import Tally
from campaign.processes import Outcome
from campaign.scene import FILES, Scene, ended
from campaign.stage import Stage

_TIMES = (5, 200)
_PANDAS = ["--set", "engine=pandas", "--set", "verify=0"]
_SINK = FILES[1]


def campaign(stage: Stage, tally: Tally) -> None:
    """Kill a worker, or the daemon that forks them, at a random moment."""
    if "spark" not in stage.engines:
        tally.notes.append("skipped: Sail runs Python in its own process")
        return
    numbers, host = stage.random("worker killed"), stage.host("spark")
    old, clean = (stage.scene(_SINK, host, inputs="inputs-big") for _ in range(2))
    for _ in range(2):  # the first has the workers to start
        began = time.monotonic()
        done = host.run([*clean.second, *_PANDAS, "--run-id", f"r{began}"], clean.folder)
        usual = time.monotonic() - began
        if done.code:
            raise RuntimeError(f"a job without a fault: {done}")
    killed = {"the daemon": 0, "a worker": 0, "exit 0": 0, "exit 75": 0}
    while tally.runs < _TIMES[stage.long]:
        scene = old.copy(stage.place())
        ends: list[Outcome] = []
        job = threading.Thread(target=lambda s=scene, e=ends: e.append(host.run([*s.second, *_PANDAS], s.folder)))
        job.start()
        time.sleep(numbers.random() * usual)
        victim = _kill(host.pid, numbers.random()) if job.is_alive() else None
        job.join()
        if victim is None:
            continue
        killed[victim] += 1
        killed[f"exit {ends[0].code}"] = killed.get(f"exit {ends[0].code}", 0) + 1
        _judge(tally, scene, ends[0], victim)
        scene.rerun(tally, f"{victim} killed", lambda a, f: host.run([*a, *_PANDAS], f), clean)
        tally.ran()
    tally.notes.append(f"in jobs of {usual:.1f} s: {killed}")


def _judge(tally: Tally, scene: Scene, done: Outcome, victim: str) -> None:
    what = f"{victim} killed"
    ended(tally, what, done, {0, 75})
    expected = "new" if done.code == 0 else "old"
    found = scene.inspect(tally, what)
    tally.hold("I1", found == expected, f"{what}: exit {done.code} and the {found} data")


def _kill(session: int, which: float) -> str | None:
    """Kill one of the processes that run Python for Spark; the daemon is the one whose child the others are."""
    found = sorted(pid for pid, line in processes.of_session(session).items() if "pyspark.daemon" in line)
    if not found:
        return None
    at = int(which * len(found))
    with contextlib.suppress(ProcessLookupError):
        os.kill(found[at], signal.SIGKILL)
        return "a worker" if at else "the daemon"
    return None
