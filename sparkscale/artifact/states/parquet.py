"""Data files of states: a Parquet file with a row for each partition and feature, which any reader reads."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sparkscale.artifact.states.keys import By, Key
from sparkscale.errors import DataError
from sparkscale.stats.column import ColumnStats
from sparkscale.stats.columnar import COUNTS, NUMBERS, StatsArrays

#: Rows and unpacked bytes of a file; one that claims more is refused.
MAX_ROWS, MAX_UNPACKED = 50_000_000, 16 * 1024**3
#: Up to so many rows, starting threads takes longer than reading.
_FEW_ROWS = 10_000
WEIGHTS = tuple(f"weight_{name}" for name in COUNTS)
_ARROW = {"string": pa.string(), "integer": pa.int64(), "date": pa.date32()}
#: |exp| of any statistics, weighted ones included.
_EXP_MAX = 2700


@dataclass(frozen=True)
class Block:
    """The states of a file; row ``i`` is of key ``keys[key[i]]`` and feature ``features[feature[i]]``."""

    keys: Sequence[Key]
    features: Sequence[str]
    key: NDArray[np.int64]
    feature: NDArray[np.int64]
    stats: StatsArrays

    @cached_property
    def rows(self) -> dict[tuple[Key, str], int]:
        """By key and feature, the number of its row."""
        pairs = zip(self.key.tolist(), self.feature.tolist(), strict=True)
        return {(self.keys[key], self.features[feature]): row for row, (key, feature) in enumerate(pairs)}


def encode(keys: By, states: Mapping[Key, Mapping[str, ColumnStats]]) -> bytes:
    """Return the file's bytes; all states are weighted, or none is."""
    pairs = [(key, feature, stats) for key, by in states.items() for feature, stats in by.items()]
    found = [stats for _, _, stats in pairs]
    weighted = any(stats.weights is not None for stats in found)
    schema = schema_of(keys, weighted=weighted)
    columns: dict[str, Any] = {
        name: [key[number] for key, _, _ in pairs] for number, name in enumerate(_key_names(keys))
    }
    columns |= {"feature": [feature for _, feature, _ in pairs], "rows": [stats.rows for stats in found]}
    columns |= {name: [getattr(stats, name) for stats in found] for name in COUNTS}
    columns |= {name: [getattr(stats, name) if stats.finite else None for stats in found] for name in NUMBERS}
    columns["exp"] = [stats.exp for stats in found]
    columns["sketch"] = [stats.quantiles.data if stats.quantiles else None for stats in found]
    if weighted:
        columns |= {f"weight_{name}": [getattr(stats.weights, name) for stats in found] for name in COUNTS}
    table = pa.table({field.name: pa.array(columns[field.name], field.type) for field in schema}, schema=schema)
    buffer = io.BytesIO()
    pq.write_table(
        table, buffer, compression="zstd", write_page_checksum=True, use_dictionary=False, write_statistics=False
    )
    return buffer.getvalue()


def decode(data: bytes, keys: By, name: str) -> Block:
    """Read a file; raises :class:`DataError` (65) where it has other columns, or its numbers cannot be states."""
    try:
        file = pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True)
        weighted = "weight_finite" in file.schema_arrow.names
        expected = schema_of(keys, weighted=weighted)
        return _block(_checked(file, expected), keys, weighted=weighted)
    except (pa.ArrowException, OSError, ValueError, KeyError, MemoryError) as error:
        cause = f"{name}: expected states in Parquet, found something else ({str(error)[:200]})"
        raise DataError("STATES_INVALID", cause, "restore the file, or choose another place for the states") from error


def schema_of(keys: By, *, weighted: bool) -> pa.Schema:
    """Return the columns of a file."""
    names = _key_names(keys)
    fields = [pa.field(name, _ARROW[column.type]) for name, column in zip(names, keys.columns, strict=True)]
    fields.append(pa.field("feature", pa.string()))
    fields += [pa.field(name, pa.int64()) for name in ("rows", *COUNTS)]
    fields += [pa.field(name, pa.float64()) for name in NUMBERS]
    fields += [pa.field("exp", pa.int32()), pa.field("sketch", pa.binary())]
    return pa.schema(fields + [pa.field(name, pa.float64()) for name in WEIGHTS] * weighted)


def _key_names(keys: By) -> list[str]:
    """Return the names of the key columns: their own, apart from those of the statistics."""
    taken = {"feature", "rows", "exp", "sketch", *COUNTS, *NUMBERS, *WEIGHTS}
    names: list[str] = []
    for name in keys.names:
        free = name
        while free.lower() in taken:
            free += "_"
        taken.add(free.lower())
        names.append(free)
    return names


def _checked(file: pq.ParquetFile, expected: pa.Schema) -> pa.Table:
    """Return the content of a file that has the columns expected, and not too many rows."""
    known = file.metadata
    unpacked = sum(known.row_group(number).total_byte_size for number in range(known.num_row_groups))
    if known.num_rows > MAX_ROWS or unpacked > MAX_UNPACKED:
        raise ValueError(f"{known.num_rows:,} rows, {unpacked:,} bytes")
    if not file.schema_arrow.remove_metadata().equals(expected):
        raise ValueError(f"columns {file.schema_arrow.names}")
    return file.read(use_threads=known.num_rows > _FEW_ROWS)


def _block(table: pa.Table, keys: By, *, weighted: bool) -> Block:
    number, distinct = _keys(table, keys)
    coded = table["feature"].combine_chunks().dictionary_encode()
    if coded.null_count:
        raise ValueError("a feature without a name")
    finite = table["finite"].to_numpy()
    fields = {name: _whole(table, name) for name in ("rows", *COUNTS, "exp")}
    for name in (*NUMBERS, *(WEIGHTS if weighted else ())):
        fields[name] = table[name].to_numpy(zero_copy_only=False).astype(np.float64)
    _check(fields, finite > 0)
    if any((table[name].is_valid().to_numpy(zero_copy_only=False) != (finite > 0)).any() for name in NUMBERS):
        raise ValueError("numbers where no value is finite, or none where one is")
    sketches = np.empty(table.num_rows, dtype=object)
    sketches[:] = table["sketch"].to_pylist()
    own = {name: fields[name] for name in (*COUNTS, *NUMBERS)}
    own["mean_lo"], own["m2"] = (np.where(finite > 0, own[name], 0.0) for name in ("mean_lo", "m2"))
    weights = {name: fields[f"weight_{name}"] for name in COUNTS} if weighted else None
    stats = StatsArrays(**own, exp=fields["exp"].astype(np.int64), sketches=sketches, weights=weights)
    return Block(distinct, coded.dictionary.to_pylist(), number, coded.indices.to_numpy(), stats)


def _keys(table: pa.Table, keys: By) -> tuple[NDArray[np.int64], list[Key]]:
    """Return the distinct keys of a table, and for each row which one is its key."""
    number = np.zeros(table.num_rows, dtype=np.int64)
    values = []
    for name in _key_names(keys):
        coded = table[name].combine_chunks().dictionary_encode(null_encoding="encode")
        values.append(coded.dictionary.to_pylist())
        number = number * len(values[-1]) + coded.indices.to_numpy()
    found, number = np.unique(number, return_inverse=True)
    distinct = []
    for code in found.tolist():
        parts = []
        for column in reversed(values):
            code, place = divmod(code, len(column))  # noqa: PLW2901 - what is left of it
            parts.append(column[place])
        distinct.append(tuple(reversed(parts)))
    return number, distinct


def _whole(table: pa.Table, name: str) -> NDArray[Any]:
    if table[name].null_count:
        raise ValueError(f"a null in {name!r}")
    values: NDArray[Any] = table[name].to_numpy()
    return values


def _check(fields: Mapping[str, NDArray[Any]], some: NDArray[np.bool_]) -> None:
    """Refuse numbers that no column has."""
    if any((fields[name] < 0).any() for name in ("rows", *COUNTS)):
        raise ValueError("a count below 0")
    if (np.sum([fields[name] for name in COUNTS], axis=0) != fields["rows"]).any():
        raise ValueError("counts that are not those of the rows")
    low, high, mean, lo, m2 = (fields[name][some] for name in NUMBERS)
    exp = fields["exp"]
    if exp[~some].any() or (np.abs(exp.astype(np.int64)) > _EXP_MAX).any():
        raise ValueError("an exponent that no double needs")
    if not all(np.isfinite(x).all() for x in (low, high, mean, lo, m2)):
        raise ValueError("numbers that are not finite")
    with np.errstate(all="ignore"):
        small = np.abs(np.ldexp(lo, exp[some])) <= np.spacing(np.abs(mean))
    if not ((low <= mean) & (mean <= high) & (m2 >= 0) & small).all():
        raise ValueError("numbers that are not min <= mean <= max and 0 <= m2")
    for name in COUNTS if "weight_finite" in fields else ():
        weight = fields[f"weight_{name}"]
        if not np.isfinite(weight).all() or ((weight > 0) != (fields[name] > 0)).any() or (weight < 0).any():
            raise ValueError(f"weights of {name!r} that are not those of its rows")
