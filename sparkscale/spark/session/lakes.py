"""Delta Lake, Iceberg and S3 in a session of ours: which package goes with which Spark, and the settings it wants."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping

from sparkscale.config.models import JobConfig
from sparkscale.errors import UnfitEnvironmentError

#: Maven coordinates by format and by Spark's major and minor version; each was tried with it.
PACKAGES: Mapping[str, Mapping[str, str]] = {
    "delta": {
        "4.0": "io.delta:delta-spark_4.0_2.13:4.3.1",
        "4.1": "io.delta:delta-spark_4.1_2.13:4.3.1",
    },
    "iceberg": {
        "4.0": "org.apache.iceberg:iceberg-spark-runtime-4.0_2.13:1.10.0",
        "4.1": "org.apache.iceberg:iceberg-spark-runtime-4.1_2.13:1.12.0",
    },
    # Hadoop's own version, as Spark has it; with the SDK that it wants, 0.7 GB.
    "s3": {"4.0": "org.apache.hadoop:hadoop-aws:3.4.1", "4.1": "org.apache.hadoop:hadoop-aws:3.4.2"},
}
_DELTA = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
}
#: What a format wants set, beside its package. Iceberg's catalogs are the job file's to name.
_S3A = "org.apache.hadoop.fs.s3a.S3AFileSystem"
_SETTINGS: Mapping[str, Mapping[str, str]] = {"delta": _DELTA, "iceberg": {}, "s3": {"spark.hadoop.fs.s3.impl": _S3A}}
#: Settings that are lists: ours go after what is there.
_LISTS = ("spark.sql.extensions", "spark.jars.packages")
_JARS = ("spark.jars", "spark.jars.packages", "spark.driver.extraClassPath")


def settings(formats: Collection[str], spark: str, given: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of a new session that reads or writes these formats.

    A package that the job file names itself, by coordinates or as a jar, is left to it.

    Args:
        formats: of input and output, and of the catalogs of the job file; ``s3`` where a path is there.
        spark: Spark's version.
        given: the job file's own settings.

    Raises:
        UnfitEnvironmentError: (69) where a format has no release for this Spark.
    """
    out: dict[str, str] = {}
    for format_ in sorted(set(formats) & PACKAGES.keys()):
        wanted = {**_SETTINGS[format_], **(_endpoint() if format_ == "s3" else {})}
        if not any(_artifact(format_) in given.get(key, "") for key in _JARS):
            wanted["spark.jars.packages"] = _package(format_, spark)
        for key, value in wanted.items():
            known = out.get(key) or given.get(key)
            if key not in _LISTS:
                out[key] = known or value
            elif value not in (known or "").split(","):
                out[key] = f"{known},{value}" if known else value
    return out


def of_job(config: JobConfig) -> set[str]:
    """Return the formats that a session of a job reads and writes."""
    places = [place for place in (config.input, config.output, config.metrics) if place is not None]
    return {place.format for place in places}.union(*(of_path(place.path) for place in places))


def of_path(path: str | None) -> set[str]:
    """Return ``s3`` for a path that is there."""
    return {"s3"} if path and re.match(r"s3[an]?://", path, re.IGNORECASE) else set()


def _endpoint() -> dict[str, str]:
    """Return S3A's settings for a server of one's own, which AWS's clients know by the environment."""
    url = os.environ.get("AWS_ENDPOINT_URL")
    return {"spark.hadoop.fs.s3a.endpoint": url, "spark.hadoop.fs.s3a.path.style.access": "true"} if url else {}


def of_catalogs(given: Mapping[str, str]) -> set[str]:
    """Return the formats that a job file's catalogs (``spark.sql.catalog.<name>``) are of."""
    catalogs = [value for key, value in given.items() if re.fullmatch(r"spark\.sql\.catalog\.\w+", key)]
    names = {"delta": "io.delta.|org.apache.spark.sql.delta.", "iceberg": "org.apache.iceberg."}
    return {name for name, start in names.items() if any(re.match(start, value) for value in catalogs)}


def _artifact(format_: str) -> str:
    return {"delta": "delta-spark", "iceberg": "iceberg-spark-runtime", "s3": "hadoop-aws"}[format_]


def _package(format_: str, spark: str) -> str:
    known = PACKAGES[format_]
    version = ".".join(spark.split(".")[:2])
    if version not in known:
        found = f"expected Spark {' or '.join(known)} for {format_}, found {spark}"
        hint = "install that PySpark, or name the package yourself (spark.conf: {spark.jars.packages: ...})"
        raise UnfitEnvironmentError("ENV_LAKE", found, hint)
    return known[version]
