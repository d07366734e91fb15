"""A disk that is full: under the target, the artifacts, Spark's shuffle; and a target that is read-only."""

from __future__ import annotations

import contextlib

from campaign import disks, processes
from campaign.ledger import Tally
from campaign.processes import Host, Runner
from campaign.scene import FILES, Scene, Sink, ended
from campaign.stage import BIG_ROWS, Stage

_SKIPPED = "skipped: small file systems require root, and the right to mount"
#: Bytes that a run at least wants: of the big input's result, an artifact, and a shuffle (of a fit, some thousand).
_WANTED = {"target": 300_000, "artifact": 1, "shuffle": 1}


def campaign(stage: Stage, tally: Tally) -> None:
    """Fill each disk in turn."""
    if not disks.available():
        tally.notes.append(_SKIPPED)
        return
    numbers, codes = stage.random("disk full"), dict[tuple[str, int], int]()
    wheres = [where for where in _WANTED if where != "shuffle" or "spark" in stage.engines]
    for n in range(30 if stage.long else 3):
        where = wheres[n % len(wheres)]
        on_spark = where == "shuffle" or "sail" not in stage.engines or ("spark" in stage.engines and n % 6 > 2)
        host = stage.host("spark") if on_spark else stage.host("sail")
        sink = FILES[3] if where == "shuffle" else FILES[1 + (n + n // 3) % 3]
        left = int(numbers.random() * _WANTED[where])
        with contextlib.ExitStack() as stack:
            scene = _scene(stage, stack, (where, sink), host)
            disk = stage.folder / "spark-local" if where == "shuffle" else scene.folder / "disk"
            what = f"{sink}, {left} bytes left for the {where}, {'Spark' if on_spark else 'Sail'}"
            with _runner(host) as run, disks.filled(disk, left):
                done = run(scene.second, scene.folder)
            # Spark may throw shuffles of earlier jobs away at the very moment that it writes, and then there is room.
            ended(tally, what, done, {74, 0} if where == "shuffle" else {74})
            wanted = "old" if done.code else "new"
            tally.hold("I1", scene.inspect(tally, what) == wanted, f"{what}: the {wanted} data is not there")
            scene.rerun(tally, what, host.run, _clean(stage, stack, (where, sink), host))
        codes[where, done.code] = codes.get((where, done.code), 0) + 1
        tally.ran()
    met = codes.get(("shuffle", 74), 0) or not stage.long or "shuffle" not in wheres
    tally.hold("I4", met, "no job met the full disk of the shuffle")
    tally.notes.append(", ".join(f"{where}: exit {code} {n} times" for (where, code), n in sorted(codes.items())))
    if "spark" not in stage.engines:
        tally.notes.append("the shuffle was left out: it wants Spark")


def read_only(stage: Stage, tally: Tally) -> None:
    """Make a file system read-only under a target, and under the artifacts."""
    if not disks.available():
        tally.notes.append(_SKIPPED)
        return
    for n in range(6 if stage.long else 2):
        on_spark = "sail" not in stage.engines or ("spark" in stage.engines and n > 3)
        host = stage.host("spark") if on_spark else stage.host("sail")
        where, sink = ("artifact" if n == 2 else "target"), FILES[(1, 2, 1, 3, 1, 2)[n]]
        with contextlib.ExitStack() as stack:
            scene = _scene(stage, stack, (where, sink), host)
            what = f"{sink}, a read-only {where}, {'Spark' if on_spark else 'Sail'}"
            disks.remount(scene.folder / "disk", "ro")
            with _runner(host) as run:
                done = run(scene.second, scene.folder)
            ended(tally, what, done, {73, 77})
            tally.hold("I1", scene.inspect(tally, what) == "old", f"{what}: the old data is not there")
            disks.remount(scene.folder / "disk", "rw")
            scene.rerun(tally, what, host.run, _clean(stage, stack, (where, sink), host))
        tally.ran()


def _runner(host: Host) -> contextlib.AbstractContextManager[Runner]:
    """Return what runs a command: a process of its own where that is cheap, else the host, had alone."""
    return contextlib.nullcontext(processes.run) if host.spark.get("engine") == "sail" else host.alone()


def _scene(stage: Stage, stack: contextlib.ExitStack, which: tuple[str, Sink], host: Host) -> Scene:
    where, sink = which
    folder = stage.place()
    folder.mkdir()
    stack.enter_context(disks.small(folder / "disk", "64m"))
    scene = Scene(
        folder, sink, BIG_ROWS, host.spark if host.spark.get("engine") else {"master": "local[2]"},
        place="disk/out" if where == "target" else "out",
        artifact="disk/stats" if where == "artifact" else "stats", inputs="inputs-big", known={"disk"},
    )  # fmt: skip
    return scene.begin(host.run)


def _clean(stage: Stage, stack: contextlib.ExitStack, which: tuple[str, Sink], host: Host) -> Scene:
    scene = _scene(stage, stack, which, host)
    host.run(scene.second, scene.folder)
    return scene
