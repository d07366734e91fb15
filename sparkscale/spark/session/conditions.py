"""What Spark's error conditions mean to a job: Spark names them itself, and keeps the names from version to version."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from sparkscale.errors import (
    ConfigError,
    DataError,
    InputMissingError,
    OutputError,
    SparkscaleError,
    TemporaryError,
    UnfitEnvironmentError,
)


class Meaning(NamedTuple):
    """The error that a failure is, its code, and what to do about it."""

    kind: type[SparkscaleError]
    #: Empty where the failure's own text holds it.
    code: str
    hint: str


SPARK = Meaning(ConfigError, "CONFIG_SPARK", "check spark.conf and spark.master")
OPTION = Meaning(ConfigError, "CONFIG_OPTION", "check input.options and output.options")
CONFLICT = Meaning(TemporaryError, "OUTPUT_CONFLICT", "run it again: another run changed the table meanwhile")
EXISTS = Meaning(OutputError, "OUTPUT_EXISTS", "set output.mode: overwrite, or choose another place")
PACKAGE = Meaning(
    UnfitEnvironmentError,
    "ENV_PACKAGE",
    "give Spark the package of that format (spark-submit --packages); see docs/how-to/delta-and-iceberg.md",
)
VERSION = Meaning(InputMissingError, "INPUT_VERSION", "name a version that the table has")
CATALOG = Meaning(ConfigError, "CONFIG_TABLE", "name the catalog in spark.conf (spark.sql.catalog.<name>)")
NO_TABLE = Meaning(InputMissingError, "INPUT_MISSING", "check the table's name or path")
NO_PATH = Meaning(InputMissingError, "INPUT_MISSING", "check input.path")
_TARGET = Meaning(DataError, "SCHEMA_TARGET", "give the result the table's columns, or set output.mode: overwrite")
DUPLICATE = Meaning(
    DataError,
    "SCHEMA_DUPLICATE",
    "give each column its own name; if names differ only in case, set spark.conf: {spark.sql.caseSensitive: true}",
)
TYPE = Meaning(DataError, "SCHEMA_TYPE", "write that column with another type before this job, or leave it out")
FILES = Meaning(
    DataError,
    "SCHEMA_FILES",
    "write the input's files again with one type for the column",
)
LAYOUT = Meaning(
    DataError, "INPUT_LAYOUT", "set input.path to the table's own folder, where all files are at the same depth"
)
WORKER = Meaning(UnfitEnvironmentError, "ENV_WORKER", "set PYSPARK_PYTHON to one Python for driver and executors")
EMPTY = Meaning(
    DataError,
    "INPUT_EMPTY",
    "check input.path and input.format: no file of that format is there; if the input may be empty, set input.schema",
)
_SCHEMA = Meaning(DataError, "SCHEMA_INVALID", "check input.schema")
_PARTITION = Meaning(
    DataError,
    "INPUT_PARTITION",
    "give that column another type in input.schema or input.partitions, such as string",
)
GATEWAY = Meaning(UnfitEnvironmentError, "ENV_SPARK", "run `sparkscale doctor` for details")

#: By name; a name that ends with ``*`` is the start of many. Conditions that only wrap another failure, such as
#: ``FAILED_READ_FILE``, are not here: what they wrap says more (`sparkscale.spark.session.messages`).
_MEANINGS: Mapping[str, Meaning] = {
    **dict.fromkeys(("INVALID_CONF_VALUE", "CANNOT_MODIFY_CONFIG", "CANNOT_MODIFY_STATIC_CONFIG"), SPARK),
    **dict.fromkeys(
        ("CODEC_NOT_AVAILABLE", "INVALID_PARAMETER_VALUE", "INVALID_TIMEZONE", "INVALID_DATETIME_PATTERN"), OPTION
    ),
    "DELTA_CONCURRENT*": CONFLICT,
    **dict.fromkeys(("TABLE_OR_VIEW_ALREADY_EXISTS", "DELTA_PATH_EXISTS"), EXISTS),
    **dict.fromkeys(("DATA_SOURCE_NOT_FOUND", "DELTA_CONFIGURE_SPARK_SESSION*"), PACKAGE),
    **dict.fromkeys(("DELTA_VERSION_NOT_FOUND", "DELTA_TIMESTAMP_*", "DELTA_VERSION_INVALID"), VERSION),
    **dict.fromkeys(("REQUIRES_SINGLE_PART_NAMESPACE", "CATALOG_NOT_FOUND"), CATALOG),
    **dict.fromkeys(
        ("TABLE_OR_VIEW_NOT_FOUND", "SCHEMA_NOT_FOUND", "DELTA_TABLE_NOT_FOUND", "DELTA_MISSING_DELTA_TABLE"), NO_TABLE
    ),
    **dict.fromkeys(
        (
            "DELTA_METADATA_MISMATCH",
            "DELTA_FAILED_TO_MERGE_FIELDS",
            "INSERT_COLUMN_ARITY_MISMATCH",
            "INCOMPATIBLE_DATA_FOR_TABLE",
        ),
        _TARGET,
    ),
    "COLUMN_ALREADY_EXISTS": DUPLICATE,
    **dict.fromkeys(
        (
            "PARQUET_TYPE_*",
            "DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION",
            "UNSUPPORTED_TIME_TYPE",
            "UNSUPPORTED_DATA_TYPE_FOR_DATASOURCE",
        ),
        TYPE,
    ),
    **dict.fromkeys(("CANNOT_MERGE_SCHEMAS", "PARQUET_COLUMN_DATA_TYPE_MISMATCH"), FILES),
    **dict.fromkeys(("CONFLICTING_DIRECTORY_STRUCTURES", "CONFLICTING_PARTITION_COLUMN_NAMES"), LAYOUT),
    **dict.fromkeys(("UNSUPPORTED_FILE_SYSTEM", "PATH_NOT_FOUND"), NO_PATH),
    "PYTHON_VERSION_MISMATCH": WORKER,
    "UNABLE_TO_INFER_SCHEMA": EMPTY,
    **dict.fromkeys(("PARSE_SYNTAX_ERROR", "UNSUPPORTED_DATATYPE", "INVALID_SCHEMA"), _SCHEMA),
    "INVALID_PARTITION_VALUE": _PARTITION,
    "JAVA_GATEWAY_EXITED": GATEWAY,
}
#: How Spark names the condition of a failure, its own or one of its causes: ``[FAILED_READ_FILE.NO_HINT]``.
_NAMED = re.compile(r"\[([A-Z][A-Z0-9_]*(?:\.[A-Z0-9_]+)*)\]")


def named(text: str) -> Iterator[str]:
    """Yield the conditions that an account of a failure names, in its order."""
    yield from (match[1] for match in _NAMED.finditer(text))


def meaning(condition: str) -> Meaning | None:
    """Return what a condition means, by its name or one of its parts; None where that is not known."""
    for part in condition.split("."):
        for name, found in _MEANINGS.items():
            if part == name or (name.endswith("*") and part.startswith(name[:-1])):
                return found
    return None
