"""Refuses a job whose input, output and artifact overlap, before anything is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sparkscale.config.models import JobConfig
from sparkscale.errors import ConfigError
from sparkscale.places import check_apart, check_outside
from sparkscale.spark.session.failures import translated
from sparkscale.spark.sinks.base import Sink
from sparkscale.spark.sources.catalog import describe, quoted
from sparkscale.spark.sources.read import check_exists

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def check_input(config: JobConfig) -> None:
    """Refuse an input that doesn't exist, and an artifact inside the input.

    Raises:
        InputMissingError: (66), ConfigError: (78).
    """
    check_exists(config.input)
    source = config.input.path
    if config.artifact is not None and source is not None:
        check_outside("artifact.path", config.artifact.path, "the input", source)


def check_output(config: JobConfig) -> None:
    """Refuse an output that overlaps the input, or that holds the artifact, as far as the job file shows.

    Raises:
        ConfigError: (78).
    """
    output, source = config.output, config.input
    if output is None:
        return
    both = output.table is not None and source.table is not None
    if both and quoted(output.table or "") == quoted(source.table or ""):
        cause = f"output.table: expected a table apart from the input, found {output.table} as both"
        raise ConfigError("CONFIG_OVERLAP", cause, "choose another table")
    if output.path is not None and source.path is not None:
        check_apart("output.path", output.path, "the input", source.path)
    if output.path is not None and config.artifact is not None:  # which would go with the old output
        check_outside("artifact.path", config.artifact.path, "the output", output.path)


def check_tables(spark: SparkSession, config: JobConfig, sink: Sink) -> None:
    """Refuse a target that overlaps the input, if only a catalog knows where they are.

    Raises:
        ConfigError: (78).
    """
    source, target = config.input.path, config.output.path if config.output else None
    if config.input.table is not None:
        with translated(f"looking at {config.input.name}"):
            known = describe(spark, quoted(config.input.table))
        source = known.location if known else None
    if source is not None and (target or sink.folder()) is not None and not (config.input.path and target):
        check_apart("output", target or sink.folder() or "", "the input", source)
