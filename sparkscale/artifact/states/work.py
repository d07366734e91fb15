"""What an update has to do: the partitions of the window that are to be read, and what else of others, by the log."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from sparkscale.artifact.states.commits import Partition, State
from sparkscale.artifact.states.keys import By, Key
from sparkscale.artifact.states.source import Source
from sparkscale.artifact.states.window import window_of
from sparkscale.errors import DataError
from sparkscale.pipeline.choosing import listed
from sparkscale.pipeline.plan import Plan

Missing: TypeAlias = Literal["drop", "keep", "error"]


@dataclass(frozen=True)
class Rules:
    """What an update keeps: the ``keep`` newest partitions, and what it does about those missing from the input."""

    keep: int | None = None
    missing: Missing = "drop"


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


def is_read(state: State, source: Source, wanted: Mapping[str, bool], keep: int | None) -> bool:
    """Whether the window is that of a source that does not tell its partitions apart."""
    live = [state.partitions[key] for key in window_of(state, keep)]
    return bool(live) and all(one.reading == source.reading and not _lack(state, one, wanted) for one in live)


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
