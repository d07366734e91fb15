"""Sail: a server of Spark Connect in this process, and a session on it."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import threading
from collections.abc import Iterator
from typing import Any, cast

from pyspark.sql import SparkSession

from sparkscale.config.models import Spark
from sparkscale.errors import UnfitEnvironmentError
from sparkscale.spark.session.settings import CLIENT, VALUES, configured


@contextlib.contextmanager
def started(config: Spark) -> Iterator[SparkSession]:
    """Start Sail's Connect server in this process and a session on it."""
    if importlib.util.find_spec("pysail") is None:
        cause = "expected the package pysail, found none"
        raise UnfitEnvironmentError("ENV_SAIL", cause, "pip install 'sparkscale[sail]'")
    os.environ.setdefault("RUST_LOG", "off")
    os.environ.setdefault("OTEL_SDK_DISABLED", "true")
    # It takes a Parquet column whose statistics say min == max for a constant, and its NaN for that number.
    os.environ["SAIL_EXECUTION__COLLECT_STATISTICS"] = "false"
    from pysail.spark import SparkConnectServer

    server = SparkConnectServer("127.0.0.1", 0)
    with contextlib.ExitStack() as stack:
        interrupt = signal.getsignal(signal.SIGINT)
        server.start(background=True)
        stack.callback(server.stop)
        _, port = server.listening_address
        builder = SparkSession.builder.remote(f"sc://127.0.0.1:{port}")
        zone = {key: value for key, value in VALUES.items() if key.endswith("timeZone")}  # it knows none of the others
        given = {key: str(value) for key, value in config.conf.items()}
        spark = configured(builder, CLIENT | zone | given).getOrCreate()
        stack.callback(spark.stop)
        spark.version  # noqa: B018 - a server that has answered once has taken Ctrl-C for itself, and would go by it
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, interrupt)
        cast("Any", spark).client.set_retry_policies([])  # no waiting brings back a server of this process
        try:
            yield spark
        except KeyboardInterrupt:
            stack.pop_all()  # in the middle of Python work it may wait forever; it ends with the process
            raise
