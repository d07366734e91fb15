"""What all faults are given: how many, by which seed, on which engines, and where."""

from __future__ import annotations

import contextlib
import functools
import itertools
import random
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from campaign import disks
from campaign.processes import Host
from campaign.scene import Scene, Sink, write_inputs

SAIL: dict[str, Any] = {"engine": "sail"}
ROWS, BIG_ROWS = 4000, 100_000


@dataclass
class Stage:
    """The place of a campaign, with its inputs, its engines, and scenes that others are copied from."""

    folder: Path
    seed: int
    long: bool
    engines: frozenset[str]
    _stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    _number: Iterator[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        """Write the inputs."""
        write_inputs(self.folder / "inputs", ROWS)
        write_inputs(self.folder / "inputs-big", BIG_ROWS)
        self.connect_port = _free_port()
        self._lock = threading.RLock()

    def random(self, name: str) -> random.Random:
        """Return the numbers of a fault: the same for the same seed."""
        return random.Random(f"{self.seed} {name}")  # noqa: S311 - to be had again

    def place(self) -> Path:
        """Return a new folder's name."""
        return self.folder / f"s-{next(self._number)}"

    def is_spark(self, host: Host) -> bool:
        """Whether a process is the one with Spark."""
        return host is self.__dict__.get("spark")

    @functools.cached_property
    def sail(self) -> Host:
        """A process that runs commands on Sail."""
        return self._host(SAIL)

    @functools.cached_property
    def spark(self) -> Host:
        """A process with a classic session, which serves Spark Connect as well, and whose disk can be filled."""
        local = self.folder / "spark-local"
        local.mkdir()
        if disks.available():
            self._stack.enter_context(disks.small(local, "256m"))
        conf = {
            "spark.local.dir": str(local),
            "spark.plugins": "org.apache.spark.sql.connect.SparkConnectPlugin",
            "spark.connect.grpc.binding.port": str(self.connect_port),
            "spark.connect.grpc.binding.address": "127.0.0.1",
            "spark.databricks.delta.snapshotPartitions": "1",
            "spark.databricks.delta.stats.collect": "false",  # a sixth of a small write
            "spark.ui.enabled": "false",
            "spark.sql.shuffle.partitions": "2",
            "spark.sql.execution.arrow.maxRecordsPerBatch": "1000",  # Python has more to do
        }
        return self._host({"master": "local[2,4]", "conf": conf})

    @property
    def connected(self) -> dict[str, Any]:
        """A job file's section for a client of the Spark process."""
        return {"remote": f"sc://127.0.0.1:{self.connect_port}"}

    def host(self, engine: str) -> Host:
        """Return the process of an engine; the first time, start it."""
        with self._lock:
            return self.sail if engine == "sail" else self.spark

    def _host(self, spark: dict[str, Any]) -> Host:
        host = Host(spark, self.place())
        self._stack.callback(host.close)
        return host

    def scene(self, sink: Sink, host: Host, **more: Any) -> Scene:
        """Return a scene of its own with its target in the old state."""
        spark = more.pop("spark", {"engine": "sail"} if host.spark.get("engine") == "sail" else {"master": "local[2]"})
        rows = BIG_ROWS if more.get("inputs") else ROWS
        return Scene(self.place(), sink, rows, spark, **more).begin(host.run)

    @functools.cache  # noqa: B019 - lives as long as the campaign
    def old(self, sink: Sink, host: Host) -> Scene:
        """Return the scene that others are copied from."""
        return self.scene(sink, host)

    @functools.cache  # noqa: B019
    def clean(self, sink: Sink, host: Host) -> Scene:
        """Return a scene in which both runs went well."""
        scene = self.scene(sink, host)
        done = host.run(scene.second, scene.folder)
        if done.code:
            raise RuntimeError(f"a clean run of {sink} ends with {done.code}\n{done.err}\n{host.log}")
        return scene

    def __hash__(self) -> int:
        """There is one of each."""
        return id(self)

    def close(self) -> None:
        """End the engines, and unmount."""
        self._stack.close()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
