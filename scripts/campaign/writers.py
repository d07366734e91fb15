"""Many writers of one target, and readers that look at it all the while.

A writer ends well or with 75; of those that ended well nothing is lost, and no reader sees a mixture or a part. There
are two kinds of readers. One opens the folder and reads below what it has opened: what it meets is whole for
`publish.GRACE` seconds. One goes by path all the way, as most engines do. Of ``append`` it finds every file that it has
listed. Of ``overwrite`` it misses files that are replaced after it has listed them, and reads again.
"""

from __future__ import annotations

import collections
import contextlib
import os
import time
import traceback
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from campaign import processes
from campaign.ledger import Tally
from campaign.processes import Started
from campaign.scene import FILES, LAKES, Scene, Sink, ended, table_of
from campaign.stage import SAIL, Stage

#: Processes, and what each publishes.
_SIZES = ((4, 10), (20, 100))
_ROWS = 60
#: A writer's generations are apart from another's.
_APART = 1000
#: Seconds after which a reader that has opened a folder is too late, at the latest: half of `publish.GRACE`.
_LATE = 0.1


def campaign(stage: Stage, tally: Tally) -> None:
    """Let writers write: by `sparkscale.publish.files`, by the command, and in a long run to Delta and Iceberg."""
    for mode in ("overwrite", "append"):
        _publishing(stage, tally, mode, _SIZES[stage.long])
    if "sail" in stage.engines:
        for sink in FILES[1:3] if stage.long else FILES[2:3]:
            _commands(stage, tally, sink, SAIL)
    if stage.long and "spark" in stage.engines:
        for sink in LAKES:
            _commands(stage, tally, sink, stage.connected)


def _publishing(stage: Stage, tally: Tally, mode: str, size: tuple[int, int]) -> None:
    target, done, answers = stage.place() / "out", processes.event(), processes.queue()
    target.parent.mkdir()
    readers = [processes.start(poll, str(target), mode, opening, done, answers) for opening in (True, False)]
    writers = [processes.start(write, str(target), mode, (w, size[1]), answers) for w in range(size[0])]
    told: list[tuple[str, Any]] = [answers.get(timeout=1800) for _ in writers]
    time.sleep(0.2)
    done.set()
    told += [answers.get(timeout=60) for _ in readers]
    for process in (*writers, *readers):
        process.join(60)
    wrote = [what for kind, what in told if kind == "wrote"]
    published = [number for numbers, _ in wrote for number in numbers]
    refused = sum(count for _, count in wrote)
    tally.ran(len(published))
    tally.hold("I3", len(published) == size[0] * size[1], f"{mode}: {len(published)} of {size[0] * size[1]} published")
    seen = _judge(tally, mode, told)
    table = table_of(target, "parquet")
    counts = collections.Counter(table["gen"].to_pylist() if table is not None else [])
    expected = published if mode == "append" else [g for g in counts if g in published][:1]
    tally.hold("I1", counts == dict.fromkeys(expected, _ROWS), f"{mode}: at the end {dict(counts)}")
    left = [path.name for path in target.parent.iterdir() if path.name != "out"]
    tally.hold("I5", not left, f"{mode}: left behind: {left}")
    tally.notes.append(f"{size[0]} processes, {mode}: {len(published)} published, {refused} times 75; {seen}")


def _judge(tally: Tally, mode: str, told: list[tuple[str, Any]]) -> str:
    """Compare what readers and writers reported with the promises."""
    reads = generations = gone = 0
    for kind, what in told:
        if kind == "failed":
            tally.hold("I4", kept=False, what=f"{mode}: {what}")
        if kind == "read":
            reads, generations, gone = reads + what["reads"], generations + what["states"], gone + what["gone"]
            for wrong in what["wrong"]:
                tally.hold("I1", kept=False, what=f"{mode}: a reader saw {wrong}")
    tally.hold("I1", reads >= 10 and generations > 1, f"{mode}: readers saw too little: {reads}, {generations}")
    return f"{reads} reads of {generations} states, {gone} more that missed what was replaced"


def write(target: str, mode: str, which: tuple[int, int], answers: Any) -> None:
    """Publish generations, each again until it is published."""
    from sparkscale.errors import TemporaryError
    from sparkscale.publish import files

    published, refused = [], 0
    try:
        for number in range(which[1]):
            generation = which[0] * _APART + number
            while not published or published[-1] != generation:
                try:
                    with files.claimed(target) as claim:
                        _write(claim.new, generation, 1 if mode == "append" else 3)
                        claim.publish(mode, {"run_id": f"g{generation}"})
                    published.append(generation)
                except TemporaryError:
                    refused += 1
                    time.sleep(0.01 * (1 + which[0] % 5))
    except Exception:  # noqa: BLE001 - the judge reports it
        answers.put(("failed", traceback.format_exc()))
    else:
        answers.put(("wrote", (published, refused)))


def _write(folder: Path, generation: int, files: int) -> None:
    folder.mkdir()
    for part in range(files):
        table = pa.table({"gen": [generation] * (_ROWS // files)})
        pq.write_table(table, folder / f"{generation}-{part}.parquet")


def poll(target: str, mode: str, opening: bool, done: Any, answers: Any) -> None:  # noqa: FBT001 - through a pickle
    """Read a target again and again, and tell what was wrong with what was seen."""
    told: dict[str, Any] = {"reads": 0, "states": 0, "gone": 0, "wrong": []}
    before: dict[int, int] = {}
    while not done.is_set():
        began = time.monotonic()
        counts, error = _counts(Path(target), opening=opening)
        late = opening and time.monotonic() - began > _LATE
        missed = mode == "overwrite" and not opening and not counts
        if error and not before:
            continue  # nothing has been published yet
        wrong = [error] if error else _wrong(counts, before, mode)
        if wrong and (late or missed):
            told["gone"] += 1
            continue
        told["reads"] += 1
        told["states"] += counts != before
        told["wrong"] += wrong
        before = counts or before
        time.sleep(0.001)
    told["wrong"] = told["wrong"][:5]
    answers.put(("read", told))


def _counts(target: Path, *, opening: bool) -> tuple[dict[int, int], str]:
    """Return the rows of each generation, and what went wrong."""
    with contextlib.ExitStack() as stack:
        try:
            if opening:
                opened = os.open(target, os.O_RDONLY)
                stack.callback(os.close, opened)
                target = Path(f"/proc/self/fd/{opened}")
            table = table_of(target, "parquet")
        except FileNotFoundError as error:
            return {}, f"{type(error).__name__}: {error}"
        known = table is not None and "gen" in table.column_names
        return dict(collections.Counter(table["gen"].to_pylist())) if known else {}, ""


def _wrong(counts: dict[int, int], before: dict[int, int], mode: str) -> list[str]:
    if not counts:
        return ["nothing, where there was something"] if before else []
    found = []
    if set(counts.values()) != {_ROWS}:
        found.append(f"a part: {counts}")
    if mode == "overwrite" and len(counts) != 1:
        found.append(f"a mixture: {counts}")
    if mode == "append" and not before.keys() <= counts.keys():
        found.append(f"generations that are gone: {before.keys() - counts.keys()}")
    return found


def _commands(stage: Stage, tally: Tally, sink: Sink, spark: dict[str, Any]) -> None:
    """Start the same command at once in many folders on one target, and repeat those whose exit code is 75."""
    host = stage.host("sail") if spark is SAIL else stage.host("spark")
    home = stage.scene(sink, host)
    scenes = [Scene(stage.place(), sink, home.rows, spark, place=str(home.target)) for _ in range(4)]
    codes: collections.Counter[int] = collections.Counter()
    turns = 3 if stage.long else 1
    with contextlib.nullcontext() if spark is SAIL else host.alone():
        for turn in range(turns):
            waiting = list(enumerate(scenes))
            while waiting:
                started = [(n, s, Started([*s.second, "--run-id", f"{turn}-{n}"], s.folder)) for n, s in waiting]
                waiting = []
                for n, scene, one in started:
                    with one.ending():
                        done = one.wait()
                    if tally.hold("I4", done, f"{sink}: no end") and done is not None:
                        codes[done.code] += 1
                        ended(tally, f"{sink}, command {turn}-{n}", done, {0, 75})
                        scene.scratch(tally, f"{sink}, command {turn}-{n}")
                        waiting += [(n, scene)] if done.code == 75 else []
                        tally.ran(int(done.code == 0))
    table = table_of(home.target, sink.format)
    counts = collections.Counter(table["gen"].to_pylist() if table is not None else [])
    expected = {1: home.rows, 2: home.rows * 4 * turns} if sink.mode == "append" else {2: home.rows}
    tally.hold("I1", counts == expected, f"{sink}: {4 * turns} commands made {dict(counts)}, expected {expected}")
    left = [path.name for path in home.target.parent.glob("_sparkscale-*")]
    tally.hold("I5", not left, f"{sink}: left behind: {left}")
    tally.notes.append(f"{sink}: 4 commands at once, {turns} times: exit codes {dict(codes)}")
