"""CSV columns with their types: those of `input.schema`, or those that the values decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import DataType, StringType, StructType

from sparkscale import texttypes
from sparkscale.errors import DataError
from sparkscale.headers import shown
from sparkscale.quotes import check_quotes
from sparkscale.spark.columns import ref
from sparkscale.spark.parsed import Parser, parsed_schema
from sparkscale.spark.queries import BUFFERS, evenly, together
from sparkscale.spark.session import is_sail
from sparkscale.spark.text import Texts
from sparkscale.texttypes import Decided, Wanted

#: What Spark's reader makes of a field without characters: so a null is told from a quoted empty text.
_NULL = "\ue000"
_TEXT = StringType()


def read_csv(texts: Texts, ddl: str | None, wanted: Wanted) -> tuple[DataFrame, Decided | None]:
    """Read CSV by `input.schema`, or by the types that its values decide, which takes one pass over them.

    Raises:
        DataError: (65) where headers do not fit, and where there are no rows.
    """
    if texts.option("multiLine") == "true":
        check_quotes(texts.files, texts.dialect)
    if ddl is not None:
        return _by_schema(texts, parsed_schema(ddl)), None
    headers = texts.headers
    headers.check(headers.first, shown(headers.groups[headers.first][0]))
    names = [name for name in headers.first if name not in texts.partitions]
    folders = {name: _folder_type(wanted.known.get(name)) for name in texts.partitions}
    decided = Decided(dict.fromkeys(names, "string"))
    if texts.option("inferSchema") != "false":
        decided = _decide(texts, names, wanted)
    types = {name: DataType.fromDDL(type_) for name, type_ in decided.types.items()}
    return _exact(texts, {**types, **folders}, decided.quoted), decided


def _folder_type(known: str | None) -> DataType:
    """Return the type of values in folders' names: text, but for what an artifact knows."""
    return DataType.fromDDL(known) if known in ("bigint", "int", "double", "date") else _TEXT


def _by_schema(texts: Texts, schema: StructType) -> DataFrame:
    columns = {field.name: field.dataType for field in schema}
    if len(columns) < len(schema):
        raise DataError("SCHEMA_DUPLICATE", "input.schema names a column twice", "give each column a name of its own")
    damaged = texts.option("columnNameOfCorruptRecord") or "_corrupt_record"
    own = [name for name in columns if name not in (*texts.partitions, damaged)]
    if texts.dialect.has_header and not texts.dialect.by_position:
        texts.headers.check(own, "input.schema")
    columns |= {name: _TEXT for name in texts.partitions if name not in columns}
    return _exact(texts, columns, frozenset())


def _exact(texts: Texts, columns: Mapping[str, DataType], quoted: frozenset[str]) -> DataFrame:
    """Read columns so that each value is what its text says."""
    parser = Parser("csv", is_sail(texts.spark), texts.dialect.options)
    apart = texts.partitions
    raw = {name: type_ if name in apart else parser.raw(type_) for name, type_ in columns.items()}
    if is_sail(texts.spark):  # which does not know the name of null: `partitions.typed` turns text into values
        raw |= dict.fromkeys((name for name in apart if name in raw), _TEXT)
    return parser.parsed(_converted(texts, raw, quoted), columns, apart)


def _converted(texts: Texts, columns: Mapping[str, DataType], quoted: frozenset[str]) -> DataFrame:
    """Read columns, those with values that the engine's reader does not take for nulls as text first."""
    null = texts.option("nullValue") if is_sail(texts.spark) else None
    late = {name for name in columns if name not in texts.partitions} if null else quoted
    df = texts.frame({name: _TEXT if name in late else type_ for name, type_ in columns.items()}, _options(texts))
    if not late:
        return df

    def converted(name: str, type_: DataType) -> SparkColumn:
        column = ref(name)
        if name not in late:
            return column
        return F.when(column != (null or ""), column).cast(type_).alias(name)

    return df.select([converted(name, type_) for name, type_ in columns.items()])


def _options(texts: Texts) -> dict[str, str]:
    """Return the reader's options; the headers are checked already, where all of them could be."""
    ours = ("inferschema", "enforceschema")
    given = {key: value for key, value in texts.options.items() if key.lower() not in ours}
    checked = len(texts.told) == len(texts.files) or texts.dialect.by_position
    options = {**given, "enforceSchema": str(checked).lower()}
    if not is_sail(texts.spark) and texts.option("nullValue") is None and texts.option("emptyValue") is None:
        options |= {"nullValue": _NULL, "emptyValue": ""}
    return options


def _decide(texts: Texts, names: Sequence[str], wanted: Wanted) -> Decided:
    df = _converted(texts, dict.fromkeys(names, _TEXT), frozenset())
    asked = [name for name in names if wanted.known.get(name) != "string"]
    special = [texts.option(key) for key in ("nanValue", "positiveInf", "negativeInf")]

    def look(group: Sequence[str]) -> list[int | None]:
        masks = [F.bit_or(_kind(name, name in wanted.named, special)) for name in group]
        return list(df.agg(F.count(F.lit(1)), *masks).collect()[0])

    groups = evenly(asked, BUFFERS) or [()]
    found = together(texts.spark, [partial(look, group) for group in groups])
    if not found[0][0]:
        raise DataError("DATA_NO_ROWS", f"expected rows in {texts.name}, found none", "check the input")
    known = {
        name: mask
        for group, (_, *masks) in zip(groups, found, strict=True)
        for name, mask in zip(group, masks, strict=True)
    }
    return texttypes.decide({name: known.get(name, texttypes.TEXT) for name in names}, wanted)


def _kind(name: str, named: bool, special: Sequence[str | None]) -> SparkColumn:  # noqa: FBT001 - a fact about the column
    """Return what a value is, for :func:`sparkscale.texttypes.decide`; the commonest and the cheapest tests first."""
    text, length = ref(name), F.length(ref(name))
    negative = (length < len(texttypes.LEAST)) | (text <= texttypes.LEAST)
    fits = (length < len(texttypes.MOST)) | F.when(text.startswith("-"), negative).otherwise(text <= texttypes.MOST)
    digits = F.length(F.regexp_replace(text, texttypes.NO_DIGIT, ""))
    short = (length <= texttypes.DIGITS + 1) | ((length <= texttypes.LONGEST) & (digits <= texttypes.DIGITS))
    same = (length <= texttypes.DIGITS + 1) | (text.try_cast("double").cast("string") == text)
    odd = [value for value in special if value is not None]
    kind = F.when(text == "", texttypes.EMPTY)
    if odd:
        kind = kind.when(text.isin(odd), texttypes.RESPELLED)
    kind = kind.when((text < "-") | (text >= ":"), _other(text, named))
    kind = kind.when(text.rlike(texttypes.WHOLE_FORM) & fits, texttypes.WHOLE)
    plain = F.when(text.rlike(texttypes.SAME_FORM) & same, texttypes.PLAIN).otherwise(texttypes.RESPELLED)
    kind = kind.when(text.rlike(texttypes.PLAIN_FORM), F.when(short, plain).otherwise(texttypes.LOOSE))
    return kind.when(text.isNotNull(), _other(text, named)).cast("int")


def _other(text: SparkColumn, named: bool) -> SparkColumn:  # noqa: FBT001 - a fact about the column
    if not named:
        return F.lit(texttypes.TEXT)
    return F.when(text.rlike(texttypes.LOOSE_FORM), texttypes.LOOSE).otherwise(texttypes.TEXT)
