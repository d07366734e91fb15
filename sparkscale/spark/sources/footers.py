"""The fit against the files: rows, nulls and ends of each feature, as the Parquet footers give them.

pyarrow reads the footers on the driver, so neither the engine's reader nor its casts are trusted. What footers do not
tell is not compared: columns in structs or missing from a file, statistics that a writer left out, and the ends of
floats among NaN and infinities, which writers treat in different ways. Where they differ, pyarrow reads the column
to find out who is wrong.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame

from sparkscale.errors import DataError, InternalError
from sparkscale.pipeline.fitted import Fitted
from sparkscale.places import is_local, local_path
from sparkscale.stats.column import ColumnStats

#: Reading a footer takes about a millisecond: inputs of more files than this are not compared.
FILES = 256
#: Looking at the statistics of a column in a row group takes about 10 microseconds.
CHUNKS = 50_000


@dataclass(frozen=True)
class Footers:
    """Files and their footers."""

    files: Sequence[Path] = ()
    footers: Sequence[Any] = ()

    @functools.cached_property
    def _places(self) -> list[dict[str, int]]:
        return [_places(footer) for footer in self.footers]

    def chunks(self, name: str) -> list[Any]:
        """Return the chunks of a column in all row groups; none where a file lacks it."""
        if not all(name in place for place in self._places):
            return []
        return [
            footer.row_group(group).column(place[name])
            for footer, place in zip(self.footers, self._places, strict=True)
            for group in range(footer.num_row_groups)
        ]


def check_footers(df: DataFrame, fitted: Fitted, since: float) -> bool:
    """Compare a fit of all rows of local Parquet files with their footers; False where that cannot be done.

    Files that changed after ``since`` (in seconds of the epoch) are not what the engine has read.

    Raises:
        InternalError: (70) naming the column, and what the engine and the footers say.
        DataError: (65) where the pages, by pyarrow, say what the engine says: the footers are damaged.
    """
    known = _footers(df, since)
    groups = sum(footer.num_row_groups for footer in known.footers)
    if fitted.rows is None or not known.footers or len(fitted.stats) * groups > CHUNKS:
        return False
    _same(known, "", {"rows": fitted.rows}, {"rows": sum(footer.num_rows for footer in known.footers)})
    for name, stats in fitted.stats.items():
        expected = _told(stats, known.chunks(name))
        _same(known, name, {what: getattr(stats, what) for what in expected}, expected)
    return True


def _footers(df: DataFrame, since: float) -> Footers:
    """Return the footers of the files that a plan reads; none where one cannot be had."""
    try:
        files = [_path(name) for name in df.inputFiles()]
    except PySparkException:  # an engine that does not list them
        return Footers()
    if len(files) > FILES or not all(file.is_file() and file.stat().st_mtime < since for file in files):
        return Footers()
    with contextlib.suppress(OSError, pa.ArrowException):
        return Footers(files, [pq.read_metadata(file) for file in files])
    return Footers()


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


def _told(stats: ColumnStats, chunks: Sequence[Any]) -> dict[str, float]:
    """Return what the statistics of a column's chunks tell for sure."""
    known = [chunk.statistics for chunk in chunks if chunk.is_stats_set]
    if not chunks or len(known) < len(chunks) or not all(one.has_null_count for one in known):
        return {}
    nulls = {"nulls": sum(one.null_count for one in known)}
    some = [one for one in known if one.num_values]
    if not stats.finite or stats.nans + stats.posinf + stats.neginf or not all(one.has_min_max for one in some):
        return nulls
    ends = [end for one in some for end in (one.min, one.max)]
    if not ends or not all(isinstance(end, bool | int | float | Decimal) for end in ends):
        return nulls
    return {**nulls, "min": float(min(ends)), "max": float(max(ends))}


def _same(known: Footers, name: str, found: dict[str, float], expected: dict[str, float]) -> None:
    """Raise where they differ; who is right, the pages tell."""
    different = [what for what in found if found[what] != expected[what]]
    if not different:
        return
    what, where = different[0], f"column {name!r}: " if name else ""
    pages = _of_pages(known.files, name) if name else {"rows": _rows_of_groups(known)}
    if pages.get(what) == found[what]:
        raise DataError(
            "DATA_DAMAGED",
            f"{where}the footers of the Parquet files say {what} {expected[what]!r}, their pages {found[what]!r}",
            "write the files anew; to take the pages as they are, set self_check: 0",
        )
    raise InternalError(
        "SELF_CHECK",
        f"{where}the engine found {what} {found[what]!r}, the footers of the Parquet files say {expected[what]!r}",
        "nothing was saved or published; report the engine to us",
    )


def _rows_of_groups(known: Footers) -> int:
    return sum(f.row_group(group).num_rows for f in known.footers for group in range(f.num_row_groups))


def _of_pages(files: Sequence[Path], name: str) -> dict[str, float]:
    """Read a column by pyarrow: the nulls and ends of its values."""
    nulls, ends = 0, []
    for file in files:
        for batch in pq.ParquetFile(file).iter_batches(columns=[name]):
            nulls += batch.column(0).null_count
            ends += [end for end in pc.min_max(batch.column(0)).as_py().values() if end is not None]
    return {"nulls": nulls, **({"min": float(min(ends)), "max": float(max(ends))} if ends else {})}
