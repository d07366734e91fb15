"""Masters and Connect servers that nobody listens at: refused in seconds, with one line."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from collections.abc import Iterator
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


#: What a Spark answers that has no such file: a frame's length, the type StreamFailure, the file's name, and why.
ANSWER = b"\0\0\0\0\0\0\0\x36\x08\0\0\0\x1f/files/sparkscale-asks-for-none\0\0\0\x06no ..."


@contextlib.contextmanager
def listening(*answers: bytes, pause: float = 0.0, closes: bool = True) -> Iterator[int]:
    """Give the port of a server that says these things to whoever connects, one after the other."""
    done = threading.Event()

    def serve() -> None:
        with contextlib.suppress(OSError), server.accept()[0] as connection:
            connection.recv(1024)
            for answer in answers:
                connection.sendall(answer)
                time.sleep(pause)
            if not closes:
                done.wait(30)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield int(server.getsockname()[1])
        done.set()


@pytest.mark.parametrize(("answers", "closes", "why"), [
    ([b"HTTP/1.1 400 Bad Request\r\n\r\n"], False, reach.NO_SPARK),
    ([b"SSH-2.0-x\r\n"], True, reach.NO_SPARK),
    ([], True, reach.NO_SPARK),
    ([], False, "timed out"),
    ([b"\0"] * 16, False, "timed out"),
    ([ANSWER.replace(b"\x1f", b"\x1e")], False, reach.NO_SPARK),
])  # fmt: skip
def test_refuse_what_listens_and_is_no_master(answers: list[bytes], closes: bool, why: str) -> None:
    began = time.monotonic()
    with listening(*answers, pause=0.1, closes=closes) as port:
        with pytest.raises(UnfitEnvironmentError, match=re.escape(f"cannot reach spark://127.0.0.1:{port} ({why})")):
            reach.check_master(f"spark://127.0.0.1:{port}", 0.5)
        assert time.monotonic() - began < 5


def test_ask_nothing_of_what_speaks_another_protocol() -> None:
    with listening(closes=False) as port:
        reach.check_master(f"spark://127.0.0.1:{port}", 0.5, encrypted=True)
        reach.check_master(f"k8s://https://127.0.0.1:{port}", 0.5)


def test_accept_one_master_of_two_and_what_has_no_address() -> None:
    with listening(ANSWER[:5], ANSWER[5:], pause=0.05) as port:
        reach.check_master(f"spark://127.0.0.1:{free_port()},127.0.0.1:{port}", 5.0)
    for master in ("local[2]", "yarn", "spark://host:port", "k8s://https://host", "local-cluster[1,1,1024]"):
        reach.check_master(master, 0.1)
