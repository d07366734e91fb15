"""What every Spark of the tests wants, made once: ``python -m tests.archive``, before tests run side by side.

It fetches the packages of Delta and Iceberg, as two that fetch them at once on a fresh machine spoil each other's files.
And it keeps the classes that a small job loads as the JVM has them in memory (class data sharing): with that archive a
JVM of the tests takes a third less of the processor. Without one, or with one of another Java, they do without it.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pyspark
from pyspark.sql import functions as F

from sparkscale.config.models import Spark
from sparkscale.spark.session import lakes
from sparkscale.spark.session.session import session
from tests.processes import ARCHIVE, PATIENCE, environment

_JARS = Path(pyspark.__file__).parent / "jars"


def main() -> None:
    """Make the archive, unless there is one of this Java and of these jars."""
    known, wanted = ARCHIVE.with_suffix(".of"), _digest()
    if ARCHIVE.exists() and known.exists() and known.read_text(encoding="utf-8") == wanted:
        return
    print("fetching Delta and Iceberg, archiving Spark's classes (once)", file=sys.stderr)  # noqa: T201 - to who waits
    ARCHIVE.unlink(missing_ok=True)
    os.environ.clear()
    os.environ |= environment(PYSPARK_PYTHON=sys.executable)
    with tempfile.TemporaryDirectory(dir=ARCHIVE.parent, prefix="archive-") as folder:
        made = Path(folder) / "classes.jsa"
        if _train(made, Path(folder)) == 0 and made.exists():  # a JVM that knows of no archives makes none
            made.rename(ARCHIVE)  # whole: a JVM fails on a part
    known.write_text(wanted, encoding="utf-8")


def _digest() -> str:
    java = Path(os.environ["JAVA_HOME"]) / "bin" / "java" if "JAVA_HOME" in os.environ else "java"
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=True).stderr
    jars = sorted((path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in _JARS.iterdir())
    return hashlib.sha256(f"{said}{lakes.PACKAGES}{jars}".encode()).hexdigest()


def _train(archive: Path, folder: Path) -> int:
    """Run small jobs in a JVM that writes the archive when it ends; return its exit code."""
    conf = {
        "spark.driver.extraJavaOptions": f"-Dderby.system.home={folder} -Xlog:cds*=off -XX:ArchiveClassesAtExit={archive}",
        "spark.log.level": "OFF",
    }
    config = Spark.model_validate({"engine": "spark", "master": "local[2]", "conf": conf})
    with session(config, "archive", formats={"delta", "iceberg"}) as spark:
        jvm = spark.sparkContext._gateway.proc
        pq.write_table(pa.table({"x": [1.0, 2.0, None], "p": [1, 2, 2]}), folder / "in.parquet")
        frame = spark.read.parquet(str(folder / "in.parquet"))
        frame.groupBy("p").agg(F.min("x"), F.sum("x"), F.count("x")).collect()
        doubled = frame.withColumn("y", F.pandas_udf(lambda x: x * 2, "double")("x"))
        doubled.write.partitionBy("p").parquet(str(folder / "out"))
    jvm.stdin.close()
    return int(jvm.wait(PATIENCE))


if __name__ == "__main__":
    main()
