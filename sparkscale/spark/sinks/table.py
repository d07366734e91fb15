"""A table of a catalog: which format it is of, and where it lies, the catalog alone knows."""

from __future__ import annotations

from pyspark.sql import SparkSession

from sparkscale.config.data import FILES, Output
from sparkscale.config.tables import quoted
from sparkscale.errors import ConfigError
from sparkscale.formats.registry import WRITTEN
from sparkscale.places import is_local
from sparkscale.spark.session.failures import translated
from sparkscale.spark.sources.catalog import Described, default_location, describe


def resolved(spark: SparkSession, output: Output) -> tuple[Output, str | None]:
    """Return an output with the format that its catalog says, and the table's location, where that is known.

    Raises:
        ConfigError: (78) where the job file names another format, or the table is of one that cannot be written.
    """
    with translated(f"looking at {output.name}"):
        known = describe(spark, quoted(output.table or ""))
        output = _as_cataloged(output, known)
        location = known.location if known else None
        if location is None and output.format in FILES:
            location = default_location(spark, output.table or "")
    if output.format in FILES and not (location and is_local(location)):
        cause = f"output.table: expected a table of files on this machine, {output.name} is at {location}"
        raise ConfigError("CONFIG_OUTPUT", cause, "use a table of format delta or iceberg")
    return output, location


def _as_cataloged(output: Output, known: Described | None) -> Output:
    """Return the output with the format that the catalog says; of a new table, Parquet where none is said."""
    found = known.provider if known else "parquet" if output.format == "table" else output.format
    if output.format not in ("table", found):
        cause = f"output.format: expected {found}, which the table {output.name} is of, found {output.format}"
        raise ConfigError("CONFIG_FORMAT", cause, "leave the format out")
    if found not in WRITTEN or found == "table":
        cause = f"expected a table of a format that can be written, {output.name} is of {found or 'no known one'}"
        raise ConfigError("CONFIG_FORMAT", cause, "choose another table")
    return output.model_copy(update={"format": found})
