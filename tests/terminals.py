"""A terminal for tests: what is written to it, and what is left on its screen."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import struct
import termios
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from sparkscale.progress.terminal import ERASE

ROWS, COLUMNS = 24, 100


@dataclass
class Terminal:
    """The inner end of a pseudo-terminal, and all that came out at its outer end."""

    end: int
    _came: list[bytes] = field(default_factory=list)

    @property
    def raw(self) -> str:
        """All that was written."""
        return b"".join(self._came).decode().replace("\r\n", "\n")

    @property
    def drawn(self) -> list[str]:
        """Every line that was there for a while, without its colours."""
        return re.sub(r"\x1b\[[\d;]*m", "", self.raw).replace(ERASE, "\n").split("\n")

    @property
    def screen(self) -> list[str]:
        """The lines that are left, as a terminal obeys: of each, what was written since it was last erased."""
        lines = [line.rpartition(ERASE)[2] for line in self.raw.split("\n")]
        return [re.sub(r"\x1b\[[\d;]*m", "", line) for line in lines]


@contextlib.contextmanager
def terminal(columns: int = COLUMNS) -> Iterator[Terminal]:
    """Open a terminal; when the block ends it is closed, and all that was written has come."""
    outer, inner = os.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))
    screen = Terminal(inner)

    def listen() -> None:
        with contextlib.suppress(OSError):  # what Linux says when the inner end is closed
            while came := os.read(outer, 65536):
                screen._came.append(came)

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    try:
        yield screen
    finally:
        os.close(inner)
        listener.join(10)
        os.close(outer)
