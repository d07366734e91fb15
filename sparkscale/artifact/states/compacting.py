"""Compaction: the states of all partitions in few files, and nothing beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sparkscale.artifact.states import parquet
from sparkscale.artifact.states.commits import Commit, DataFile, Partition, State
from sparkscale.artifact.states.keys import Key, order
from sparkscale.artifact.states.log import Log
from sparkscale.artifact.states.window import parts_of, window_of
from sparkscale.errors import TemporaryError
from sparkscale.stats.column import ColumnStats

#: How often it starts again where another run commits meanwhile.
_ATTEMPTS = 5


@dataclass(frozen=True)
class Compacted:
    """What a compaction did: partitions whose states went with ``keep``, files that went, and what is there now."""

    state: State
    expired: tuple[Key, ...]
    deleted: int


def compacted(log: Log, keep: int | None = None) -> Compacted:
    """Rewrite the states, commit that, and delete what it replaces.

    Partitions of the same features share a file. With ``keep``, states older than the newest partitions go, and what
    is remembered of partitions that were dropped, where these are older.

    Raises:
        TemporaryError: (75) if other runs keep committing.
    """
    for _ in range(_ATTEMPTS):
        base, (entries, files, expired) = log.consistently(lambda state: _rewritten(log, state, keep))
        if base.keys is None:
            return Compacted(base, (), 0)
        commit = Commit(base.keys, base.pipeline, files, entries, whole=True)
        after = log.commit(lambda newest, base=base, commit=commit: commit if newest.number == base.number else None)  # type: ignore[misc]
        if after.number == base.number + 1 and set(after.files) == {one.name for one in files}:
            return Compacted(after, expired, log.sweep(after))
        log.discard(files)
    raise TemporaryError("STATES_CONFLICT", f"other runs kept committing to {log.uri}", "run it again")


def _rewritten(
    log: Log, state: State, keep: int | None
) -> tuple[tuple[Partition, ...], tuple[DataFile, ...], tuple[Key, ...]]:
    """Write the states into new files; return what a commit says of them, and the partitions that it leaves out."""
    if state.keys is None:
        return (), (), ()
    window = window_of(state, keep)
    kept = {
        key: one
        for key, one in state.partitions.items()
        if keep is None or key in window or _is_newer(state, key, window)
    }
    groups: dict[tuple[tuple[str, bool], ...], list[Key]] = {}
    for key, one in kept.items():
        if one.files:
            groups.setdefault(
                tuple((name, flag) for name, (_, flag) in sorted(state.features(one).items())), []
            ).append(key)
    files: list[DataFile] = []
    entries = {key: one for key, one in kept.items() if not one.files}
    for features, keys in groups.items():
        parts = parts_of(log, state, keys, dict(features))
        states: Mapping[Key, Mapping[str, ColumnStats]] = {
            key: {name: parts.of(key, name) for name, _ in features} for key in keys
        }
        files.append(log.add(parquet.encode(state.keys, states), dict(features)))
        entries |= {key: replace(kept[key], files=(files[-1].name,)) for key in keys}
    expired = tuple(key for key in state.partitions if key not in kept)
    return tuple(entries[key] for key in state.partitions if key in kept), tuple(files), expired


def _is_newer(state: State, key: Key, window: list[Key]) -> bool:
    """Whether a partition without states of its own, dropped or empty, is not older than the window."""
    return not state.partitions[key].files and (not window or order(key) >= order(window[0]))
