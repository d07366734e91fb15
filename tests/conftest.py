"""What all tests share. Imports no pyspark: the pure tests run without it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import settings

from sparkscale.publish import files
from tests import snapshots
from tests.dealing import company, longest_first
from tests.small import small, unknown

#: How many examples a law is tried on: the same 30 each time; 200 by --thorough; new ones by `scripts/fuzz --laws`.
_NEW = os.environ.get("SPARKSCALE_EXAMPLES")
settings.register_profile("small", deadline=None, derandomize=True, database=None, max_examples=30)
settings.register_profile("thorough", settings.get_profile("small"), max_examples=200)
settings.register_profile("new", settings.get_profile("small"), derandomize=False, max_examples=int(_NEW or 1))


_SNAPSHOTS = pytest.StashKey[snapshots.Snapshots]()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Say which tests stay together where they run side by side (``-n``)."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return company(nodeid)

    config.option.loadscopereorder = False  # the longest come first: dealing.py
    return Scheduling(config, log)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--thorough", action="store_true", help="run all cases; without it, of the longest tests a part")
    parser.addoption("--renew", action="store_true", help="write tests/snapshots anew: what errors and reports say now")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_SNAPSHOTS] = snapshots.Snapshots(renew=config.getoption("--renew"))
    settings.load_profile("new" if _NEW else "thorough" if config.getoption("--thorough") else "small")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the cases that only the thorough setting runs; a case that is named on the command line runs."""
    _leave_out(config, items)
    if hasattr(config, "workerinput"):  # one of those that run side by side
        items[:] = longest_first(items)


def _leave_out(config: pytest.Config, items: list[pytest.Item]) -> None:
    if any("::" in argument for argument in config.args):
        return
    _check_snapshots(config.stash[_SNAPSHOTS], items)
    if config.getoption("--thorough"):
        return
    if gone := unknown({item.nodeid for item in items}):
        raise pytest.UsageError(f"tests/small.py keeps cases that are no longer there: {gone}")
    kept = small([item.nodeid for item in items])
    if left := [item for item in items if item.nodeid not in kept]:
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item.nodeid in kept]


@pytest.fixture(scope="session")
def thorough(request: pytest.FixtureRequest) -> bool:
    """Whether all of a matrix is wanted."""
    return bool(request.config.getoption("--thorough"))


def _check_snapshots(known: snapshots.Snapshots, items: list[pytest.Item]) -> None:
    """Refuse texts of tests that are no longer there, of modules that were collected; or remove them."""
    for item in items:
        module, _, name = item.nodeid.partition("::")
        known.tests.setdefault(module, []).append(name)
    if known.renew:
        known.prune()
    elif gone := snapshots.stale(known.tests):
        raise pytest.UsageError(f"tests/snapshots has texts of tests that are no longer there: {gone}; renew them")


@pytest.fixture(autouse=True)
def nobody_lists_outputs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace outputs at once: no reader of these tests is just listing one, for which publishing waits a moment."""
    monkeypatch.setattr(files, "GRACE", 0.0)


@pytest.fixture
def snapshot(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Give a function that compares a text with the reviewed one of this test, once in a test."""
    module, _, name = request.node.nodeid.partition("::")
    return lambda text: request.config.stash[_SNAPSHOTS].match(module, name, text)


@pytest.fixture
def registry() -> Iterator[dict[str, Any]]:
    """Give the registry of scalers; kinds that a test defines are gone after it."""
    from sparkscale.scalers.base import REGISTRY

    known = dict(REGISTRY)
    yield REGISTRY
    REGISTRY.clear()
    REGISTRY.update(known)


@pytest.fixture(scope="session")
def trips() -> Iterator[Any]:
    """Import the modules of the round-trip matrix, which is a script."""
    scripts = str(Path(__file__).parent.parent / "scripts")
    sys.path.insert(0, scripts)
    from roundtrips import cells, compare, draw, engines, jobs, kinds, page, readers, shapes, texts, writers

    yield SimpleNamespace(
        cells=cells, compare=compare, draw=draw, engines=engines, jobs=jobs, kinds=kinds, page=page,
        readers=readers, shapes=shapes, texts=texts, writers=writers,
    )  # fmt: skip
    sys.path.remove(scripts)
