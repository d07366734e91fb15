"""CSV: its files, their headers, and columns by name."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import DataType, StructField, StructType

from sparkscale.errors import DataError
from sparkscale.formats.headers import Dialect, Headers, named, partition_keys, shown
from sparkscale.places import is_local, local_path
from sparkscale.spark.columns import balanced, is_case_sensitive, ref
from sparkscale.spark.session.session import is_sail

#: Files outside this machine whose headers are read before the fit, each by a query for one row.
REMOTE = 16


@dataclass(frozen=True)
class Part:
    """What one reader loads: a path or pattern, or files below a folder."""

    load: str | Sequence[str]
    #: The folder below which folders' names are values; the path itself by default.
    root: str


@dataclass(frozen=True)
class Texts:
    """The CSV files of an input, with the options to read them."""

    spark: SparkSession
    name: str
    parts: Sequence[Part]
    options: Mapping[str, str]

    @functools.cached_property
    def dialect(self) -> Dialect:
        """The form of the files."""
        return Dialect.of(self.options)

    def option(self, name: str) -> str | None:
        """Return an option's value, however its name is spelled."""
        return self.dialect.options.get(name.lower())

    @functools.cached_property
    def files(self) -> Mapping[str, Part]:
        """The files as the engine lists them, each with its part; no query is run.

        Raises:
            DataError: (65) without files.
        """
        reader = self.spark.read.format("csv").options(**self.options).schema("a string")
        found = {file: part for part in self.parts for file in reader.load(_paths(part)).inputFiles()}
        if not found:
            raise DataError("INPUT_EMPTY", f"expected CSV files in {self.name}, found none", "check input.path")
        return dict(sorted(found.items()))

    @functools.cached_property
    def partitions(self) -> Sequence[str]:
        """The names that folders give to their values, as ``month`` in ``month=1``."""
        root = self.option("basePath")
        keys = (partition_keys([file], root or part.root) for file, part in self.files.items())
        return list(dict.fromkeys(key for some in keys for key in some))

    @functools.cached_property
    def told(self) -> Sequence[str]:
        """The files whose headers are read: all on this machine, up to :data:`REMOTE` elsewhere.

        Sail compares no header itself, so there all are read.
        """
        files = list(self.files)
        whole = is_sail(self.spark) or all(map(is_local, files))
        return files if whole else files[:: -(-len(files) // REMOTE)]

    @functools.cached_property
    def headers(self) -> Headers:
        """The headers by file; of files without headers, the names that Spark would give.

        Raises:
            DataError: (65) where all files are empty, or a header names a column twice.
        """
        sensitive = is_case_sensitive(self.spark)
        groups: dict[tuple[str, ...], list[str]] = {}
        for file in self.told:
            record = self._first_record(file)
            if record:
                names = record if self.dialect.has_header else [""] * len(record)
                groups.setdefault(named(names, file, case_sensitive=sensitive), []).append(file)
        if not groups:
            raise DataError("DATA_NO_ROWS", f"expected rows in {self.name}, found empty files", "check the input")
        return Headers(groups, sensitive)

    def _first_record(self, file: str) -> Sequence[str]:
        found = self.dialect.first_record(unquote(file)) if is_local(file) else None
        if found is not None:
            return found
        raw = {key: value for key, value in self.options.items() if key.lower() not in ("nullvalue", "emptyvalue")}
        row = self.spark.read.format("csv").options(**raw).option("header", "false").load(_path(file)).head()
        return ["" if value is None else value for value in row] if row else []

    def frame(self, columns: Mapping[str, DataType], options: Mapping[str, str]) -> DataFrame:
        """Read columns with these types: by name, whatever their order in each file."""
        frames = [self._of(header, part, columns, options) for header, part in self._by_header()]
        return balanced(DataFrame.unionByName, frames)

    def _by_header(self) -> Iterator[tuple[Sequence[str], Part]]:
        """Yield each header with what has it: whole parts where all of their files agree."""
        headers = self.headers
        if len(headers.groups) == 1 or self.dialect.by_position:
            yield from ((headers.first, part) for part in self.parts)
            return
        if self.partitions and is_sail(self.spark):
            other = shown(list(headers.groups.values())[1][0])
            cause = f"expected one order of columns in {self.name}, found another one in {other}"
            raise DataError("SCHEMA_HEADER", cause, "Sail needs one order below folders such as key=1; use Spark")
        for header, files in headers.groups.items():
            by_part: dict[str, list[str]] = {}
            for file in files:
                by_part.setdefault(self.files[file].root, []).append(_path(file))
            yield from ((header, Part(some, root)) for root, some in by_part.items())

    def _of(
        self, header: Sequence[str], part: Part, columns: Mapping[str, DataType], options: Mapping[str, str]
    ) -> DataFrame:
        own = [name for name in columns if name not in self.partitions]
        if self.dialect.has_header and not self.dialect.by_position:
            own = self.headers.in_order(header, own)
        folders = [name for name in columns if name in self.partitions]
        schema = StructType([StructField(name, columns[name]) for name in [*own, *folders]])
        reader = self.spark.read.format("csv").options(**options).schema(schema)
        if not isinstance(part.load, str) and self.option("basePath") is None:
            reader = reader.option("basePath", part.root)
        return reader.load(_paths(part)).select([ref(name) for name in columns])


def _paths(part: Part) -> str | list[str]:
    return part.load if isinstance(part.load, str) else list(part.load)


def _path(file: str) -> str:
    """Return a listed file as a path to load: whatever characters it has, it is no pattern."""
    return re.sub(r"[\\*?\[\]{}]", r"\\\g<0>", local_path(unquote(file)) if is_local(file) else file)
