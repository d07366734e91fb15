"""The driver killed, with all that it has started, at random moments."""

from __future__ import annotations

import os
import random
import signal
import statistics
import time
from pathlib import Path

from campaign import processes
from campaign.ledger import Tally
from campaign.processes import Host, Started
from campaign.scene import FILES, LAKES, Scene, Sink
from campaign.stage import Stage

#: By engine: how often in CI, and in a long run. Sail starts in half a second, Spark in many.
_TIMES = {"sail": (19, 270), "spark": (1, 30)}
#: Seconds of a job on Spark, where there is no time to measure it.
_USUAL = 8.0
#: Seconds of a small job between the first file that changes and the end; of a table, the first file of its commit.
_WRITING = 0.1
#: Kills of a long run within a commit of each kind of table.
_OF_COMMITS = 10
#: Where a table's commit is written.
_COMMITS = {"delta": "_delta_log", "iceberg": "metadata"}


def campaign(stage: Stage, tally: Tally) -> None:
    """Kill on each engine."""
    for engine in sorted(stage.engines):
        times = _TIMES[engine][stage.long] if len(stage.engines) > 1 else (20, 300)[stage.long]
        host: Host = stage.host(engine)
        sinks = [*FILES, *(LAKES if engine == "spark" else ())]
        measured = [_duration(stage, host) for _ in range(3)] if engine == "sail" or stage.long else [_USUAL]
        usual = statistics.median(measured)
        landed: dict[str, int] = {}
        numbers = stage.random(f"driver killed {engine}")
        turns = [(sinks[n % len(sinks)], numbers.random() < 0.5) for n in range(times)]
        if engine == "spark" and stage.long:
            turns += [(sink, True) for sink in LAKES for _ in range(_OF_COMMITS)]
        for sink, writing in turns:
            which = _kill(stage, tally, sink, host, (writing, usual, numbers))
            landed[which] = landed.get(which, 0) + 1
        tally.notes.append(f"{engine}: {len(turns)} kills in jobs of {usual:.1f} s; the target was then {landed}")


def _start(stage: Stage, scene: Scene, host: Host) -> Started:
    """Start the second run: Sail in a process that is forked, Spark by the command."""
    return Started(scene.second, scene.folder, forked=not stage.is_spark(host))


def _duration(stage: Stage, host: Host) -> float:
    scene = stage.old(FILES[1], host).copy(stage.place())
    began = time.monotonic()
    with _start(stage, scene, host).ending() as started:
        if (done := started.wait()) is None or done.code:
            raise RuntimeError(f"a job without a fault: {done}")
    return time.monotonic() - began


def _scene(stage: Stage, sink: Sink, host: Host) -> Scene:
    return stage.scene(sink, host) if sink in LAKES else stage.old(sink, host).copy(stage.place())


def _files(scene: Scene) -> set[str]:
    """Return what changes first where a run writes: at the target, and staged beside it; of a table, its commits."""
    if scene.sink in LAKES:
        return _below(scene.target / _COMMITS[scene.sink.format])
    parent = scene.target.parent
    return _below(scene.target, *(path / "new" for path in parent.iterdir() if path.name.startswith("_sparkscale-")))


def _below(*tops: Path) -> set[str]:
    walks = (walk for top in tops for walk in os.walk(top))  # passes over folders that are gone
    return {f"{folder}/{name}" for folder, folders, files in walks for name in (*folders, *files)}


def _kill(stage: Stage, tally: Tally, sink: Sink, host: Host, when: tuple[bool, float, random.Random]) -> str:
    """Kill one run that is alive: at any moment, or at any after the first file was written; say what is left."""
    writing, usual, numbers = when
    while True:
        scene, seconds = _scene(stage, sink, host), numbers.random()
        before = _files(scene)
        with _start(stage, scene, host).ending() as started:
            if writing:
                processes.await_(lambda scene=scene, before=before: _files(scene) != before, usual * 2)
            time.sleep(seconds * (_WRITING if writing else usual))
            started.signal(signal.SIGKILL, group=True)
            done = started.wait()
        if done is not None and done.code == -signal.SIGKILL:
            break
    what = f"{sink}, killed {seconds:.3f} of {'writing' if writing else f'{usual:.1f} s'}"
    which = scene.inspect(tally, what)
    if sink in LAKES and which == "old" and _files(scene) != before:
        which = "old, with a part of a commit"
    scene.rerun(tally, what, host.run, stage.clean(sink, host))
    tally.ran()
    return which
