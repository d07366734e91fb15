"""The package reaches the executors by itself, so that nobody meets ModuleNotFoundError on a cluster."""

from __future__ import annotations

import functools
import tempfile
import zipfile
from pathlib import Path

from pyspark.sql import SparkSession

import sparkscale
from sparkscale._version import __version__
from sparkscale.spark.session.session import is_sail

#: A fixed time stamp: the same package makes the same zip.
_EPOCH = (1980, 1, 1, 0, 0, 0)


@functools.cache
def ship(spark: SparkSession) -> None:
    """Add the package to a session's executors, once; Spark classic and Spark Connect alike.

    Where this process has it out of a zip, spark-submit's `--py-files` has brought it to the executors as well.
    """
    if is_sail(spark) or not Path(sparkscale.__file__).is_file():
        return  # Sail has no artifacts, and imports the package as we do, in this very process
    spark.addArtifacts(str(package()), pyfile=True)


@functools.cache
def package() -> Path:
    """Return a zip of the package, made once a process in a folder that goes with it."""
    source = Path(sparkscale.__file__).parent
    target = Path(_folder().name) / f"sparkscale-{__version__}.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(source.rglob("*.py")):
            name = (Path("sparkscale") / path.relative_to(source)).as_posix()
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), path.read_bytes())
    return target


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="sparkscale-")
