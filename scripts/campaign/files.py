"""Inputs that are damaged: empty, cut short, of another type, or with bytes flipped.

A run on one ends with 65 and publishes nothing. It may end with 0 where the damage is in a place that readers do not
check: then its numbers are those that pyarrow reads from the same bytes, or, where pyarrow refuses them, those of the
file as it was (the damage is in what Spark does not read).
"""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from campaign.ledger import Tally
from campaign.processes import Outcome
from campaign.scene import FILES, Scene, ended, same, state_of, table_of
from campaign.stage import Stage

_TIMES = (10, 500)
_SINK = FILES[1]
_KINDS = ("empty", "cut", "zeros", "text", "another table")


def campaign(stage: Stage, tally: Tally) -> None:
    """Damage one of the input's files in each way, then flip bytes."""
    numbers = stage.random("bad files")
    host = stage.host("spark") if "spark" in stage.engines else stage.host("sail")
    old = stage.old(_SINK, host)
    codes: dict[str, int] = {}
    times = _TIMES[stage.long]
    for n in range(len(_KINDS) + times):
        kind = _KINDS[n] if n < len(_KINDS) else "flip"
        source = stage.place()
        shutil.copytree(stage.folder / "inputs" / "in-2", source)
        told = _damage(source / f"{n % 2}.parquet", kind, numbers)
        scene = old.copy(stage.place())
        done = host.run([*scene.second, "--set", f"input.path=../{source.name}"], scene.folder)
        _judge(tally, scene, (source, done), told)
        codes[f"{done.code} of {kind}"] = codes.get(f"{done.code} of {kind}", 0) + 1
        tally.ran()
        shutil.rmtree(scene.folder)
        shutil.rmtree(source)
    tally.notes.append(f"{'Spark' if host is stage.__dict__.get('spark') else 'Sail'}: exit codes {codes}")


def _damage(file: Path, kind: str, numbers: random.Random) -> str:
    """Damage a file and say how."""
    data = bytearray(file.read_bytes())
    if kind == "empty":
        data = bytearray()
    elif kind == "cut":
        data = data[: numbers.randrange(1, len(data))]
    elif kind == "zeros":
        data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
    elif kind == "text":
        data = bytearray(b"x,p,gen\n1,0,2\n")
    elif kind == "another table":
        pq.write_table(pq.read_table(file).rename_columns(["y", "p", "gen"]), file)
        return kind
    else:
        at, bit = numbers.randrange(len(data)), numbers.randrange(8)
        data[at] ^= 1 << bit
        kind = f"bit {bit} of byte {at} of {len(data)} flipped"
    file.write_bytes(data)
    return f"{kind} ({file.name})"


def _judge(tally: Tally, scene: Scene, run: tuple[Path, Outcome], what: str) -> None:
    source, done = run
    ended(tally, what, done, {0, 65})
    if done.code:
        tally.hold(
            "I1", scene.inspect(tally, what) == "old", f"{what}: exit {done.code}, and the old data is not there"
        )
        tally.hold("I3", len(scene.store()) == 1, f"{what}: exit {done.code}, and an artifact was saved")
    else:
        found = state_of(table_of(scene.target, "parquet"))
        theirs = _independent(source)
        numbers = theirs if theirs is not None else scene.new
        tally.hold("I1", same(found, numbers), f"{what}: exit 0 with {found}, and pyarrow reads {numbers}")
    scene.clean(tally, what)


def _independent(source: Path) -> dict[tuple[int, int], tuple[int, float]] | None:
    """Return what is to come of an input as pyarrow reads it; None where it refuses it."""
    try:
        table = pq.read_table(source)
        x = table["x"].to_numpy()
        finite = x[np.isfinite(x)]
        scaled = (x - finite.min()) / (finite.max() - finite.min())
        return state_of(table.set_column(0, "x", [scaled]))
    except Exception:  # noqa: BLE001 - whatever a damaged file makes of a reader
        return None
