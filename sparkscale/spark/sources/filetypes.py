"""What local files say apart from what an engine makes of them: Parquet's types by file, Delta's log, sizes."""

from __future__ import annotations

import glob
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame

from sparkscale.config.data import Input
from sparkscale.config.tables import quoted
from sparkscale.errors import DataError, Problem
from sparkscale.formats.judge import iceberg_verdict, read_verdict
from sparkscale.formats.reach import within
from sparkscale.places import is_local, local_path
from sparkscale.publish import manifest
from sparkscale.spark.columns import ref
from sparkscale.spark.session.session import is_sail
from sparkscale.spark.sources import icebergtypes, orc
from sparkscale.spark.sources.catalog import describe
from sparkscale.spark.sources.deltalog import columns

#: What Sail shows under a narrower name, by its type in Arrow: as Spark reads it.
_WIDER = {"uint8": "smallint", "uint16": "int", "uint32": "bigint", "uint64": "decimal(20,0)", "int96": "timestamp"}
#: Errors that footers explain.
_EXPLAINED = ("SCHEMA_TYPE", "SCHEMA_FILES", "INPUT_DAMAGED")


def _files(source: Input) -> Iterator[Path]:
    """Yield the files of a local Parquet input, in their order."""
    if source.format != "parquet" or source.local is None:
        return
    path = Path(local_path(source.local))
    found = [str(path)] if path.exists() else sorted(glob.glob(str(path)))  # noqa: PTH207 - absolute patterns as well
    places = [Path(place) for place in found]
    for place in places:
        yield from (place / name for name in manifest.data_files(place)) if place.is_dir() else (place,)


def _types(file: Path) -> dict[str, str]:
    """Return each column's type in Arrow's names; ``int96``, which Arrow takes for nanoseconds, by its own."""
    try:
        footer = pq.read_metadata(file)
        types = {field.name: str(field.type) for field in footer.schema.to_arrow_schema()}
    except (OSError, pa.ArrowException):  # damaged, or no Parquet: the engine says so
        return {}
    columns = (footer.schema.column(number) for number in range(len(footer.schema)))
    return types | {column.path: "int96" for column in columns if column.physical_type == "INT96"}


def explained(error: DataError, source: Input, engine: str) -> DataError:
    """Return an error of reading that names the column and file, where footers tell them; else the error itself."""
    if error.code not in _EXPLAINED:
        return error
    if unread := _of_iceberg(source):
        return DataError.of(unread)  # type: ignore[return-value]
    first: dict[str, tuple[str, Path]] = {}
    problems: dict[str, Problem] = {}
    for file in _files(source):
        for name, type_ in _types(file).items():
            found, (before, where) = read_verdict(engine, type_), first.setdefault(name, (type_, file))
            if found.kept == "refused":
                problems.setdefault(name, _unread(name, type_, file, found.why, found.hint))
            elif before != type_:
                problems.setdefault(name, _apart(name, (before, where), (type_, file)))
    return DataError.of(list(problems.values())) if problems else error  # type: ignore[return-value]


def _of_iceberg(source: Input) -> list[Problem]:
    """Return a problem for each column of a local Iceberg table that Spark cannot read."""
    if source.format != "iceberg" or source.local is None:
        return []
    typed = icebergtypes.columns(Path(local_path(source.local)))
    found = [(one, iceberg_verdict(one.type, partition=one.partition)) for one in typed]
    return [
        Problem("SCHEMA_TYPE", f"{source.name}: column {one.name!r} is {one.type}: {known.why}", known.hint)
        for one, known in found
        if known.kept == "refused"
    ]


def _unread(name: str, type_: str, file: Path, why: str, hint: str) -> Problem:
    return Problem("SCHEMA_TYPE", f"{file}: column {name!r} is {type_}: {why}", hint)


def _apart(name: str, one: tuple[str, Path], other: tuple[str, Path]) -> Problem:
    cause = f"column {name!r} is {one[0]} in {one[1]}, and {other[0]} in {other[1]}"
    return Problem("SCHEMA_FILES", cause, "write the files again with one type for the column")


def _check_sizes(df: DataFrame, source: Input) -> None:
    """Refuse files of no bytes at all, which engines pass over: with them, rows would be lost in silence."""
    if source.format not in ("parquet", "orc") or source.local is None:
        return
    for name in df.inputFiles():
        place = Path(local_path(unquote(name)))
        if is_local(name) and place.is_file() and not place.stat().st_size:
            cause = f"expected a {source.format} file, found one of 0 bytes: {place}"
            raise DataError("INPUT_DAMAGED", cause, "write it again, or remove it if nothing is missing")


def _of_delta(df: DataFrame, source: Input) -> list[str]:
    """Judge a Delta table by its log, which has its newest version: return what Spark leaves out of that."""
    types, folders = columns(Path(local_path(source.local or "")))
    read = set(df.columns)
    binary = [name for name in folders if types.get(name) == "binary"]
    if binary:
        cause = "engines read the bytes of a partition as the text of their escapes"
        hint = "write the table again with another partition"
        raise DataError.of([Problem("SCHEMA_TYPE", f"column {name!r} is binary: {cause}", hint) for name in binary])
    return [
        f"input column {name!r} has no type and no value but null; Spark leaves it out of Delta tables"
        for name, type_ in types.items()
        if type_ in ("void", "null") and name not in read and not source.as_of
    ]


def _unchecked(df: DataFrame, source: Input) -> list[str]:
    """Return a warning where files are beyond what is read to find open quotes and second documents."""
    options = {key.lower(): str(value).lower() for key, value in source.options.items()}
    if source.local is None or options.get("multiline", str(source.format == "csv").lower()) == "false":
        return []
    left = within(sorted(df.inputFiles()))[1]
    what = "a quote that is never closed" if source.format == "csv" else "a second document"
    return [f"not checked for {what}: {left[0]} and all files behind it ({len(left)})"] if left else []


def _is_orc(df: DataFrame, source: Input) -> bool:
    """Whether an input is ORC: files, or a table that a catalog says is of ORC files."""
    if source.format != "table" or source.table is None or is_sail(df.sparkSession):
        return source.format == "orc"
    known = describe(df.sparkSession, quoted(source.table))
    return known is not None and known.provider == "orc"


def judged(df: DataFrame, source: Input) -> tuple[DataFrame, list[str]]:
    """Judge the types of an input's first file: return the input, on Sail with Spark's types, and warnings.

    Raises:
        DataError: (65) naming columns that the engine would change in silence.
    """
    _check_sizes(df, source)
    if source.format in ("csv", "json"):
        return df, _unchecked(df, source)
    if source.format == "delta" and source.local is not None:
        return df, _of_delta(df, source)
    if problems := _of_iceberg(source):
        raise DataError.of(problems)
    if _is_orc(df, source):  # which Sail does not read
        return orc.judged(df)
    file = next(_files(source), None)
    engine = "sail" if is_sail(df.sparkSession) else "spark"
    read = set(df.columns)
    types = {name: type_ for name, type_ in _types(file).items() if name in read} if file else {}
    found = {name: (type_, read_verdict(engine, type_)) for name, type_ in types.items()}
    refused = [
        _unread(name, type_, file or Path(), known.why, known.hint)
        for name, (type_, known) in found.items()
        if known.kept == "refused"
    ]
    if refused:
        raise DataError.of(refused)
    wider = {name: _WIDER[type_] for name, type_ in types.items() if engine == "sail" and type_ in _WIDER}
    if wider:
        df = df.select(
            *[ref(name).cast(wider[name]).alias(name) if name in wider else ref(name) for name in df.columns]
        )
    warned = [(name, *one) for name, one in found.items() if one[1].kept == "warned"]
    return df, [f"input column {name!r}, {type_}, {known.why}" for name, type_, known in warned]
