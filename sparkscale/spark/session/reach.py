"""Whether anybody listens where a session is to connect to: engines try for minutes before they give up."""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

from sparkscale.errors import UnfitEnvironmentError

_CONNECT_PORT = 15002
_MASTER = re.compile(r"(?:spark|k8s)://(?:https?://)?(.+)")


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


def check_master(master: str, seconds: float) -> None:
    """Refuse a master of a standalone cluster or of Kubernetes that does not answer within so many seconds.

    Raises:
        UnfitEnvironmentError: (69) ``ENV_MASTER``.
    """
    addresses = list[tuple[str, int]]()
    if found := _MASTER.fullmatch(master):
        for part in found[1].split(","):
            with contextlib.suppress(ValueError):  # of what is no port: Spark says so
                url = urlsplit(f"//{part}")
                addresses += [(url.hostname, url.port)] if url.hostname and url.port else []
    if addresses and (why := _silence(addresses, seconds)):
        raise unreachable(master, why)


def unreachable(master: str, why: str) -> UnfitEnvironmentError:
    """Return the error of a master that cannot be reached."""
    hint = "is the master running? spark.connect_timeout says how many seconds to wait"
    return UnfitEnvironmentError("ENV_MASTER", f"cannot reach {master} ({why})", hint)


def _silence(addresses: Sequence[tuple[str, int]], seconds: float) -> str:
    """Return why no address answers; an empty text where one does."""
    why = ""
    for address in addresses:
        try:
            socket.create_connection(address, seconds).close()
        except OSError as error:
            why = error.strerror or str(error)
        else:
            return ""
    return why
