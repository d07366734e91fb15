"""Outputs, read by others than Spark and us: pyarrow, DuckDB, deltalake, pyiceberg, Python's csv and json."""

from __future__ import annotations

import csv as pycsv
import io
import json
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet as pq

from roundtrips import texts
from roundtrips.shapes import Column, column_of, shape_of

#: Of a column that an output holds as text, or as JSON.
TEXT, JSON = "text", "json"
#: The name that Hive gives the folder of a null.
NULL_FOLDER = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class Found:
    """The columns of an output but `i` and `x`, in the order of `i`, and the values of both."""

    columns: dict[str, Column]
    i: list[Any]
    x: list[Any]


class DisagreeError(Exception):
    """Two independent readers read different values."""


def read(format_: str, folder: Path) -> Found:
    """Read an output."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _READERS[format_.removesuffix("/k")](folder)


def _arrow(table: pa.Table) -> Found:
    return _sorted({name: column_of(table[name]) for name in table.column_names})


def _sorted(columns: dict[str, Column]) -> Found:
    """Bring the rows into the order of `i`."""
    keys = [int(value) for value in columns["i"].values]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    ordered = {name: Column(c.shape, tuple(c.values[row] for row in order)) for name, c in columns.items()}
    i, x = (list(ordered.pop(name).values) for name in ("i", "x"))
    return Found(ordered, [int(value) for value in i], [float(value) for value in x])


def _files(folder: Path) -> Iterator[tuple[Path, dict[str, str | None]]]:
    """Yield the data files of a folder, and what the names of the folders around each say."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and not any(part[0] in "_." for part in parts):
            named = (part.partition("=") for part in parts[:-1])
            yield path, {unquote(key): None if value == NULL_FOLDER else unquote(value) for key, _, value in named}


def _together(folder: Path, one: Callable[[Path], dict[str, Column]]) -> Found:
    """Read each file, and put what the folders say beside it."""
    columns: dict[str, list[Any]] = {}
    shapes: dict[str, Any] = {}
    rows = 0
    for path, named in _files(folder):
        part = one(path)
        more = len(part["i"].values)
        part |= {name: Column(TEXT, (value,) * more) for name, value in named.items()}
        for name, column in part.items():
            columns.setdefault(name, [None] * rows).extend(column.values)
            if shapes.setdefault(name, column.shape) != column.shape:
                raise DisagreeError(f"{name}: {shapes[name]} in one file, {column.shape} in another")
        rows += more
        for there in columns.values():  # JSON leaves nulls out
            there.extend([None] * (rows - len(there)))
    return _sorted({name: Column(shapes[name], tuple(values)) for name, values in columns.items()})


def _parquet(folder: Path) -> Found:
    return _together(folder, _parquet_file)


def _parquet_file(path: Path) -> dict[str, Column]:
    table = pq.ParquetFile(path).read()
    return _second_opinion(path, {name: column_of(table[name]) for name in table.column_names})


def _second_opinion(path: Path, columns: dict[str, Column]) -> dict[str, Column]:
    """Compare with what DuckDB reads, where it has the type."""
    import duckdb

    with duckdb.connect() as connection:
        for name, column in columns.items():
            quoted = '"' + name.replace('"', '""') + '"'
            sql = f"SELECT {quoted} FROM read_parquet($path, hive_partitioning=false)"  # noqa: S608 - a quoted name
            try:
                theirs = column_of(connection.sql(sql, params={"path": str(path)}).to_arrow_table().column(0))
            except duckdb.Error:
                continue  # it has no such type
            if theirs.shape == column.shape and theirs.values != column.values:
                raise DisagreeError(f"{name}: pyarrow reads {column.values}, DuckDB {theirs.values}")
    return columns


def _orc(folder: Path) -> Found:
    def one(path: Path) -> dict[str, Column]:
        table = pyarrow.orc.read_table(path)
        return {name: column_of(table[name]) for name in table.column_names}

    return _together(folder, one)


def _csv(folder: Path) -> Found:
    def one(path: Path) -> dict[str, Column]:
        header, *rows = csv_rows(path.read_bytes().decode("utf-8"))
        if any(len(row) != len(header) for row in rows):
            raise DisagreeError(f"records of {sorted({len(row) for row in rows})} fields below {len(header)} names")
        return {str(name): Column(TEXT, tuple(row[at] for row in rows)) for at, name in enumerate(header)}

    return _together(folder, one)


def csv_rows(text: str) -> list[list[str | None]]:
    """Split CSV as RFC 4180 says, a field of nothing as None; Python's own reader must find the same."""
    rows: list[list[str | None]] = []
    at, row = 0, []
    while at < len(text):
        field, at = _csv_field(text, at)
        row.append(field)
        if at >= len(text) or text[at] in "\r\n":
            rows.append(row)
            row = []
            at += 2 if text[at : at + 2] == "\r\n" else 1
        else:
            at += 1
            if at >= len(text):
                rows.append([*row, None])
    theirs = list(pycsv.reader(io.StringIO(text, newline=""), strict=True))
    ours = [[field or "" for field in row] for row in rows]
    if ours != theirs and [row for row in ours if row != [""]] != [row for row in theirs if row]:
        raise DisagreeError(f"Python's csv reads {theirs!r:.200}, RFC 4180 {ours!r:.200}")
    return rows


def _csv_field(text: str, at: int) -> tuple[str | None, int]:
    if text[at : at + 1] != '"':
        end = at
        while end < len(text) and text[end] not in ",\r\n":
            end += 1
        return text[at:end] or None, end
    end, parts = at + 1, []
    while True:
        close = text.index('"', end)
        parts.append(text[end:close])
        if text[close + 1 : close + 2] != '"':
            return '"'.join(parts), close + 1
        end = close + 2


def _json(folder: Path) -> Found:
    def one(path: Path) -> dict[str, Column]:
        rows = [texts.load_json(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
        names = dict.fromkeys(name for row in rows for name in row)
        return {name: Column(JSON, tuple(row.get(name) for row in rows)) for name in names}

    return _together(folder, one)


def _delta(folder: Path) -> Found:
    return _sorted(delta_columns(folder))


def delta_columns(folder: Path) -> dict[str, Column]:
    """Read a Delta table by deltalake; one with partitions by its log and pyarrow.

    deltalake itself cannot read a negative decimal as a partition.
    """
    import deltalake

    table = deltalake.DeltaTable(str(folder))
    partitions = table.metadata().partition_columns
    if not partitions:
        found = table.to_pyarrow_table()
        return {name: column_of(found[name]) for name in found.column_names}
    shapes = {field.name: shape_of(field.type) for field in pa.schema(table.schema())}
    columns: dict[str, list[Any]] = {name: [] for name in shapes}
    for add in _added(folder):
        part = pq.ParquetFile(folder / unquote(add["path"])).read()
        for name, values in columns.items():
            if name in partitions:
                text = add["partitionValues"][name] or None  # Delta's own rule: nothing is null
                values.extend([None if text is None else _of_log(shapes[name], text)] * part.num_rows)
            else:
                values.extend(column_of(part[name]).values)
    return {name: Column(shapes[name], tuple(values)) for name, values in columns.items()}


def _of_log(shape: Any, text: str) -> Any:
    """Return a partition's value; binary is written as characters, each a byte or an escape.

    deltalake writes a time with a zone without it, in UTC; Spark writes a Z.
    """
    if shape == "timestamptz" and text[-1] != "Z":
        text += "Z"
    if shape == "binary":
        return text.encode("latin-1").decode("unicode_escape").encode("latin-1")
    return texts.parsed(shape, text)


def _added(folder: Path) -> list[dict[str, Any]]:
    """Return the files of a table by its log, which has no checkpoint yet."""
    files: dict[str, dict[str, Any]] = {}
    for commit in sorted((folder / "_delta_log").glob("*.json")):
        for line in commit.read_text(encoding="utf-8").split("\n"):
            action = json.loads(line or "{}")
            if "add" in action:
                files[action["add"]["path"]] = action["add"]
            elif "remove" in action:
                files.pop(action["remove"]["path"], None)
    return list(files.values())


def _iceberg(folder: Path) -> Found:
    newest = max((folder / "metadata").glob("*.metadata.json"), key=lambda path: path.stat().st_mtime_ns)
    return _arrow(iceberg_table(str(newest)))


def iceberg_table(metadata: str) -> pa.Table:
    """Read an Iceberg table: which files, and their columns' types, by pyiceberg; the values by pyarrow.

    pyiceberg itself reads a null list of structs as an empty one. It alone knows the fields of a struct whose names
    Iceberg spells in another way in the files.
    """
    from pyiceberg.io.pyarrow import schema_to_pyarrow
    from pyiceberg.table import StaticTable

    scan = StaticTable.from_metadata(metadata).scan()
    wanted = schema_to_pyarrow(scan.projection(), include_field_ids=False)
    paths = [task.file.file_path.removeprefix("file://") for task in scan.plan_files()]
    found = pa.concat_tables(pq.ParquetFile(path).read(columns=wanted.names) for path in paths).sort_by("i")
    for number, field in enumerate(wanted):
        if shape_of(found.schema.field(field.name).type) != shape_of(field.type):
            found = found.set_column(number, field.name, scan.to_arrow().sort_by("i")[field.name])
    return found.select(wanted.names)


_READERS: dict[str, Callable[[Path], Found]] = {
    "parquet": _parquet, "orc": _orc, "csv": _csv, "json": _json, "delta": _delta, "iceberg": _iceberg,
}  # fmt: skip
