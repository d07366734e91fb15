"""A table of statistics by group as a Parquet file, named by its checksum: for more groups than a JSON document holds.

A column for each of the key's columns (``k0``, ``k1`` ...), and for each feature one for each field of its statistics
(``f0_finite``, ``f0_mean`` ...). A file is read only if its checksum is the one that the document says, and its content
is checked as that of the document is.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from sparkscale.errors import DataError
from sparkscale.stats.checking import checked
from sparkscale.stats.columnar import StatsArrays
from sparkscale.stats.keys import DTYPES, KeyColumn, Keys
from sparkscale.stats.table import StatsTable

#: Larger files, and tables of more statistics, are refused unread: 1,000,000 groups of 20 features are 2 GB.
MAX_BYTES, MAX_ENTRIES = 4 * 1024**3, 50_000_000
_NAMES = [item.name for item in fields(StatsArrays) if item.name not in ("sketches", "weights")]


def to_parquet(table: StatsTable) -> bytes:
    """Return the file of a table; the same table gives the same bytes."""
    import pyarrow as pa
    from pyarrow import parquet

    columns: dict[str, Any] = {}
    for i, key in enumerate(table.keys.columns):
        columns[f"k{i}"] = pa.array(key.values, mask=key.null if key.null.any() else None)
    for i, stats in enumerate(table.features.values()):
        columns |= {f"f{i}_{name}": getattr(stats, name) for name in _NAMES}
        if stats.sketches is not None:
            columns[f"f{i}_sketches"] = pa.array(stats.sketches, pa.binary())
    out = io.BytesIO()
    parquet.write_table(pa.table(columns), out, compression="zstd", write_page_checksum=True)
    return out.getvalue()


def checksum(data: bytes) -> str:
    """Return the checksum of a file."""
    return hashlib.sha256(data).hexdigest()


def name_of(data: bytes) -> str:
    """Return the name of a file."""
    return f"groups-{checksum(data)}.parquet"


def from_parquet(data: bytes, name: str, keys: Sequence[tuple[str, str]], features: Sequence[str]) -> StatsTable:
    """Read a file; raises :class:`DataError` where it is not the one of its name, or holds no statistics.

    Args:
        data: the file.
        name: the file's name.
        keys: name and type of each of the key's columns.
        features: the names of the features.
    """
    import pyarrow as pa
    from pyarrow import parquet

    if name_of(data) != name:
        hint = "the file was changed or damaged: restore it, or fit again"
        raise DataError("ARTIFACT_CHECKSUM", f"{name}: its content does not match its checksum", hint)
    try:
        file = parquet.ParquetFile(io.BytesIO(data), page_checksum_verification=True)
        if file.metadata.num_rows * max(len(features), 1) > MAX_ENTRIES:
            raise _invalid(name, f"at most {MAX_ENTRIES:,} statistics", f"{file.metadata.num_rows:,} groups")
        found = {column: file.read([column]).column(0).combine_chunks() for column in file.schema_arrow.names}
    except (pa.ArrowException, OSError) as error:
        raise _invalid(name, "a Parquet file", str(error)[:80]) from error
    return StatsTable(_keys(name, found, keys), _features(name, found, features))


def _keys(where: str, found: Mapping[str, Any], keys: Sequence[tuple[str, str]]) -> Keys:
    columns = []
    for i, (name, type_) in enumerate(keys):
        array = found.get(f"k{i}")
        if array is None or type_ not in DTYPES:
            raise _invalid(where, f"a column k{i} of keys of type {type_:.80}", "none")
        columns.append(KeyColumn.of(name, type_, array.to_pylist()))
    return Keys(tuple(columns)).check()


def _features(where: str, found: Mapping[str, Any], names: Sequence[str]) -> dict[str, StatsArrays]:
    features = {}
    for i, name in enumerate(names):
        made: dict[str, Any] = {}
        for item in _NAMES:
            array = found.get(f"f{i}_{item}")
            wanted = "int64" if item in ("exp", "nulls", "nans", "posinf", "neginf", "finite") else "double"
            if array is None or str(array.type) != wanted or array.null_count:
                raise _invalid(where, f"a column f{i}_{item} of type {wanted}", None if array is None else array.type)
            made[item] = np.array(array.to_numpy())
        sketches = found.get(f"f{i}_sketches")
        if sketches is not None:
            held = np.empty(len(sketches), dtype=object)
            held[:] = sketches.to_pylist()
            made["sketches"] = held
        features[name] = checked(StatsArrays(**made))
    return features


def _invalid(name: str, expected: str, found: object) -> DataError:
    return DataError("ARTIFACT_INVALID", f"{name}: expected {expected}, found {found!s:.80}")
