"""The sessions that all modules of this folder share, and the fixture that gives a test its case."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from tests.connect.kept.cases import TWO, Case
from tests.connect.kept.sessions import Done, Session


@pytest.fixture(scope="package")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Session]]:
    """Give a function that returns the session of an engine; they end with the folder's last test."""
    started: dict[str, Session] = {}

    def of(engine: str) -> Session:
        if engine not in started:
            started[engine] = Session(engine, tmp_path_factory.mktemp(f"kept-{engine}"))
        return started[engine]

    yield of
    for one in started.values():
        one.close()


@pytest.fixture(params=TWO)
def done(request: pytest.FixtureRequest, sessions: Callable[[str], Session]) -> Any:
    """Give a function that returns what became of a case of the test's module, by its name.

    The engine is each of `TWO`, unless the test names others.
    """
    cases: Mapping[str, Case] = request.module.CASES
    module = request.module.__name__.rpartition(".")[2]

    def of(name: str) -> Done:
        assert request.param in cases[name].engines, f"{name} is no case of {request.param}"
        return Done(sessions(request.param).done(f"{module}/{name}", cases[name]))

    of.engine = request.param  # type: ignore[attr-defined]
    return of
