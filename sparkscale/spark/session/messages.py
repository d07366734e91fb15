"""What a failure's text says, where Spark gives it no condition, or one that only wraps another failure."""

from __future__ import annotations

from collections.abc import Sequence

from sparkscale.errors import (
    AccessError,
    DataError,
    OutputError,
    StorageError,
    TemporaryError,
    UnfitEnvironmentError,
)
from sparkscale.maps.by_group import UNSEEN_HINT
from sparkscale.spark.session import conditions
from sparkscale.spark.session.conditions import Meaning

MEMORY = Meaning(UnfitEnvironmentError, "ENV_MEMORY", "set spark.driver.memory, and spark.executor.memory on a cluster")
#: How a JVM reports it, and a cluster for an executor; 52 is Spark's own exit code. Not 137: anything can kill an
#: executor.
_OUT_OF_MEMORY = (
    r"java\.lang\.OutOfMemoryError|running beyond (physical|virtual) memory limits|exceeding (\w+ )?memory limits"
    r"|OOMKilled|(ExecutorLostFailure|Lost executor)[^\n]*([Cc]ode|status):? 52\b"
)
#: Codes of ours in a failure's text: an expression of a job raised it in the engine.
OURS: Sequence[tuple[str, Meaning]] = [
    (r"(DATA_NONFINITE)", Meaning(DataError, "", "fix the data, or set nonfinite: keep")),
    (
        r"(DATA_UNDEFINED): \w*softmax",
        Meaning(DataError, "", "fix the data, or set undefined: null, zeros or uniform"),
    ),
    (r"(DATA_UNDEFINED)", Meaning(DataError, "", "fix the data, or set undefined: null")),
    (r"(DATA_UNSEEN)", Meaning(DataError, "", UNSEEN_HINT)),
    (
        r"(DATA_LENGTH)",
        Meaning(DataError, "", "fix those rows, or make their mask null, which leaves all scores out"),
    ),
    (
        r"(DATA_UNKEPT)",
        Meaning(
            DataError, "", "change those values before this job, or choose another output.format or output.partition_by"
        ),
    ),
    (
        r"(DATA_CALENDAR)",
        Meaning(DataError, "", "write the input as Parquet, or replace those dates"),
    ),
    (
        r"(DATA_INEXACT)",
        Meaning(DataError, "", "give the column another type in input.schema, such as string, or change the value"),
    ),
]
#: The first that matches counts.
MEANINGS: Sequence[tuple[str, Meaning]] = [
    (
        r"is too large to store in a Decimal|cannot be represented as Decimal",
        Meaning(DataError, "DATA_INEXACT", "in input.schema, give the column a decimal with more digits, or string"),
    ),
    (
        r"File ?name too long|InvalidPathException: Nul character",
        Meaning(
            DataError,
            "DATA_UNKEPT",
            "partition by another column: a value of a column in output.partition_by cannot be a folder's name",
        ),
    ),
    # What a kernel says in a Python worker.
    (r"DataError: \w+: expected finite scores", Meaning(DataError, "DATA_NONFINITE", "")),
    (r"DataError: \w+: expected a score above -inf", Meaning(DataError, "DATA_UNDEFINED", "")),
    (r"Asked to run locally|Could not parse Master URL", conditions.SPARK),
    # A number at the start only: in the middle of a longer account it is of a damaged record.
    (
        (
            r"\A(\([\w.]+\) )?For input string|Unknown pattern letter|'\w+' option is invalid"
            r"|There is a 'path'|flag can be true or false|more than one character|should be an integer"
            r"|Delimiter cannot be|No value found for '|invalid option: "
        ),
        conditions.OPTION,
    ),
    (
        (
            r"Concurrent\w+Exception|CommitFailedException|CommitStateUnknownException"
            r"|Found conflicting files|commit conflict|VersionAlreadyExists"
        ),
        conditions.CONFLICT,
    ),
    (
        r"SlowDown|Too ?Many ?Requests|[Tt]hrottl|status code: 503|Service Unavailable",
        Meaning(TemporaryError, "THROTTLED", "run it again later: the store asks for fewer requests"),
    ),
    (r"Delta table already exists|Table .* already exists", conditions.EXISTS),
    (
        (
            r"Failed to find (the )?data source|Cannot find catalog plugin class|unresolved dependency"
            r"|UNRESOLVED_DEPENDENCY"
        ),
        conditions.PACKAGE,
    ),
    (
        r"Cannot find (a )?snapshot|Cannot find matching snapshot|Missing commit file|Invalid timestamp string",
        conditions.VERSION,
    ),
    (r"Catalog '.*' (plugin class )?not found", conditions.CATALOG),
    (r"NoSuchTableException", conditions.NO_TABLE),
    (r"duplicate column names", conditions.DUPLICATE),
    (r"precision should be between 1 and|cast .* to Spark data type", conditions.TYPE),
    (
        r"Spark does not support [\w ]+ fields|Cannot convert unknown type to Spark",
        Meaning(DataError, "SCHEMA_TYPE", "write that table without this column, or with another type"),
    ),
    (r"Fail to merge schema field", conditions.FILES),
    (r"found mixed partition values", conditions.LAYOUT),
    (
        r"No FileSystem for scheme|Class org\.apache\.hadoop\.fs\S+ not found",
        Meaning(
            UnfitEnvironmentError,
            "ENV_FILESYSTEM",
            "give Spark the package of that file system (spark.jars.packages), or copy the input",
        ),
    ),
    (
        r"Failed to bind to address \S+: Service '[\w.]*SparkConnectService'",
        Meaning(
            UnfitEnvironmentError,
            "ENV_CONNECT",
            "another job on this machine has set spark.remote: local; wait for its end, or set spark.master",
        ),
    ),
    (
        r"UnknownHostException|failed to lookup address|No NameNode hosts",
        Meaning(UnfitEnvironmentError, "ENV_NETWORK", "that host is unknown: check its name and the network"),
    ),
    (r"URISyntaxException|URL without authority|URL scheme is not allowed", conditions.NO_PATH),
    (
        r"No space left on device|Disk quota exceeded",
        Meaning(StorageError, "DISK_FULL", "free some space, then run it again"),
    ),
    (r"[Pp]ath does not exist|[Ff]ile .* does not exist|No such file or directory", conditions.NO_PATH),
    (
        r"Permission denied|AccessControlException|PERMISSION_DENIED",
        Meaning(AccessError, "PERMISSION", "check who may read and write there"),
    ),
    (
        r"No module named '?(\w+)",
        Meaning(
            UnfitEnvironmentError,
            "ENV_WORKER",
            "install it for the executors' Python; run `sparkscale doctor` for details",
        ),
    ),
    (r"Python in worker has different version", conditions.WORKER),
    (r"Unable to infer schema", conditions.EMPTY),
    (_OUT_OF_MEMORY, MEMORY),
    (
        (
            r"ExecutorLostFailure|Lost executor|FetchFailed|SparkContext was shut down|UNAVAILABLE"
            r"|Answer from Java side is empty|Error while (sending|receiving)"
            r"|trying to connect to the Java server"
        ),
        Meaning(TemporaryError, "SPARK_LOST", "run it again"),
    ),
    (
        r"Python worker exited unexpectedly",
        Meaning(TemporaryError, "SPARK_LOST", "run it again; if it happens again, give the workers more memory"),
    ),
    (
        r"CSV header does not conform to the schema",
        Meaning(
            DataError,
            "SCHEMA_HEADER",
            "name the columns as the header does, or set input.options: {enforceSchema: true} to go by position",
        ),
    ),
    (
        r"[Ee]mpty partition column value",
        Meaning(
            DataError,
            "INPUT_PARTITION",
            "rename folders such as 'key=', which have no value, to key=__HIVE_DEFAULT_PARTITION__, which is null",
        ),
    ),
    (
        r"nanos > 999999999",
        Meaning(
            DataError,
            "INPUT_DAMAGED",
            "write the input as Parquet: Spark's ORC reader fails on fractions of a second before 1970",
        ),
    ),
    (
        r"untagged enum DataType|Cannot cast column of type",
        Meaning(
            DataError,
            "SCHEMA_TYPE",
            "set spark.engine: spark, or leave that column out of the table: Sail cannot read its type",
        ),
    ),
    (
        (
            r"Invalid data type for Delta Lake|Not a supported type|has unsupported type"
            r"|not yet supported to write to hive partitions"
            r"|[Uu]nsupported (Arrow )?(data ?type|dictionary (key )?type|Spark complex schema type)"
            r"|not supported for (data type|type|Iceberg type)"
        ),
        Meaning(DataError, "SCHEMA_FORMAT", "drop or cast that column before this job, or set output.format: parquet"),
    ),
    (
        (
            r"FAILED_READ_FILE|CANNOT_READ_FILE_FOOTER|MALFORMED|Malformed|is not a Parquet file"
            r"|Could not read footer|can not read FileMetaData|shaded\.parquet|ParquetDecodingException"
            r"|ArrayIndexOutOfBoundsException|NegativeArraySizeException|BadRecordException|corrupt"
            r"|Invalid Parquet|Parquet error|Arrow error|Parser error|EOF|Csv error|Json error"
        ),
        Meaning(
            DataError,
            "INPUT_DAMAGED",
            "check input.format and input.schema; if the file is damaged, restore or remove it",
        ),
    ),
    (
        r"CAST_INVALID_INPUT|Cast error",
        Meaning(
            DataError,
            "INPUT_DAMAGED",
            "fix the value, or give its column another type in input.schema or input.partitions, such as string",
        ),
    ),
    (
        r"Mkdirs failed to create",
        Meaning(
            OutputError,
            "OUTPUT_FOLDER",
            "check the rights, and that no value of a column in output.partition_by is too long for a folder's name",
        ),
    ),
    (
        r"Java gateway process exited|UnsupportedClassVersionError|Connection refused|failed to connect",
        conditions.GATEWAY,
    ),
]
