"""Whether a Spark listens where a session is to connect to: engines try for minutes before they give up.

A Spark says nothing before it is asked. So a master is asked for a file that it does not serve, in the frames of
Spark's own network protocol (``org.apache.spark.network.protocol``: length, type, name), before any authentication.
"""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from sparkscale.errors import UnfitEnvironmentError

#: Why something that listens is no master.
NO_SPARK = "it doesn't answer as a Spark master"
_CONNECT_PORT = 15002
_MASTER = re.compile(r"(spark|k8s)://(?:https?://)?(.+)")
_HEAD = struct.Struct(">qbi")
_FILE = b"/files/sparkscale-asks-for-none"
#: The types of a request for a stream and of the answers to it: the stream, or that there is none.
_REQUEST, _ANSWERS = 6, (7, 8)


def check_server(remote: str, seconds: float) -> None:
    """Refuse a Spark Connect server that does not answer within so many seconds.

    Raises:
        UnfitEnvironmentError: (69) ``ENV_CONNECT``.
    """
    url = urlsplit(remote)
    host, port = url.hostname or "localhost", url.port or _CONNECT_PORT
    if why := _silence([(host, port)], seconds):
        cause = f"expected a Spark Connect server at {host}:{port}, found none ({why})"
        raise UnfitEnvironmentError("ENV_CONNECT", cause, "start it, or check spark.remote")


def check_master(master: str, seconds: float, *, encrypted: bool = False) -> None:
    """Refuse a master of a standalone cluster or of Kubernetes that does not answer within so many seconds.

    Args:
        master: as in spark-submit; others than these two are not looked at.
        seconds: that each address has to answer.
        encrypted: whether it speaks TLS: then, as of Kubernetes, all that is asked is whether it listens.

    Raises:
        UnfitEnvironmentError: (69) ``ENV_MASTER``.
    """
    addresses = list[tuple[str, int]]()
    if found := _MASTER.fullmatch(master):
        for part in found[2].split(","):
            with contextlib.suppress(ValueError):  # of what is no port: Spark says so
                url = urlsplit(f"//{part}")
                addresses += [(url.hostname, url.port)] if url.hostname and url.port else []
    asked = found is not None and found[1] == "spark" and not encrypted
    if addresses and (why := _silence(addresses, seconds, ask=asked)):
        raise unreachable(master, why)


def unreachable(master: str, why: str) -> UnfitEnvironmentError:
    """Return the error of a master that cannot be reached."""
    hint = "is the master running? spark.connect_timeout says how many seconds to wait"
    return UnfitEnvironmentError("ENV_MASTER", f"cannot reach {master} ({why})", hint)


def _silence(addresses: Sequence[tuple[str, int]], seconds: float, *, ask: bool = False) -> str:
    """Return why no address answers; an empty text where one does."""
    why = ""
    for address in addresses:
        try:
            with socket.create_connection(address, seconds) as connection:
                if ask and not _is_spark(connection, seconds):
                    why = NO_SPARK
                    continue
        except OSError as error:
            why = error.strerror or str(error)
        else:
            return ""
    return why


def _is_spark(connection: socket.socket, seconds: float) -> bool:
    """Whether a Spark is at the other end; raises :class:`OSError` if it has not said so within so many seconds."""
    end = time.monotonic() + seconds
    connection.sendall(_HEAD.pack(_HEAD.size + len(_FILE), _REQUEST, len(_FILE)) + _FILE)
    answer = b""
    while len(answer) < _HEAD.size:
        connection.settimeout(max(end - time.monotonic(), 1e-3))
        if not (more := connection.recv(_HEAD.size - len(answer))):
            return False
        answer += more
    length, kind, named = _HEAD.unpack(answer)
    return kind in _ANSWERS and named == len(_FILE) and length >= _HEAD.size + named
