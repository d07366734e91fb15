"""Inputs that are damaged: empty, cut short, of another type, or with bytes flipped.

A run on one ends with 65 and publishes nothing. It may end with 0 where the damage is in a place that readers do not
check: then its numbers are those that pyarrow reads from the same bytes, or, where pyarrow refuses them, those of the
file as it was (the damage is in what Spark does not read).

Every other flip hits a file whose pages carry checksums, as Spark writes them. There Spark must notice any flip inside
a page (I7). All flips that went through are counted by the place they hit, which says why nothing noticed.
"""

from __future__ import annotations

import io
import random
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
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
    codes: Counter[str] = Counter()
    unnoticed: Counter[str] = Counter()
    times = _TIMES[stage.long]
    for n in range(len(_KINDS) + times):
        kind = _KINDS[n] if n < len(_KINDS) else "flip"
        source = stage.place()
        shutil.copytree(stage.folder / "inputs" / "in-2", source)
        file = source / f"{n % 2}.parquet"
        summed = bool(n // 2 % 2)
        if summed:
            pq.write_table(pq.read_table(file), file, write_page_checksum=True)
        before = file.read_bytes()
        told = _damage(file, kind, numbers)
        scene = old.copy(stage.place())
        done = host.run([*scene.second, "--set", f"input.path=../{source.name}"], scene.folder)
        _judge(tally, scene, (source, done), told)
        codes[f"{done.code} of {kind}"] += 1
        if kind == "flip" and done.code == 0:
            place = _place(before, file.read_bytes())
            other = not same(state_of(table_of(scene.target, "parquet")), scene.new)
            seen = f"{place}{', with a checksum' if summed else ''}: {'other' if other else 'the same'} numbers"
            unnoticed[seen] += 1
            noticed = place not in _PAGES or not summed or not other or not stage.is_spark(host)
            tally.hold("I7", noticed, f"{told}: exit 0, {seen}")
        tally.ran()
        shutil.rmtree(scene.folder)
        shutil.rmtree(source)
    tally.notes.append(f"{'Spark' if stage.is_spark(host) else 'Sail'}: exit codes {dict(codes)}")
    tally.notes += [f"unnoticed {count} times: {seen}; {_why(seen)}" for seen, count in sorted(unnoticed.items())]


#: Where a flip can hit a file, and why readers may not see it there.
_PAGES = ("in a page", "in a page of a column that the steps do not use")
_WHY = {
    "in a page": "one value is as good as another; only a page checksum shows damage (Sail and pyarrow verify none)",
    "in a footer": "what a reader does not use: statistics, offsets of pages that it does not seek, its writer's name",
    "between": "the bytes before the first page and around the footer, of which readers look at the last eight alone",
}


def _place(before: bytes, after: bytes) -> str:
    """Say where the one byte is that differs."""
    at = next(n for n, (ours, theirs) in enumerate(zip(before, after, strict=True)) if ours != theirs)
    start = len(before) - 8 - int.from_bytes(before[-8:-4], "little")
    if start <= at < len(before) - 8:
        return "in a footer"
    group = pq.read_metadata(io.BytesIO(before)).row_group(0)  # the input's files have one
    for chunk in (group.column(number) for number in range(group.num_columns)):
        first = chunk.dictionary_page_offset or chunk.data_page_offset
        if first <= at < first + chunk.total_compressed_size:
            return _PAGES[0] if chunk.path_in_schema == "x" else _PAGES[1]
    return "between"


def _why(seen: str) -> str:
    return next(why for place, why in _WHY.items() if seen.startswith(place))


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
    """Return what is to come of an input as pyarrow reads it, schemas merged; None where it refuses it."""
    try:
        tables = [pq.read_table(file) for file in sorted(source.glob("*.parquet"))]
        table = pa.concat_tables(tables, promote_options="default")
        x = table["x"].to_numpy()
        finite = x[np.isfinite(x)]
        scaled = (x - finite.min()) / (finite.max() - finite.min())
        return state_of(table.set_column(table.schema.get_field_index("x"), "x", [scaled]))
    except Exception:  # noqa: BLE001 - whatever a damaged file makes of a reader
        return None
