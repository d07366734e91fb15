"""The fit against the files: rows, nulls and ends of each feature, as the Parquet footers give them.

pyarrow reads the footers on the driver, so neither the engine's reader nor its casts are trusted. What footers do not
tell is not compared: columns in structs or missing from a file, statistics that a writer left out, and the ends of
floats among NaN and infinities, which writers treat in different ways.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame

from sparkscale.artifact import Fitted
from sparkscale.errors import InternalError
from sparkscale.places import is_local, local_path
from sparkscale.stats import ColumnStats

#: Reading a footer takes about a millisecond: inputs of more files than this are not compared.
FILES = 256
#: Looking at the statistics of a column in a row group takes about 10 microseconds.
CHUNKS = 50_000


def check_footers(df: DataFrame, fitted: Fitted, since: float) -> bool:
    """Compare a fit of all rows of local Parquet files with their footers; False where that cannot be done.

    Files that changed after ``since`` (in seconds of the epoch) are not what the engine has read.

    Raises:
        InternalError: (70) naming the column, and what the engine and the footers say.
    """
    footers = _footers(df, since)
    if fitted.rows is None or not footers or len(fitted.stats) * sum(f.num_row_groups for f in footers) > CHUNKS:
        return False
    _same("rows", "", fitted.rows, sum(footer.num_rows for footer in footers))
    places = [_places(footer) for footer in footers]
    for name, stats in fitted.stats.items():
        if all(name in place for place in places):
            chunks = [
                footer.row_group(group).column(place[name])
                for footer, place in zip(footers, places, strict=True)
                for group in range(footer.num_row_groups)
            ]
            _compare(name, stats, chunks)
    return True


def _footers(df: DataFrame, since: float) -> list[Any]:
    """Return the footers of the files that a plan reads; none where one cannot be had."""
    try:
        files = [_path(name) for name in df.inputFiles()]
    except PySparkException:  # an engine that does not list them
        return []
    if len(files) > FILES or not all(file.is_file() and file.stat().st_mtime < since for file in files):
        return []
    with contextlib.suppress(OSError, pa.ArrowException):
        return [pq.read_metadata(file) for file in files]
    return []


def _path(name: str) -> Path:
    """Return the path of a file's name, which is a URI in Spark; of a place elsewhere, a path with no file."""
    if not is_local(name):
        return Path()
    path = local_path(name)
    return Path(path if Path(path).is_file() else unquote(path))


def _places(footer: Any) -> dict[str, int]:
    """Return where columns that are no parts of others stand; a dot in a path may also be one of a name."""
    leaves = [footer.schema.column(number) for number in range(footer.num_columns)]
    return {
        leaf.path: number
        for number, leaf in enumerate(leaves)
        if "." not in leaf.path and leaf.max_repetition_level == 0
    }


def _compare(name: str, stats: ColumnStats, chunks: Sequence[Any]) -> None:
    known = [chunk.statistics for chunk in chunks if chunk.is_stats_set]
    if len(known) < len(chunks) or not all(one.has_null_count for one in known):
        return
    _same("nulls", name, stats.nulls, sum(one.null_count for one in known))
    ends = list(_ends(stats, [one for one in known if one.num_values]))
    if ends and stats.finite:
        _same("min", name, stats.min, min(low for low, _ in ends))
        _same("max", name, stats.max, max(high for _, high in ends))


def _ends(stats: ColumnStats, known: Sequence[Any]) -> Iterator[tuple[float, float]]:
    """Yield the ends of each chunk, as the nearest doubles; nothing where those of one are missing or in doubt."""
    if stats.nans + stats.posinf + stats.neginf or not all(one.has_min_max for one in known):
        return
    ends = [(one.min, one.max) for one in known]
    if all(isinstance(end, bool | int | float | Decimal) for pair in ends for end in pair):
        yield from ((float(low), float(high)) for low, high in ends)


def _same(what: str, name: str, found: float, expected: float) -> None:
    if found != expected:
        where = f"column {name!r}: " if name else ""
        raise InternalError(
            "VERIFY",
            f"{where}the engine found {what} {found!r}, the footers of the Parquet files say {expected!r}",
            "nothing was saved or published; where the files' statistics are wrong, write them anew or set verify: 0",
        )
