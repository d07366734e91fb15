"""States in an object store: the same as in a folder, whoever is killed and however many update at once."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import obstore
import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

import sparkscale as ss
from sparkscale.artifact import clients
from sparkscale.artifact.states.states import States
from sparkscale.config import jobfile
from sparkscale.errors import DataError
from sparkscale.run import job
from tests.artifact.states.nights import (
    Nights,
    lose_nothing_of_updates_at_once,
    survive_a_kill_at_each_step,
    survive_kills_at_any_moment,
)
from tests.artifact.states.tables import Table, assert_same
from tests.processes import assert_done, sparkscale
from tests.s3.conftest import BUCKET


@pytest.fixture
def place(server: str, here: Path) -> str:
    """Give a place of the test's own."""
    return f"s3://{BUCKET}/{here.name}"


@pytest.fixture
def nights(tmp_path: Path, place: str) -> Iterator[Nights]:
    """Give a table in folders whose states are in the object store."""
    with Nights.at(tmp_path, place) as nights:
        yield nights


def test_survive_a_kill_at_each_step_on_s3(nights: Nights) -> None:
    survive_a_kill_at_each_step(nights)


def test_survive_kills_at_any_moment_on_s3(nights: Nights) -> None:
    survive_kills_at_any_moment(nights, times=20, seconds=0.3)


def test_lose_nothing_of_updates_at_once_on_s3(nights: Nights) -> None:
    lose_nothing_of_updates_at_once(nights, writers=4, rounds=5)


def put(place: str, server: str, month: int, x: Any) -> None:
    files = pyarrow.fs.S3FileSystem(endpoint_override=server, region="us-east-1")
    pq.write_table(pa.table({"x": x}), f"{place.removeprefix('s3://')}/in/month={month}/a.parquet", filesystem=files)


def update(place: str) -> Any:
    text = f"""
version: 1
input: {{format: parquet, path: "{place.replace("s3:", "s3a:")}/in", partitions: month int}}
steps: [{{kind: standard, columns: x}}]
artifact: {{path: "{place}/stats"}}
states: {{path: "{place}/states", by: [month], keep: 3}}
"""
    Path("job.yaml").write_text(text, encoding="utf-8")
    return job.run(jobfile.load("job.yaml", "update", environ=os.environ), "update").to_dict()


def test_update_from_s3_to_s3(spark: SparkSession, place: str, server: str, here: Path) -> None:
    months = {number: np.random.default_rng(number).normal(number, 1, 50) for number in range(1, 6)}
    for number in (1, 2, 3):
        put(place, server, number, months[number])
    assert len(update(place)["partitions"]["read"]) == 3
    assert update(place)["status"] == "unchanged"
    put(place, server, 2, months[5])
    put(place, server, 4, months[4])
    assert update(place)["partitions"]["read"] == [{"month": 2}, {"month": 4}]
    window = np.concatenate([months[5], months[3], months[4]])
    expected = ss.Pipeline([ss.Standard("x")]).fit_arrays({"x": window})
    assert_same(ss.load(f"{place}/stats").stats, expected.stats)

    env = dict(os.environ)
    dropped = sparkscale("states", "drop", f"{place}/states", "month=4", cwd=here, env=env)
    assert_done(dropped)
    compacted = sparkscale("states", "compact", f"{place}/states", cwd=here, env=env)
    assert_done(compacted)
    listed = sparkscale("states", "list", f"{place}/states", "--json", cwd=here, env=env)
    assert_done(listed)
    assert [row["month"] for row in json.loads(listed.stdout)["states"] if not row["dropped"]] == [1, 2, 3]
    said = "".join(done.stdout + done.stderr for done in (dropped, compacted, listed))
    assert "the-secret-key" not in said


@pytest.mark.parametrize("what", ["commits", "data"])
def test_refuse_damaged_states_on_s3(place: str, what: str) -> None:
    table = Table([ss.Standard("x")])
    table.put("2013-01", {"x": np.array([1.0, 2.0])})
    states = States(f"{place}/states")
    table.update(states)
    client = clients.opened(f"{place}/states")
    (path,) = [item["path"] for page in obstore.list(client, prefix=what) for item in page]
    data = bytes(obstore.get(client, path).bytes())
    obstore.put(client, path, data[: len(data) // 2])
    with pytest.raises(DataError):
        states.merged()
