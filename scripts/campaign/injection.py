"""Failing at a step of publishing: by an exception, by SIGKILL, or by losing the reply of what is done next there."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

HOWS = ("exception", "kill", "lost reply")
#: A flag that no file system knows: a folder is then replaced by two renames.
_NO_EXCHANGE = 1 << 30


@dataclass(frozen=True)
class Fault:
    """Where to fail, and how; ``renames``: on a system that cannot exchange two folders."""

    step: str
    how: str
    renames: bool = False

    def __str__(self) -> str:
        """Return it for people."""
        return f"{self.how} at '{self.step}'" + (", two renames" if self.renames else "")


@contextlib.contextmanager
def injected(fault: Fault | None) -> Iterator[None]:
    """Fail once, at the first time that the step is reached."""
    if fault is None:
        yield
        return
    from sparkscale.publish import files, filesystem, staging
    from sparkscale.spark.sinks import delta, iceberg, writing

    armed: list[bool] = []
    work: list[tuple[Any, str]] = [
        (staging, "clear"), (filesystem, "rename"), (filesystem, "sync"), (Path, "rename"), (writing, "write"),
        (delta.Delta, "_commit"), (iceberg.Iceberg, "_commit"),
    ]  # fmt: skip
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(files, "reached", _reached(fault, armed)))
        if fault.renames:
            stack.enter_context(mock.patch.object(filesystem, "EXCHANGE", _NO_EXCHANGE))
        for owner, name in work:
            stack.enter_context(mock.patch.object(owner, name, _losing(getattr(owner, name), armed)))
        yield


def _reached(fault: Fault, armed: list[bool]) -> Callable[[str], None]:
    done: list[str] = []

    def reached(step: str) -> None:
        if step != fault.step or done:
            return
        done.append(step)
        if fault.how == "kill":
            os.killpg(0, signal.SIGKILL)
        if fault.how == "exception" or step == "committed":  # nothing is asked of anybody after it
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        armed.append(True)

    return reached


def _losing(work: Callable[..., Any], armed: list[bool]) -> Callable[..., Any]:
    """Do the work, and where it is the one, say that it failed."""

    def wrapped(*arguments: Any, **named: Any) -> Any:
        result = work(*arguments, **named)
        if armed and result is not False:
            armed.clear()
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return result

    return wrapped
