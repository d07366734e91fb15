"""The settings of sessions, each with its reason, and how they come together with a job file's own."""

from __future__ import annotations

from pathlib import Path

from pyspark.sql import SparkSession

from sparkscale.config.models import Spark

#: A setting of PySpark's own, which it asks every engine for: a stack trace for every column built, half of planning.
CLIENT = {"spark.python.sql.dataFrameDebugging.enabled": "false"}
#: Settings of sessions that we start, each with its reason; a job file's `spark.conf` goes over them.
DEFAULTS = {
    **CLIENT,
    "spark.sql.parquet.compression.codec": "zstd",  # no slower than snappy here, 7 % smaller
    "spark.hadoop.parquet.page.verify-checksum.enabled": "true",  # a flipped bit is an error, never another number
    # HotSpot compiles no method of more than 8,000 bytes: a softmax over 60 scores then takes twice as long, a z-score
    # of 90 columns four times, as in the smaller methods that Spark makes with this limit.
    "spark.sql.codegen.hugeMethodLimit": "8000",
    "spark.ui.showConsoleProgress": "false",  # the command shows its own, and Spark's goes by no lines
}
#: Settings on which the values of a table depend. In a session that exists already, a job sets them too, and restores
#: them afterwards. The first ones differ from Spark's defaults; the others guard against a session that changed them.
VALUES = {
    "spark.sql.session.timeZone": "UTC",  # in text and in partitions' names: the same job, the same output everywhere
    # INT96, the default, has no time zone, and other readers wrap it around outside of 1677 to 2262.
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",  # zip=00501 is not 501
    "spark.sql.timeType.enabled": "true",  # else a TIME column cannot even pass through
    "spark.sql.files.ignoreCorruptFiles": "false",  # a damaged file is an error, never silently fewer rows
    "spark.sql.files.ignoreMissingFiles": "false",
    "spark.sql.ansi.enabled": "true",  # a cast that fails is an error, never a null
    "spark.sql.sources.validatePartitionColumns": "true",
    "spark.sql.parquet.inferTimestampNTZ.enabled": "true",  # a timestamp without zone is one
    "spark.sql.parquet.binaryAsString": "false",
    "spark.sql.parquet.int96AsTimestamp": "true",
    "spark.sql.legacy.parquet.nanosAsLong": "false",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    "spark.sql.parquet.int96RebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.int96RebaseModeInWrite": "CORRECTED",
    "spark.sql.legacy.timeParserPolicy": "CORRECTED",
}
_LOG = Path(__file__).with_name("log4j2.properties").absolute()
#: Settings of local sessions only; on a cluster they are the operator's.
LOCAL = {
    "spark.ui.enabled": "false",  # a batch of its own has nobody to look at it
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.shuffle.partitions": "8",  # our shuffles hold one small row for each partition and column
    # The command reports failures, once; without this Spark prints a page of its own at every start.
    "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={_LOG.as_uri()}",
    "spark.connect.grpc.binding.address": "127.0.0.1",  # of the server behind `remote: local[2]`
}


def merged(config: Spark, name: str, defaults: dict[str, str]) -> dict[str, str]:
    """Return the settings of a session: the defaults, the job's name, and over both what the job file says."""
    given = {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in config.conf.items()}
    return {**defaults, "spark.app.name": config.app_name or name, **given}


def add_java_option(settings: dict[str, str], where: str, option: str) -> None:
    """Add an option of a JVM, unless the user has given it."""
    key = f"spark.{where}.extraJavaOptions"
    given = settings.get(key, "")
    if option.partition("=")[0] not in given:
        settings[key] = f"{given} {option}".strip()


def configured(builder: SparkSession.Builder, settings: dict[str, str]) -> SparkSession.Builder:
    """Return a builder with settings."""
    for key, value in settings.items():
        builder = builder.config(key, value)
    return builder
