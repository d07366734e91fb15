"""What each engine keeps of each type of column in each format: the data behind refusals, warnings and the docs.

Everything not listed here is kept exactly. For CSV and JSON, which have no types of their own, that means: the text
gives the same value to a reader that knows the type.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

Kept: TypeAlias = Literal["exact", "warned", "checked", "refused"]

ENGINES = ("spark", "sail")
FORMATS = ("parquet", "orc", "csv", "json", "delta", "iceberg")
#: Formats that Sail lacks.
LACKS = {"sail": ("orc", "iceberg")}
#: The rows of the table. A type inside an array, struct or map counts as well as the outer one.
KINDS = (
    "boolean",
    "tinyint, smallint",
    "int, bigint",
    "float, double",
    "decimal",
    "decimal of more than 38 digits",
    "string",
    "binary",
    "date",
    "timestamp",
    "timestamp_ntz",
    "time",
    "interval",
    "void",
    "variant",
    "array",
    "struct",
    "map",
    "map by another type than string",
    "another type",
)


@dataclass(frozen=True)
class Verdict:
    """What becomes of a type: ``checked`` is exact, and a value that cannot be kept stops the job unpublished."""

    kept: Kept
    why: str = ""
    #: What is warned of besides.
    also: str = ""
    hint: str = "drop or cast it before this job, or set output.format: parquet"


EXACT = Verdict("exact")
_NO_TYPE = Verdict("refused", "the format has no such type")
_NO_NESTED = Verdict("refused", "CSV has no nested values", hint="drop it before this job, or use parquet")
_HEX = Verdict("refused", "its bytes would become text that readers take for a string")

_CSV = dict.fromkeys(("array", "struct", "map", "map by another type than string", "variant"), _NO_NESTED)
_JSON_KEYS = Verdict("refused", "JSON's keys are strings")
_ANOTHER = {"another type": _NO_TYPE}
_ORC_CALENDAR = "ORC's calendar changes at 1582-10-15, and other readers shift earlier dates by days"

_LEFT_OUT = "Sail leaves nulls out, so a column of nulls only is lost; parquet keeps it"
_ORC_ZONE = (
    "readers other than Spark see a timestamp without zone, the time in UTC, "
    "and pyarrow reads none outside 1677 to 2262"
)

#: By engine and format, what is not exact of a column that is written.
WRITTEN: Mapping[tuple[str, str], Mapping[str, Verdict]] = {
    ("spark", "parquet"): {"interval": Verdict("warned", "other readers see a plain number"), **_ANOTHER},
    ("spark", "orc"): {
        "date": Verdict("checked", f"before 1582-10-15: {_ORC_CALENDAR}"),
        "timestamp": Verdict("checked", f"before 1582-10-15: {_ORC_CALENDAR}", also=_ORC_ZONE),
        "timestamp_ntz": Verdict("warned", "readers other than Spark see a whole number, microseconds since 1970"),
        "interval": Verdict("warned", "other readers see a plain number"),
        **dict.fromkeys(("time", "void", "variant", "another type"), _NO_TYPE),
    },
    ("spark", "csv"): {**_CSV, "binary": _HEX, **dict.fromkeys(("time", "interval", "another type"), _NO_TYPE)},
    ("spark", "json"): {
        "binary": Verdict("warned", "its bytes are written as base64 text"),
        "variant": Verdict("warned", "its value is written as plain JSON"),
        "map by another type than string": _JSON_KEYS,
        **dict.fromkeys(("time", "interval", "another type"), _NO_TYPE),
    },
    ("spark", "delta"): dict.fromkeys(("time", "interval", "void", "another type"), _NO_TYPE),
    ("spark", "iceberg"): {
        "tinyint, smallint": Verdict("warned", "Iceberg keeps the numbers as int"),
        **dict.fromkeys(("time", "interval", "void", "variant", "another type"), _NO_TYPE),
    },
    ("sail", "parquet"): _ANOTHER,
    ("sail", "csv"): {
        **_CSV,
        "binary": _HEX,
        "string": Verdict("checked", "empty strings: Sail writes them as it writes nulls, unless nullValue is set"),
        **dict.fromkeys(("interval", "another type"), _NO_TYPE),
    },
    ("sail", "json"): {
        "float, double": Verdict("checked", "NaN and infinities: Sail writes them as null"),
        "binary": _HEX,
        "map": Verdict("refused", "Sail leaves out entries whose value is null"),
        "void": Verdict("warned", _LEFT_OUT),
        "map by another type than string": _JSON_KEYS,
        **dict.fromkeys(("interval", "another type"), _NO_TYPE),
    },
    ("sail", "delta"): dict.fromkeys(
        ("decimal of more than 38 digits", "time", "interval", "void", "another type"), _NO_TYPE
    ),
}
#: What becomes of a column, of whatever type, in which a result has nulls only.
OF_NULLS: Mapping[tuple[str, str], str] = {("sail", "json"): _LEFT_OUT}
_FOLDER = Verdict(
    "checked", "empty, `__HIVE_DEFAULT_PARTITION__`, with a NUL or too long: no name of a folder, or that of null"
)
_NOT_ONE = Verdict("refused", "a folder's name cannot hold it", hint="choose another column")
_UNFIT = dict.fromkeys(
    ("binary", "variant", "interval", "array", "struct", "map", "map by another type than string", "another type"),
    _NOT_ONE,
)
_FOLDERS: Mapping[str, Verdict] = {**_UNFIT, "string": _FOLDER}
_TABLES = ("delta", "iceberg")
#: What Sail writes to a Delta table's log of a value that makes a partition.
_LOG = {
    "decimal": Verdict("refused", "Sail writes a text that is no number for negative values"),
    "float, double": Verdict("refused", "Sail writes it without an exponent, too long for a folder's name"),
    "timestamp": Verdict("refused", "Sail writes it without its zone"),
}


def _partition(engine: str, format_: str) -> dict[str, Verdict]:
    """Return what a partition column loses; in a table's log, its type counts as well."""
    typed = WRITTEN[engine, format_].items() if format_ in _TABLES else ()
    lost = {kind: found for kind, found in typed if found.kept in ("refused", "warned")}
    logged = _LOG if (engine, format_) == ("sail", "delta") else {}
    return {**lost, **(_UNFIT if format_ == "iceberg" else _FOLDERS), **logged}


#: The same of a column of ``output.partition_by``. The values of files' folders are text.
PARTITIONS: Mapping[tuple[str, str], Mapping[str, Verdict]] = {
    (engine, format_): _partition(engine, format_)
    for engine in ENGINES
    for format_ in FORMATS
    if format_ not in LACKS.get(engine, ())
}

_BEFORE = "write that column with another type before this job, or leave it out by input.schema"
_MICROSECONDS = "write it in microseconds before this job"
_OTHER_ENGINE = "set spark.engine: spark, or write that column without this type"


def _wider(type_: str) -> Verdict:
    return Verdict("warned", f"is read as {type_}, which holds all its values")


def _unread(engine: str, hint: str = _BEFORE) -> Verdict:
    return Verdict("refused", f"{engine} cannot read this type", hint=hint)


@dataclass(frozen=True)
class Reading:
    """How an engine reads columns of a Parquet file whose types match a pattern, in Arrow's names."""

    pattern: str
    #: What the docs call these types.
    name: str
    verdict: Verdict


_WHOLE_NUMBERS = (
    Reading(r"uint8", "uint8", _wider("smallint")),
    Reading(r"uint16", "uint16", _wider("int")),
    Reading(r"uint32", "uint32", _wider("bigint")),
    Reading(r"uint64", "uint64", _wider("decimal(20,0)")),
)

#: By engine: what changes when it is read. The first that matches counts.
READ: Mapping[str, Sequence[Reading]] = {
    "spark": (
        Reading(r"decimal\d+\((39|[4-7]\d), .*", "decimal of more than 38 digits", _unread("Spark")),
        Reading(r"halffloat", "float16", _unread("Spark")),
        Reading(r"time32\[.*|time64\[ns\]", "time in seconds, milliseconds or nanoseconds", _unread("Spark")),
        Reading(r"timestamp\[ns.*", "timestamp in nanoseconds", _unread("Spark", _MICROSECONDS)),
        Reading(r"extension<arrow.uuid>", "UUID", _unread("Spark")),
        *_WHOLE_NUMBERS,
        Reading(r"null", "null", Verdict("warned", "is read as int, all of it null")),
        Reading(r"duration\[.*", "duration", Verdict("warned", "is read as bigint, its count of units")),
    ),
    "sail": (
        Reading(r"halffloat", "float16", _unread("Sail")),
        Reading(r"time64\[ns\]", "time in nanoseconds", _unread("Sail")),
        Reading(r"timestamp\[ns.*", "timestamp in nanoseconds", _unread("Sail", _MICROSECONDS)),
        Reading(r"date64.*", "date64", _unread("Sail", _OTHER_ENGINE)),
        Reading(r"decimal(32|64)\(.*", "decimal32, decimal64", _unread("Sail", _OTHER_ENGINE)),
        Reading(r"dictionary<.*", "dictionary (pandas' categories)", _unread("Sail", _OTHER_ENGINE)),
        *_WHOLE_NUMBERS,
        Reading(r"int96", "timestamp as INT96", Verdict("warned", "is read as timestamp, in UTC")),
        Reading(r".*[<: ]uint\d.*", "uint8 to uint64 in lists, structs and maps", _unread("Sail", _OTHER_ENGINE)),
    ),
}

_NOT_IN_SPARK = _unread("Spark", "write that table without this column, or with another type")
#: The same of an Iceberg table on Spark, whose types have names of their own; Sail reads no Iceberg.
READ_ICEBERG: Sequence[Reading] = (
    Reading(r"time", "time", _NOT_IN_SPARK),
    Reading(r"timestamp(tz)?_ns", "timestamp in nanoseconds", _NOT_IN_SPARK),
    Reading(r"geo(metry|graphy)(\(.*)?", "geometry, geography", _NOT_IN_SPARK),
)
#: The same of the columns that such a table is partitioned by. Iceberg's Java expects a length before bytes that are of
#: one length (apache/iceberg#17501), and fails on every query.
READ_ICEBERG_PARTITIONS: Sequence[Reading] = (
    Reading(
        r"fixed\[.*",
        "fixed-size binary as a partition",
        Verdict(
            "refused",
            "Spark's Iceberg fails on partitions of this type",
            hint="write that table with another partition",
        ),
    ),
)
