"""Data files of states as they are read: each one once, since none ever changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sparkscale.artifact.states.commits import State
from sparkscale.artifact.states.log import Log

if TYPE_CHECKING:
    from sparkscale.artifact.states.parquet import Block


class Files:
    """Reads data files of a log, and keeps those that were asked for last."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._known: dict[str, Block] = {}

    def blocks(self, state: State, names: Sequence[str]) -> dict[str, Block]:
        """Return the content of a state's files by name; raises :class:`DataError` where one is damaged."""
        from sparkscale.artifact.states import parquet  # which imports pyarrow

        assert state.keys is not None  # noqa: S101 - a state with files
        fetched = self._log.fetch(state.files[name] for name in names if name not in self._known)
        read = {name: parquet.decode(data, state.keys, name) for name, data in fetched.items()}
        self._known = {name: read[name] if name in read else self._known[name] for name in names}
        return self._known
