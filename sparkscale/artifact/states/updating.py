"""An update: reads the partitions that are new or changed, and commits their states in one step.

It knows no engine. What it reads, and how, is its caller's (:mod:`sparkscale.artifact.states.source`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from sparkscale.artifact.states.changes import Changes, Made, check_keys
from sparkscale.artifact.states.commits import Partition, State
from sparkscale.artifact.states.keys import By, Key, order
from sparkscale.artifact.states.log import Log
from sparkscale.artifact.states.source import Reader, Source, of_content
from sparkscale.artifact.states.window import window_of
from sparkscale.errors import ConfigError, DataError
from sparkscale.pipeline.choosing import listed
from sparkscale.pipeline.plan import Plan
from sparkscale.stats.column import ColumnStats

Missing: TypeAlias = Literal["drop", "keep", "error"]
Measured: TypeAlias = Mapping[Key, Mapping[str, ColumnStats]]


@dataclass(frozen=True)
class Rules:
    """What an update keeps: the ``keep`` newest partitions, and what it does about those missing from the input."""

    keep: int | None = None
    missing: Missing = "drop"


@dataclass(frozen=True)
class Updated:
    """What an update did.

    Attributes:
        read: the partitions that were read, of all features.
        extended: the partitions of which some features were read that had no states.
        features: these features.
        kept: how many partitions of the window were not read.
        dropped: the partitions that are gone from the input, and from the states now.
    """

    read: Sequence[Key] = ()
    extended: Sequence[Key] = ()
    features: Sequence[str] = ()
    kept: int = 0
    dropped: Sequence[Key] = ()

    @property
    def unchanged(self) -> bool:
        """Whether no states changed."""
        return not (self.read or self.extended or self.dropped)


@dataclass(frozen=True)
class Work:
    """What there is to do, before anything is read."""

    window: Sequence[Key]
    fresh: Sequence[Key]
    lacking: Mapping[Key, frozenset[str]]
    gone: Sequence[Key]

    @property
    def nothing(self) -> bool:
        """Whether the states are those of the input."""
        return not (self.fresh or self.lacking or self.gone)


def wanted_of(planned: Plan) -> dict[str, bool]:
    """Return the features that a plan needs, and of each whether with a quantile sketch."""
    quantiles = planned.quantile_features
    return {name: name in quantiles for name in planned.features}


def work_of(
    state: State, source: Source, wanted: Mapping[str, bool], rules: Rules, empty: Collection[Key] = ()
) -> Work:
    """Compare states with an input; keys that are ``empty`` have been read, and had no rows.

    Raises:
        DataError: (65) for partitions that are missing and must not be, and keys that do not sort.
    """
    assert source.fingerprints is not None  # noqa: S101 - the caller has seen to it
    found, known = source.fingerprints, state.partitions
    candidates = [key for key in found if key not in empty and not _is_out(known.get(key), source, key)]
    gone = [key for key, one in known.items() if key not in found and not one.dropped]
    there = [key for key in gone if known[key].rows]
    window = source.keys.newest([*candidates, *(there if rules.missing == "keep" else ())], rules.keep)
    if rules.missing == "error":
        _refuse_missing(source.keys, candidates, there, rules.keep)
    fresh = [key for key in window if key in found and not _is_current(known.get(key), source, key)]
    current = [key for key in window if key in known and key not in fresh]
    lacking = {key: lack for key in current if (lack := _lack(state, known[key], wanted))}
    if lost := [key for key in lacking if key not in found]:
        cause = f"expected states of {listed(sorted(lacking[lost[0]]))} for {source.keys.shown(lost[0])}, found none"
        hint = "it is no longer in the input; set states.missing: drop, or leave out the new steps"
        raise DataError("STATES_LACK", cause, hint)
    return Work(window, fresh, lacking, gone if rules.missing == "drop" else ())


def update(log: Log, source: Source, reader: Reader, rules: Rules) -> tuple[State, Updated]:
    """Bring the states up to the input, in one commit; returns the state behind it.

    Raises:
        TemporaryError: (75) if another run changed the same partitions meanwhile.
    """
    planned = reader.plan
    wanted = wanted_of(planned)
    if not wanted:
        cause = "states: expected a step that learns from the data, found none"
        raise ConfigError("STATES_NOTHING", cause, "steps over the scores of a row, such as softmax, need no states")
    _refuse_groups(planned)
    state = log.read()
    check_keys(state, source.keys, log.uri)
    known, measured = _told_apart(state, source, reader, rules.keep)
    work, fresh = _read(state, known, reader, rules, measured)
    empty = [key for key, states in fresh.items() if not states]
    fresh = {key: fresh[key] for key in work.fresh}
    more = _read_more(state, known, reader, work)
    made = [Made(Partition(key, 0, (known.fingerprints or {})[key], known.reading, (), 0), None) for key in empty]
    made += _written(log, known, wanted, fresh, fresh=True)
    made += _written(log, known, wanted, more, fresh=False)
    after = log.commit(Changes(log.uri, state, source.keys, planned, made, list(work.gone)).on, state)
    names = sorted({name for states in more.values() for name in states})
    read, extended, gone = (sorted(keys, key=order) for keys in (fresh, more, work.gone))
    return after, Updated(read, extended, names, len(work.window) - len(fresh) - len(more), gone)


def _read(
    state: State, source: Source, reader: Reader, rules: Rules, measured: Measured
) -> tuple[Work, dict[Key, Mapping[str, ColumnStats]]]:
    """Read the fresh partitions of the window; of one without rows, which makes room for another, there are no states.

    ``measured`` are partitions that were read before.
    """
    wanted = wanted_of(reader.plan)
    found = dict(measured)
    while True:
        work = work_of(state, source, wanted, rules, [key for key, states in found.items() if not states])
        todo = [key for key in work.fresh if key not in found]
        if not todo:
            return work, found
        made = reader.measure(todo, list(wanted))
        found |= {key: made.get(key, {}) for key in todo}


def _read_more(state: State, source: Source, reader: Reader, work: Work) -> Measured:
    """Read the features that partitions of the window lack."""
    features = sorted({feature for lack in work.lacking.values() for feature in lack})
    if not features:
        return {}
    found = reader.measure(list(work.lacking), features)
    if lost := [key for key in work.lacking if key not in found]:
        cause = f"partition {source.keys.shown(lost[0])}: expected {state.partitions[lost[0]].rows:,} rows, found none"
        raise DataError("DATA_CHANGED", cause, "run it again: the input changed while it was read")
    return found


def _refuse_groups(planned: Plan) -> None:
    """Refuse grouped steps: statistics have one key, and it is the partition."""
    for number, one in enumerate(planned.steps, 1):
        if getattr(one.step, "by", None):
            cause = f"step {number} ({one.step.kind}): statistics by partition are not kept by group as well"
            raise ConfigError("STATES_GROUPS", cause, "leave out the step's 'by', or use fit in place of update")


def is_read(state: State, source: Source, wanted: Mapping[str, bool], keep: int | None) -> bool:
    """Whether the window is that of a source that does not tell its partitions apart."""
    live = [state.partitions[key] for key in window_of(state, keep)]
    return bool(live) and all(one.reading == source.reading and not _lack(state, one, wanted) for one in live)


def _told_apart(
    state: State, source: Source, reader: Reader, keep: int | None
) -> tuple[Source, dict[Key, Mapping[str, ColumnStats]]]:
    """Return a source with fingerprints, and what had to be read for them."""
    if source.fingerprints is not None:
        return source, {}
    wanted = wanted_of(reader.plan)
    if is_read(state, source, wanted, keep):
        live = (one for one in state.partitions.values() if not one.dropped)
        return replace(source, fingerprints={one.key: one.fingerprint for one in live}), {}
    measured = dict(reader.measure(None, list(wanted)))
    return replace(source, fingerprints={key: of_content(states) for key, states in measured.items()}), measured


def _is_out(known: Partition | None, source: Source, key: Key) -> bool:
    """Whether a partition of the input stays out of the window: dropped by hand and as it was, or known to be empty."""
    if known is None or known.fingerprint != (source.fingerprints or {})[key]:
        return False
    return known.dropped or (known.rows == 0 and known.reading == source.reading)


def _is_current(known: Partition | None, source: Source, key: Key) -> bool:
    same = known is not None and known.fingerprint == (source.fingerprints or {})[key]
    return known is not None and same and known.reading == source.reading and not known.dropped


def _lack(state: State, known: Partition, wanted: Mapping[str, bool]) -> frozenset[str]:
    """Return the features that a partition has no states of, or none with the sketches that are needed."""
    if not known.rows:
        return frozenset()
    have = state.features(known)
    return frozenset(name for name, sketched in wanted.items() if name not in have or (sketched and not have[name][1]))


def _refuse_missing(keys: By, candidates: Sequence[Key], gone: Sequence[Key], keep: int | None) -> None:
    inside = set(keys.newest([*candidates, *gone], keep))
    if missing := [key for key in gone if key in inside]:
        cause = f"expected partitions {listed(map(keys.shown, missing), str)} in the input, found states of them alone"
        hint = "bring them back, drop them with `sparkscale states drop`, or set states.missing: drop or keep"
        raise DataError("STATES_MISSING", cause, hint)


def _written(log: Log, source: Source, wanted: Mapping[str, bool], states: Measured, *, fresh: bool) -> Iterator[Made]:
    """Write the states of partitions into a data file: all that is wanted of fresh ones, else more features."""
    from sparkscale.artifact.states import parquet

    if not states:
        return
    fingerprints = source.fingerprints or {}
    features = {name: wanted[name] for by in states.values() for name in by}
    file = log.add(parquet.encode(source.keys, states), features)
    for key, by in states.items():
        rows = next(iter(by.values())).rows
        yield Made(Partition(key, rows, fingerprints[key], source.reading, (file.name,), 0), file, fresh)
