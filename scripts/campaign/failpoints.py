"""A failpoint at each step of publishing: an exception, SIGKILL, a reply that is lost; at every sink."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from campaign import processes
from campaign.injection import HOWS, Fault
from campaign.ledger import Tally
from campaign.processes import Host, Outcome
from campaign.scene import FILES, LAKES, Scene, Sink, ended
from campaign.stage import Stage

_OF_FILES = ("claimed", "cleared", "written", "complete", "set aside", "published")
_OF_LAKES = ("claimed", "cleared", "ready", "committed")
#: An exception is a full disk; a lost reply an I/O error.
_CODES = {"exception": {74}, "lost reply": {73, 74, 75}, "kill": {-9}}


def cases(sink: Sink, times: int) -> Iterator[Fault]:
    """Yield each fault of a sink; every second time files are replaced by two renames."""
    for turn in range(times):
        for step in _OF_LAKES if sink in LAKES else _OF_FILES:
            aside = step == "set aside"
            if not (aside and sink.mode == "error"):
                yield from (Fault(step, how, renames=aside or bool(turn % 2 and sink in FILES)) for how in HOWS)


def campaign(stage: Stage, tally: Tally) -> None:
    """Run every case of plain files; with Spark once, if there is time or no other engine."""
    if "sail" in stage.engines:
        for sink in FILES:
            for fault in cases(sink, 3 if stage.long else 1):
                _file(stage, tally, sink, fault, stage.host("sail"))
    if "spark" in stage.engines and ("sail" not in stage.engines or stage.long):
        for sink in FILES:
            for fault in cases(sink, 1):
                _file(stage, tally, sink, fault, stage.host("spark"))


def lakes(stage: Stage, tally: Tally) -> None:
    """Do all of Delta and Iceberg."""
    if "spark" not in stage.engines:
        tally.notes.append("skipped: Delta and Iceberg want Spark")
        return
    for sink in LAKES:
        for fault in cases(sink, 3 if stage.long else 1):
            _lake(stage, tally, sink, fault)


def _file(stage: Stage, tally: Tally, sink: Sink, fault: Fault, host: Host) -> None:
    scene = stage.old(sink, host).copy(stage.place())
    if stage.is_spark(host) and fault.how == "kill":
        scene = scene.copy(stage.place(), spark=stage.connected)
    _one(stage, tally, scene, fault, host)


def _lake(stage: Stage, tally: Tally, sink: Sink, fault: Fault) -> None:
    """Kill a client of the Spark process; raise in the process itself."""
    more, host = ({"spark": stage.connected} if fault.how == "kill" else {}), stage.host("spark")
    if sink.format == "delta":  # which does not know where it is
        scene = stage.old(sink, host).copy(stage.place(), **more)
    else:
        scene = stage.scene(sink, host, **more)
    _one(stage, tally, scene, fault, host)


def _one(stage: Stage, tally: Tally, scene: Scene, fault: Fault, host: Host) -> None:
    what = f"{scene.sink}, {fault}"
    if fault.how == "kill":
        with host.alone() if "remote" in scene.spark else contextlib.nullcontext():
            done: Outcome = processes.run(scene.second, scene.folder, fault=fault)
        tally.hold("I4", done.code in _CODES["kill"], f"{what}: not reached: exit {done.code}: {done.err[-300:]}")
    else:
        done = host.run(scene.second, scene.folder, fault=fault)
        ended(tally, what, done, _CODES[fault.how])
    scene.inspect(tally, what, renames=fault.renames)
    scene.rerun(tally, what, host.run, stage.clean(scene.sink, host))
    tally.ran()
