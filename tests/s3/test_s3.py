"""Jobs from and to S3: files by announcements, Delta, artifacts; read back by pyarrow and deltalake."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import deltalake
import numpy as np
import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from sparkscale.artifact import store
from sparkscale.config import jobfile
from sparkscale.errors import ConfigError, DataError, OutputError, SparkscaleError, TemporaryError
from sparkscale.publish import announce
from sparkscale.publish.announce import Announced
from sparkscale.report.tables import Report
from sparkscale.run import job
from tests.processes import sparkscale
from tests.s3.conftest import BUCKET

STEPS = [{"kind": "minmax", "columns": "x"}]


def run(output: dict[str, Any], source: dict[str, Any], command: str = "run", **more: Any) -> Report:
    run_id = more.pop("run_id", None)
    parts = {"version": 1, "input": source, "steps": STEPS, "output": output} | more
    Path("job.yaml").write_text("\n".join(f"{key}: {json.dumps(value)}" for key, value in parts.items()))
    return job.run(jobfile.load("job.yaml", command, environ=os.environ, run_id=run_id), command)


@pytest.fixture
def files(server: str) -> pyarrow.fs.S3FileSystem:
    """Give pyarrow's own client."""
    return pyarrow.fs.S3FileSystem(endpoint_override=server, region="us-east-1")


@pytest.fixture
def lake(files: pyarrow.fs.S3FileSystem, here: Path) -> str:
    """Give a place of the test's own with a table of three months."""
    months = [m for m in (1, 2, 3) for _ in range(4)]
    table = pa.table({"x": np.arange(12.0), "month": months, "v": [1] * 12})
    pq.write_table(table, f"{BUCKET}/{here.name}/in/a.parquet", filesystem=files)
    again = pa.table({"x": [0.0, 4.0], "month": [2, 2], "v": [2] * 2})
    pq.write_table(again, f"{BUCKET}/{here.name}/again/a.parquet", filesystem=files)
    return f"s3a://{BUCKET}/{here.name}"


def source(lake: str, name: str = "in") -> dict[str, Any]:
    return {"format": "parquet", "path": f"{lake}/{name}"}


def back(files: pyarrow.fs.S3FileSystem, uri: str) -> dict[str, list[Any]]:
    """Read what is announced by pyarrow, file by file."""
    table = Announced.of(uri.replace("s3a:", "s3:")).table
    parts = []
    for name in table.files:
        data = pq.read_table(f"{uri.removeprefix('s3a://')}/{name}", filesystem=files, partitioning=None)
        if "month=" in name:
            month = int(name.split("month=")[1].split("/")[0])
            data = data.append_column("month", pa.array([month] * len(data)))
        parts.append(data.select(["x", "month", "v"]))
    whole = pa.concat_tables(parts).sort_by([("month", "ascending"), ("v", "ascending"), ("x", "ascending")])
    return dict(whole.to_pydict())


def test_publish_files_in_every_mode(spark: SparkSession, lake: str, files: pyarrow.fs.S3FileSystem) -> None:
    output = {"format": "parquet", "path": f"{lake}/out", "partition_by": ["month"]}
    stats = {"artifact": {"path": f"{lake}/stats"}}
    assert run(output, source(lake), run_id="first", **stats).artifact["version"] == 1
    assert back(files, f"{lake}/out")["x"] == [i / 11 for i in range(12)]
    assert run(output, source(lake), run_id="first", **stats).status == "unchanged"
    assert store.versions(f"{lake}/stats") == [1]
    with pytest.raises(OutputError) as caught:
        run(output, source(lake), run_id="other")
    assert caught.value.exit_code == 73
    parts = {**output, "mode": "overwrite_partitions"}
    assert run(parts, source(lake, "again"), run_id="second").status == "done"
    mixed = back(files, f"{lake}/out")
    assert (mixed["month"], mixed["v"]) == ([1] * 4 + [2] * 2 + [3] * 4, [1] * 4 + [2] * 2 + [1] * 4)
    assert run({**output, "mode": "append"}, source(lake, "again"), run_id="third").rows == 2
    assert len(back(files, f"{lake}/out")["v"]) == 12
    assert run({**output, "mode": "append"}, source(lake, "again"), run_id="third").status == "unchanged"
    # What was announced is what sparkscale reads, whatever else lies there.
    local = {"format": "parquet", "path": "local", "mode": "overwrite"}
    assert run(local, source(lake, "out") | {"partitions": "month int"}).rows == 12
    months = pq.read_table("local")["month"].to_pylist()
    assert sorted(months) == [1] * 4 + [2] * 4 + [3] * 4
    assert run({**output, "mode": "overwrite"}, source(lake), run_id="fourth").status == "done"
    assert back(files, f"{lake}/out")["v"] == [1] * 12


def test_run_without_an_id_is_never_taken_for_done(spark: SparkSession, lake: str) -> None:
    output = {"format": "parquet", "path": f"{lake}/out", "mode": "overwrite"}
    assert [run(output, source(lake)).status for _ in range(2)] == ["done", "done"]


@pytest.mark.parametrize("format_", ["csv", "json", "orc"])
def test_read_back_other_formats(spark: SparkSession, lake: str, format_: str) -> None:
    run({"format": format_, "path": f"{lake}/out"}, source(lake))
    run({"format": "parquet", "path": "local"}, {"format": format_, "path": f"{lake}/out"})
    np.testing.assert_allclose(sorted(pq.read_table("local")["x"].to_pylist()), np.arange(12) / 11, rtol=1e-15)


def test_refuse_to_add_other_columns(spark: SparkSession, lake: str) -> None:
    output = {"format": "parquet", "path": f"{lake}/out"}
    run(output, source(lake))
    with pytest.raises(DataError, match="has no column 'y'") as caught:
        run({**output, "mode": "append"}, source(lake), steps=[STEPS[0] | {"into": "y"}])
    assert caught.value.code == "SCHEMA_TARGET"


def test_fail_without_a_trace(spark: SparkSession, lake: str) -> None:
    output = {"format": "parquet", "path": f"{lake}/out"}
    with pytest.raises(DataError):
        run(output, source(lake) | {"where": {"x": 99}}, steps=[{"kind": "softmax", "columns": ["x", "v"]}])
    assert Announced.of(f"s3://{lake.removeprefix('s3a://')}/out") == Announced(
        f"s3://{lake.removeprefix('s3a://')}/out"
    )
    with pytest.raises(ConfigError, match="overlaps"):
        run({"format": "parquet", "path": f"{lake.replace('s3a', 's3')}/in/out"}, source(lake))


def test_let_one_of_two_win(spark: SparkSession, lake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    output = {"format": "parquet", "path": f"{lake}/out", "mode": "append"}
    run(output, source(lake))
    announced = announce.Announced.announce

    def late(self: Announced, *arguments: Any) -> None:
        monkeypatch.setattr(announce.Announced, "announce", announced)
        run(output, source(lake, "again"))
        announced(self, *arguments)

    monkeypatch.setattr(announce.Announced, "announce", late)
    with pytest.raises(TemporaryError) as caught:
        run(output, source(lake))
    assert caught.value.exit_code == 75
    assert run({"format": "parquet", "path": "local"}, source(lake, "out")).rows == 14


def test_delta_on_s3(spark: SparkSession, lake: str, server: str) -> None:
    output = {"format": "delta", "path": f"{lake}/delta", "partition_by": ["month"]}
    assert run(output, source(lake), run_id="a").status == "done"
    assert run(output, source(lake), run_id="a").status == "unchanged"
    run({**output, "mode": "overwrite_partitions"}, source(lake, "again"), run_id="b")
    options = {"AWS_ENDPOINT_URL": server, "AWS_ALLOW_HTTP": "true"}
    table = deltalake.DeltaTable(lake.replace("s3a:", "s3:") + "/delta", storage_options=options).to_pyarrow_table()
    assert sorted(table["v"].to_pylist()) == [1] * 8 + [2] * 2
    assert (
        run({"format": "parquet", "path": "local"}, {"format": "delta", "path": f"{lake}/delta", "version": 0}).rows
        == 12
    )


def test_say_what_is_missing(spark: SparkSession, lake: str) -> None:
    with pytest.raises(SparkscaleError) as caught:
        run({"format": "parquet", "path": "local"}, source(lake, "nowhere"))
    assert (caught.value.code, caught.value.exit_code) == ("INPUT_MISSING", 66)
    with pytest.raises(SparkscaleError) as nobody:
        run({"format": "parquet", "path": "s3a://no-such-bucket/out"}, source(lake))
    assert nobody.value.exit_code in (66, 73, 77)
    assert "the-secret-key" not in str(nobody.value)


def test_recover_by_the_command(spark: SparkSession, lake: str, files: pyarrow.fs.S3FileSystem, here: Path) -> None:
    output = {"format": "parquet", "path": f"{lake}/out"}
    run(output, source(lake))
    with files.open_output_stream(f"{BUCKET}/{here.name}/out/00000007-gone/part") as stream:
        stream.write(b"x")
    done = sparkscale("recover", "-c", "job.yaml", "--json", cwd=here, env=dict(os.environ))
    assert json.loads(done.stdout)["recovered"] == ["removed 00000007-gone, which no announcement names"], done.stderr
    again = sparkscale("recover", "-c", "job.yaml", cwd=here, env=dict(os.environ))
    assert again.stdout == f"nothing to recover at {lake}/out\n"
    assert run({"format": "parquet", "path": "local"}, source(lake, "out")).rows == 12
