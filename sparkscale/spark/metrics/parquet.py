"""Metrics as a folder of Parquet files: one for each part of a run, put there at once, and only if it is absent."""

from __future__ import annotations

import contextlib
import io
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
import pyarrow as pa
import pyarrow.parquet as pq
from obstore.exceptions import AlreadyExistsError, BaseError

from sparkscale.artifact import clients
from sparkscale.errors import OutputError
from sparkscale.places import is_local, local_path
from sparkscale.publish import filesystem

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def append(path: str, name: str, table: pa.Table, spark: SparkSession) -> None:  # noqa: ARG001 - of all formats
    """Put the table under its name, with page checksums; a file that is there stays."""
    data = io.BytesIO()
    pq.write_table(table, data, write_page_checksum=True, store_schema=False)
    if is_local(path):
        with filesystem.named(path, "writing metrics to"):
            _put(Path(local_path(path)), f"metrics-{name}.parquet", data.getvalue())
        return
    try:
        with contextlib.suppress(AlreadyExistsError):
            obstore.put(clients.opened(path, create=True), f"metrics-{name}.parquet", data.getvalue(), mode="create")
    except (BaseError, OSError) as error:
        raise clients.failure(error, f"metrics {path}", OutputError) from error


def _put(folder: Path, name: str, data: bytes) -> None:
    """Write a hidden file and give it its name, unless there is one; what a killed run left of it goes as well.

    A reader of the folder skips names that begin with a dot, so it never meets a part of a file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target, staged = folder / name, folder / f".{name}.{secrets.token_hex(4)}"
    try:
        if not target.exists():
            staged.write_bytes(data)
            filesystem.sync(staged)
            _named(staged, target)
            filesystem.sync(folder)
    finally:
        for left in folder.glob(f".{name}.*"):
            left.unlink(missing_ok=True)


def _named(staged: Path, target: Path) -> None:
    """Give a file its name, in one step; one that is there stays."""
    with contextlib.suppress(FileExistsError, FileNotFoundError):  # the same run, elsewhere, was faster
        if not filesystem.rename(staged, target, filesystem.NOREPLACE):
            os.link(staged, target)
