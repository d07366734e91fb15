"""The partitions of a job's input with their fingerprints: of files and Delta tables without an engine."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sparkscale.artifact.states.keys import By
from sparkscale.artifact.states.source import Source, digest
from sparkscale.config.data import FILES, Input
from sparkscale.config.models import JobConfig
from sparkscale.errors import AccessError, SparkscaleError
from sparkscale.formats import folders
from sparkscale.formats.folders import File, Texts
from sparkscale.places import is_local
from sparkscale.publish.announce import Announced

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass(frozen=True)
class Found:
    """The partitions of an input.

    Attributes:
        prints: by the texts of its key, the fingerprint of a partition; None if only the whole input has one.
        whole: the fingerprint of the whole input; None if nothing shows that it changed.
        why: for people, why partitions have no fingerprints.
    """

    prints: Mapping[Texts, str] | None
    whole: str | None = None
    why: str = ""

    def source(self, by: By, reading: str) -> Source:
        """Return the partitions by keys of these types."""
        if self.prints is None:
            return Source(by, None, digest(reading, self.whole or secrets.token_hex(8)))
        return Source(by, {by.of_texts(texts): one for texts, one in self.prints.items()}, reading)

    @property
    def note(self) -> str:
        """What a report says of it; empty if partitions have fingerprints."""
        if self.prints is not None:
            return ""
        when = "every time" if self.whole is None else "whenever one of its files changes"
        return f"all partitions are read {when}: {self.why}"


def found(config: JobConfig) -> Found | None:
    """Return the partitions of an input without an engine; None where only an engine knows them."""
    source, by = config.input, by_of(config)
    if source.path is None:
        return None
    if source.format in FILES:
        return _of_files(source.path, by)
    if source.format == "delta" and source.timestamp is None and (source.local or folders.can_list(source.path)):
        return _of_delta(source.path, by, source.version)
    return None


def asked(spark: SparkSession, config: JobConfig) -> Found:
    """Return the partitions of an input that an engine knows: an Iceberg table, or any table of a catalog."""
    from sparkscale.spark.session.failures import translated
    from sparkscale.spark.session.session import is_sail
    from sparkscale.spark.sources import icebergfiles, read
    from sparkscale.spark.sources.catalog import describe

    source, by = config.input, by_of(config)
    unknown = Found(None, None, f"a table of format {source.format} does not show which partitions changed")
    if source.as_of or is_sail(spark):
        return unknown
    with translated(f"looking at {source.name}"):
        name = read.address(spark, source)
        known = describe(spark, name) if source.table is not None else None
        provider = known.provider if known is not None else source.format
        if provider == "iceberg":
            prints = icebergfiles.partitions(spark, name, by)
            why = "" if prints is not None else f"the table's metadata do not show partitions by {', '.join(by)}"
            return Found(prints, None, why)
    if known is not None and known.location is not None and provider in FILES:
        return _of_files(known.location, by)
    if known is not None and known.location is not None and provider == "delta":
        return _of_delta(known.location, by, None)
    return unknown


def reading_of(config: JobConfig) -> str:
    """Return what stands for how a job reads its input: a change of it changes the states of every partition."""
    source: Input = config.input
    known = source.model_dump(
        mode="json", by_alias=True, include={"format", "table_schema", "partitions", "where", "options"}
    )
    return digest(known, config.weight)


def by_of(config: JobConfig) -> list[str]:
    """Return the columns of the key."""
    assert config.states is not None  # noqa: S101 - the verb has asked for it
    return config.states.by


def notes(config: JobConfig, found: Found) -> list[str]:
    """Return what a user should know: that all partitions are read, or all texts for their types."""
    source = config.input
    told = [found.note] if found.note else []
    if source.format in ("csv", "json") and source.table_schema is None:
        told.append(f"{source.format} without input.schema: all files are read once to decide the columns' types")
    return told


def _of_files(path: str, by: list[str]) -> Found:
    try:
        files = _listed(path)
    except SparkscaleError as error:
        return Found(None, None, f"the input cannot be listed here ({error.cause})")
    if files is None:
        return Found(None, None, "the input cannot be listed here without an engine")
    prints = folders.fingerprints(files, by)
    if prints is not None:
        return Found(prints)
    why = f"the input has no folders named by {', '.join(by)}"
    return Found(None, folders.digest(f"{file.name}\0{file.state}" for file in files), why)


def _of_delta(path: str, by: list[str], version: int | None) -> Found:
    from sparkscale.spark.sources import deltafiles  # which imports pyarrow

    try:
        prints = deltafiles.partitions(path, by, version)
    except AccessError as error:  # an engine may have other credentials
        return Found(None, None, f"the table's log cannot be read here ({error.cause})")
    why = "" if prints is not None else f"the table's log does not show partitions by {', '.join(by)}"
    return Found(prints, None, why)


def _listed(path: str) -> list[File] | None:
    """Return the data files of an input; in an object store, those that its newest announcement names, if any."""
    if not is_local(path) and folders.can_list(path):
        table = Announced.of(path)
        if table.number:
            known = table.table.files.items()
            return [File(name.partition("/")[2], f"{name}\0{one['size']}") for name, one in known]
    return folders.files_of(path)
