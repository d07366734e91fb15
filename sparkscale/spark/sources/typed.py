"""CSV columns with their types: those of `input.schema`, or those that the values decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import DataType, StringType, StructType

from sparkscale.errors import DataError
from sparkscale.formats import texttypes
from sparkscale.formats.headers import shown
from sparkscale.formats.quotes import check_quotes
from sparkscale.formats.texttypes import Decided, Wanted
from sparkscale.spark.columns import ref
from sparkscale.spark.session.session import is_sail
from sparkscale.spark.sources.parsed import Parser, parsed_schema
from sparkscale.spark.sources.patterns import matches, without_end
from sparkscale.spark.sources.text import Texts

#: What Spark's reader makes of a field without characters: so a null differs from a quoted empty text.
_NULL = "\ue000"
_TEXT = StringType()
#: Rows that are looked at before the others: most columns of text are known by then.
HEAD = 100


def read_csv(texts: Texts, ddl: str | None, wanted: Wanted) -> tuple[DataFrame, Decided | None]:
    """Read CSV by `input.schema`, or by the types that its values decide, which takes one pass over them.

    Where the types are decided already, the input was read and checked before.

    Raises:
        DataError: (65) where headers do not fit, and where there are no rows.
    """
    if texts.option("multiLine") == "true" and wanted.decided is None:
        check_quotes(texts.files, texts.dialect)
    if ddl is not None:
        return _by_schema(texts, parsed_schema(ddl)), None
    headers = texts.headers
    headers.check(headers.first, shown(headers.groups[headers.first][0]))
    names = [name for name in headers.first if name not in texts.partitions]
    folders = dict.fromkeys(texts.partitions, _TEXT)  # their types are for :mod:`partitions` to give
    decided = wanted.decided or Decided(dict.fromkeys(names, "string"))
    if wanted.decided is None and texts.option("inferSchema") != "false":
        decided = _decide(texts, names, wanted)
    types = {name: DataType.fromDDL(type_) for name, type_ in decided.types.items()}
    return _exact(texts, {**types, **folders}, decided.quoted), decided


def _by_schema(texts: Texts, schema: StructType) -> DataFrame:
    columns = {field.name: field.dataType for field in schema}
    if len(columns) < len(schema):
        raise DataError("SCHEMA_DUPLICATE", "input.schema names a column twice", "give each column a name of its own")
    damaged = texts.option("columnNameOfCorruptRecord") or "_corrupt_record"
    own = [name for name in columns if name not in (*texts.partitions, damaged)]
    if texts.dialect.has_header and not texts.dialect.by_position:
        texts.headers.check(own, "input.schema")
    columns |= dict.fromkeys(texts.partitions, _TEXT)
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
    """Decide types by the first rows, which settle most columns of text, and one query over the others' values."""
    df = _converted(texts, dict.fromkeys(names, _TEXT), frozenset())
    head = df.limit(HEAD).collect()
    if not head:
        raise DataError("DATA_NO_ROWS", f"expected rows in {texts.name}, found none", "check the input")
    special = [value for key in ("nanValue", "positiveInf", "negativeInf") if (value := texts.option(key)) is not None]

    def is_open(position: int, name: str) -> bool:
        seen = (row[position] for row in head if row[position] not in special)
        known_text = wanted.known.get(name) == "string"
        return not known_text and not any(texttypes.is_text(text, name, wanted) for text in seen)

    asked = [name for position, name in enumerate(names) if is_open(position, name)]
    masks: dict[str, int] = dict.fromkeys(names, texttypes.TEXT) | (_masks(df, asked, wanted, special) if asked else {})
    return texttypes.decide(masks, wanted)


def _masks(df: DataFrame, asked: Sequence[str], wanted: Wanted, special: Sequence[str]) -> dict[str, int]:
    """Return what the values of columns are, by one query, however many columns there are.

    Each value becomes a row with its column's position, so that the engine compiles one small test instead of one for
    each column. A plain aggregate would run that test several times for each value; `distinct` runs it once.
    """
    values = df.select(F.array(*map(ref, asked)).alias("all")).select(F.posexplode("all").alias("position", "text"))
    named = [position for position, name in enumerate(asked) if name in wanted.named]
    kind = _kind(F.col("text"), F.col("position").isin(named), special)
    masks = dict.fromkeys(asked, 0)
    for position, found in values.select("position", kind.alias("kind")).distinct().collect():
        masks[asked[position]] |= found or 0
    return masks


def _kind(text: SparkColumn, named: SparkColumn, special: Sequence[str]) -> SparkColumn:
    """Return what a value is, for :func:`~sparkscale.formats.texttypes.decide`; the commonest, cheapest tests first.

    No cast is tried on a value that may be text: the engine would raise and catch an exception for each of them.
    """
    length = F.length(text)
    negative = (length < len(texttypes.LEAST)) | (text <= texttypes.LEAST)
    fits = (length < len(texttypes.MOST)) | F.when(text.startswith("-"), negative).otherwise(text <= texttypes.MOST)
    other = F.when(named & matches(text, texttypes.LOOSE_FORM), texttypes.LOOSE).otherwise(texttypes.TEXT)
    kind = F.when(text == "", texttypes.EMPTY)
    if special:
        kind = kind.when(text.isin(*special), texttypes.PLAIN)
    kind = kind.when((text < "-") | (text >= ":"), other)
    plain = F.when(_is_exact(text), texttypes.PLAIN).otherwise(texttypes.LOOSE)
    whole = ~text.contains(".") & fits & (text != "-0")
    kind = kind.when(matches(text, texttypes.SIMPLE_FORM), F.when(whole, texttypes.WHOLE).otherwise(plain))
    return kind.when(matches(text, texttypes.PLAIN_FORM), plain).when(text.isNotNull(), other)


def _is_exact(number: SparkColumn) -> SparkColumn:
    """Whether a double keeps all digits of a plain number."""
    length, printed = F.length(number), number.try_cast("double").cast("string")
    same = (printed == number) | (_digits(printed) == _digits(number))
    return (length <= texttypes.SHORT) | ((length <= texttypes.LONGEST) & same)


def _digits(number: SparkColumn) -> SparkColumn:
    return without_end(F.regexp_replace(number, texttypes.NO_DIGIT, ""), "0+")
