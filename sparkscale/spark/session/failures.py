"""Spark's exceptions -> ours: each failure gets its exit code and one line."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterator

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException, PySparkRuntimeError
from pyspark.errors.exceptions.captured import CapturedException

from sparkscale.errors import (
    AccessError,
    ConfigError,
    DataError,
    InputMissingError,
    InternalError,
    OutputError,
    SparkscaleError,
    StorageError,
    TemporaryError,
    UnfitEnvironmentError,
)

#: What a failure's text says, the error it is, its code and what to do. The first that matches counts.
_RULES: list[tuple[str, type[SparkscaleError], str, str]] = [
    (
        r"(DATA_NONFINITE|DATA_UNDEFINED)",
        DataError,
        "",
        "mend the data, or change the step's rule",
    ),
    (
        r"(DATA_UNKEPT)",
        DataError,
        "",
        "change those values before this job, or choose another output.format or output.partition_by",
    ),
    (
        r"(DATA_INEXACT)",
        DataError,
        "",
        "give the column another type in input.schema, such as string, or change the value",
    ),
    (
        r"is too large to store in a Decimal|cannot be represented as Decimal",
        DataError,
        "DATA_INEXACT",
        "give the column a decimal of more digits in input.schema, or string",
    ),
    (
        r"File ?name too long|InvalidPathException: Nul character",
        DataError,
        "DATA_UNKEPT",
        "a value of a column in output.partition_by cannot be a folder's name; partition by another column",
    ),
    # What a kernel says in a Python worker.
    (r"DataError: \w+: expected finite scores", DataError, "DATA_NONFINITE", ""),
    (r"DataError: \w+: expected a score above -inf", DataError, "DATA_UNDEFINED", ""),
    (
        r"INVALID_CONF_VALUE|CANNOT_MODIFY_(STATIC_)?CONFIG|Asked to run locally|Could not parse Master URL",
        ConfigError,
        "CONFIG_SPARK",
        "check spark.conf and spark.master",
    ),
    (
        # At the start only: in the middle of a longer account it is of a damaged record.
        (
            r"\A(\([\w.]+\) )?For input string|CODEC_NOT_AVAILABLE|INVALID_PARAMETER_VALUE|INVALID_TIMEZONE"
            r"|INVALID_DATETIME_PATTERN|Unknown pattern letter|'\w+' option is invalid|There is a 'path'"
            r"|flag can be true or false|more than one character|should be an integer|Delimiter cannot be"
            r"|No value found for '|invalid option: "
        ),
        ConfigError,
        "CONFIG_OPTION",
        "check its options",
    ),
    # Table formats and catalogs.
    (
        (
            r"Concurrent\w+Exception|CommitFailedException|CommitStateUnknownException|DELTA_CONCURRENT\w+"
            r"|Found conflicting files|commit conflict|VersionAlreadyExists"
        ),
        TemporaryError,
        "OUTPUT_CONFLICT",
        "another run changed the table meanwhile; run it again",
    ),
    (
        r"SlowDown|Too ?Many ?Requests|[Tt]hrottl|status code: 503|Service Unavailable",
        TemporaryError,
        "THROTTLED",
        "the store asks for fewer requests; run it again later",
    ),
    (
        r"TABLE_OR_VIEW_ALREADY_EXISTS|DELTA_PATH_EXISTS|Delta table already exists|Table .* already exists",
        OutputError,
        "OUTPUT_EXISTS",
        "take another mode, as overwrite, or another place",
    ),
    (
        (
            r"DATA_SOURCE_NOT_FOUND|Failed to find (the )?data source|Cannot find catalog plugin class"
            r"|unresolved dependency|UNRESOLVED_DEPENDENCY|DELTA_CONFIGURE_SPARK_SESSION"
        ),
        UnfitEnvironmentError,
        "ENV_PACKAGE",
        "give Spark the package of that format (spark-submit --packages), as the README says",
    ),
    (
        (
            r"DELTA_VERSION_NOT_FOUND|DELTA_TIMESTAMP_\w+|DELTA_VERSION_INVALID|Cannot find (a )?snapshot"
            r"|Cannot find matching snapshot|Missing commit file|Invalid timestamp string"
        ),
        InputMissingError,
        "INPUT_VERSION",
        "name a version that the table has",
    ),
    (
        r"REQUIRES_SINGLE_PART_NAMESPACE|CATALOG_NOT_FOUND|Catalog '.*' (plugin class )?not found",
        ConfigError,
        "CONFIG_TABLE",
        "name the catalog in spark.conf (spark.sql.catalog.<name>)",
    ),
    (
        r"TABLE_OR_VIEW_NOT_FOUND|SCHEMA_NOT_FOUND|DELTA_TABLE_NOT_FOUND|DELTA_MISSING_DELTA_TABLE|NoSuchTableException",
        InputMissingError,
        "INPUT_MISSING",
        "check the table's name or path",
    ),
    (
        r"DELTA_METADATA_MISMATCH|DELTA_FAILED_TO_MERGE_FIELDS|INSERT_COLUMN_ARITY_MISMATCH|INCOMPATIBLE_DATA_FOR_TABLE",
        DataError,
        "SCHEMA_TARGET",
        "give the result the table's columns, or take mode: overwrite",
    ),
    (
        r"COLUMN_ALREADY_EXISTS|duplicate column names",
        DataError,
        "SCHEMA_DUPLICATE",
        "give each column a name of its own; where they differ in case, spark.conf: {spark.sql.caseSensitive: true}",
    ),
    (
        (
            r"PARQUET_TYPE_\w+|DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION|precision should be between 1 and"
            r"|cast .* to Spark data type|UNSUPPORTED_TIME_TYPE|UNSUPPORTED_DATA_TYPE_FOR_DATASOURCE"
        ),
        DataError,
        "SCHEMA_TYPE",
        "write that column with another type before this job, or leave it out",
    ),
    (
        r"CANNOT_MERGE_SCHEMAS|Fail to merge schema field|PARQUET_COLUMN_DATA_TYPE_MISMATCH",
        DataError,
        "SCHEMA_FILES",
        "the input's files have different types for one column; write them again with the same types",
    ),
    (
        r"CONFLICTING_DIRECTORY_STRUCTURES|CONFLICTING_PARTITION_COLUMN_NAMES|found mixed partition values",
        DataError,
        "INPUT_LAYOUT",
        "let input.path name the table's own folder, in which every file is equally deep",
    ),
    (
        r"No FileSystem for scheme|Class org\.apache\.hadoop\.fs\S+ not found",
        UnfitEnvironmentError,
        "ENV_FILESYSTEM",
        "give Spark the package of that file system (spark.jars.packages), or copy the input",
    ),
    (
        r"UnknownHostException|failed to lookup address|No NameNode hosts",
        UnfitEnvironmentError,
        "ENV_NETWORK",
        "check the host's name and the network",
    ),
    (
        r"URISyntaxException|UNSUPPORTED_FILE_SYSTEM|URL without authority|URL scheme is not allowed",
        InputMissingError,
        "INPUT_MISSING",
        "check input.path",
    ),
    (
        r"No space left on device|Disk quota exceeded",
        StorageError,
        "DISK_FULL",
        "free some space, then run it again",
    ),
    (
        r"PATH_NOT_FOUND|[Pp]ath does not exist|[Ff]ile .* does not exist|No such file or directory",
        InputMissingError,
        "INPUT_MISSING",
        "check input.path",
    ),
    (
        r"Permission denied|AccessControlException|PERMISSION_DENIED",
        AccessError,
        "PERMISSION",
        "check the rights",
    ),
    (
        r"No module named '?(\w+)",
        UnfitEnvironmentError,
        "ENV_WORKER",
        "install it for the executors' Python; `sparkscale doctor` tells more",
    ),
    (
        r"PYTHON_VERSION_MISMATCH|Python in worker has different version",
        UnfitEnvironmentError,
        "ENV_WORKER",
        "set PYSPARK_PYTHON to one Python for driver and executors",
    ),
    (
        r"UNABLE_TO_INFER_SCHEMA|Unable to infer schema",
        DataError,
        "INPUT_EMPTY",
        "the input holds no file of its format; name its columns in input.schema if that is right",
    ),
    (
        r"PARSE_SYNTAX_ERROR|UNSUPPORTED_DATATYPE|INVALID_SCHEMA",
        DataError,
        "SCHEMA_INVALID",
        "check input.schema",
    ),
    (
        (
            r"ExecutorLostFailure|Lost executor|FetchFailed|SparkContext was shut down|UNAVAILABLE"
            r"|Answer from Java side is empty|Error while (sending|receiving)|trying to connect to the Java server"
        ),
        TemporaryError,
        "SPARK_LOST",
        "run it again",
    ),
    (
        r"Python worker exited unexpectedly",
        TemporaryError,
        "SPARK_LOST",
        "run it again; is the worker's memory enough?",
    ),
    (
        r"CSV header does not conform to the schema",
        DataError,
        "SCHEMA_HEADER",
        "name the columns as the header does, or take input.options: {enforceSchema: true} to go by position",
    ),
    (
        r"[Ee]mpty partition column value",
        DataError,
        "INPUT_PARTITION",
        "a folder's name such as 'key=' has no value: name it key=__HIVE_DEFAULT_PARTITION__, which is null",
    ),
    (
        r"nanos > 999999999",
        DataError,
        "INPUT_DAMAGED",
        "a timestamp before 1970 has a fraction that Spark's ORC reader refuses; write it as Parquet before this job",
    ),
    (
        r"untagged enum DataType|Cannot cast column of type",
        DataError,
        "SCHEMA_TYPE",
        "the table has a type that Sail cannot read; set spark.engine: spark, or write it without that column",
    ),
    (
        (
            r"Invalid data type for Delta Lake|Not a supported type|has unsupported type"
            r"|not yet supported to write to hive partitions"
            r"|[Uu]nsupported (Arrow )?(data ?type|dictionary (key )?type|Spark complex schema type)"
            r"|not supported for (data type|type|Iceberg type)"
        ),
        DataError,
        "SCHEMA_FORMAT",
        "drop or cast that column before this job, or set output.format: parquet",
    ),
    (
        r"INVALID_PARTITION_VALUE",
        DataError,
        "INPUT_PARTITION",
        "give that column another type in input.schema or input.partitions, such as string",
    ),
    (
        (
            r"FAILED_READ_FILE|CANNOT_READ_FILE_FOOTER|MALFORMED|Malformed|is not a Parquet file|Could not read footer"
            r"|can not read FileMetaData|shaded\.parquet|ParquetDecodingException|ArrayIndexOutOfBoundsException"
            r"|NegativeArraySizeException|BadRecordException|corrupt|Invalid Parquet|Parquet error|Arrow error"
            r"|Parser error|EOF|Csv error|Json error"
        ),
        DataError,
        "INPUT_DAMAGED",
        "a file of the input is damaged or not of the format (or schema) that the job names",
    ),
    (
        r"CAST_INVALID_INPUT|Cast error",
        DataError,
        "INPUT_DAMAGED",
        "a value is not of the type that input.schema or input.partitions gives its column",
    ),
    (
        r"Mkdirs failed to create",
        OutputError,
        "OUTPUT_FOLDER",
        "check the rights, and that no value of a column in output.partition_by is too long for a folder's name",
    ),
    (
        (
            r"JAVA_GATEWAY_EXITED|Java gateway process exited|UnsupportedClassVersionError|Connection refused"
            r"|failed to connect"
        ),
        UnfitEnvironmentError,
        "ENV_SPARK",
        "`sparkscale doctor` tells more",
    ),
]


@contextlib.contextmanager
def translated(what: str) -> Iterator[None]:
    """Raise our error for whatever Spark raises inside the block; ``what`` names the work for people."""
    try:
        yield
    except (PySparkException, PySparkRuntimeError, Py4JError) as error:
        raise translate(error, what) from error


def word_once() -> None:
    """Keep exceptions of the JVM from being worded without end, for the rest of this process.

    To word one, PySpark asks the session for a setting. Where a wrong setting keeps the session from being built, that
    raises the same exception, which is worded, and so on. One that is met while another is worded gives its bare text.
    """
    asking, theirs = threading.local(), CapturedException.__str__
    if theirs.__module__ == __name__:
        return

    def text(self: CapturedException) -> str:
        if getattr(asking, "now", False):
            return self._desc or ""
        asking.now = True
        try:
            return theirs(self)
        finally:
            asking.now = False

    CapturedException.__str__ = text  # type: ignore[method-assign]


def translate(error: Exception, what: str) -> SparkscaleError:
    """Return our error for one of Spark's."""
    text = "\nCaused by: ".join(_told(error))
    for pattern, kind, code, hint in _RULES:
        match = re.search(pattern, text)
        if match:
            return kind(code or match[1], f"{what}: {_cause(text, match)}", hint)
    return InternalError("SPARK_FAILED", f"{what}: {_first_line(text)}", "--debug shows Spark's whole account of it")


def _told(error: BaseException | None) -> Iterator[str]:
    """Yield what an exception says, and those of the JVM that caused it."""
    while error is not None:
        yield str(error)
        error = getattr(error, "_cause", None)


def _cause(text: str, match: re.Match[str]) -> str:
    """Return the line around the match: it says more than the first line of a long Java story.

    Where it says only which file could not be read, what caused that follows.
    """
    start = text.rfind("\n", 0, match.start()) + 1
    end = text.find("\n", match.end())
    line = _short(text[start : end if end >= 0 else None])
    if "NO_HINT" not in line and "CSV header" not in line:
        return line
    nested = re.findall(r"Caused by: (.*?)(?=\nParse Mode|\n\tat |\Z)", text[start:], re.DOTALL)
    told = dict.fromkeys([line, *map(_short, nested)])
    return ": ".join([one for one in told if not any(other != one and other.startswith(one) for other in told)][:3])


def _first_line(text: str) -> str:
    """Return the first line that says something: of a call, py4j names in the first line only its own number for it."""
    lines = (line for line in text.splitlines() if line.strip() and not line.startswith("An error occurred while call"))
    return _short(next(lines, "no message"))


def _short(line: str) -> str:
    line = re.sub(r"^(?:Caused by: |: |[\w.$]+(?:Exception|Error): )+", "", " ".join(line.split()))
    line = re.sub(r"\s*SQLSTATE: \w+.*$", "", line).rstrip(".")
    return line if len(line) <= 300 else line[:297] + "..."  # noqa: PLR2004 - one line of a log
