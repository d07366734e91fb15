"""One session for several jobs: the first that needs an engine starts it, and it stops when all have ended.

Imports no pyspark: jobs that need no engine, as those that are published already, start none.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass
class Kept:
    """What outlives a job: its session's end is put off to the end of :attr:`stack`."""

    #: Of all jobs together: a session's packages are fixed when it starts.
    formats: Collection[str]
    stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    #: Whether a job of this block has started the session.
    started: bool = False


_CURRENT: ContextVar[Kept | None] = ContextVar("kept", default=None)


@contextlib.contextmanager
def kept(formats: Collection[str]) -> Iterator[None]:
    """Let the jobs inside the block share one session, which can read and write these formats."""
    shared = Kept(formats)
    with shared.stack:
        token = _CURRENT.set(shared)
        try:
            yield
        finally:
            _CURRENT.reset(token)


def current() -> Kept | None:
    """Return what the jobs of the block around share; None outside of one."""
    return _CURRENT.get()
