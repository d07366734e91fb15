"""The benchmark's tables: seeded features and scores, and TPC-H's lineitem, which we did not invent."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

SEED = 20261123
#: Of lineitem: integers, decimals, and three to five values or millions of them.
LINEITEM = ["l_linenumber", "l_quantity", "l_extendedprice", "l_discount", "l_tax"]


def features(  # noqa: PLR0913 - the shape of a table
    folder: Path, rows: int, cols: int, *, scores: int = 0, arrays: int = 0, files: int = 8, labelled: bool = False
) -> str:
    """Write an id, normal features of 20 means and stds, and scores (as columns, or as an array); return the place.

    The pages are plain, as Spark writes them: pyarrow's dictionaries of random numbers take twice as long to read, and
    would make every ratio to a scan look better than it is.
    """
    place = folder / f"{rows}x{cols}-{scores}-{arrays}-{files}{'-labelled' if labelled else ''}"
    if place.exists():
        return str(place)
    place.mkdir(parents=True)
    for part in range(files):
        random, n = np.random.default_rng([SEED, part]), (part + 1) * rows // files - part * rows // files
        table = {"id": pa.array(np.arange(n) + part * rows // files)}
        table |= {f"f{j}": pa.array(random.normal(j % 20, 1 + j % 20, n)) for j in range(cols)}
        table |= {f"s{j}": pa.array(random.normal(0, 4, n)) for j in range(scores)}
        if labelled:  # half of the labels are those of the largest score
            largest = np.argmax([table[f"s{j}"].to_numpy() for j in range(scores)], axis=0)
            table["label"] = pa.array(np.where(random.random(n) < 0.5, largest, random.integers(0, scores, n)))
        if arrays:
            flat = pa.array(random.normal(0, 4, n * arrays))
            table["v"] = pa.ListArray.from_arrays(pa.array(np.arange(n + 1, dtype=np.int32) * arrays), flat)
        path = place / f"{part:03d}.parquet"
        pq.write_table(pa.table(table), path, use_dictionary=False, compression="zstd", row_group_size=1 << 20)
    return str(place)


def partitioned(folder: Path, rows: int, cols: int, parts: int = 30) -> str:
    """Write the features in ``parts`` partitions, ``part=7/...``; return the place."""
    flat, place = Path(features(folder, rows, cols, files=parts)), folder / f"{rows}x{cols}-by-{parts}"
    if not place.exists():
        for number, file in enumerate(sorted(flat.iterdir())):
            (place / f"part={number}").mkdir(parents=True)
            file.rename(place / f"part={number}" / file.name)
        flat.rmdir()
    return str(place)


def lineitem(folder: Path, scale: float) -> str:
    """Make TPC-H's lineitem by `tpchgen-cli`; scale 1 has 6,001,215 rows."""
    place = folder / f"lineitem-{scale:g}"
    if not place.exists():
        tool = Path(sys.executable).with_name("tpchgen-cli")
        command = [str(tool), "parquet", "--scale-factor", str(scale), "--tables=lineitem", "--parts=8"]
        subprocess.run([*command, "--output-dir", str(place)], check=True, capture_output=True)
    return str(place / "lineitem")


def lineitem_by_month(folder: Path, scale: float) -> str:
    """Write what is scaled of lineitem in a partition for each of the 84 months of `l_shipdate`; return the place."""
    import duckdb

    place = folder / f"lineitem-{scale:g}-by-month"
    if not place.exists():
        place.mkdir(parents=True)
        rows = duckdb.read_parquet(f"{lineitem(folder, scale)}/*.parquet")
        kept = rows.project(f"{', '.join(LINEITEM)}, strftime(l_shipdate, '%Y-%m') AS ship_month")
        kept.to_parquet(str(place), partition_by=["ship_month"], overwrite=True)
    return str(place)
