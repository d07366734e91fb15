"""What an update reads: partitions that are new or changed, and features that others lack.

If there are arrays, it looks first at how long they are: then it knows the features.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from sparkscale.artifact.states.changes import check_kinds
from sparkscale.artifact.states.commits import State
from sparkscale.artifact.states.keys import Key
from sparkscale.artifact.states.lengths import Lengths, agreed
from sparkscale.artifact.states.source import Reader, Source, of_content
from sparkscale.artifact.states.work import Rules, Work, is_read, wanted_of, work_of
from sparkscale.errors import DataError, counted
from sparkscale.pipeline.plan import Plan
from sparkscale.pipeline.schema import EVERY
from sparkscale.stats.column import EMPTY, ColumnStats
from sparkscale.stats.weights import Weights

Stats: TypeAlias = Mapping[str, ColumnStats]


@dataclass(frozen=True)
class Reading:
    """What was read.

    Attributes:
        planned: the plan, with the lengths of its arrays.
        source: the partitions of the input with their fingerprints.
        work: what there was to do.
        found: by partition that was read as a whole, the statistics of all features; none of one without rows.
        more: by partition, the statistics of features that it lacked.
        looked: the rows of partitions that were looked at for the lengths of their arrays.
    """

    planned: Plan
    source: Source
    work: Work
    found: Mapping[Key, Stats]
    more: Mapping[Key, Stats]
    looked: Mapping[Key, Lengths]

    @property
    def empty(self) -> list[Key]:
        """The partitions without rows."""
        return [key for key, stats in self.found.items() if not stats]

    @property
    def fresh(self) -> dict[Key, Stats]:
        """The statistics of the partitions of the window that are new or changed."""
        return {key: self.found[key] for key in self.work.fresh}

    def rows(self, key: Key, stats: Stats) -> int:
        """Return how many rows a partition has."""
        return _rows(self.looked.get(key), stats)


def read(state: State, source: Source, reader: Reader, rules: Rules) -> Reading:
    """Read what the states lack; raises :class:`DataError` where the arrays of a column have several lengths."""
    source = _as_known(state, source, reader.plan, rules.keep)
    measuring = _with_lengths(state, source, reader, rules)
    check_kinds(state, measuring.reader.plan)
    if source.fingerprints is None:
        measuring.found |= measuring.of(None, wanted_of(measuring.reader.plan))
        prints = {
            key: of_content(_rows(measuring.looked.get(key), stats), stats) for key, stats in measuring.found.items()
        }
        source = replace(source, fingerprints=prints)
    work = _read(state, source, measuring, rules)
    more = _read_more(state, source, measuring, work)
    return Reading(measuring.reader.plan, source, work, measuring.found, more, measuring.looked)


@dataclass
class _Measuring:
    """A reader that knows how long arrays are, the partitions that were looked at for that, and all that were read."""

    reader: Reader
    looked: Mapping[Key, Lengths]
    found: dict[Key, Stats] = field(default_factory=dict)

    def of(self, keys: Collection[Key] | None, features: Collection[str]) -> dict[Key, Stats]:
        """Measure features by partition; of one without rows there are none."""
        found = self.reader.measure(keys, list(features))
        every = [*found, *(key for key in self.looked if key not in found)] if keys is None else keys
        return {key: self._whole(found.get(key, {}), features, self.looked.get(key)) for key in every}

    def _whole(self, stats: Stats, features: Collection[str], lengths: Lengths | None) -> Stats:
        """Return the statistics of all features: of no elements there are none, and others count the rows."""
        if lengths is None:  # there are no arrays, or no rows
            return stats
        none = EMPTY if self.reader.plan.weight is None else replace(EMPTY, weights=Weights())
        whole = {name: stats.get(name, none) for name in features}
        apart = {name: column for name, column in self.reader.plan.features.items() if column.position != EVERY}
        if odd := [name for name in features if name in apart and whole[name].rows != lengths.rows]:
            cause = f"column {odd[0]!r}: expected {counted(lengths.rows, 'row')} again, found {whole[odd[0]].rows:,}"
            raise DataError("DATA_CHANGED", cause, "run it again: the input changed while it was read")
        return whole if lengths.rows else {}


def _rows(lengths: Lengths | None, stats: Stats) -> int:
    """Return how many rows a partition has; where there are arrays, not all of its features count them."""
    return next((one.rows for one in stats.values()), 0) if lengths is None else lengths.rows


def _with_lengths(state: State, source: Source, reader: Reader, rules: Rules) -> _Measuring:
    """Look at the lengths of the arrays in all partitions that are to be read, if there are arrays."""
    looked: dict[Key, Lengths] = {}
    if not reader.plan.arrays:
        return _Measuring(reader, looked)
    if source.fingerprints is None:  # all are read
        looked |= reader.lengths(None)
        source = replace(source, fingerprints=dict.fromkeys(looked, ""))
    while True:
        empty = [key for key, one in looked.items() if not one.rows]
        work = work_of(state, source, wanted_of(reader.plan), rules, empty)
        todo = [key for key in (*work.fresh, *work.lacking) if key not in looked]
        if not todo:
            break
        found = reader.lengths(todo)
        looked |= {key: found.get(key, Lengths()) for key in todo}
    stored = [key for key in work.window if key not in looked]
    inside = {key: looked[key] for key in work.window if key in looked}
    planned = agreed(reader.plan, source.keys, state, stored, inside)
    return _Measuring(reader.measured(planned.lengths) if planned.lengths else reader, looked)


def _read(state: State, source: Source, measuring: _Measuring, rules: Rules) -> Work:
    """Read the fresh partitions of the window; one without rows makes room for another."""
    wanted, found = wanted_of(measuring.reader.plan), measuring.found
    found |= {key: {} for key, one in measuring.looked.items() if not one.rows and key not in found}
    while True:
        work = work_of(state, source, wanted, rules, [key for key, stats in found.items() if not stats])
        todo = [key for key in work.fresh if key not in found]
        if not todo:
            return work
        found |= measuring.of(todo, wanted)


def _read_more(state: State, source: Source, measuring: _Measuring, work: Work) -> dict[Key, Stats]:
    """Read the features that partitions of the window lack."""
    features = sorted({feature for lack in work.lacking.values() for feature in lack})
    if not features:
        return {}
    found = measuring.of(list(work.lacking), features)
    if lost := [key for key in work.lacking if not found[key]]:
        cause = f"partition {source.keys.shown(lost[0])}: expected {state.partitions[lost[0]].rows:,} rows, found none"
        raise DataError("DATA_CHANGED", cause, "run it again: the input changed while it was read")
    return found


def _as_known(state: State, source: Source, planned: Plan, keep: int | None) -> Source:
    """Return a source that has not changed with the fingerprints of its states, if it has none of its own."""
    if source.fingerprints is not None or not is_read(state, source, wanted_of(planned), keep):
        return source
    live = (one for one in state.partitions.values() if not one.dropped)
    return replace(source, fingerprints={one.key: one.fingerprint for one in live})
