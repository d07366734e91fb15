"""How tests are dealt to two processes: what must stay together, and the longest first, so that both end together."""

from __future__ import annotations

import collections
from collections.abc import Sequence
from typing import TypeVar

import pytest

Item = TypeVar("Item", bound=pytest.Item)

#: Folders that one process runs: of one port (Connect's, which is fixed), of one cluster, of one object store.
_TOGETHER = ("tests/connect/", "tests/cluster/", "tests/s3/")
#: Seconds of a test on the average, by folder; of the others.
_AVERAGE = {"tests/connect/": 1.1, "tests/cluster/": 12.0, "tests/spark/": 1.0, "tests/scripts/": 0.2}
_QUICK = 0.03
#: Seconds of companies whose tests are far from the average.
_LONG = {
    "tests/spark/test_csv.py": 35.0,
    "tests/spark/test_edges.py": 60.0,
    "tests/spark/test_engines.py": 70.0,
    "tests/spark/test_lakes.py": 100.0,
    "tests/spark/test_parses.py": 35.0,
    "tests/spark/test_power.py": 60.0,
    "tests/spark/test_roundtrip.py": 40.0,
}


def company(nodeid: str) -> str:
    """Return the name of what a test stays together with: its module, or a folder that one process must run.

    A process keeps its session of Spark from one module to the next.
    """
    module = nodeid.partition("::")[0]
    return next((folder for folder in _TOGETHER if module.startswith(folder)), module)


def longest_first(items: Sequence[Item]) -> list[Item]:
    """Order tests by the seconds that their companies take; a company that is not known goes by its tests' number."""
    counts = collections.Counter(company(item.nodeid) for item in items)
    order = sorted(counts, key=lambda name: -_seconds(name, counts[name]))
    place = {name: number for number, name in enumerate(order)}
    return sorted(items, key=lambda item: place[company(item.nodeid)])


def _seconds(name: str, tests: int) -> float:
    average = next((seconds for folder, seconds in _AVERAGE.items() if name.startswith(folder)), _QUICK)
    return _LONG.get(name, tests * average)
