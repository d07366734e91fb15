"""An S3 server on this machine, and a session with the real S3A client. The first time, Spark fetches 0.7 GB of it."""

from __future__ import annotations

import http.client
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pyspark
import pytest
from pyspark.sql import SparkSession

from sparkscale.spark.session import lakes

BUCKET = "lake"


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """Start an S3 server and make a bucket; gives its URL. The environment is what a user would set."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    settings = {
        "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "the-secret-key", "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": url, "AWS_ALLOW_HTTP": "true",
    }  # fmt: skip
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    client = http.client.HTTPConnection(host, port, timeout=10)
    client.request("PUT", f"/{BUCKET}")
    assert client.getresponse().status == 200
    yield url
    server.stop()
    for name, value in before.items():
        os.environ.pop(name) if value is None else os.environ.update({name: value})


@pytest.fixture(scope="session")
def spark(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """Give a classic session with the S3A client and Delta."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    settings = {
        **lakes.settings({"delta", "s3"}, pyspark.__version__, {}),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.driver.host": "127.0.0.1",
        "spark.log.level": "OFF",
        "spark.databricks.delta.snapshotPartitions": "1",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
        "spark.sql.warehouse.dir": str(tmp_path_factory.mktemp("warehouse")),
    }
    builder = SparkSession.builder.master("local[2]").appName("tests")
    for key, value in settings.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    yield session
    session.stop()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
