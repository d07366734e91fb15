"""What a session's catalogs know of their tables."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.errors import AnalysisException
from pyspark.sql import Row, SparkSession

from sparkscale.config.tables import PART, tick
from sparkscale.errors import ConfigError
from sparkscale.places import is_local, local_path

_DETAILS = "# Detailed Table Information"
_PARTITIONS = ("# Partition Information", "# Partitioning")


@dataclass(frozen=True)
class Described:
    """What a catalog says of a table. Partitions by a function of a column, as ``days(ts)``, are ``transforms``."""

    provider: str
    location: str | None
    partition_by: tuple[str, ...]
    transforms: tuple[str, ...] = ()

    @property
    def folder(self) -> str | None:
        """The location, where it is a path of this machine."""
        return local_path(self.location) if self.location and is_local(self.location) else None


def describe(spark: SparkSession, name: str) -> Described | None:
    """Return what the catalog knows of a table; None if it has no such table.

    This statement and that of :func:`repair` are the only two in the package: no method of Connect and classic does
    as much. Their only part that varies is a quoted name; the parsers of Delta and Iceberg refuse a parameter there.

    Args:
        spark: the session.
        name: quoted.
    """
    try:
        if not spark.catalog.tableExists(name):
            return None
        rows = spark.sql(f"DESCRIBE TABLE EXTENDED {name}").collect()
    except AnalysisException as error:
        if "DELTA_MISSING_DELTA_TABLE" in str(error):  # of a path in an object store
            return None
        raise
    keys = [row["col_name"] for row in rows]
    details = {row["col_name"]: row["data_type"] for row in rows[keys.index(_DETAILS) :]} if _DETAILS in keys else {}
    columns, transforms = _partitions(rows)
    return Described(
        str(details.get("Provider", "")).lower(), details.get("Location") or None, tuple(columns), tuple(transforms)
    )


def hadoop_table(spark: SparkSession, path: str) -> str:
    """Return how SQL names the Iceberg table at an absolute path: by a Hadoop catalog of the folder around it.

    The session gets the settings of the catalog.
    """
    around, _, name = path.rstrip("/").rpartition("/")
    catalog = f"sparkscale_{hashlib.sha256(around.encode()).hexdigest()[:8]}"
    settings = {"": "org.apache.iceberg.spark.SparkCatalog", ".type": "hadoop", ".warehouse": around or "/"}
    # Another session's commits are seen at once, not after half a minute.
    for key, value in (settings | {".cache-enabled": "false"}).items():
        spark.conf.set(f"spark.sql.catalog.{catalog}{key}", value)
    return f"{catalog}.{tick(name)}"


def repair(spark: SparkSession, name: str) -> None:
    """Tell the catalog which folders of partitions a table of files has now."""
    spark.sql(f"MSCK REPAIR TABLE {name} SYNC PARTITIONS")


def default_location(spark: SparkSession, name: str) -> str:
    """Return where Spark's own catalog would put a table of files.

    Raises:
        ConfigError: (78) where the name is one of another catalog's.
    """
    *around, table = [match[1] or match[2] for match in PART.finditer(name)]
    if len(around) == 2 and around[0] == "spark_catalog":  # noqa: PLR2004 - catalog and database
        del around[0]
    if len(around) > 1:
        cause = f"output.table: expected db.name for files in Spark's own catalog, found {name}"
        raise ConfigError("CONFIG_TABLE", cause, "say output.format: iceberg or delta for a table of another catalog")
    if not re.fullmatch(r"\w+", table, re.ASCII):
        cause = f"output.table: expected a name of letters, digits and _ in Spark's own catalog, found {name}"
        raise ConfigError("CONFIG_TABLE", cause, "choose another name")
    database = around[0] if around else spark.catalog.currentDatabase()
    return f"{spark.catalog.getDatabase(tick(database)).locationUri.rstrip('/')}/{table}"


def _partitions(rows: Sequence[Row]) -> tuple[list[str], list[str]]:
    """Return the columns that a table is partitioned by, and the functions of columns."""
    keys = [row["col_name"] for row in rows]
    columns: list[str] = []
    transforms: list[str] = []
    for start in _PARTITIONS:
        at = keys.index(start) + 1 if start in keys else len(keys)
        for row in rows[at:]:
            if not row["col_name"] or (row["col_name"].startswith("# ") and row["col_name"] != "# col_name"):
                break
            if re.fullmatch(r"Part \d+", row["col_name"]):
                (transforms if "(" in row["data_type"] else columns).append(row["data_type"])
            elif row["col_name"] != "# col_name":
                columns.append(row["col_name"])
    return columns, transforms
