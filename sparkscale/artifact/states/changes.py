"""What an update commits: the partitions that it read, upon the newest state, which another run may have changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sparkscale.artifact.states import plans
from sparkscale.artifact.states.commits import Commit, DataFile, Partition, State
from sparkscale.artifact.states.keys import By, Key
from sparkscale.errors import DataError, TemporaryError
from sparkscale.pipeline.plan import Plan


@dataclass(frozen=True)
class Made:
    """A partition whose states are written and not committed: a ``fresh`` one has all that is wanted, else more."""

    partition: Partition
    file: DataFile | None
    fresh: bool = True


@dataclass(frozen=True)
class Changes:
    """What an update commits to the states at a URI: partitions that it read upon ``base``, and those that are gone."""

    uri: str
    base: State
    keys: By
    planned: Plan
    made: Sequence[Made]
    gone: Sequence[Key]

    def on(self, newest: State) -> Commit | None:
        """Return the commit on the newest state; None where that says all of it.

        Raises:
            TemporaryError: (75) where another run changed one of these partitions otherwise.
        """
        check_keys(newest, self.keys, self.uri)
        self._check_lengths(newest)
        entries = [(one, entry) for one in self.made if (entry := self._entry(one, newest)) is not None]
        removed = tuple(key for key in self.gone if _alike(self.base.partitions.get(key), newest.partitions.get(key)))
        known = newest.pipeline and plans.to_json(newest.pipeline) == plans.to_json(self.planned)
        if known and not (entries or removed):
            return None
        files = {one.file.name: one.file for one, _ in entries if one.file is not None}
        pipeline = None if known else self.planned
        return Commit(self.keys, pipeline, tuple(files.values()), tuple(entry for _, entry in entries), removed)

    def _check_lengths(self, newest: State) -> None:
        """Refuse arrays of another length than another run has found meanwhile."""
        theirs, before = (one.pipeline.lengths if one.pipeline else {} for one in (newest, self.base))
        ours = self.planned.lengths
        for name, length in theirs.items():
            if before.get(name) != length and ours.get(name, length) != length:
                cause = f"column {name!r}: expected arrays of {length:,} elements as another run, found {ours[name]:,}"
                raise TemporaryError("STATES_CONFLICT", cause, "run it again")

    def _entry(self, one: Made, newest: State) -> Partition | None:
        """Return what the commit says of a partition; None where nothing is left to say."""
        made, commit = one.partition, newest.number + 1
        before, now = self.base.partitions.get(made.key), newest.partitions.get(made.key)
        touched = not _alike(before, now)
        if now is not None and now.fingerprint == made.fingerprint and touched and now.dropped:
            return None  # someone dropped it meanwhile
        if now is not None and not now.dropped and (now.fingerprint, now.reading) == (made.fingerprint, made.reading):
            if (touched or not one.fresh) and _covers(newest.features(now), one.file):
                return None  # another run read the same
            if not one.fresh:
                return replace(made, files=(*now.files, *made.files), rows=now.rows, commit=commit)
        if one.fresh and not touched:
            return replace(made, commit=commit)
        cause = f"partition {self.keys.shown(made.key)}: another run changed its states meanwhile"
        raise TemporaryError("STATES_CONFLICT", cause, "run it again")


def _covers(have: Mapping[str, tuple[str, bool]], file: DataFile | None) -> bool:
    """Whether states have the features of a file, with sketches where it has them."""
    new = {} if file is None else file.features
    return all(name in have and have[name][1] >= sketched for name, sketched in new.items())


def check_keys(state: State, keys: By, uri: str) -> None:
    """Refuse states of other key columns; raises :class:`DataError`."""
    if state.keys not in (None, keys):
        ours, theirs = (", ".join(f"{c.name} ({c.type})" for c in one.columns) for one in (state.keys, keys) if one)
        cause = f"states {uri}: expected keys {theirs}, found states by {ours}"
        raise DataError("STATES_KEYS", cause, "choose another path for the states, or the same 'by' and types")


def check_kinds(state: State, planned: Plan) -> None:
    """Refuse a column of numbers where the states are of arrays, or the reverse; raises :class:`DataError`."""
    known = state.pipeline.features if state.pipeline else {}
    for name, column in planned.features.items():
        if known.get(name, column).position != column.position:
            before, now = ("numbers" if one.position is None else "arrays" for one in (known[name], column))
            cause = f"states of {name!r}: expected {before}, found {now}"
            raise DataError("SCHEMA_TYPE", cause, f"bring the {before} back, or choose another path for the states")


def _alike(one: Partition | None, other: Partition | None) -> bool:
    """Whether two partitions have the same states, wherever these are."""
    if one is None or other is None:
        return one is other
    return replace(one, files=(), commit=0) == replace(other, files=(), commit=0)
