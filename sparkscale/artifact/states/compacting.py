"""Compaction: the states of all partitions in few files, and nothing beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sparkscale.artifact.states import parquet
from sparkscale.artifact.states.commits import Commit, DataFile, Partition, State
from sparkscale.artifact.states.files import Files
from sparkscale.artifact.states.keys import Key, order
from sparkscale.artifact.states.log import Log
from sparkscale.artifact.states.window import parts_of, window_of
from sparkscale.stats.column import ColumnStats


@dataclass(frozen=True)
class Compacted:
    """What a compaction did: partitions whose states went with ``keep``, files that went, and what is there now."""

    state: State
    expired: tuple[Key, ...]
    deleted: int


def compacted(log: Log, keep: int | None = None) -> Compacted:
    """Rewrite the states, commit that, and delete what it replaces.

    Partitions of the same features share a file. With ``keep``, states older than the newest partitions go, and what
    is remembered of partitions that were dropped, where these are older. What
    another run commits meanwhile stays unchanged.

    Raises:
        TemporaryError: (75) if other runs keep committing.
    """
    base, rewritten = log.consistently(lambda state: _rewritten(log, state, keep))
    after = log.commit(lambda newest: _upon(newest, base, rewritten), base)
    if after.keys is None:
        return Compacted(after, (), 0)
    log.discard(one for one in rewritten.files if one.name not in after.files)
    expired = tuple(key for key in base.partitions if key not in after.partitions)
    return Compacted(after, expired, log.sweep(after))


@dataclass(frozen=True)
class _Rewritten:
    """New files, and the partitions that are kept, whose states are in these."""

    files: Sequence[DataFile] = ()
    partitions: Mapping[Key, Partition] = field(default_factory=dict)


def _upon(newest: State, base: State, rewritten: _Rewritten) -> Commit | None:
    """Return the commit that replaces the partitions of ``base`` which are still the same; None of no states."""
    if newest.keys is None:
        return None
    unchanged = {key for key, one in newest.partitions.items() if base.partitions.get(key) == one}
    partitions = [rewritten.partitions.get(key) if key in unchanged else one for key, one in newest.partitions.items()]
    kept = tuple(one for one in partitions if one is not None)
    files = {**newest.files, **{one.name: one for one in rewritten.files}}
    used = dict.fromkeys(name for one in kept for name in one.files)
    return Commit(newest.keys, newest.pipeline, tuple(files[name] for name in used), kept, whole=True)


def _rewritten(log: Log, state: State, keep: int | None) -> _Rewritten:
    """Write the states into new files."""
    if state.keys is None:
        return _Rewritten()
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
        parts = parts_of(Files(log), state, keys, dict(features))
        states: Mapping[Key, Mapping[str, ColumnStats]] = {
            key: {name: parts.of(key, name) for name, _ in features} for key in keys
        }
        files.append(log.add(parquet.encode(state.keys, states), dict(features)))
        entries |= {key: replace(kept[key], files=(files[-1].name,)) for key in keys}
    return _Rewritten(files, entries)


def _is_newer(state: State, key: Key, window: list[Key]) -> bool:
    """Whether a partition without states of its own, dropped or empty, is not older than the window."""
    return not state.partitions[key].files and (not window or order(key) >= order(window[0]))
