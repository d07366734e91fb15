"""Values of CSV and JSON by their types: exactly, or not at all.

Engines round a decimal with more places than its type has, drop the time of day from a date, the nanoseconds from a
timestamp, and the zone from a timestamp without one. So those types are read as text first, and an expression of ours
turns the text into the value. It stops the job at the first text that the type cannot hold.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import (
    ArrayType,
    DataType,
    DateType,
    DecimalType,
    DoubleType,
    MapType,
    StringType,
    StructField,
    StructType,
    TimestampNTZType,
    TimestampType,
)

from sparkscale.errors import ConfigError
from sparkscale.spark.columns import ref
from sparkscale.spark.sources.patterns import matches, without_end

_DAY, _CLOCK = r"[-+]?[0-9]{4,7}-[0-9]{1,2}-[0-9]{1,2}", r"[0-9]{1,2}:[0-9]{1,2}"
_SECONDS = r"(?::[0-9]{1,2}(?:\.[0-9]{0,6}0*)?)?"
_ZONE = r"\s*(?:[A-Za-z]|[-+][0-9]).*"
_MIDNIGHT = r"[T ]00:00(?::00(?:\.0*)?)?\s*"
#: The texts that each type holds exactly.
_FORMS: Mapping[str, str] = {
    "date": rf"\s*{_DAY}(?:\s*|{_MIDNIGHT})",
    "timestamp": rf"\s*{_DAY}(?:[T ]{_CLOCK}{_SECONDS}(?:{_ZONE})?)?\s*",
    "timestamp_ntz": rf"\s*{_DAY}(?:[T ]{_CLOCK}{_SECONDS})?\s*",
    "time": r"\s*{clock}(?::[0-9]{{1,2}}(?:\.[0-9]{{0,{digits}}}0*)?)?\s*",
}
#: A reader's options that give texts another form: what has one of them is left to the engine's reader.
_PATTERNS: Mapping[str, Collection[str]] = {
    "date": ("dateformat", "locale"),
    "timestamp": ("timestampformat", "timezone"),
    "timestamp_ntz": ("timestampntzformat",),
    "decimal": ("locale",),
}
#: What Sail reads decimals as: it gives no text of a JSON number, and turns no text with an exponent into a decimal.
_WIDE = DecimalType(76, 38)
#: What a reader puts in place of bytes that are no text.
_UNREADABLE = "\ufffd"
#: Digits that name one double.
_DIGITS = 17


def parsed_schema(ddl: str) -> StructType:
    """Return the columns of `input.schema`.

    Raises:
        ConfigError: (78) where it is no list of names and types.
    """
    try:
        found = DataType.fromDDL(ddl)
    except Exception as error:
        expected = "names and types as in 'a double, b string'"
        raise ConfigError("CONFIG_VALUE", f"input.schema: expected {expected}, found {ddl!r}") from error
    if not isinstance(found, StructType):
        raise ConfigError("CONFIG_VALUE", f"input.schema: expected names and types, found {ddl!r}")
    return found


@dataclass(frozen=True)
class Parser:
    """How texts of a format become values on an engine."""

    format_: str
    sail: bool
    #: Of the reader, by their names in lower case.
    options: Mapping[str, str] = field(default_factory=dict)
    #: Whether nobody has said that numbers are doubles: then one that a double does not hold stops the job.
    guessed: bool = False

    def raw(self, type_: DataType) -> DataType:
        """Return the type to read a column with: text in place of what engines change in silence."""
        if isinstance(type_, StructType):
            return StructType([StructField(one.name, self.raw(one.dataType)) for one in type_])
        if isinstance(type_, ArrayType):
            return ArrayType(self.raw(type_.elementType))
        if isinstance(type_, MapType):
            return MapType(type_.keyType, self.raw(type_.valueType))
        if not self._is_parsed(type_):
            return type_
        return _WIDE if self.sail and isinstance(type_, DecimalType) else StringType()

    def parsed(self, df: DataFrame, types: Mapping[str, DataType], apart: Collection[str] = ()) -> DataFrame:
        """Return a DataFrame, read with raw types, with these types; columns ``apart`` are left as they are."""
        made = {
            name: self._value(ref(name), type_, name).alias(name)
            for name, type_ in types.items()
            if name not in apart and self._is_checked(type_)
        }
        return df.select([made[name] if name in made else ref(name) for name in df.columns]) if made else df

    def _is_parsed(self, type_: DataType) -> bool:
        if isinstance(type_, DoubleType):
            return self.guessed and not self.sail
        name = _kind(type_)
        known = name == "time" or name in _PATTERNS
        return known and self._is_strict and not self.options.keys() & set(_PATTERNS.get(name, ()))

    @property
    def _is_strict(self) -> bool:
        """Whether the job stops at damaged values: with another `mode` the user has asked for nulls."""
        return self.options.get("mode", "failfast").lower() == "failfast"

    def _is_checked(self, type_: DataType) -> bool:
        if isinstance(type_, StructType):
            return any(self._is_checked(one.dataType) for one in type_)
        if isinstance(type_, ArrayType | MapType):
            return self._is_checked(type_.elementType if isinstance(type_, ArrayType) else type_.valueType)
        if isinstance(type_, StringType):  # Sail stops at JSON that is not UTF-8
            return not {"encoding", "charset"} & self.options.keys() and not (self.sail and self.format_ == "json")
        return self._is_parsed(type_)

    def _value(self, column: SparkColumn, type_: DataType, name: str) -> SparkColumn:
        """Return the value of a column as it was read; ``name`` is for people."""
        if not self._is_checked(type_):
            return column
        if isinstance(type_, StructType):
            parts = [
                self._value(column.getField(one.name), one.dataType, f"{name}.{one.name}").alias(one.name)
                for one in type_
            ]
            return F.when(column.isNotNull(), F.struct(*parts))
        if isinstance(type_, ArrayType):
            return F.transform(column, lambda one: self._value(one, type_.elementType, name))
        if isinstance(type_, MapType):
            return F.transform_values(column, lambda _, one: self._value(one, type_.valueType, name))
        if isinstance(type_, StringType):
            why = "bytes that are not UTF-8, or U+FFFD itself; name its encoding in input.options.encoding: "
            return _stopped(column, ~column.contains(_UNREADABLE), column, f"column {name!r} holds {why}")
        return self._single(column, type_, name)

    def _single(self, text: SparkColumn, type_: DataType, name: str) -> SparkColumn:
        kind = _kind(type_)
        why = f"column {name!r}: expected a value that {type_.simpleString()} holds exactly, found "
        if self.raw(type_) == _WIDE:
            value = text.cast(type_)
            return _stopped(text, value.cast(_WIDE) == text, value, why)
        if kind in ("decimal", "double"):
            value = text.cast(type_)
            return _stopped(text, _fits(text, value, type_), value, why)
        form = _FORMS[kind]
        if kind == "time":
            form = form.format(clock=_CLOCK, digits=getattr(type_, "precision", 6))
        usual = _is_usual(text, kind)
        good = usual | matches(text, form)
        day = F.when(usual, text).otherwise(without_end(text, _MIDNIGHT))
        value = (day if kind == "date" else text).cast(type_)
        if kind == "timestamp" and self.format_ == "json" and not self.sail:  # a number counts seconds from 1970
            number = matches(text, "-?[0-9]+")
            good, value = good | number, F.when(number, F.timestamp_seconds(text.cast("bigint"))).otherwise(value)
        return _stopped(text, good, value, why)


def _kind(type_: DataType) -> str:
    names = {DateType: "date", TimestampType: "timestamp", TimestampNTZType: "timestamp_ntz", DecimalType: "decimal"}
    return names.get(type(type_)) or type_.typeName()


def _is_usual(text: SparkColumn, kind: str) -> SparkColumn:
    """Say of the commonest spellings that they are held, without a regular expression; else false.

    They have two digits for month, day, hour, minute and second, so that places tell what is there. Whether all of it
    is digits is for the cast to say.
    """
    length = F.length(text)
    day = (F.substring(text, 5, 1) == "-") & (F.substring(text, 8, 1) == "-")
    if kind == "date":
        return (length == len("2026-01-02")) & day
    if kind == "time":
        return F.lit(False)  # noqa: FBT003 - a literal
    seconds = (F.substring(text, 17, 1) == ":") & day
    whole = length == len("2026-01-02 03:04:05")
    if kind == "timestamp":
        zulu = (length <= len("2026-01-02 03:04:05.123456Z")) & text.endswith("Z")
        return seconds & (whole | (length <= len("2026-01-02 03:04:05.123456")) | zulu)
    return seconds & whole


def _fits(text: SparkColumn, value: SparkColumn, type_: DataType) -> SparkColumn:
    """Say whether a number loses no digit; the commonest texts by their length alone."""
    plain = ~(text.contains("e") | text.contains("E"))
    digits = _digits(text)
    if isinstance(type_, DecimalType):
        point = F.instr(text, ".")
        few = (point == 0) | (F.length(text) - point <= type_.scale)
        return (plain & few) | (digits == _digits(value.cast("string")))
    finite = F.abs(value) < float("inf")
    held = (F.length(digits) <= _DIGITS) & finite & ((digits == "") | (value != 0))
    named = text.isin("NaN", "Infinity", "-Infinity", "+Infinity", "INF", "-INF", "+INF")
    length, point = F.length(text), text.contains(".")
    few = (length <= _DIGITS) | (point & (length <= _DIGITS + 1)) | (text.startswith("0.") & (length <= _DIGITS + 2))
    few |= text.startswith("-") & point & (length <= _DIGITS + 2)
    return (plain & few) | named | held


def _digits(text: SparkColumn) -> SparkColumn:
    """Return a number's digits without the zeros at its ends: two numbers that round to each other have the same."""
    return F.btrim(F.regexp_replace(text, r"(?s)[eE].*|[^0-9]", ""), F.lit("0"))


def _stopped(text: SparkColumn, good: SparkColumn, value: SparkColumn, why: str) -> SparkColumn:
    """Return a value, or stop the job where its text is not good."""
    told = F.concat(F.lit(f"DATA_INEXACT: {why}"), text.cast("string"))
    return F.when(text.isNull() | good, value).otherwise(F.raise_error(told))
