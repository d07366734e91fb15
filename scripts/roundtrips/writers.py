"""Inputs, written by others than Spark and us: pyarrow, deltalake, pyiceberg, and text by hand."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import deltalake
import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet as pq

from roundtrips import texts
from roundtrips.readers import NULL_FOLDER, delta_columns, iceberg_table
from roundtrips.shapes import Column, Shape, column_of, is_decimal

#: Characters that Hive does not escape in the name of a folder, of those that the kinds have.
_LETTERS = " üé日本😀ï"
_SQL = {"int8": "tinyint", "int16": "smallint", "int32": "int", "int64": "bigint", "float32": "float",
        "float64": "double", "bool": "boolean", "timestamp": "timestamp_ntz", "timestamptz": "timestamp"}  # fmt: skip


@dataclass(frozen=True)
class Source:
    """An input as a job file names it, and what its other columns hold."""

    place: dict[str, Any]
    columns: dict[str, Column]
    #: Columns whose text, and nothing more, is in the files: what they are is the job's to decide.
    texts: frozenset[str] = field(default=frozenset())


class NoSuchInputError(Exception):
    """The format, or its independent writer, has no such column."""


def sql_of(shape: Shape) -> str | None:
    """Return the type that a person writes into `input.schema`; None where SQL has none."""
    if not isinstance(shape, tuple):
        known = shape in ("string", "binary", "date", "time") or (
            is_decimal(shape) and int(shape[8:].split(",")[0]) <= 38
        )
        return shape.replace("time", "time(6)") if known else _SQL.get(shape)
    inner = [sql_of(each) for each in (shape[1:] if shape[0] != "struct" else [one for _, one in shape[1]])]
    if None in inner:
        return None
    if shape[0] == "struct":
        named = (f"`{name}`: {type_}" for (name, _), type_ in zip(shape[1], inner, strict=True))
        return f"struct<{', '.join(named)}>"
    return f"{'array' if shape[0] == 'list' else 'map'}<{', '.join(map(str, inner))}>"


def parquet(folder: Path, table: pa.Table) -> Source:
    """Write one Parquet file by pyarrow."""
    folder.mkdir(parents=True)
    pq.write_table(table, folder / "part.parquet")
    return _typed("parquet", folder, pq.read_table(folder / "part.parquet"))


def orc(folder: Path, table: pa.Table) -> Source:
    """Write one ORC file by pyarrow."""
    folder.mkdir(parents=True)
    pyarrow.orc.write_table(table, folder / "part.orc")
    return _typed("orc", folder, pyarrow.orc.read_table(folder / "part.orc"))


def delta(folder: Path, table: pa.Table, partition_by: Sequence[str] = ()) -> Source:
    """Write a Delta table by deltalake."""
    deltalake.write_deltalake(str(folder), table, partition_by=list(partition_by) or None)
    return Source({"format": "delta", "path": str(folder)}, _ordered(delta_columns(folder)))


def iceberg(folder: Path, table: pa.Table, partition_by: Sequence[str] = ()) -> Source:
    """Write an Iceberg table by pyiceberg; a job reads it by its metadata file."""
    from pyiceberg.catalog.sql import SqlCatalog
    from pyiceberg.transforms import IdentityTransform

    folder.mkdir(parents=True)
    catalog = SqlCatalog("c", uri=f"sqlite:///{folder}/catalog.db", warehouse=f"file://{folder}/w")
    catalog.create_namespace("db")
    made = catalog.create_table("db.t", table.schema)
    if partition_by:
        with made.update_spec() as update:
            for name in partition_by:
                update.add_field(name, IdentityTransform(), f"p_{name}")
    made.append(table)
    place = made.metadata_location.removeprefix("file://")
    catalog.close()
    return _typed("iceberg", Path(place), iceberg_table(place))


def _typed(format_: str, path: Path, table: pa.Table) -> Source:
    return Source({"format": format_, "path": str(path)}, _columns(table))


def _columns(table: pa.Table) -> dict[str, Column]:
    """Return the columns but `i` and `x`, in the order of `i`."""
    return _ordered({name: column_of(table[name]) for name in table.column_names})


def _ordered(columns: dict[str, Column]) -> dict[str, Column]:
    keys = columns["i"].values
    order = sorted(range(len(keys)), key=keys.__getitem__)
    return {
        name: Column(column.shape, tuple(column.values[row] for row in order))
        for name, column in columns.items()
        if name not in ("i", "x")
    }


def csv(folder: Path, table: pa.Table, *, schema: bool = False) -> Source:
    """Write CSV as RFC 4180 says; a null is nothing between two commas, an empty string is two quotes."""
    columns = {name: column_of(table[name]) for name in table.column_names}
    for name, column in columns.items():
        if isinstance(column.shape, tuple) or (column.shape in ("binary", "null") and schema):
            raise NoSuchInputError(name)
    folder.mkdir(parents=True)
    rows = zip(*([_field(column.shape, value) for value in column.values] for column in columns.values()), strict=True)
    lines = [",".join(row) for row in [tuple(columns), *rows]]
    (folder / "part.csv").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")
    place: dict[str, Any] = {"format": "csv", "path": str(folder)}
    return _of_text(place, columns, schema=schema, as_text=texts.text_of)


def _field(shape: Shape, value: Any) -> str:
    if value is None:
        return ""
    text = texts.text_of(shape, value)
    return '"' + text.replace('"', '""') + '"' if not text or set(text) & set('",\r\n') else text


def json(folder: Path, table: pa.Table, *, schema: bool = False) -> Source:
    """Write a JSON object a line."""
    columns = {name: column_of(table[name]) for name in table.column_names}
    rows = range(table.num_rows)
    folder.mkdir(parents=True)
    lines = [
        texts.json_of(("struct", tuple((name, c.shape) for name, c in columns.items())),
                      tuple((name, c.values[row]) for name, c in columns.items()))
        for row in rows
    ]  # fmt: skip
    (folder / "part.json").write_text("\n".join(lines) + "\n", encoding="utf-8")
    place: dict[str, Any] = {"format": "json", "path": str(folder)}
    return _of_text(place, columns, schema=schema,
                    as_text=lambda shape, value: texts.load_json(texts.json_of(shape, value)))  # fmt: skip


def _of_text(
    place: dict[str, Any], columns: dict[str, Column], *, schema: bool, as_text: Callable[[Shape, Any], Any]
) -> Source:
    others = {name: column for name, column in columns.items() if name not in ("i", "x")}
    if schema:
        types = {name: sql_of(column.shape) for name, column in columns.items()}
        if None in types.values():
            raise NoSuchInputError
        place["schema"] = ", ".join(f"`{name}` {type_}" for name, type_ in types.items())
        return Source(place, others)
    held = {
        name: Column("text", tuple(None if v is None else as_text(column.shape, v) for v in column.values))
        for name, column in others.items()
    }
    return Source(place, held, frozenset(held))


def hive(folder: Path, table: pa.Table, *, schema: bool = False) -> Source:
    """Write a Parquet file for each row below folders that are named for its values."""
    columns = {name: column_of(table[name]) for name in table.column_names if name not in ("i", "x")}
    for name, column in columns.items():
        if isinstance(column.shape, tuple) or column.shape in ("binary", "null") or NULL_FOLDER in column.values:
            raise NoSuchInputError(name)
    for row in range(table.num_rows):
        safe = _LETTERS if row % 2 else " "  # Hive leaves other alphabets as they are, pyarrow escapes them
        names = (f"{name}={folder_of(column.shape, column.values[row], safe)}" for name, column in columns.items())
        place = Path(folder, *names)
        place.mkdir(parents=True, exist_ok=True)
        pq.write_table(table.select(["i", "x"]).slice(row, 1), place / f"part-{row}.parquet")
    source = {"format": "parquet", "path": str(folder)}
    wanted = {"i": Column("int64", ()), "x": Column("float64", ()), **columns}
    return _of_text(source, wanted, schema=schema, as_text=texts.text_of)


def folder_of(shape: Shape, value: Any, safe: str) -> str:
    """Return the name of a value's folder, without its key; no character of ``safe`` is escaped."""
    if value is None:
        return NULL_FOLDER
    return "".join(each if each in safe else quote(each, safe="") for each in texts.text_of(shape, value))


#: Each input of the matrix. A ``/k`` says that the columns are partitions there.
WRITERS: dict[str, Callable[[Path, pa.Table], Source]] = {
    "parquet": parquet,
    "orc": orc,
    "csv": csv,
    "csv + schema": lambda folder, table: csv(folder, table, schema=True),
    "json": json,
    "json + schema": lambda folder, table: json(folder, table, schema=True),
    "delta": delta,
    "iceberg": iceberg,
    "parquet/k": hive,
    "parquet/k + schema": lambda folder, table: hive(folder, table, schema=True),
    "delta/k": lambda folder, table: delta(folder, table, [n for n in table.column_names if n not in ("i", "x")]),
    "iceberg/k": lambda folder, table: iceberg(folder, table, [n for n in table.column_names if n not in ("i", "x")]),
}


def write(format_: str, folder: Path, table: pa.Table) -> Source:
    """Write an input; raise :class:`NoSuchInputError` where the format has no such column."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return WRITERS[format_](folder, table)
    except NoSuchInputError:
        raise
    except Exception as error:  # its writer says so in any way it likes
        raise NoSuchInputError(str(error)) from error
