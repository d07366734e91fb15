"""What all tests share. Imports no pyspark: the pure tests run without it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import settings

from tests.small import is_small, unknown

#: How many examples a law is tried on: the same 50 each time; 200 by --thorough; new ones by `scripts/fuzz --laws`.
_NEW = os.environ.get("SPARKSCALE_EXAMPLES")
settings.register_profile("small", deadline=None, derandomize=True, database=None, max_examples=50)
settings.register_profile("thorough", settings.get_profile("small"), max_examples=200)
settings.register_profile("new", settings.get_profile("small"), derandomize=False, max_examples=int(_NEW or 1))


#: Modules of tests/spark that start processes of their own and have no use for its session.
_APART = ("tests/spark/test_redaction.py",)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Say which tests stay together where they run side by side (``-n``)."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _together(nodeid.partition("::")[0])

    config.option.loadscopereorder = False  # long ones first, as scripts/test names them
    return Scheduling(config, log)


def _together(module: str) -> str:
    """Return the name of a module's company: of one port (Connect's, which is fixed), of one cluster, of one session.

    A process keeps its session. Those of tests/spark are dealt by their first letter, so that both processes have some.
    """
    folders = ("tests/spark/", "tests/connect/", "tests/cluster/", "tests/s3/")
    company = next((folder for folder in folders if module.startswith(folder) and module not in _APART), module)
    if company != "tests/spark/":
        return company
    letter = module.removeprefix("tests/spark/test_")[:1]
    return company + next(last for last in "ejqz" if letter <= last)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--thorough", action="store_true", help="run all cases; without it, of the longest tests a part")


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("new" if _NEW else "thorough" if config.getoption("--thorough") else "small")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the cases that only the thorough setting runs; a case that is named on the command line runs."""
    if config.getoption("--thorough") or any("::" in argument for argument in config.args):
        return
    if gone := unknown({item.nodeid for item in items}):
        raise pytest.UsageError(f"tests/small.py keeps cases that are no longer there: {gone}")
    kept = [item for item in items if is_small(item.nodeid)]
    if left := [item for item in items if not is_small(item.nodeid)]:
        config.hook.pytest_deselected(items=left)
        items[:] = kept


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
