"""An update: reads the partitions that are new or changed, and commits their states in one step.

It knows no engine. What it reads, and how, is its caller's (:mod:`sparkscale.artifact.states.source`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sparkscale.artifact.states import reading
from sparkscale.artifact.states.changes import Changes, Made, check_keys
from sparkscale.artifact.states.commits import Partition, State
from sparkscale.artifact.states.keys import Key, order
from sparkscale.artifact.states.log import Log
from sparkscale.artifact.states.reading import Reading, Stats
from sparkscale.artifact.states.source import Reader, Source
from sparkscale.artifact.states.work import Rules, wanted_of
from sparkscale.errors import ConfigError
from sparkscale.pipeline.plan import Plan


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


def update(log: Log, source: Source, reader: Reader, rules: Rules) -> tuple[State, Updated]:
    """Bring the states up to the input, in one commit; returns the state behind it.

    Raises:
        TemporaryError: (75) if another run changed the same partitions meanwhile.
    """
    _check(reader.plan)
    state = log.read()
    check_keys(state, source.keys, log.uri)
    done = reading.read(state, source, reader, rules)
    fresh, more = done.fresh, done.more
    prints, how = done.source.fingerprints or {}, source.reading
    made = [Made(Partition(key, 0, prints[key], how, (), 0), None) for key in done.empty]
    made += _written(log, done, fresh, fresh=True)
    made += _written(log, done, more, fresh=False)
    after = log.commit(Changes(log.uri, state, source.keys, done.planned, made, list(done.work.gone)).on, state)
    names = sorted({name for states in more.values() for name in states})
    kept = len(done.work.window) - len(fresh) - len(more)
    read, extended, gone = (sorted(keys, key=order) for keys in (fresh, more, done.work.gone))
    return after, Updated(read, extended, names, kept, gone)


def _check(planned: Plan) -> None:
    """Refuse a plan without features, and grouped steps: statistics have one key, and it is the partition."""
    if not planned.features:
        cause = "states: expected a step that learns from the data, found none"
        raise ConfigError("STATES_NOTHING", cause, "steps over the scores of a row, such as softmax, need no states")
    for number, one in enumerate(planned.steps, 1):
        if getattr(one.step, "by", None):
            cause = f"step {number} ({one.step.kind}): statistics by partition are not kept by group as well"
            raise ConfigError("STATES_GROUPS", cause, "leave out the step's 'by', or use fit in place of update")


def _written(log: Log, done: Reading, stats: Mapping[Key, Stats], *, fresh: bool) -> Iterator[Made]:
    """Write the states of partitions into a data file: all that is wanted of fresh ones, else more features."""
    from sparkscale.artifact.states import parquet

    if not stats:
        return
    wanted, prints = wanted_of(done.planned), done.source.fingerprints or {}
    features = {name: wanted[name] for by in stats.values() for name in by}
    file = log.add(parquet.encode(done.source.keys, stats), features)
    for key, by in stats.items():
        known = Partition(key, done.rows(key, by), prints[key], done.source.reading, (file.name,), 0)
        yield Made(known, file, fresh)
