"""The log of states in storage: commits in the order of their numbers, and the data files that they name."""

from __future__ import annotations

import contextlib
import datetime
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError

from sparkscale.artifact import clients, objects
from sparkscale.artifact.states import commits
from sparkscale.artifact.states.commits import Commit, DataFile, State
from sparkscale.errors import DataError, OutputError, SparkscaleError, StorageError, TemporaryError
from sparkscale.places import is_local, local_path

T = TypeVar("T")

#: Every so many commits, one says all that there is.
WHOLE_EVERY = 16
#: A data file of 1,000,000 states without sketches is 100 MB; larger files are refused unread.
MAX_DATA_BYTES = 4 * 1024**3
#: How long a data file that no commit names may belong to a run that has not committed yet.
_UNCOMMITTED = datetime.timedelta(days=1)
_COMMITS = "commits"
#: The code of a pipe or a device in a file's place.
_SPECIAL = "STATES_INVALID"
_ATTEMPTS = 20
_NOTHING = State()
_THREADS = 16


def reached(step: str) -> None:
    """Mark a step; tests replace this to fail or to kill here."""


@dataclass(frozen=True)
class Log:
    """The log at a path or URI. A store that is not there yet is empty."""

    uri: str

    def read(self, known: State = _NOTHING) -> State:
        """Return the state that the commits say together; only those behind a ``known`` state are read."""

        def fold() -> State:
            store = self._opened()
            newest = max(self._numbers(store), default=0)
            base = known if known.number <= newest else _NOTHING  # else someone has begun anew
            found: list[tuple[int, Commit]] = []
            for number in range(newest, base.number, -1):
                found.append((number, self._load(store, number)))
                if found[-1][1].whole:
                    break
            return self._folded(base, reversed(found))

        return self._patiently(fold)

    def _folded(self, state: State, found: Iterable[tuple[int, Commit]]) -> State:
        for number, commit in found:
            try:
                state = state.after(commit, number)
            except ValueError as error:
                cause = f"{self._path(number)}: its content does not fit the commits before: {error}"
                raise DataError("STATES_INVALID", cause, "restore the files, or choose another place") from error
        return state

    def commit(self, build: Callable[[State], Commit | None], known: State = _NOTHING) -> State:
        """Append what ``build`` makes of the newest state; it's called again where another run commits meanwhile.

        Returns the state behind the commit; if ``build`` returns None, nothing is written. Commits up to a ``known``
        state are not read again. Raises :class:`TemporaryError` (75) if other runs keep committing.
        """
        state = known
        for _ in range(_ATTEMPTS):
            state = self.read(state)
            commit = build(state)
            if commit is None:
                return state
            number = state.number + 1
            after = state.after(commit, number)
            data = commits.dump(after.as_commit() if number % WHOLE_EVERY == 0 else commit)
            if len(data) > commits.MAX_BYTES:
                cause = f"{self.uri}: expected a commit of at most {commits.MAX_BYTES:,} bytes, found {len(data):,}"
                raise OutputError("STATES_LARGE", cause, "use coarser keys in 'by'")
            reached("commit")
            if self._created(self._name(number), data):
                self._check_counts(number)
                reached("committed")
                return after
        raise TemporaryError("STATES_CONFLICT", f"other runs kept committing to {self.uri}", "run it again")

    def _check_counts(self, number: int) -> None:
        """Refuse a commit whose number another one had, which a compaction has deleted: no reader would see it.

        The oldest commits are deleted first. So if the one before is still there, or none is newer, it was free.
        """
        with self._translated():
            numbers = self._numbers(self._opened())
        if number - 1 not in numbers and number < max(numbers, default=0):
            raise TemporaryError("STATES_CONFLICT", f"a compaction of {self.uri} was faster", "run it again")

    def add(self, data: bytes, features: Mapping[str, bool]) -> DataFile:
        """Write a data file, which no reader sees before a commit names it."""
        made = DataFile(f"data/{uuid.uuid4().hex}.parquet", len(data), commits.digest(data), dict(features))
        reached("data")
        if not self._created(made.name, data):
            raise OutputError("STORE_FAILED", f"states {self.uri}: {made.name} exists already")
        return made

    def discard(self, files: Iterable[DataFile]) -> None:
        """Delete data files that this run has added and won't commit."""
        with self._translated():
            store = clients.opened(self.uri)
            for one in files:
                self._delete(store, one.name)

    def fetch(self, files: Iterable[DataFile]) -> dict[str, bytes]:
        """Return the content of data files by name; raises :class:`NotFoundError` where a compaction took one."""
        listed = list(files)
        if not listed:
            return {}
        with self._translated():
            store = clients.opened(self.uri)
            if len(listed) == 1:
                return {listed[0].name: self._data(store, listed[0])}
            with ThreadPoolExecutor(_THREADS) as pool:
                return dict(
                    zip((one.name for one in listed), pool.map(lambda one: self._data(store, one), listed), strict=True)
                )

    def consistently(self, use: Callable[[State], T], known: State = _NOTHING) -> tuple[State, T]:
        """Return the newest state, and what ``use`` makes of it and its files; again if a compaction removes these.

        Commits up to a ``known`` state are not read again.
        """

        def once() -> tuple[State, T]:
            state = self.read(known)
            return state, use(state)

        return self._patiently(once)

    def sweep(self, state: State) -> int:
        """Delete what this state doesn't need, which is in storage as a whole commit; return how many files went.

        Data files that some commit before it named go at once. Those that none names may belong to a run that has not
        committed yet: they go when they are a day old.
        """
        with self._translated():
            store = self._opened()
            if store is None:
                return 0
            older = [number for number in self._numbers(store) if number < state.number]
            named = {one.name for number in older for one in self._named(store, number)}
            limit = datetime.datetime.now(datetime.UTC) - _UNCOMMITTED
            gone = [
                item["path"]
                for page in obstore.list(store, "data")
                for item in page
                if item["path"] not in state.files and (item["path"] in named or item["last_modified"] < limit)
            ]
            # Commits go last, the oldest first: until then they tell which data files they named.
            for path in (*gone, *map(self._name, older)):
                reached("sweep")
                self._delete(store, path)
            self._sweep_parts()
            return len(gone) + len(older)

    def _named(self, store: Any, number: int) -> tuple[DataFile, ...]:
        try:
            return self._load(store, number).files
        except (DataError, NotFoundError):  # a damaged commit that no reader needs, or one that another run deleted
            return ()

    def _delete(self, store: Any, path: str) -> None:
        with contextlib.suppress(NotFoundError, FileNotFoundError):  # another run deletes, too
            obstore.delete(store, path)

    def _sweep_parts(self) -> None:
        """Delete what a killed run left of a file on this machine, once it is a day old: ``name#1``."""
        if not is_local(self.uri):
            return
        limit = (datetime.datetime.now(datetime.UTC) - _UNCOMMITTED).timestamp()
        for part in Path(local_path(self.uri)).glob("*/*#*"):
            if re.fullmatch(r".*\.(json|parquet)#\d+", part.name) and part.stat().st_mtime < limit:
                part.unlink(missing_ok=True)

    def _opened(self) -> Any:
        """Return the client of the store; None where its folder on this machine is not there."""
        try:
            return clients.opened(self.uri)
        except FileNotFoundError:
            return None

    def _numbers(self, store: Any) -> list[int]:
        return [] if store is None else sorted(objects.numbers(store, _COMMITS))

    def _load(self, store: Any, number: int) -> Commit:
        data = objects.read(store, self.uri, self._name(number), commits.MAX_BYTES, _SPECIAL)
        return commits.load(data, self._path(number))

    def _data(self, store: Any, file: DataFile) -> bytes:
        objects.refuse_special(self.uri, file.name, _SPECIAL)
        size = obstore.head(store, file.name)["size"]
        if size != file.size or size > MAX_DATA_BYTES:
            raise self._damaged(file, f"{file.size:,} bytes", f"{size:,}")
        data = bytes(obstore.get(store, file.name).bytes())
        if commits.digest(data) != file.sha256:
            raise self._damaged(file, "the content that was committed", "another")
        return data

    def _damaged(self, file: DataFile, expected: str, found: str) -> DataError:
        cause = f"{self.uri.rstrip('/')}/{file.name}: expected {expected}, found {found}"
        hint = "restore the file, or choose another place for the states and read all partitions again"
        return DataError("STATES_DAMAGED", cause, hint)

    def _created(self, name: str, data: bytes) -> bool:
        """Write a file if its name is free; return whether it was."""
        with self._translated(writing=True):
            try:
                obstore.put(clients.opened(self.uri, create=True), name, data, mode="create")
            except AlreadyExistsError:
                return False
        return True

    def _patiently(self, once: Callable[[], T]) -> T:
        """Read again where a file went while it was read, which a compaction does; not if no commit was added."""
        before: list[int] = []
        for _ in range(_ATTEMPTS):
            try:
                with self._translated():
                    return once()
            except _GoneError as gone:
                with self._translated():
                    now = self._numbers(self._opened())
                if now == before:
                    cause = f"states {self.uri}: expected the files that the newest commit needs, {gone.cause}"
                    raise DataError(
                        "STATES_DAMAGED", cause, "restore it, or choose another place for the states"
                    ) from gone
                before = now
        raise TemporaryError("STATES_CONFLICT", f"other runs kept replacing the files of {self.uri}", "run it again")

    def _translated(self, *, writing: bool = False) -> AbstractContextManager[None]:
        return _translated(f"states {self.uri}", OutputError if writing else StorageError)

    @staticmethod
    def _name(number: int) -> str:
        return objects.name(number, _COMMITS)

    def _path(self, number: int) -> str:
        return f"{self.uri.rstrip('/')}/{self._name(number)}"


class _GoneError(StorageError):
    """A file that was there a moment ago; never seen outside of this module."""


@contextlib.contextmanager
def _translated(what: str, kind: type[SparkscaleError]) -> Iterator[None]:
    """Turn a store's errors into ours."""
    try:
        yield
    except (NotFoundError, FileNotFoundError) as error:
        said = str(error).splitlines()[0] if str(error) else what
        raise _GoneError("STATES_MISSING", f"found one missing: {said}") from error
    except (BaseError, OSError) as error:
        raise clients.failure(error, what, kind) from error
