"""One local Spark session for all tests of this folder, and DataFrames with NaN and null."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pyspark
import pytest
from pyspark.sql import SparkSession

from sparkscale.spark.session import lakes
from tests.processes import JAVA, java
from tests.spark.frames import MakeFrame, maker


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """Give a classic session of two cores; it stops with the tests."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    iceberg = "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions"  # to make a tag
    settings = {
        **lakes.settings({"delta", "iceberg"}, pyspark.__version__, {"spark.sql.extensions": iceberg}),
        "spark.sql.catalog.lake": "org.apache.iceberg.spark.SparkCatalog",
        "spark.sql.catalog.lake.type": "hadoop",
        "spark.sql.catalog.lake.warehouse": str(tmp_path_factory.mktemp("lake")),
        "spark.sql.catalog.lake.cache-enabled": "false",
        "spark.databricks.delta.snapshotPartitions": "1",  # tables of tests are small
        "spark.databricks.delta.stats.collect": "false",
        "spark.sql.ui.explainMode": "simple",  # of each query, whether anybody looks or not
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.log.level": "OFF",
        "spark.python.sql.dataFrameDebugging.enabled": "false",  # as in sessions of our own: half of planning
        "spark.driver.extraJavaOptions": f"{JAVA} -Xms1g -Xmn400m -Duser.timezone=UTC {java()}",  # tests are many small queries
        "spark.sql.warehouse.dir": str(tmp_path_factory.mktemp("warehouse")),
    }
    builder = SparkSession.builder.master("local[2]").appName("tests")
    for key, value in settings.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    yield session
    session.stop()


@pytest.fixture(scope="session")
def frame(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> MakeFrame:
    """Give a function that makes a DataFrame of lists or arrays, in which NaN and null are two things."""
    return maker(spark, tmp_path_factory.mktemp("frames"))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
