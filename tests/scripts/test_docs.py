"""The examples in docstrings run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from collections.abc import Iterator

import numpy as np
import pytest

import sparkscale


def modules() -> Iterator[str]:
    """Yield the modules that need no Spark and have an example."""
    for found in pkgutil.walk_packages(sparkscale.__path__, "sparkscale."):
        if found.name.startswith(("sparkscale.spark.", "sparkscale.run.")) or found.name.endswith("__main__"):
            continue
        if doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(found.name)):
            yield found.name


@pytest.mark.parametrize("name", sorted(modules()))
def test_run_docstring_examples(name: str) -> None:
    with np.printoptions(legacy=False):
        failed, _ = doctest.testmod(importlib.import_module(name))
    assert failed == 0


def test_find_examples() -> None:
    with_examples = [name for name in modules() if doctest.testmod(importlib.import_module(name)).attempted]
    assert {"sparkscale.maps.affine", "sparkscale.pipeline.pipeline", "sparkscale.stats.column"} <= set(with_examples)
