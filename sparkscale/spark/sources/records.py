"""JSON: what engines pass over in silence, found before anything is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from urllib.parse import unquote

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import ArrayType, DataType, IntegralType, MapType, StringType, StructField, StructType

from sparkscale.errors import ConfigError, DataError
from sparkscale.formats.documents import check_documents
from sparkscale.formats.headers import shown
from sparkscale.formats.texttypes import Wanted
from sparkscale.places import is_local, local_path
from sparkscale.spark.session.session import is_sail
from sparkscale.spark.sources.parsed import Parser

#: Options with which brackets are not what they are in plain JSON.
_OTHER_TEXT = {"encoding", "charset", "allowcomments", "linesep"}


def read_json(
    load: Callable[[StructType | None], DataFrame], schema: StructType | None, parser: Parser, wanted: Wanted
) -> DataFrame:
    """Read JSON so that each value is what its text says; without a schema, the engine finds the types first.

    Columns that steps name are numbers: there, more digits than a double holds are rounded.
    """
    declared = schema
    if schema is None:
        schema, parser = load(None).schema, replace(parser, guessed=True)
    else:
        _check_maps(schema, sail=parser.sail)
    apart = [] if declared is not None else [name for name in schema.names if name in wanted.named]
    fields = [field if field.name in apart else StructField(field.name, parser.raw(field.dataType)) for field in schema]
    return parser.parsed(load(StructType(fields)), {one.name: one.dataType for one in schema}, apart)


def _check_maps(schema: StructType, *, sail: bool) -> None:
    for field in schema:
        for found in _maps(field.dataType):
            if sail:
                cause = f"column {field.name!r}: Sail leaves out entries of a JSON map whose value is null"
                raise DataError("SCHEMA_TYPE", cause, "name it a struct in input.schema, or set spark.engine: spark")
            if not isinstance(found.keyType, StringType):
                cause = (
                    f"column {field.name!r}: expected a map by string, as JSON's keys are, found {found.simpleString()}"
                )
                raise DataError("SCHEMA_TYPE", cause, "name it map<string, ...> in input.schema")


def _maps(type_: DataType) -> Iterator[MapType]:
    if isinstance(type_, MapType):
        yield type_
        yield from _maps(type_.valueType)
    elif isinstance(type_, ArrayType):
        yield from _maps(type_.elementType)
    elif isinstance(type_, StructType):
        for field in type_:
            yield from _maps(field.dataType)


def check_json(spark: SparkSession, name: str, place: str, ddl: str | None, options: Mapping[str, str]) -> None:
    """Refuse JSON of which an engine would drop records, or cut numbers.

    Raises:
        ConfigError: (78) where Sail has no schema to go by, or `multiLine` would read the first of many documents.
        DataError: (65) where `input.schema` says integers, and Sail would cut the fractions of what is there.
    """
    given, sail = {key.lower(): value for key, value in options.items()}, is_sail(spark)
    if ddl is None and sail:
        cause = "input.schema: expected names and types, found none: Sail guesses those of JSON from its first records"
        raise ConfigError("CONFIG_MISSING", cause, "give input.schema, or set spark.engine: spark")
    reader = spark.read.format("json").options(**options).schema("a int")
    files = sorted(reader.load(place).inputFiles())
    if not sail and not given.keys() & _OTHER_TEXT:
        check_documents(files, whole=given.get("multiline") == "true")
    if sail and ddl is not None:
        _check_integers(spark, name, files, DataType.fromDDL(ddl))


def _check_integers(spark: SparkSession, name: str, files: Sequence[str], declared: DataType) -> None:
    """Compare declared integers with what is in each file: Sail reads 0.5 as 0."""
    if not any(True for _ in _fractions(declared, None)):
        return
    for file in files:
        path = local_path(unquote(file)) if is_local(file) else file
        try:
            seen = spark.read.format("json").option("schemaInferMaxRecords", str(2**62)).load(path).schema
        except PySparkException:
            continue  # damaged, or of several types: reading it by the schema says which
        cut = list(_fractions(declared, seen))
        if cut:
            cause = f"column {cut[0]!r}: expected whole numbers as input.schema says, found others in {shown(file)}"
            raise DataError("SCHEMA_TYPE", cause, f"name it double in input.schema; {name} would lose its fractions")


def _fractions(declared: DataType, seen: DataType | None, path: str = "") -> Iterator[str]:
    """Yield where a type says whole numbers and the data has others; without data, where it says whole numbers."""
    if isinstance(declared, IntegralType):
        if seen is None or seen.typeName() == "double":
            yield path
    elif isinstance(declared, ArrayType):
        if seen is None or isinstance(seen, ArrayType):
            yield from _fractions(declared.elementType, seen and seen.elementType, path)
    elif isinstance(declared, StructType) and (seen is None or isinstance(seen, StructType)):
        for field in declared:
            if seen is None or field.name in seen.names:
                inside = f"{path}.{field.name}" if path else field.name
                yield from _fractions(field.dataType, None if seen is None else seen[field.name].dataType, inside)
