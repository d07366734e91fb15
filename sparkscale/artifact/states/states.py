"""States: the stored statistics of a table's partitions, to be updated, merged, looked at and cleaned up."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from sparkscale.artifact import chance
from sparkscale.artifact.states import lengths, log, updating, window
from sparkscale.artifact.states.commits import Commit, Partition, State
from sparkscale.artifact.states.files import Files
from sparkscale.artifact.states.keys import Key, order
from sparkscale.artifact.states.log import Log
from sparkscale.artifact.states.source import Reader, Source
from sparkscale.artifact.states.updating import Updated
from sparkscale.artifact.states.work import Missing, Rules, wanted_of
from sparkscale.errors import ConfigError, DataError, InputMissingError, nearest, shown
from sparkscale.pipeline.fitted import Fitted
from sparkscale.pipeline.pipeline import Pipeline
from sparkscale.pipeline.solve import solve
from sparkscale.scalers.learning import Ask, LossAsk
from sparkscale.stats.column import ColumnStats
from sparkscale.stats.losses import Losses
from sparkscale.stats.quantiles import k_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from sparkscale.artifact.states.compacting import Compacted


#: How often a fit is saved again where another run commits meanwhile.
_ATTEMPTS = 5
_LOOK = "use `sparkscale update`, which reads the window again"


class States:
    """Statistics of a table by partition, in a folder or an object store.

    With them, a fit of the last 12 months reads the new month alone: :meth:`update` reads the partitions that are new
    or changed, :meth:`merged` gives the fit of a window. Each change is one commit, which readers see whole or not at
    all. See ``sparkscale.artifact.states`` for the format of the files.

    Args:
        uri: a folder, or ``s3://``, ``gs://``, ``az://``. It is made by the first update.
        quantile_error: the rank error of the quantile sketches of partitions that an update reads: 0.0027 stores 24 KB
            for each feature and partition, 0.013 stores 5 KB. States of both kinds merge. The merged sketch has the
            larger error as its ``rank_error``.

    Raises:
        ConfigError: (78) for another ``quantile_error``.
    """

    def __init__(self, uri: str | os.PathLike[str], *, quantile_error: float = 0.0027) -> None:
        text = os.fspath(uri) if isinstance(uri, str | os.PathLike) else None
        if not isinstance(text, str) or not text:
            raise ConfigError("CONFIG_VALUE", f"states: expected a path or URI, found {shown(uri)}", "name a folder")
        self.uri = text
        self.log = Log(text)
        #: The accuracy parameter of the sketches that an update makes.
        self.k = k_of(quantile_error)

    def update(
        self,
        df: DataFrame,
        pipeline: Pipeline,
        by: Sequence[str],
        *,
        keep: int | None = None,
        missing: Missing = "drop",
    ) -> Updated:
        """Read the partitions of a PySpark DataFrame that are new or changed, and commit their states.

        A partition has changed if names, sizes or times of its files have, or the query that reads them. Where the
        DataFrame doesn't tell its partitions apart, all of it is read; so is one of CSV or JSON, which doesn't tell
        the options of its reader. The command `update` knows them.

        Args:
            df: a table that is partitioned by the columns ``by``.
            pipeline: whose statistics are learned.
            by: columns of text, whole numbers or dates.
            keep: only the so many newest partitions count; None for all.
            missing: what to do about partitions that have states and are no longer in the table: ``drop`` their
                states, ``keep`` them, or raise an ``error``.

        Raises:
            DataError: (65) for a schema or states that don't fit.
            TemporaryError: (75) if another update changed the same partitions meanwhile.
        """
        from sparkscale.spark.fit.partitioned import of_frame

        source, reader = of_frame(df, pipeline, by, self.k)
        return self.brought_up(source, reader, Rules(keep, missing))[1]

    def merged(self, keep: int | None = None) -> Fitted:
        """Return the fit of the newest ``keep`` partitions, or of all, from their states alone.

        Raises:
            InputMissingError: (66) without states.
            DataError: (65) where a step looks at the data again (``power``, a temperature that is fitted to labels),
                which states don't hold.
        """
        return self.fitted(keep=keep)[1]

    def brought_up(self, source: Source, reader: Reader, rules: Rules) -> tuple[State, Updated]:
        """Update from any source; see :func:`sparkscale.artifact.states.updating.update`."""
        return updating.update(self.log, source, reader, rules)

    def fitted(
        self, *, keep: int | None = None, reader: Reader | None = None, about: Mapping[str, Any] | None = None
    ) -> tuple[State, Fitted]:
        """Return the newest state and the fit of its window; ``reader`` looks again for the steps that ask for it."""
        return self.log.consistently(partial(self._fitted, Files(self.log), keep, reader, about or {}))

    def _fitted(
        self, files: Files, keep: int | None, reader: Reader | None, about: Mapping[str, Any], state: State
    ) -> Fitted:
        if state.pipeline is None:
            raise self._missing()
        planned, keys = state.pipeline, window.window_of(state, keep)
        assert state.keys is not None  # noqa: S101 - states of a pipeline
        planned = lengths.agreed(planned, state.keys, state, keys, {})
        stats = window.merged(files, state, keys, wanted_of(planned))
        rows = sum(state.partitions[key].rows for key in keys)
        about_it = window.provenance(state, keys, planned, about)
        looking = reader and reader.measured(planned.lengths)
        answer, losses = (looking.answer(keys), looking.losses(keys)) if looking else (_refused, _refused_labels)
        return solve(planned, stats, rows, about_it, answer, losses=losses)

    def _missing(self) -> InputMissingError:
        cause = f"expected states in {self.uri}, found none"
        return InputMissingError("STATES_MISSING", cause, "run `sparkscale update` first")

    def save(
        self,
        uri: str,
        *,
        keep: int | None = None,
        reader: Reader | None = None,
        about: Mapping[str, Any] | None = None,
        approved: Callable[[Fitted], Fitted] = lambda fitted: fitted,
    ) -> tuple[State, Fitted, int]:
        """Save the fit of the window in a store of artifacts; returns the state, the fit and the version's number.

        Where another run commits meanwhile, the newer window is saved as well, so that the newest version is always
        that of the newest states. A window that differs from the newest version by chance alone is not saved.
        ``approved`` returns what is saved of a fit, or raises. Commits and data files are read once.
        """
        state, fit = State(), partial(self._fitted, Files(self.log), keep, reader, about or {})
        for _ in range(_ATTEMPTS):
            state, fitted = self.log.consistently(fit, state)
            fitted = approved(chance.settled(fitted, uri))
            log.reached("save")
            version = fitted.save(uri)
            if self.log.read(state).number == state.number:
                break
        return state, fitted, version

    def partitions(self) -> list[Partition]:
        """Return what is known of each partition, in the order of the keys; those that were dropped as well."""
        return listed(self.log.read())

    def existing(self) -> State:
        """Return the newest state; raises :class:`InputMissingError` (66) without states."""
        state = self.log.read()
        if state.keys is None:
            raise self._missing()
        return state

    def show(self, key: str) -> dict[str, ColumnStats]:
        """Return the statistics of one partition by feature; ``key`` is such as ``month=2013-02``.

        Raises:
            InputMissingError: (66) where there is no such partition.
        """

        def of(state: State) -> dict[str, ColumnStats]:
            found = self._find(state, key)
            if state.partitions[found].dropped or not state.partitions[found].rows:
                return {}
            features = {name: sketched for name, (_, sketched) in state.features(state.partitions[found]).items()}
            return window.merged(Files(self.log), state, [found], features)

        return self.log.consistently(of)[1]

    def drop(self, keys: Iterable[str]) -> list[Key]:
        """Drop the states of partitions, in one commit; the next update does not read them unless they change.

        Args:
            keys: such as ``month=2013-02``.

        Raises:
            InputMissingError: (66) where one has no states; then none is dropped.
        """
        return self.dropped(keys)[1]

    def dropped(self, keys: Iterable[str]) -> tuple[State, list[Key]]:
        """Do what :meth:`drop` does; returns the state behind it as well."""
        texts = [keys] if isinstance(keys, str) else list(keys)
        dropped: list[Key] = []

        def build(state: State) -> Commit | None:
            dropped[:] = [self._find(state, text) for text in texts]
            assert state.keys is not None  # noqa: S101 - one was found
            gone = [
                replace(state.partitions[key], files=(), dropped=True, commit=state.number + 1)
                for key in dict.fromkeys(dropped)
                if not state.partitions[key].dropped
            ]
            return Commit(state.keys, partitions=tuple(gone)) if gone else None

        return self.log.commit(build), dropped

    def compact(self, keep: int | None = None) -> Compacted:
        """Rewrite all states into one file, and delete what no commit needs then.

        With ``keep``, states older than the so many newest partitions go. Nothing is deleted before what replaces it
        is committed. A reader who has found a file gone reads again.
        """
        from sparkscale.artifact.states.compacting import compacted

        return compacted(self.log, keep)

    def _find(self, state: State, text: str) -> Key:
        if state.keys is None:
            raise self._missing()
        key = state.keys.parse(text)
        if key not in state.partitions:
            close = nearest(state.keys.shown(key), map(state.keys.shown, state.partitions))
            cause = f"expected states of {state.keys.shown(key)} in {self.uri}, found none"
            raise InputMissingError("STATES_MISSING", cause, close or "`sparkscale states list` shows the keys")
        return key


def listed(state: State) -> list[Partition]:
    """Return the partitions of a state in the order of their keys."""
    return sorted(state.partitions.values(), key=lambda one: order(one.key))


def _refused_labels(asked: Sequence[tuple[int, LossAsk]]) -> Sequence[Losses]:
    cause = f"step {asked[0][0]}: its temperature is fitted to labels, which states don't hold"
    raise DataError("STATES_LOOK", cause, _LOOK)


def _refused(asked: Sequence[tuple[str, Ask]]) -> Sequence[ColumnStats]:
    names = sorted({feature for feature, _ in asked})
    cause = f"column {names[0]!r}: a step looks at the data again, which states don't hold"
    raise DataError("STATES_LOOK", cause, _LOOK)
