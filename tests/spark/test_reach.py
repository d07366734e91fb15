"""Masters and Connect servers that nobody listens at: refused in seconds, with one line."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from sparkscale.errors import UnfitEnvironmentError
from sparkscale.spark.session import reach
from tests.processes import last_line, sparkscale
from tests.spark.frames import write_parquet

JOB = """version: 1
input: {format: parquet, path: in.parquet}
steps: [{kind: minmax, columns: x}]
output: {format: parquet, path: out}
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_end_a_run_at_once_where_no_master_listens(tmp_path: Path) -> None:
    write_parquet(tmp_path / "in.parquet", {"x": [1.0, 2.0]})
    (tmp_path / "job.yaml").write_text(JOB)
    master = f"spark://127.0.0.1:{free_port()}"
    done = sparkscale("run", "-c", "job.yaml", "--set", f"spark.master={master}", cwd=tmp_path)
    hint = "is the master running? spark.connect_timeout says how many seconds to wait"
    expected = f"sparkscale: error[ENV_MASTER] cannot reach {master} (Connection refused); {hint} (exit 69)"
    assert (done.returncode, last_line(done), len(done.stderr.splitlines())) == (69, expected, 1)


@pytest.mark.parametrize(
    "form", ["spark://127.0.0.1:{0}", "k8s://https://127.0.0.1:{0}", "spark://127.0.0.1:{0},127.0.0.1:{0}"]
)
def test_refuse_a_master_that_does_not_listen(form: str) -> None:
    master = form.format(free_port())
    with pytest.raises(UnfitEnvironmentError, match="cannot reach"):
        reach.check_master(master, 1.0)


def test_wait_no_longer_than_the_job_says(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(address: object, seconds: float) -> None:
        time.sleep(seconds)
        raise TimeoutError("timed out")

    monkeypatch.setattr(socket, "create_connection", slow)
    began = time.monotonic()
    with pytest.raises(UnfitEnvironmentError, match="timed out"):
        reach.check_master("spark://host:7077", 0.05)
    assert time.monotonic() - began < 5


def test_accept_one_master_of_two_and_what_has_no_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        reach.check_master(f"spark://127.0.0.1:{free_port()},127.0.0.1:{port}", 1.0)
    for master in ("local[2]", "yarn", "spark://host:port", "k8s://https://host", "local-cluster[1,1,1024]"):
        reach.check_master(master, 0.1)
